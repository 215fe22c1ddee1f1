// Package testall is the probe kind `testall`: what another exporter, or an
// Auth0 appliance, says of the whole it watches. Status code and body have to
// say the same.
//
// It owns the reading of the answer. Requests are internal/fetch's.
package testall

import (
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/idp-exporter/idp_exporter/internal/fetch"
	"github.com/idp-exporter/idp_exporter/probes"
	"github.com/idp-exporter/idp_exporter/probes/internal/dial"
	"github.com/idp-exporter/idp_exporter/probes/internal/exchange"
)

// Kind returns the kind `testall`.
func Kind() probes.Kind {
	return probes.Kind{
		Name:       "testall",
		Summary:    "Asks another exporter's or an appliance's /testall; status code and body must agree that all is well.",
		Steps:      exchange.Steps(),
		NewOptions: func() probes.Options { return &Options{Common: dial.Common{IPVersion: dial.Any}} },
	}
}

// Options are the settings of one probe of this kind.
type Options struct {
	dial.Common          `yaml:",inline"`
	dial.Proxied         `yaml:",inline"`
	exchange.Credentials `yaml:",inline"`

	// URL is absolute, or a path at the origin of the provider's issuer;
	// /testall there by default.
	URL string `yaml:"url"`
	// TLS takes the place of the provider's where it is set.
	TLS fetch.TLS `yaml:"tls"`
	// Components are those that the server tells of where it is not well, as an
	// appliance does; each is an assertion.
	Components []string `yaml:"components"`
}

// maxComponents bounds the components of one probe, and so its metrics.
const maxComponents = 16

var component = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_.-]{0,39}$`)

const defaultPath = "/testall"

var errURL = errors.New("this is not a URL; write one such as https://exporter.example.com:9110/testall, or a path such as /testall at the provider's own address")

// address returns the URL to ask.
func (o *Options) address(p *probes.Provider) (*url.URL, error) {
	ref := o.URL
	if ref == "" {
		ref = defaultPath
	}
	u, err := url.Parse(ref)
	if err != nil {
		return nil, errURL
	}
	if u.Host == "" && u.Scheme == "" && strings.HasPrefix(ref, "/") {
		if p == nil {
			return nil, errors.New("a probe without a provider needs the whole URL, such as https://exporter.example.com:9110/testall")
		}
		u = p.IssuerURL().ResolveReference(u)
	}
	if u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
		return nil, errURL
	}
	if u.User != nil {
		return nil, errors.New("keep user and password out of the URL; use basic: {username, password_file}")
	}
	u.Fragment = ""
	return u, nil
}

// dial returns how the server is reached.
func (o *Options) dial(u *url.URL, p *probes.Provider) fetch.Options {
	proxied := o.For(u.Hostname(), p)
	return fetch.Options{TLS: dial.TLSSettings(o.TLS, p, u.Hostname()), Proxy: proxied.Proxy, ProxyPassword: proxied.ProxyPassword}
}

// Check implements probes.Options.
func (o *Options) Check(s probes.Setting) []probes.Problem {
	c := &dial.Checker{}
	o.Common.Check(c, s)
	o.Proxied.Check(c)
	if len(o.Components) > maxComponents {
		c.Wrong("components", "%d are too many; name %d at most", len(o.Components), maxComponents)
	}
	for i, name := range o.Components {
		if at := fmt.Sprintf("components[%d]", i); !component.MatchString(name) {
			c.Wrong(at, "%.60q is no name of a component; an appliance has manage, docs, users and api2", name)
		} else if slices.Index(o.Components, name) < i {
			c.Wrong(at, "%s is listed twice", name)
		}
	}
	u, err := o.address(s.Provider)
	o.Credentials.Check(c, u)
	if err != nil {
		c.Wrong("url", "%v", err)
	} else if err := o.dial(u, s.Provider).Check(); err != nil {
		c.Wrong("tls", "%v", err)
	}
	return c.Problems
}

// UsesNodes implements probes.NodeAware.
func (o *Options) UsesNodes(s probes.Setting) bool {
	u, err := o.address(s.Provider)
	return err == nil && dial.IsProviders(u.Hostname(), s.Provider)
}
