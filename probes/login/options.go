package login

import (
	"fmt"
	"time"

	"github.com/idp-exporter/idp_exporter/internal/secret"
	"github.com/idp-exporter/idp_exporter/probes"
)

// The flows.
const (
	FlowCode              = "authorization_code" // RFC 6749, 4.1, with PKCE (RFC 7636)
	FlowPassword          = "password"           // RFC 6749, 4.3
	FlowPasswordRealm     = "password_realm"     // Auth0's extension grant
	FlowClientCredentials = "client_credentials" // RFC 6749, 4.4
)

// The styles in which a client authenticates (OpenID Connect Core 1.0, 9).
const (
	AuthBasic = "basic" // client_secret_basic
	AuthPost  = "post"  // client_secret_post
	AuthNone  = "none"  // a public client
)

// The choices of Options.Userinfo.
const (
	UserinfoAuto   = "auto" // where the access token is opaque
	UserinfoAlways = "always"
	UserinfoNever  = "never"
)

// The choices of Options.AccessToken.
const (
	AccessTokenAuto   = "auto"   // verified if it is a JWT
	AccessTokenJWT    = "jwt"    // must be a JWT
	AccessTokenOpaque = "opaque" // not looked into, as for a resource that has its own rules
)

// What Options.Require may name.
const (
	RequireAZP      = "azp"
	RequireATHash   = "at_hash"
	RequireNonce    = "nonce"
	RequireUserinfo = "userinfo"
)

// Options are the settings of a login probe.
type Options struct {
	// Flow is one of the Flow constants.
	Flow string `yaml:"flow"`
	// ClientID and ClientSecret are those of the client registered for monitoring.
	ClientID     string        `yaml:"client_id"`
	ClientSecret secret.Secret `yaml:"client_secret"`
	// ClientAuth is one of the Auth constants. Empty means basic with a secret and
	// none without. It is never guessed: a second try would send a refused
	// password again.
	ClientAuth string `yaml:"client_auth"`
	// Username and Password are those of the account for monitoring.
	Username string        `yaml:"username"`
	Password secret.Secret `yaml:"password"`
	// Realm is the user store of FlowPasswordRealm.
	Realm string `yaml:"realm"`
	// Scopes are asked for. Nil means openid for users and none for clients.
	Scopes []string `yaml:"scopes"`
	// Audience is sent as the parameter of that name, and JWT access tokens must be for it.
	Audience string `yaml:"audience"`
	// RedirectURI is where the code flow ends. It is recognized, never requested.
	RedirectURI string `yaml:"redirect_uri"`
	// Params are further parameters of the authorization request, or of the token
	// request in flows without one.
	Params map[string]string `yaml:"params"`
	// AllowedOrigins may be spoken to besides the issuer's own.
	AllowedOrigins []string `yaml:"allowed_origins"`
	// MaxSkew is how far the provider's clock may be off.
	MaxSkew time.Duration `yaml:"max_skew"`
	// MaxRedirects bounds the redirects in a row, MaxPages the pages of one login.
	MaxRedirects int `yaml:"max_redirects"`
	MaxPages     int `yaml:"max_pages"`
	// Require names what must be there though OpenID Connect leaves it open.
	Require []string `yaml:"require"`
	// SigningAlgs restricts the accepted signature algorithms; empty means all known.
	SigningAlgs []string `yaml:"signing_algs"`
	// RefusedBackoff is the pause after a refused credential.
	RefusedBackoff Backoff `yaml:"refused_backoff"`
	// Budget is how often the account may sign in, on all nodes together.
	Budget Budget `yaml:"budget"`
	// Userinfo is one of the Userinfo constants.
	Userinfo string `yaml:"userinfo"`
	// AccessToken is one of the AccessToken constants.
	AccessToken string `yaml:"access_token"`
	// DiscoveryURL replaces the place below the issuer where the discovery document is.
	DiscoveryURL string `yaml:"discovery_url"`
	// Form helps with pages whose fields and buttons are not recognized.
	Form Form `yaml:"form"`

	accounts *Accounts
}

// Backoff is a growing pause: Initial after the first refusal, four times as
// long after each further one, at most Max.
type Backoff struct {
	Initial time.Duration `yaml:"initial"`
	Max     time.Duration `yaml:"max"`
}

// Form names fields and buttons of a provider's pages, by their name, id or
// (buttons) text, where they are not recognized.
type Form struct {
	UsernameField string `yaml:"username_field"`
	PasswordField string `yaml:"password_field"`
	ConsentButton string `yaml:"consent_button"`
}

// Defaults returns the default settings. Accounts pause, and take turns, in the given registry.
func Defaults(accounts *Accounts) Options {
	return Options{
		Flow: FlowCode, RedirectURI: "http://127.0.0.1/callback", MaxSkew: time.Minute, MaxRedirects: 10, MaxPages: 10,
		RefusedBackoff: Backoff{Initial: time.Minute, Max: time.Hour}, Userinfo: UserinfoAuto,
		Budget:      Budget{PerMinute: defaultPerMinute},
		AccessToken: AccessTokenAuto, accounts: accounts,
	}
}

// Kind returns the probe kind `login`. Accounts pause after a refused
// credential in the given registry, which is to outlive reloads of the
// configuration and to be shared by all kinds that sign in.
func Kind(accounts *Accounts) probes.Kind {
	return probes.Kind{
		Name:    "login",
		Summary: "Signs in with a test account (or as a client) and verifies the tokens.",
		Steps:   Steps(),
		NewOptions: func() probes.Options {
			o := Defaults(accounts)
			return &o
		},
	}
}

// New builds the probe for one target.
func (o *Options) New(t probes.Target) (probes.Probe, error) {
	l, err := New(*o, t)
	if err != nil {
		return nil, fmt.Errorf("login probe %s: %w", t.Probe, err)
	}
	return l, nil
}

// OfUser tells whether the flow signs in a user, not only a client.
func (o *Options) OfUser() bool { return o.Flow != FlowClientCredentials }

// withDefaults fills in what depends on other settings.
func (o Options) withDefaults() Options {
	if o.ClientAuth == "" {
		o.ClientAuth = AuthNone
		if o.ClientSecret.IsSet() {
			o.ClientAuth = AuthBasic
		}
	}
	if o.Scopes == nil && o.OfUser() {
		o.Scopes = []string{"openid"}
	}
	return o
}
