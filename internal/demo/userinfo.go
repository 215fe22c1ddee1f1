package demo

import (
	"context"
	"net/http"
	"slices"
	"strings"

	"github.com/zitadel/oidc/v3/pkg/oidc"
	"github.com/zitadel/oidc/v3/pkg/op"
)

// userinfo serves the claims of the user that an access token is about (OpenID
// Connect Core section 5.3). Refusals are those of RFC 6750 section 3.
func (p *Provider) userinfo(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Cache-Control", "no-store")
	token, err := op.ParseUserinfoRequest(r, p.op.Decoder())
	if err != nil || token == "" {
		w.Header().Set("WWW-Authenticate", `Bearer realm="demo"`)
		http.Error(w, "an access token is needed", http.StatusUnauthorized)
		return
	}
	g, ok := p.accessGrant(r.Context(), token)
	if !ok {
		w.Header().Set("WWW-Authenticate", `Bearer realm="demo", error="invalid_token"`)
		http.Error(w, "the access token is unknown or expired", http.StatusUnauthorized)
		return
	}
	if g == nil || !slices.Contains(g.scopes, oidc.ScopeOpenID) {
		w.Header().Set("WWW-Authenticate", `Bearer realm="demo", error="insufficient_scope", scope="openid"`)
		http.Error(w, "the access token lacks scope openid", http.StatusForbidden)
		return
	}
	info := &oidc.UserInfo{}
	fillUserinfo(info, g.login, g.scopes)
	writeJSON(w, http.StatusOK, info)
}

// accessGrant verifies an access token of either form. A machine's token is good
// but has no grant.
func (p *Provider) accessGrant(ctx context.Context, token string) (*userGrant, bool) {
	if plain, err := p.op.Crypto().Decrypt(token); err == nil {
		id, _, _ := strings.Cut(plain, ":")
		return p.storage.accessTokens.get(id)
	}
	claims, err := op.VerifyAccessToken[*oidc.AccessTokenClaims](ctx, token, p.op.AccessTokenVerifier(ctx))
	if err != nil {
		return nil, false
	}
	if c := p.storage.clients[claims.Subject]; c != nil {
		return nil, true
	}
	return p.storage.accessTokens.get(claims.JWTID)
}
