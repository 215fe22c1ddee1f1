package peers

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/idp-exporter/idp_exporter/internal/fetch"
	"github.com/idp-exporter/idp_exporter/internal/secret"
	"github.com/idp-exporter/idp_exporter/probes"
)

// The defaults of Config.
const (
	DefaultEvery   = 5 * time.Second
	DefaultTimeout = 2 * time.Second
)

// Bounds of Config.
const (
	// MaxMembers bounds the members, so that nobody's health endpoint is flooded.
	MaxMembers = 100
	minEvery   = time.Second
	minTimeout = 100 * time.Millisecond
	maxName    = 100 // bytes; a name becomes a label value
)

// Self is the name that this exporter has among the members.
const Self = "self"

// Config is the peers section of the configuration file. The zero Config is a
// cluster of this exporter alone.
type Config struct {
	// Every is the interval at which each member is asked; 0 means DefaultEvery.
	Every time.Duration `yaml:"every"`
	// Timeout bounds one question; 0 means DefaultTimeout, or Every if that is less.
	Timeout time.Duration `yaml:"timeout"`
	// Need is how many of all, this exporter included, must pass for the cluster
	// to pass; 0 means the majority, more than half of them.
	Need int `yaml:"need"`
	// Members are the other exporters.
	Members []MemberConfig `yaml:"members"`
}

// MemberConfig is another exporter.
type MemberConfig struct {
	// Name is what it is called; empty means the URL's host and port.
	Name string `yaml:"name"`
	// URL is where it is found, without /testall, such as https://idp2.example.com:9110.
	URL string `yaml:"url"`
	// Token is a token of that exporter with the scope testall; none where its
	// /testall is open.
	Token         secret.Secret `yaml:"token"`
	fetch.Options `yaml:",inline"`
}

func (c Config) withDefaults() Config {
	if c.Every == 0 {
		c.Every = DefaultEvery
	}
	if c.Timeout == 0 {
		c.Timeout = min(DefaultTimeout, c.Every)
	}
	c.Members = append([]MemberConfig(nil), c.Members...)
	for i := range c.Members {
		m := &c.Members[i]
		if u, err := m.base(); err == nil && m.Name == "" {
			m.Name = u.Host
		}
	}
	return c
}

// need is how many must pass.
func (c Config) need() int {
	if c.Need > 0 {
		return c.Need
	}
	return (len(c.Members)+1)/2 + 1
}

// Check reports everything that is wrong with the section, without touching the
// network. Paths start below "peers".
func (c Config) Check() []probes.Problem {
	var found []probes.Problem
	add := func(warning bool, path, format string, args ...any) {
		found = append(found, probes.Problem{Path: path, Message: fmt.Sprintf(format, args...), Warning: warning})
	}
	wrong := func(path, format string, args ...any) { add(false, path, format, args...) }
	c = c.withDefaults()
	switch {
	case c.Every < minEvery:
		wrong("every", "%s is too often; use %s or more", c.Every, minEvery)
	case c.Timeout > c.Every:
		wrong("timeout", "%s is longer than every (%s); use the same or less", c.Timeout, c.Every)
	}
	if c.Timeout < minTimeout {
		wrong("timeout", "%s is too short; use %s or more", c.Timeout, minTimeout)
	}
	total := len(c.Members) + 1
	switch {
	case c.Need < 0:
		wrong("need", "%d is negative; use 1 to %d, or 0 for the majority", c.Need, total)
	case c.Need > total:
		wrong("need", "%d can never pass: there are %d with this exporter; use 1 to %d, or 0 for the majority", c.Need, total, total)
	}
	switch {
	case len(c.Members) == 0:
		add(true, "members", "no members: the cluster is this exporter alone; list the others, or drop the section")
	case len(c.Members) > MaxMembers:
		wrong("members", "%d members are too many; list %d at most", len(c.Members), MaxMembers)
	}
	names, urls := map[string]int{}, map[string]int{}
	for i, m := range c.Members {
		at := fmt.Sprintf("members[%d]", i)
		m.check(func(warning bool, path, format string, args ...any) { add(warning, at+path, format, args...) })
		if first, twice := names[m.Name]; twice && m.Name != "" {
			wrong(at+".name", "%q is also the name of members[%d]; names must differ", m.Name, first)
		} else {
			names[m.Name] = i
		}
		if u, err := m.base(); err == nil {
			if first, twice := urls[key(u)]; twice {
				wrong(at+".url", "the same exporter as members[%d], which would count twice; drop one", first)
			} else {
				urls[key(u)] = i
			}
		}
	}
	return found
}

func (m MemberConfig) check(add func(warning bool, path, format string, args ...any)) {
	u, err := m.base()
	if err != nil {
		add(false, ".url", "%v", err)
	}
	switch {
	case m.Name == Self:
		add(false, ".name", "%q is this exporter; choose another, and list only the others", Self)
	case m.Name == "" && err == nil:
		add(false, ".name", "missing; give the member a name")
	case len(m.Name) > maxName:
		add(false, ".name", "longer than %d bytes; it becomes a label value, keep it short", maxName)
	case !utf8.ValidString(m.Name), strings.ContainsFunc(m.Name, func(r rune) bool { return r < ' ' || r == 0x7f || r == ',' }):
		add(false, ".name", "%q has a comma or a control character in it; leave it out", m.Name)
	}
	if err := m.Check(); err != nil {
		at := ".tls"
		if strings.HasPrefix(err.Error(), "proxy") {
			at = ".proxy"
		}
		add(false, at, "%v", err)
	}
	if !m.Token.IsSet() {
		return
	}
	if token, err := m.Token.Value(); err == nil && !bearer(token) {
		add(false, ".token", "this is no token: it is empty or holds a space or a character beyond ASCII; write it as `idp_exporter token create` printed it")
	}
	if u != nil && u.Scheme == "http" && !loopback(u.Hostname()) {
		add(true, ".url", "the token travels in the clear; use https")
	}
}

// base reads the URL. Errors do not repeat it, since it may hold a password.
func (m MemberConfig) base() (*url.URL, error) {
	u, err := url.Parse(m.URL)
	switch {
	case err != nil || u.Hostname() == "" || (u.Scheme != "https" && u.Scheme != "http"):
		return nil, errors.New("this is not where an exporter is found; write one such as https://idp2.example.com:9110")
	case u.User != nil:
		return nil, errors.New("keep user and password out of the URL; set token_file")
	case u.RawQuery != "" || u.ForceQuery || u.Fragment != "":
		return nil, errors.New("drop the query and fragment; the exporter asks for /testall alone")
	case strings.HasSuffix(strings.TrimRight(u.Path, "/"), "/testall"):
		return nil, errors.New("drop /testall; the exporter adds it")
	}
	u.Path, u.RawPath = strings.TrimRight(u.Path, "/"), ""
	return u, nil
}

// key is the same for two spellings of one URL.
func key(u *url.URL) string { return fetch.Origin(u) + u.Path }

// bearer tells whether a text can be sent as a token. RFC 6750, section 2.1,
// allows less than what is let through here: visible ASCII.
func bearer(s string) bool {
	return s != "" && !strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r >= 0x7f })
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}
