package config

import (
	"fmt"
	"net"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/idp-exporter/idp_exporter/internal/config/strict"
	"github.com/idp-exporter/idp_exporter/internal/discover"
	"github.com/idp-exporter/idp_exporter/internal/fetch"
	"github.com/idp-exporter/idp_exporter/internal/preset"
	"github.com/idp-exporter/idp_exporter/internal/state"
	"github.com/idp-exporter/idp_exporter/probes"
)

// loader checks a decoded file piece by piece and collects the problems.
type loader struct {
	doc    *strict.Document
	kinds  Kinds
	config *Config
	// taken are the names of probes, presets what is to be expanded; preset tells
	// that a provider names one, even a wrong one.
	taken   names
	presets []presetUse
	preset  bool
}

func (l *loader) oneOf(path, value string, allowed ...string) {
	for _, a := range allowed {
		if value == a {
			return
		}
	}
	l.doc.Add(path, false, "%q is not known; use one of %s", value, strings.Join(slices.Compact(allowed), ", "))
}

func list(words []string) string { return strings.Join(words, ", ") }

// names finds duplicates.
type names map[string]int

// claim notes a name and reports whether it was free.
func (l *loader) claim(taken names, what, name, path string) {
	if first, twice := taken[name]; twice {
		l.doc.Add(path, false, "the %s name %q is already used on line %d; names must differ", what, name, first)
		return
	}
	taken[name] = l.doc.Position(path).Line
}

func (l *loader) providers(raw []providerFile) {
	taken := names{}
	for i, p := range raw {
		path := "providers[" + strconv.Itoa(i) + "]"
		u := l.issuer(path, p.Issuer)
		if p.Name == "" && u != nil {
			p.Name = u.Host
		}
		if p.Name != "" {
			l.label(path+".name", p.Name)
			l.claim(taken, "provider", p.Name, path+".name")
		}
		if err := p.Check(); err != nil {
			at := path + ".tls"
			if strings.HasPrefix(err.Error(), "proxy") {
				at = path + ".proxy"
			}
			l.doc.Add(at, false, "%v", err)
			p.Options = fetch.Options{} // probes are not to tell of it again
		}
		if u == nil {
			p.Issuer = "https://issuer.invalid/" // likewise
		}
		provider := &Provider{
			Provider: probes.Provider{Name: p.Name, Issuer: p.Issuer, Dial: p.Options},
			Nodes:    l.nodes(path, p.Nodes), Discover: l.discovery(path, p.Discover), Group: l.group(path, p),
		}
		l.config.Providers = append(l.config.Providers, provider)
		l.usePreset(path, provider, p, u != nil)
	}
}

func (l *loader) discovery(path string, o *discover.Options) *discover.Options {
	if o != nil {
		l.report(path+".discover", o.Check())
		o.File = l.doc.Path(o.File)
	}
	return o
}

// group reads the rules of a provider for its nodes.
func (l *loader) group(path string, p providerFile) state.Group {
	g := state.DefaultGroup()
	for _, v := range []struct {
		key  string
		from *int
		into *int
	}{{"min_up", p.MinUp, &g.MinUp}, {"quorum", p.Quorum, &g.Quorum}} {
		if v.from == nil {
			continue
		}
		*v.into = *v.from
		switch at, nodes := path+"."+v.key, len(p.Nodes); {
		case *v.from < 0 || *v.from > discover.MaxNodes:
			l.doc.Add(at, false, "%d is out of range; use 0 to %d nodes", *v.from, discover.MaxNodes)
		case *v.from > nodes && p.Discover == nil:
			l.doc.Add(at, false, "%d is more than the %d nodes of the provider; use 0 to %d", *v.from, nodes, nodes)
		}
	}
	return g
}

func (l *loader) issuer(path, issuer string) *url.URL {
	if l.doc.Failed(path + ".issuer") {
		return nil
	}
	if issuer == "" {
		l.doc.Add(path, false, "a provider needs its issuer, such as issuer: https://login.example.com/")
		return nil
	}
	u, err := url.Parse(issuer)
	switch {
	case err != nil || u.Host == "" || (u.Scheme != "https" && u.Scheme != "http"):
		l.doc.Add(path+".issuer", false, "%q is not an issuer; write the URL under which /.well-known/openid-configuration is found, such as https://login.example.com/", issuer)
		return nil
	case u.User != nil, u.RawQuery != "", u.Fragment != "":
		l.doc.Add(path+".issuer", false, "an issuer has no user, query or fragment (OpenID Connect Discovery 1.0, section 3); write only scheme, host and path")
		return nil
	}
	return u
}

func (l *loader) nodes(path string, raw []nodeFile) []probes.Node {
	taken := names{}
	var nodes []probes.Node
	for i, n := range raw {
		at := fmt.Sprintf("%s.nodes[%d]", path, i)
		if l.doc.Failed(at + ".address") {
			continue
		}
		if n.Address == "" {
			l.doc.Add(at, false, "a node needs its address, such as address: 10.0.0.11:443")
			continue
		}
		if !validAddress(n.Address) {
			l.doc.Add(at+".address", false, "%q is not an address; write HOST, HOST:PORT or [IPV6]:PORT", n.Address)
		}
		if n.Name == "" {
			n.Name = n.Address
		}
		switch n.Name {
		case publicNode:
			l.doc.Add(at+".name", false, "%q stands for the provider's public name; choose another", n.Name)
		case preset.EachNode:
			l.doc.Add(at+".name", false, "%q stands for every node of the provider; choose another", n.Name)
		}
		l.label(at+".name", n.Name)
		l.claim(taken, "node", n.Name, at+".name")
		nodes = append(nodes, probes.Node{Name: n.Name, Address: n.Address})
	}
	return nodes
}

func validAddress(a string) bool {
	host, port, err := net.SplitHostPort(a)
	if err != nil {
		// A bare host, or a bare IPv6 address.
		u, err := url.Parse("http://" + a + "/")
		return net.ParseIP(a) != nil || err == nil && u.Host == a && u.Port() == "" && u.User == nil
	}
	n, err := strconv.Atoi(port)
	return err == nil && n > 0 && n < 65536 && host != ""
}

// label checks a text that becomes a label value and part of URLs.
func (l *loader) label(path, value string) {
	if len(value) > 100 {
		l.doc.Add(path, false, "the name is longer than 100 bytes; it becomes a label value, keep it short")
	}
	for _, r := range value {
		if r < ' ' || r == 0x7f || r == ',' {
			l.doc.Add(path, false, "the name %q has a comma or a control character in it; leave it out", value)
			return
		}
	}
}
