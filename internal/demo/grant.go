package demo

import (
	"time"

	"github.com/zitadel/oidc/v3/pkg/oidc"
	"github.com/zitadel/oidc/v3/pkg/op"
)

// login is a user's accepted sign-in: who, when, and what the rule wrote.
type login struct {
	user   *user
	at     time.Time
	claims map[string]any
}

// userGrant is what a client may have tokens for: a login, a client and scopes.
// It is the part of the op library's request interfaces that all grants share.
type userGrant struct {
	clientID string
	audience []string
	scopes   []string
	login    *login
}

func (g *userGrant) GetAMR() []string       { return []string{"pwd"} } // RFC 8176 section 2
func (g *userGrant) GetAudience() []string  { return g.audience }
func (g *userGrant) GetAuthTime() time.Time { return g.login.at }
func (g *userGrant) GetClientID() string    { return g.clientID }
func (g *userGrant) GetScopes() []string    { return g.scopes }
func (g *userGrant) GetSubject() string     { return g.login.user.subject }
func (g *userGrant) signedIn() *login       { return g.login }

// signInGrant comes of a sign-in: the code flow or a password grant. It
// implements [op.AuthRequest].
type signInGrant struct {
	userGrant
	redirectURI string
	nonce       string
	challenge   *oidc.CodeChallenge
}

var _ op.AuthRequest = (*signInGrant)(nil)

func (g *signInGrant) GetID() string                         { return "" }
func (g *signInGrant) GetACR() string                        { return "" }
func (g *signInGrant) GetCodeChallenge() *oidc.CodeChallenge { return g.challenge }
func (g *signInGrant) GetNonce() string                      { return g.nonce }
func (g *signInGrant) GetRedirectURI() string                { return g.redirectURI }
func (g *signInGrant) GetResponseType() oidc.ResponseType    { return oidc.ResponseTypeCode }
func (g *signInGrant) GetResponseMode() oidc.ResponseMode    { return oidc.ResponseModeQuery }
func (g *signInGrant) GetState() string                      { return "" }
func (g *signInGrant) Done() bool                            { return true }

func (g *signInGrant) forIDToken(clientID string) op.IDTokenRequest {
	c := *g
	c.clientID, c.audience = clientID, []string{clientID}
	return &c
}

// refreshGrant comes of a refresh token. It implements [op.RefreshTokenRequest].
// It carries no nonce (OpenID Connect Core section 12.2).
type refreshGrant struct {
	userGrant
	// granted are the scopes of the sign-in, which the next refresh token keeps
	// when this request asked for less (RFC 6749 section 6).
	granted []string
}

var _ op.RefreshTokenRequest = (*refreshGrant)(nil)

func (g *refreshGrant) SetCurrentScopes(scopes []string) { g.scopes = scopes }

func (g *refreshGrant) forIDToken(clientID string) op.IDTokenRequest {
	c := *g
	c.clientID, c.audience = clientID, []string{clientID}
	return &c
}

// issuable is a grant of either kind. An ID token is meant for the client and an
// access token for the API, so a grant can be asked for its ID token's view.
type issuable interface {
	op.IDTokenRequest
	signedIn() *login
	forIDToken(clientID string) op.IDTokenRequest
}

// machineGrant is that of the client credentials grant: no user, no rule.
type machineGrant struct {
	clientID string
	scopes   []string
}

func (g *machineGrant) GetSubject() string    { return g.clientID }
func (g *machineGrant) GetAudience() []string { return []string{Audience} }
func (g *machineGrant) GetScopes() []string   { return g.scopes }
