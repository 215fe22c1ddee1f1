package demo

import (
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/zitadel/oidc/v3/pkg/oidc"
	"github.com/zitadel/oidc/v3/pkg/op"
)

// fillUserinfo writes what the scopes grant, and what the rule wrote. The same
// claims go into ID tokens and the userinfo answer.
func fillUserinfo(info *oidc.UserInfo, l *login, scopes []string) {
	info.Subject = l.user.subject
	if slices.Contains(scopes, oidc.ScopeProfile) {
		info.Name = l.user.name
		info.PreferredUsername = l.user.username
	}
	if slices.Contains(scopes, oidc.ScopeEmail) {
		info.Email = l.user.username
		info.EmailVerified = true
	}
	for name, value := range l.claims {
		info.AppendClaims(name, value)
	}
}

// SetUserinfoFromRequest fills ID tokens.
func (s *storage) SetUserinfoFromRequest(_ context.Context, info *oidc.UserInfo, request op.IDTokenRequest, scopes []string) error {
	g, ok := request.(issuable)
	if !ok {
		return oidc.ErrServerError().WithDescription("no ID token for this grant")
	}
	fillUserinfo(info, g.signedIn(), scopes)
	return nil
}

// GetPrivateClaimsFromRequest fills JWT access tokens: the rule's claims, and
// scope (RFC 9068 section 2.2.3).
func (s *storage) GetPrivateClaimsFromRequest(_ context.Context, request op.TokenRequest, _ []string) (map[string]any, error) {
	claims := map[string]any{}
	if g, ok := request.(issuable); ok {
		maps.Copy(claims, g.signedIn().claims)
	}
	if scopes := request.GetScopes(); len(scopes) > 0 {
		claims["scope"] = strings.Join(scopes, " ")
	}
	return claims, nil
}
