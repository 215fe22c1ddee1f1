package tlsprobe

import (
	"crypto/tls"
	"encoding/base64"
	"fmt"
	"regexp"
	"strings"

	"github.com/idp-exporter/idp_exporter/internal/fetch"
	"github.com/idp-exporter/idp_exporter/probes"
	"github.com/idp-exporter/idp_exporter/probes/internal/dial"
	"github.com/idp-exporter/idp_exporter/probes/internal/starttls"
)

// Options are the settings of one probe of this kind.
type Options struct {
	dial.Common  `yaml:",inline"`
	dial.Proxied `yaml:",inline"`

	// Address is HOST or HOST:PORT, at port 443 or that of StartTLS by default.
	// Without an address it is that of the provider's issuer.
	Address  string `yaml:"address"`
	StartTLS string `yaml:"starttls"`
	// TLS are the settings of our side. With InsecureSkipVerify chain and names
	// are not judged, all else is.
	TLS fetch.TLS `yaml:"tls"`
	// Names are further names that the certificate must be made out to.
	Names []string `yaml:"names"`
	// WarnDays and FailDays are how long before its end a certificate warns and
	// fails. They count for each certificate that the server sends.
	WarnDays int `yaml:"warn_days"`
	FailDays int `yaml:"fail_days"`
	// MinVersion is the oldest version of the protocol that may be agreed on.
	MinVersion string `yaml:"min_version"`
	// RefusesOlder demands that the server agrees on nothing older than
	// MinVersion; a second connection tries to.
	RefusesOlder bool `yaml:"refuses_older"`
	// Issuer is a regular expression (RE2) for the distinguished name of the
	// issuer of the server's certificate, such as CN=R11,O=Let's Encrypt,C=US.
	Issuer string `yaml:"issuer"`
	// Pins are SHA-256 digests of public keys, in base64. One of them must be
	// that of the server's certificate, or of one in a trusted chain to it.
	Pins []string `yaml:"pins"`
}

// plan is what the settings come to.
type plan struct {
	*Options
	host, port string
	tls        *tls.Config
	proxy      *dial.Proxy
	issuer     *regexp.Regexp
	pins       map[string]bool
	floor      uint16
}

const maxDays = 3650

// Check implements probes.Options.
func (o *Options) Check(s probes.Setting) []probes.Problem {
	_, c := o.compile(s)
	return c.Problems
}

func (o *Options) address(p *probes.Provider) (host, port string, err error) {
	if o.Address != "" {
		port := starttls.Port(o.StartTLS)
		if port == "" {
			port = "443"
		}
		return dial.Split(o.Address, port)
	}
	if host, port = dial.Issuers(p); host == "" {
		return "", "", fmt.Errorf("missing; write HOST or HOST:PORT")
	}
	return host, port, nil
}

// UsesNodes implements probes.NodeAware.
func (o *Options) UsesNodes(s probes.Setting) bool {
	host, _, err := o.address(s.Provider)
	return err == nil && dial.IsProviders(host, s.Provider)
}

func (o *Options) compile(s probes.Setting) (*plan, *dial.Checker) {
	c := &dial.Checker{}
	pl := &plan{Options: o, floor: fetch.TLSVersion(o.MinVersion), pins: make(map[string]bool, len(o.Pins))}
	o.Common.Check(c, s)
	o.Proxied.Check(c)
	var err error
	if pl.host, pl.port, err = o.address(s.Provider); err != nil {
		c.Wrong("address", "%v", err)
	}
	pl.proxy = dial.NewProxy(o.For(pl.host, s.Provider))
	if o.StartTLS != "" {
		c.OneOf("starttls", o.StartTLS, starttls.Protocols()...)
	}
	if pl.tls, err = dial.Config(dial.TLSSettings(o.TLS, s.Provider, pl.host), pl.host); err != nil {
		c.Wrong("tls", "%v", err)
	}
	o.checkDays(c)
	known := c.OneOf("min_version", o.MinVersion, "1.0", "1.1", "1.2", "1.3")
	if known && o.RefusesOlder && pl.floor == tls.VersionTLS10 {
		c.Wrong("refuses_older", "nothing older than TLS 1.0 can be tried; raise min_version")
	}
	if o.Issuer != "" {
		if pl.issuer, err = regexp.Compile(o.Issuer); err != nil {
			c.Wrong("issuer", "%v; patterns are written as RE2 takes them", err)
		}
	}
	for i, pin := range o.Pins {
		pin = strings.TrimPrefix(strings.TrimPrefix(pin, "sha256//"), "sha256/")
		if sum, bad := base64.StdEncoding.DecodeString(pin); bad != nil || len(sum) != 32 {
			c.Wrong(fmt.Sprintf("pins[%d]", i), "this is not a SHA-256 digest in base64; `idp_exporter probe` with --output=json shows those of the chain as spki_sha256")
		}
		pl.pins[pin] = true
	}
	for i, name := range o.Names {
		if name == "" || strings.ContainsAny(name, " /:@") {
			c.Wrong(fmt.Sprintf("names[%d]", i), "%q is not a host name", name)
		}
	}
	return pl, c
}

func (o *Options) checkDays(c *dial.Checker) {
	if c.InRange("warn_days", o.WarnDays, 0, maxDays) && c.InRange("fail_days", o.FailDays, 0, maxDays) && o.FailDays > o.WarnDays {
		c.Wrong("fail_days", "%d days is before warn_days, %d, so that nothing would ever warn; use less", o.FailDays, o.WarnDays)
	}
}
