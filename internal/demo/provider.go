package demo

import (
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/zitadel/oidc/v3/pkg/oidc"
	"github.com/zitadel/oidc/v3/pkg/op"
)

// Paths of the provider. They are in the discovery document; only tests that
// count or disturb requests need them.
const (
	PathDiscovery = oidc.DiscoveryEndpoint
	PathJWKS      = "/jwks"
	PathAuthorize = "/authorize"
	PathToken     = "/oauth/token" //nolint:gosec // a path, not a credential
	PathUserinfo  = "/userinfo"
	PathLogin     = "/login/{id}"
	PathConsent   = "/consent/{id}"
)

// bodyLimit bounds request bodies, in bytes.
const bodyLimit = 64 << 10

// Options are what a provider is made of.
type Options struct {
	// Issuer is the origin that clients see, such as http://127.0.0.1:9111, without path or trailing slash.
	Issuer string
	// Logger receives sign-ins, refusals and switches. None of its records carries a secret. Default: no log.
	Logger *slog.Logger
	// CRM is the stand-in CRM that SwitchCRMDown acts on. Without it that switch cannot be thrown.
	CRM *CRM
	// CRMURL is the base URL at which the rule asks the CRM. Without it the rule
	// writes no claims and only turns the suspended user away.
	CRMURL string
	// SlowLogin is the delay that SwitchSlowLogin adds. Default: 10 s.
	SlowLogin time.Duration
	// SigningAlg signs ID and access tokens: RS256 (default), PS256, ES256 or EdDSA.
	SigningAlg string
}

// Provider is the OpenID provider, an http.Handler. All its methods are safe for
// concurrent use. It runs no goroutine and needs no closing.
type Provider struct {
	issuer    string
	slowLogin time.Duration
	log       *slog.Logger
	rule      *rule
	crm       *CRM
	storage   *storage
	op        *op.Provider
	pages     *pages
	mux       *http.ServeMux
	*estate

	switches switchboard
	faults   faults
	clock    clock
	counters counters
}

// NewProvider makes a provider with all switches repaired. It fails for an
// issuer that is no origin, an unknown signing algorithm, or a bad CRM URL.
func NewProvider(o Options) (*Provider, error) {
	e, err := newEstate(o.SigningAlg)
	if err != nil {
		return nil, err
	}
	return newNode(o, e)
}

// newNode makes a provider that shares its estate with others.
func newNode(o Options, e *estate) (*Provider, error) {
	issuer, err := url.Parse(o.Issuer)
	if err != nil || issuer.Host == "" || issuer.Path != "" || (issuer.Scheme != "http" && issuer.Scheme != "https") {
		return nil, fmt.Errorf("demo issuer %q is no origin: use a form like http://127.0.0.1:9111", o.Issuer)
	}
	if _, err := url.Parse(o.CRMURL); err != nil {
		return nil, fmt.Errorf("demo CRM URL: %w", err)
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.SlowLogin <= 0 {
		o.SlowLogin = defaultSlowLogin
	}
	pages, err := newPages()
	if err != nil {
		return nil, fmt.Errorf("demo provider: %w", err)
	}
	p := &Provider{
		issuer:    o.Issuer,
		slowLogin: o.SlowLogin,
		log:       o.Logger,
		rule:      newRule(strings.TrimSuffix(o.CRMURL, "/")),
		crm:       o.CRM,
		pages:     pages,
		estate:    e,
		counters:  counters{stats: newStats()},
	}
	p.storage = &storage{estate: e, switches: &p.switches}
	if p.op, err = newLibraryProvider(o.Issuer, p.storage); err != nil {
		return nil, fmt.Errorf("demo provider: %w", err)
	}
	p.routes()
	return p, nil
}

// defaultSlowLogin is longer than a probe's usual patience.
const defaultSlowLogin = 10 * time.Second

// newLibraryProvider sets up the op library. Its own router stays unused: it
// has endpoints that the demo does not, and logs to the process's default logger.
func newLibraryProvider(issuer string, s *storage) (*op.Provider, error) {
	config := &op.Config{
		CodeMethodS256:        true,
		AuthMethodPost:        true,
		GrantTypeRefreshToken: true,
		SupportedScopes:       []string{oidc.ScopeOpenID, oidc.ScopeProfile, oidc.ScopeEmail, oidc.ScopeOfflineAccess},
		CryptoKey:             s.cryptoKey,
	}
	return op.NewProvider(config, s, op.StaticIssuer(issuer),
		op.WithAllowInsecure(),
		op.WithCORSOptions(nil),
		op.WithCustomAuthEndpoint(op.NewEndpoint(PathAuthorize)),
		op.WithCustomTokenEndpoint(op.NewEndpoint(PathToken)),
		op.WithCustomUserinfoEndpoint(op.NewEndpoint(PathUserinfo)),
		op.WithCustomKeysEndpoint(op.NewEndpoint(PathJWKS)),
		op.WithAccessTokenKeySet(s),
		op.WithAccessTokenVerifierOpts(op.WithSupportedAccessTokenSigningAlgorithms(string(s.keys.alg))),
	)
}

// routes registers every endpoint; requests are counted by these patterns.
func (p *Provider) routes() {
	p.mux = http.NewServeMux()
	for pattern, h := range map[string]http.HandlerFunc{
		"GET " + PathDiscovery:  p.discovery,
		"GET " + PathJWKS:       p.jwks,
		"GET " + PathAuthorize:  p.authorize,
		"POST " + PathAuthorize: p.authorize, // OpenID Connect Core section 3.1.2.1
		"GET " + PathLogin:      p.loginPage,
		"POST " + PathLogin:     p.login,
		"GET " + PathConsent:    p.consentPage,
		"POST " + PathConsent:   p.consent,
		"POST " + PathToken:     p.token,
		"GET " + PathUserinfo:   p.userinfo,
		"POST " + PathUserinfo:  p.userinfo,
	} {
		p.mux.HandleFunc(pattern, h)
	}
}

// ServeHTTP implements [http.Handler].
func (p *Provider) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	_, route := p.mux.Handler(r)
	if route == "" {
		route = "other"
	}
	p.counters.add(func(s *Stats) { s.Requests[route]++ })
	w.Header().Set("X-Content-Type-Options", "nosniff")
	p.clock.stamp(w)
	r.Body = http.MaxBytesReader(w, r.Body, bodyLimit)
	p.mux.ServeHTTP(w, r.WithContext(op.ContextWithIssuer(r.Context(), p.issuer)))
}
