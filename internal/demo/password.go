package demo

import (
	"context"
	"errors"
	"net/url"
	"strings"

	"github.com/zitadel/oidc/v3/pkg/oidc"
	"github.com/zitadel/oidc/v3/pkg/op"
)

// passwordGrant is the resource owner password credentials grant (RFC 6749
// section 4.3), which the op library leaves out, and Auth0's variant of it that
// names a realm. The demo adds it in front of the library's token machinery: the
// client is authenticated already, the user is checked as on the login page and
// passes the same rule, and the tokens are issued as for a code.
//
// OAuth 2.1 drops this grant and RFC 9700 section 2.4 forbids it to new
// applications; it is here because many providers still serve it and monitoring
// uses it.
func (p *Provider) passwordGrant(ctx context.Context, c *client, form url.Values) (*oidc.AccessTokenResponse, error) {
	grant := form.Get("grant_type")
	if !op.ValidateGrantType(c, oidc.GrantType(grant)) {
		return nil, oidc.ErrUnauthorizedClient().WithDescription("the client is not registered for this grant")
	}
	if grant == GrantTypePasswordRealm && form.Get("realm") != Realm {
		return nil, oidc.ErrInvalidRequest().WithDescription("the realm is missing or unknown")
	}
	if form.Get("username") == "" || form.Get("password") == "" {
		return nil, oidc.ErrInvalidRequest().WithDescription("username or password is missing")
	}
	scopes := strings.Fields(form.Get("scope"))
	if len(scopes) == 0 {
		scopes = []string{oidc.ScopeOpenID} // section 3.3 wants a default or an error
	}
	if !c.allows(scopes) {
		return nil, oidc.ErrInvalidScope().WithDescription("the client is not registered for a requested scope")
	}
	if err := checkAudience(form); err != nil {
		return nil, err
	}
	if !p.delay(ctx) {
		return nil, ctx.Err()
	}
	u, err := p.checkPassword(form.Get("username"), form.Get("password"))
	if errors.Is(err, errDirectoryDown) {
		return nil, oidc.ErrServerError().WithParent(err).WithDescription("the user directory does not answer")
	}
	if err != nil {
		return nil, oidc.ErrInvalidGrant().WithDescription("wrong user name or password")
	}
	l, err := p.admit(ctx, u)
	if err != nil {
		return nil, err
	}
	return p.issue(ctx, c, &signInGrant{
		userGrant: userGrant{clientID: c.id, audience: []string{Audience}, scopes: scopes, login: l},
	}, "", "")
}

// checkAudience accepts Auth0's parameter audience, if given, for the demo's one API.
func checkAudience(form url.Values) error {
	if form.Has("audience") && form.Get("audience") != Audience {
		return oidc.ErrInvalidRequest().WithDescription("the audience is unknown")
	}
	return nil
}
