package ldapprobe

import (
	"crypto/tls"
	"fmt"
	"maps"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/go-ldap/ldap/v3"

	"github.com/idp-exporter/idp_exporter/internal/fetch"
	"github.com/idp-exporter/idp_exporter/internal/secret"
	"github.com/idp-exporter/idp_exporter/probes"
	"github.com/idp-exporter/idp_exporter/probes/internal/dial"
)

// Options are the settings of one probe of this kind.
type Options struct {
	dial.Common `yaml:",inline"`

	// URL is ldap://HOST[:PORT] or ldaps://HOST[:PORT].
	URL string `yaml:"url"`
	// StartTLS begins TLS on an ldap:// connection (RFC 4511, 4.14).
	StartTLS bool      `yaml:"starttls"`
	TLS      fetch.TLS `yaml:"tls"`
	// BindDN and Password are the account; without it the search is anonymous.
	BindDN   string        `yaml:"bind_dn"`
	Password secret.Secret `yaml:"password"`
	// BaseDN is where the search begins; without it the server's own entry (the
	// root DSE, RFC 4512, 5.1) is read.
	BaseDN string `yaml:"base_dn"`
	// Scope is Base, One or Sub; Sub where there is a BaseDN.
	Scope  string `yaml:"scope"`
	Filter string `yaml:"filter"`
	// MinEntries and MaxEntries are how many entries the search has to find;
	// without MaxEntries there may be any number above.
	MinEntries int  `yaml:"min_entries"`
	MaxEntries *int `yaml:"max_entries"`
	// Attributes has a regular expression (RE2) for each attribute named. Some
	// entry must have a value that matches it.
	Attributes map[string]string `yaml:"attributes"`
}

// The choices of Options.Scope (RFC 4511, 4.5.1.2).
const (
	Base = "base"
	One  = "one"
	Sub  = "sub"
)

// plan is what the settings come to.
type plan struct {
	*Options
	host, port string
	secure     bool // from the start
	tls        *tls.Config
	scope      int
	ask        int // for so many entries
	attributes []attribute
}

type attribute struct {
	name    string
	pattern *regexp.Regexp
}

// Check implements probes.Options.
func (o *Options) Check(s probes.Setting) []probes.Problem {
	_, c := o.compile(s)
	return c.Problems
}

func (o *Options) address() (host, port string, secure bool, err error) {
	u, err := url.Parse(o.URL)
	if err != nil || u.Host == "" || u.Scheme != "ldap" && u.Scheme != "ldaps" || strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.User != nil {
		return "", "", false, fmt.Errorf("write ldap://HOST[:PORT] or ldaps://HOST[:PORT], and nothing else")
	}
	port = "389"
	if secure = u.Scheme == "ldaps"; secure {
		port = "636"
	}
	host, port, err = dial.Split(u.Host, port)
	return host, port, secure, err
}

// UsesNodes implements probes.NodeAware.
func (o *Options) UsesNodes(s probes.Setting) bool {
	host, _, _, err := o.address()
	return err == nil && dial.IsProviders(host, s.Provider)
}

// maxEntries is the most entries that a search may be asked to find, and the
// most that are looked at.
const maxEntries = 1000

func (o *Options) compile(s probes.Setting) (*plan, *dial.Checker) {
	c := &dial.Checker{}
	o.Common.Check(c, s)
	pl := &plan{Options: o}
	var err error
	if pl.host, pl.port, pl.secure, err = o.address(); err != nil {
		c.Wrong("url", "%v", err)
	}
	if pl.secure && o.StartTLS {
		c.Wrong("starttls", "ldaps begins TLS at once, so there is none left to begin; drop it, or write ldap://")
	}
	if pl.secure || o.StartTLS {
		if pl.tls, err = dial.Config(dial.TLSSettings(o.TLS, s.Provider, pl.host), pl.host); err != nil {
			c.Wrong("tls", "%v", err)
		}
	} else if o.TLS != (fetch.TLS{}) {
		c.Wrong("tls", "there is no TLS to set; write ldaps://, or starttls: true")
	}
	pl.checkBind(c)
	pl.compileSearch(c)
	return pl, c
}

func (pl *plan) checkBind(c *dial.Checker) {
	switch {
	case pl.BindDN == "" && pl.Password.IsSet():
		c.Wrong("bind_dn", "missing; the password is somebody's")
	case pl.BindDN != "" && !pl.Password.IsSet():
		// RFC 4513, 5.1.2: a bind without a password succeeds whoever it names.
		c.Wrong("password", "missing; set password_file")
	case pl.BindDN != "" && pl.tls == nil && pl.host != "" && !dial.IsLoopback(pl.host):
		c.Doubtful("url", "the password travels unencrypted; write ldaps://, or starttls: true")
	}
}

func (pl *plan) compileSearch(c *dial.Checker) {
	scopes := map[string]int{Base: ldap.ScopeBaseObject, One: ldap.ScopeSingleLevel, Sub: ldap.ScopeWholeSubtree}
	switch pl.Scope {
	case "":
		if pl.scope = ldap.ScopeBaseObject; pl.BaseDN != "" {
			pl.scope = ldap.ScopeWholeSubtree
		}
	default:
		if c.OneOf("scope", pl.Scope, Base, One, Sub) {
			pl.scope = scopes[pl.Scope]
		}
	}
	if pl.BaseDN == "" && pl.scope != ldap.ScopeBaseObject {
		c.Wrong("base_dn", "missing; say where the search begins")
	}
	if pl.BaseDN != "" {
		if _, err := ldap.ParseDN(pl.BaseDN); err != nil {
			c.Wrong("base_dn", "%q is not a distinguished name: %v", pl.BaseDN, err)
		}
	}
	if _, err := ldap.CompileFilter(pl.Filter); err != nil {
		c.Wrong("filter", "%q is not a filter (RFC 4515), such as (uid=monitoring): %v", pl.Filter, err)
	}
	most := maxEntries
	if pl.MaxEntries != nil {
		most = *pl.MaxEntries
	}
	if c.InRange("min_entries", pl.MinEntries, 0, maxEntries) && c.InRange("max_entries", most, 0, maxEntries) && pl.MinEntries > most {
		c.Wrong("min_entries", "%d is more than max_entries, %d; use less", pl.MinEntries, most)
	}
	for _, name := range slices.Sorted(maps.Keys(pl.Attributes)) {
		re, err := regexp.Compile(pl.Attributes[name])
		if err != nil {
			c.Wrong("attributes."+name, "%v; patterns are written as RE2 takes them", err)
		}
		pl.attributes = append(pl.attributes, attribute{name, re})
	}
	if len(pl.attributes) > 0 && most == 0 {
		c.Wrong("attributes", "max_entries: 0 expects no entry that could have them; drop one of them")
	}
	switch {
	case pl.MaxEntries != nil:
		pl.ask = most + 1 // one more than wanted tells of too many
	case len(pl.attributes) > 0:
		pl.ask = most
	default:
		pl.ask = max(pl.MinEntries, 1)
	}
}
