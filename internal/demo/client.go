package demo

import (
	"slices"
	"time"

	"github.com/zitadel/oidc/v3/pkg/oidc"
	"github.com/zitadel/oidc/v3/pkg/op"
)

const (
	// GrantTypePassword is the resource owner password grant (RFC 6749 section 4.3).
	GrantTypePassword = "password"
	// GrantTypePasswordRealm is Auth0's password grant that names a user realm.
	GrantTypePasswordRealm = "http://auth0.com/oauth/grant-type/password-realm" //nolint:gosec // a grant type, not a credential
)

const (
	accessTokenLifetime  = 5 * time.Minute
	idTokenLifetime      = 5 * time.Minute
	refreshTokenLifetime = time.Hour
)

// client is a registered client; it implements [op.Client].
type client struct {
	id          string
	secret      string
	name        string
	application op.ApplicationType
	method      oidc.AuthMethod
	grants      []oidc.GrantType
	tokenType   op.AccessTokenType
	scopes      []string
	redirectURI string
}

var _ op.Client = (*client)(nil)

func demoClients() map[string]*client {
	userScopes := []string{oidc.ScopeOpenID, oidc.ScopeProfile, oidc.ScopeEmail, oidc.ScopeOfflineAccess}
	userGrants := []oidc.GrantType{oidc.GrantTypeCode, oidc.GrantTypeRefreshToken, GrantTypePassword, GrantTypePasswordRealm}
	all := []*client{
		{
			id: ClientID, secret: ClientSecret, name: "Demo web application",
			application: op.ApplicationTypeWeb, method: oidc.AuthMethodBasic, grants: userGrants,
			tokenType: op.AccessTokenTypeJWT, scopes: userScopes, redirectURI: RedirectURI,
		},
		{
			id: OpaqueClientID, secret: OpaqueClientSecret, name: "Demo application with opaque tokens",
			application: op.ApplicationTypeWeb, method: oidc.AuthMethodPost, grants: userGrants,
			tokenType: op.AccessTokenTypeBearer, scopes: userScopes, redirectURI: RedirectURI,
		},
		{
			id: PublicClientID, name: "Demo native app",
			application: op.ApplicationTypeNative, method: oidc.AuthMethodNone,
			grants:    []oidc.GrantType{oidc.GrantTypeCode, oidc.GrantTypeRefreshToken},
			tokenType: op.AccessTokenTypeJWT, scopes: userScopes, redirectURI: RedirectURI,
		},
		{
			id: MachineClientID, secret: MachineClientSecret, name: "Demo service",
			application: op.ApplicationTypeWeb, method: oidc.AuthMethodBasic,
			grants:    []oidc.GrantType{oidc.GrantTypeClientCredentials},
			tokenType: op.AccessTokenTypeJWT, scopes: []string{ScopeStatus},
		},
	}
	clients := make(map[string]*client, len(all))
	for _, c := range all {
		clients[c.id] = c
	}
	return clients
}

// allows tells whether the client is registered for every one of the scopes.
func (c *client) allows(scopes []string) bool {
	return !slices.ContainsFunc(scopes, func(s string) bool { return !slices.Contains(c.scopes, s) })
}

func (c *client) GetID() string                       { return c.id }
func (c *client) PostLogoutRedirectURIs() []string    { return nil }
func (c *client) ApplicationType() op.ApplicationType { return c.application }
func (c *client) AuthMethod() oidc.AuthMethod         { return c.method }
func (c *client) GrantTypes() []oidc.GrantType        { return c.grants }
func (c *client) LoginURL(id string) string           { return "/login/" + id }
func (c *client) AccessTokenType() op.AccessTokenType { return c.tokenType }
func (c *client) IDTokenLifetime() time.Duration      { return idTokenLifetime }
func (c *client) DevMode() bool                       { return false }
func (c *client) ClockSkew() time.Duration            { return 0 }
func (c *client) IsScopeAllowed(scope string) bool    { return slices.Contains(c.scopes, scope) }

// IDTokenUserinfoClaimsAssertion puts name and email into the ID token too, as
// most providers do.
func (c *client) IDTokenUserinfoClaimsAssertion() bool { return true }

func (c *client) RedirectURIs() []string {
	if c.redirectURI == "" {
		return nil
	}
	return []string{c.redirectURI}
}

func (c *client) ResponseTypes() []oidc.ResponseType {
	if !op.ValidateGrantType(c, oidc.GrantTypeCode) {
		return nil
	}
	return []oidc.ResponseType{oidc.ResponseTypeCode}
}

func (c *client) RestrictAdditionalIdTokenScopes() func([]string) []string {
	return func(scopes []string) []string { return scopes }
}

func (c *client) RestrictAdditionalAccessTokenScopes() func([]string) []string {
	return func(scopes []string) []string { return scopes }
}
