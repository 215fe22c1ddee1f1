// Package oidc is the probe kind `oidc`: a provider's discovery document and key
// set, without a login.
//
// Reading them belongs to probes/login, requests to internal/fetch.
package oidc

import (
	"fmt"
	"net/url"
	"slices"

	"github.com/idp-exporter/idp_exporter/internal/expect"
	"github.com/idp-exporter/idp_exporter/internal/fetch"
	"github.com/idp-exporter/idp_exporter/probes"
	"github.com/idp-exporter/idp_exporter/probes/internal/dial"
	"github.com/idp-exporter/idp_exporter/probes/login"
)

// The steps of a run.
const (
	stepDiscovery    = "discovery"
	stepJWKS         = "jwks"
	stepExpectations = "expectations"
)

// Kind returns the kind `oidc`.
func Kind() probes.Kind {
	return probes.Kind{
		Name:    "oidc",
		Summary: "Checks a provider's discovery document and key set, without a login.",
		Steps:   []string{stepDiscovery, stepJWKS, stepExpectations},
		NewOptions: func() probes.Options {
			return &Options{Common: dial.Common{IPVersion: dial.Any}, Flow: login.FlowCode, MinKeys: 1}
		},
	}
}

// Options are the settings of one probe of this kind.
type Options struct {
	dial.Common  `yaml:",inline"`
	dial.Proxied `yaml:",inline"`

	// DiscoveryURL is where the document is, if not below the issuer.
	DiscoveryURL string `yaml:"discovery_url"`
	// Flow is the one that the document has to name the endpoints for.
	Flow string `yaml:"flow"`
	// AllowedOrigins are the origins that the key set may be fetched from,
	// besides the issuer's.
	AllowedOrigins []string `yaml:"allowed_origins"`
	// MinKeys is how many usable keys there have to be, KeyIDs are some of them.
	MinKeys int      `yaml:"min_keys"`
	KeyIDs  []string `yaml:"key_ids"`
	// Expectations are CEL expressions, by name, over discovery and jwks, the two
	// documents. All must hold.
	Expectations map[string]string `yaml:"expectations"`
	// TLS takes the place of the provider's where it is set.
	TLS fetch.TLS `yaml:"tls"`
}

var variables = map[string]expect.VarType{"discovery": expect.Object, "jwks": expect.Object}

// plan is what the settings come to.
type plan struct {
	*Options
	issuer       string
	url          *url.URL
	allowed      []string // origins
	expectations *expect.Set
	dial         fetch.Options
}

// Check implements probes.Options.
func (o *Options) Check(s probes.Setting) []probes.Problem {
	_, c := o.compile(s)
	return c.Problems
}

func (o *Options) compile(s probes.Setting) (*plan, *dial.Checker) {
	c := &dial.Checker{}
	o.Common.Check(c, s)
	o.Proxied.Check(c)
	pl := &plan{Options: o}
	if s.Provider == nil || s.Provider.Issuer == "" {
		c.Wrong("provider", "discovery needs the issuer of a provider; name one")
		return pl, c
	}
	pl.issuer = s.Provider.Issuer
	pl.allowed = []string{fetch.Origin(s.Provider.IssuerURL())}
	for i, text := range o.AllowedOrigins {
		u, ok := parse(text)
		if !ok || u.Path != "" && u.Path != "/" || u.RawQuery != "" {
			c.Wrong(fmt.Sprintf("allowed_origins[%d]", i), "%q is not an origin; write https://HOST or https://HOST:PORT", text)
			continue
		}
		pl.allowed = append(pl.allowed, fetch.Origin(u))
	}
	var ok bool
	where := o.DiscoveryURL
	if where == "" {
		where = s.Provider.Resolve("/.well-known/openid-configuration")
	}
	if pl.url, ok = parse(where); !ok {
		c.Wrong("discovery_url", "%q is not an http(s) URL", where)
	}
	c.OneOf("flow", o.Flow, login.FlowCode, login.FlowPassword, login.FlowPasswordRealm, login.FlowClientCredentials)
	c.InRange("min_keys", o.MinKeys, 1, 100)
	set, problems := expect.Compile(variables, o.Expectations)
	for _, p := range problems {
		c.Wrong("expectations."+p.Name, "%s", p)
	}
	pl.expectations = set
	proxied := o.Or(s.Provider)
	pl.dial = fetch.Options{TLS: s.Provider.Dial.TLS, Proxy: proxied.Proxy, ProxyPassword: proxied.ProxyPassword}
	if o.TLS != (fetch.TLS{}) {
		pl.dial.TLS = o.TLS
	}
	if err := pl.dial.Check(); err != nil {
		c.Wrong("tls", "%v", err)
	}
	return pl, c
}

func parse(s string) (*url.URL, bool) {
	u, err := url.Parse(s)
	return u, err == nil && u.Host != "" && u.User == nil && slices.Contains([]string{"http", "https"}, u.Scheme)
}
