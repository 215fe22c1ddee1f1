package demo

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"

	"github.com/zitadel/oidc/v3/pkg/oidc"
	"github.com/zitadel/oidc/v3/pkg/op"
)

// token is the token endpoint (RFC 6749 section 3.2). Whatever the grant, the
// client authenticates first, exactly as it is registered.
func (p *Provider) token(w http.ResponseWriter, r *http.Request) {
	noStore(w) // RFC 6749 section 5.1
	c, err := p.tokenClient(r)
	if err != nil {
		p.tokenError(w, "", err)
		return
	}
	resp, err := p.exchange(r, c)
	if r.Context().Err() != nil { // the client has left, or the provider stops
		http.Error(w, "the request was given up", http.StatusServiceUnavailable)
		return
	}
	if err != nil {
		p.tokenError(w, c.id, err)
		return
	}
	writeJSON(w, http.StatusOK, resp)
}

// exchange answers one grant.
func (p *Provider) exchange(r *http.Request, c *client) (*oidc.AccessTokenResponse, error) {
	ctx := r.Context()
	switch r.PostForm.Get("grant_type") {
	case "":
		return nil, oidc.ErrInvalidRequest().WithDescription("grant_type is missing")
	case string(oidc.GrantTypeCode):
		request, err := op.ParseAccessTokenRequest(r, p.op.Decoder())
		if err != nil {
			return nil, err
		}
		if request.Code == "" {
			return nil, oidc.ErrInvalidRequest().WithDescription("code is missing")
		}
		granted, _, err := op.ValidateAccessTokenRequest(ctx, request, p.op)
		if err != nil {
			return nil, err
		}
		return p.issue(ctx, c, granted, request.Code, "")
	case string(oidc.GrantTypeRefreshToken):
		request, err := op.ParseRefreshTokenRequest(r, p.op.Decoder())
		if err != nil {
			return nil, err
		}
		granted, _, err := op.ValidateRefreshTokenRequest(ctx, request, p.op)
		if err != nil {
			return nil, err
		}
		return p.issue(ctx, c, granted, "", request.RefreshToken)
	case string(oidc.GrantTypeClientCredentials):
		return p.clientCredentials(r)
	case GrantTypePassword, GrantTypePasswordRealm:
		return p.passwordGrant(ctx, c, r.PostForm)
	default:
		return nil, oidc.ErrUnsupportedGrantType().WithDescription("the grant_type is not supported")
	}
}

// clientCredentials is the grant of RFC 6749 section 4.4.
func (p *Provider) clientCredentials(r *http.Request) (*oidc.AccessTokenResponse, error) {
	ctx := r.Context()
	request, err := op.ParseClientCredentialsRequest(r, p.op.Decoder())
	if err != nil {
		return nil, err
	}
	granted, opClient, err := op.ValidateClientCredentialsRequest(ctx, request, p.op)
	if err != nil {
		return nil, err
	}
	if err := checkAudience(r.PostForm); err != nil {
		return nil, err
	}
	resp, err := op.CreateClientCredentialsTokenResponse(ctx, granted, p.op, opClient)
	if err != nil {
		return nil, err
	}
	return resp, p.forge(ctx, resp)
}

// issue makes the tokens of a user's grant. It is the one way to tokens for code
// flow, refresh and password grants, so that they cannot differ.
func (p *Provider) issue(ctx context.Context, c *client, request op.TokenRequest, code, refresh string) (*oidc.AccessTokenResponse, error) {
	g, ok := request.(issuable)
	if !ok {
		return nil, oidc.ErrServerError().WithParent(fmt.Errorf("no tokens for a grant of type %T", request))
	}
	access, nextRefresh, validity, err := op.CreateAccessToken(ctx, g, c.tokenType, p.op, c, refresh)
	if err != nil {
		return nil, err
	}
	resp := &oidc.AccessTokenResponse{
		AccessToken:  access,
		TokenType:    oidc.BearerToken,
		RefreshToken: nextRefresh,
		ExpiresIn:    uint64(validity.Seconds()),
		Scope:        g.GetScopes(),
	}
	if slices.Contains(g.GetScopes(), oidc.ScopeOpenID) {
		meantFor := c.id
		if p.switches.broken(SwitchWrongAudience) {
			meantFor = OtherClientID
		}
		resp.IDToken, err = op.CreateIDToken(ctx, p.issuer, g.forIDToken(meantFor), c.IDTokenLifetime(), access, code, p.storage, c)
		if err != nil {
			return nil, err
		}
	}
	return resp, p.forge(ctx, resp)
}

// tokenError writes an error (RFC 6749 section 5.2). access_denied is none of
// that section; it is what Auth0 and others answer, with 403, when a rule refuses.
func (p *Provider) tokenError(w http.ResponseWriter, clientID string, err error) {
	e := oidc.DefaultToServerError(err, "internal error")
	status := http.StatusBadRequest
	switch e.ErrorType {
	case oidc.InvalidClient:
		status = http.StatusUnauthorized
		w.Header().Set("WWW-Authenticate", `Basic realm="demo"`)
	case oidc.AccessDenied:
		status = http.StatusForbidden
	case oidc.ServerError:
		status = http.StatusInternalServerError
		if errors.Is(err, errDirectoryDown) {
			status = http.StatusServiceUnavailable
		}
		p.log.Error("token endpoint failed", "client", clientID, "err", err)
	}
	p.log.Info("token refused", "client", clientID, "error", string(e.ErrorType), "description", e.Description)
	writeJSON(w, status, e)
}
