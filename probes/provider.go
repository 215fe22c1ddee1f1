package probes

import (
	"net/url"
	"strings"

	"github.com/idp-exporter/idp_exporter/internal/fetch"
)

// Provider is the identity provider watched, as probes see it.
type Provider struct {
	// Name is the provider label.
	Name string
	// Issuer is the issuer identifier exactly as configured (OpenID Connect
	// Discovery 1.0, section 2); its spelling matters, down to a final slash.
	Issuer string
	// Dial says how the provider is reached: TLS, proxy.
	Dial fetch.Options
}

// IssuerURL returns the parsed issuer; the configuration has checked that it parses.
func (p *Provider) IssuerURL() *url.URL {
	u, err := url.Parse(p.Issuer)
	if err != nil {
		return &url.URL{}
	}
	return u
}

// Resolve turns a path such as "/.well-known/openid-configuration" into a URL
// below the issuer; an absolute URL is returned as it is.
func (p *Provider) Resolve(ref string) string {
	if p == nil {
		return ref
	}
	if u, err := url.Parse(ref); err == nil && u.IsAbs() {
		return ref
	}
	return strings.TrimSuffix(p.Issuer, "/") + "/" + strings.TrimPrefix(ref, "/")
}
