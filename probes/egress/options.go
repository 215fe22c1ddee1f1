// Package egress is the probe kind `egress`: a list of places that the machine
// the exporter runs on must be able to reach, such as social providers and
// update mirrors, directly or through a proxy.
//
// Connections belong to probes/internal/dial, requests to internal/fetch.
package egress

import (
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/idp-exporter/idp_exporter/internal/fetch"
	"github.com/idp-exporter/idp_exporter/probes"
	"github.com/idp-exporter/idp_exporter/probes/internal/dial"
	"github.com/idp-exporter/idp_exporter/probes/internal/exchange"
)

func steps() []string {
	return []string{dial.StepDNS, dial.StepConnect, dial.StepProxy, dial.StepTLS, exchange.StepRequest, exchange.StepResponse}
}

// Kind returns the kind `egress`.
func Kind() probes.Kind {
	return probes.Kind{
		Name:       "egress",
		Summary:    "Checks that outside places can be reached from here, directly or through the proxy, each by name.",
		Steps:      steps(),
		NewOptions: func() probes.Options { return &Options{Common: dial.Common{IPVersion: dial.Any}} },
	}
}

// Options are the settings of one probe of this kind.
type Options struct {
	// WarnSlowerThan of dial.Common counts for the slowest target.
	dial.Common  `yaml:",inline"`
	dial.Proxied `yaml:",inline"`

	// Targets are the places to be reached.
	Targets []Target `yaml:"targets"`
	// Direct goes past the provider's proxy.
	Direct bool `yaml:"direct"`
	// Quorum is how many targets must be reached; 0 means all of them.
	Quorum int `yaml:"quorum"`
	// TLS are the settings of our side for every target.
	TLS fetch.TLS `yaml:"tls"`
}

// Target is one place. In a configuration it is HOST:PORT or a URL, or a mapping
// of name and to.
type Target struct {
	// Name is the assertion's name; by default To, without the query of a URL.
	Name string `yaml:"name"`
	// To is HOST:PORT, to be connected to, with a TLS handshake at port 443; or
	// a URL, to be asked for.
	To string `yaml:"to"`
	// Status lists the status codes that a URL may answer. Without it any below
	// 500 will do, but for http through a proxy, which could have written that
	// answer itself: only 2xx proves the way then.
	Status []exchange.Status `yaml:"status"`
}

// UnmarshalYAML takes a bare text for To.
func (t *Target) UnmarshalYAML(n *yaml.Node) error {
	if n.Kind == yaml.ScalarNode {
		return n.Decode(&t.To)
	}
	if n.Kind != yaml.MappingNode {
		return errors.New("write HOST:PORT, a URL, or {name: NAME, to: HOST:PORT}")
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		switch key, value := n.Content[i].Value, n.Content[i+1]; {
		case key != "name" && key != "to" && key != "status":
			return fmt.Errorf("unknown key %q; a target has name, to and status", key)
		case key == "status" && value.Kind == yaml.ScalarNode: // one is a list of one
			n.Content[i+1] = &yaml.Node{Kind: yaml.SequenceNode, Content: []*yaml.Node{value}}
		}
	}
	type plain Target
	return n.Decode((*plain)(t))
}

const maxTargets = 100

// Check implements probes.Options.
func (o *Options) Check(s probes.Setting) []probes.Problem {
	_, c := o.compile(s)
	return c.Problems
}

// UsesNodes implements probes.NodeAware: what is reached from here has nothing
// to do with the provider's nodes.
func (o *Options) UsesNodes(probes.Setting) bool { return false }

func (o *Options) compile(s probes.Setting) (*probe, *dial.Checker) {
	c := &dial.Checker{}
	o.Common.Check(c, s)
	o.Proxied.Check(c)
	p := &probe{Options: o}
	if !o.Direct {
		p.proxied = o.Or(s.Provider)
	} else if o.Proxy != "" {
		c.Wrong("direct", "proxy is set as well; keep one of them")
	}
	p.proxy = dial.NewProxy(p.proxied)
	if len(o.Targets) == 0 {
		c.Wrong("targets", "missing; list the places to be reached, such as [facebook.com:443, https://example.com/]")
	} else {
		c.InRange("quorum", o.Quorum, 0, len(o.Targets))
	}
	if len(o.Targets) > maxTargets {
		c.Wrong("targets", "%d targets; use at most %d", len(o.Targets), maxTargets)
	}
	for i, t := range o.Targets {
		path := fmt.Sprintf("targets[%d]", i)
		pl, err := o.place(t, p)
		if err != nil {
			c.Wrong(path, "%v", err)
			continue
		}
		if slices.Contains(p.names, pl.name) {
			c.Wrong(path, "%q stands here twice; give one of them another name", pl.name)
		}
		p.names, p.places = append(p.names, pl.name), append(p.places, pl)
	}
	return p, c
}

// place prepares one target.
func (o *Options) place(t Target, p *probe) (*place, error) {
	pl := &place{name: t.Name, status: t.Status}
	if pl.name == "" {
		pl.name = t.To
	}
	for _, s := range t.Status {
		if !s.Valid() {
			return nil, fmt.Errorf("%q is not a status code; write one such as 204, or a class such as 2xx", string(s))
		}
	}
	if !strings.Contains(t.To, "://") {
		if len(t.Status) > 0 {
			return nil, fmt.Errorf("only a URL is answered with a status; drop status, or write https://%s/", t.To)
		}
		host, port, err := dial.Split(t.To, "")
		if err != nil {
			return nil, err
		}
		pl.dialer = &dial.Dialer{Endpoint: dial.At(host, port, probes.Target{}), Version: o.IPVersion, Proxy: p.proxy}
		if port == "443" {
			pl.tls, err = dial.Config(o.TLS, host)
		}
		return pl, err
	}
	u, err := url.Parse(t.To)
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" || u.User != nil {
		return nil, fmt.Errorf("this is not a URL; write one such as https://example.com/, or HOST:PORT")
	}
	u.Fragment = ""
	if t.Name == "" { // a query may hold a token, and a name is shown
		bare := *u
		bare.RawQuery, bare.ForceQuery = "", false
		pl.name = bare.String()
	}
	settings := fetch.Options{TLS: o.TLS, Proxy: p.proxied.Proxy, ProxyPassword: p.proxied.ProxyPassword}
	pl.url = u
	pl.client, err = exchange.New(settings, u, o.IPVersion, probes.Target{})
	return pl, err
}
