package appliance

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/idp-exporter/idp_exporter/internal/fetch"
	"github.com/idp-exporter/idp_exporter/probes"
)

// maxPerSecond leaves a part of the appliance's own limit, ten, to others.
const maxPerSecond = 8

// Check implements probes.Options.
func (o *Options) Check(s probes.Setting) []probes.Problem {
	var c checker
	o.checkWay(&c, s.Provider)
	c.list("resources", o.Resources)
	c.list("warn", o.Warn)
	for i, r := range o.Warn {
		if slices.Contains(Resources(), r) && !slices.Contains(o.Resources, r) {
			c.wrong(fmt.Sprintf("warn[%d]", i), "%s is not asked for; add it to resources, or take it off this list", r)
		}
	}
	if len(o.Resources) == 0 && !o.Test && !o.Testall {
		c.wrong("resources", "there is nothing to ask for; list resources, or leave test and testall on")
	}
	if len(o.Resources) > 0 && !o.Key.IsSet() {
		c.wrong("key", "the health key is missing; set key_file (Dashboard, Settings, API Keys, Health service)")
	}
	if o.Username == "" || strings.ContainsAny(o.Username, ":\r\n") {
		c.wrong("username", "a user name is needed, without a colon in it (RFC 7617, 2); the appliance knows %s", User)
	}
	if !(o.PerSecond >= 0.1 && o.PerSecond <= maxPerSecond) {
		c.wrong("per_second", "%v is out of range; the appliance answers 10 a second to all its monitors, so use 0.1 to %d", o.PerSecond, maxPerSecond)
	} else if need := o.blockTime(); s.Timeout > 0 && need+answerTime(s.Timeout) > s.Timeout {
		c.wrong("per_second", "%d requests at %v a second take %s, and a run ends after %s, which leaves too little for the last answer; ask for less, raise timeout or per_second",
			o.requests(), o.PerSecond, need, s.Timeout)
	}
	for key, d := range map[string]time.Duration{"clock_offset.warn": o.ClockOffset.Warn, "clock_offset.fail": o.ClockOffset.Fail} {
		if d < 0 {
			c.wrong(key, "%s is negative; write a difference such as 5s, or 0 for none", d)
		}
	}
	if w, f := o.ClockOffset.Warn, o.ClockOffset.Fail; w > 0 && f > 0 && w >= f {
		c.wrong("clock_offset.warn", "%s is not reached before fail, at %s; a warning comes first", w, f)
	}
	for name, host := range o.Hosts {
		if host == "" {
			c.wrong("hosts."+name, "the name that the node gives itself is missing, such as a0-1")
		}
	}
	if err := o.dial(s.Provider).Check(); err != nil {
		c.wrong("", "%v", err)
	}
	if o.ProxyPassword.IsSet() && o.Proxy == "" {
		c.wrong("proxy_password", "there is no proxy for the password; set proxy: http://USER@HOST:PORT")
	}
	slices.SortFunc(c.found, func(a, b probes.Problem) int { return strings.Compare(a.Path, b.Path) })
	return c.found
}

type checker struct{ found []probes.Problem }

func (c *checker) wrong(path, format string, args ...any) {
	c.found = append(c.found, probes.Problem{Path: path, Message: fmt.Sprintf(format, args...)})
}

func (c *checker) list(path string, resources []string) {
	for i, r := range resources {
		at := fmt.Sprintf("%s[%d]", path, i)
		if !slices.Contains(Resources(), r) {
			c.wrong(at, "the appliance has no resource %.40q; use %s", r, strings.Join(Resources(), ", "))
		} else if slices.Index(resources, r) < i {
			c.wrong(at, "%s is listed twice", r)
		}
	}
}

func (o *Options) checkWay(c *checker, p *probes.Provider) {
	switch o.Via {
	case ViaPort, ViaNode:
		if o.URL == "" && p == nil {
			c.wrong("url", "a probe without a provider needs the node's url, such as http://10.0.0.11:9110")
		}
	case ViaManage:
		if o.URL == "" {
			c.wrong("url", "via: manage needs the dashboard's url, such as https://manage.example.com")
		}
	default:
		c.wrong("via", "%.40q is no way in; write %s, %s or %s", o.Via, ViaPort, ViaNode, ViaManage)
	}
	if o.Port < 1 || o.Port > 65535 {
		c.wrong("port", "%d is no port", o.Port)
	}
	for path, text := range map[string]string{"url": o.URL, "front_url": o.FrontURL} {
		u, err := parseOrigin(text)
		switch {
		case text == "":
		case err != nil:
			c.wrong(path, "%v", err)
		case path == "url" && o.Via == ViaManage && u.Scheme == "http" && !loopback(u.Hostname()):
			c.found = append(c.found, probes.Problem{Path: path, Warning: true, Message: "the health key travels unencrypted over http; use https"})
		}
	}
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

func parseOrigin(s string) (*url.URL, error) {
	u, err := url.Parse(s)
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" || u.User != nil || strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.Fragment != "" {
		return nil, errors.New("this is not an origin; write scheme and host only, such as https://manage.example.com")
	}
	return &url.URL{Scheme: u.Scheme, Host: u.Host}, nil
}

// UsesNodes implements probes.NodeAware: the dashboard's name leads to any node.
func (o *Options) UsesNodes(s probes.Setting) bool {
	return s.Provider != nil && o.Via != ViaManage && o.URL == ""
}

// dial returns how servers are reached: as the provider says, except where the
// probe has settings of its own.
func (o *Options) dial(p *probes.Provider) fetch.Options {
	var d fetch.Options
	if p != nil {
		d = p.Dial
	}
	if o.TLS != (fetch.TLS{}) {
		d.TLS = o.TLS
	}
	if o.Proxy != "" {
		d.Proxy, d.ProxyPassword = o.Proxy, o.ProxyPassword
	}
	return d
}

// requests is how many requests a run makes.
func (o *Options) requests() int {
	n := len(o.Resources)
	if o.Test {
		n++
	}
	if o.Testall {
		n++
	}
	return n
}

// gap is the time between the starts of two requests.
func (o *Options) gap() time.Duration { return time.Duration(float64(time.Second) / o.PerSecond) }

// blockTime is how long the requests of a run take at least.
func (o *Options) blockTime() time.Duration { return time.Duration(max(o.requests()-1, 0)) * o.gap() }

// status returns the origin and prefix of /status/.
func (o *Options) status(p *probes.Provider) (*url.URL, string) {
	u := &url.URL{}
	switch {
	case o.URL != "":
		if parsed, err := parseOrigin(o.URL); err == nil {
			u = parsed
		}
	case o.Via == ViaPort:
		u = &url.URL{Scheme: "http", Host: net.JoinHostPort(p.IssuerURL().Hostname(), strconv.Itoa(o.Port))}
	default:
		u = &url.URL{Scheme: "https", Host: p.IssuerURL().Host}
	}
	if o.Via == ViaPort {
		return u, ""
	}
	return u, "/health"
}

// front returns the origin of /test and /testall.
func (o *Options) front(p *probes.Provider) *url.URL {
	if u, err := parseOrigin(o.FrontURL); err == nil {
		return u
	}
	if p != nil {
		issuer := p.IssuerURL()
		return &url.URL{Scheme: issuer.Scheme, Host: issuer.Host}
	}
	u, _ := o.status(nil)
	return u
}
