package starter

import (
	"bytes"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/idp-exporter/idp_exporter/internal/config/strict"
	"github.com/idp-exporter/idp_exporter/internal/preset"
)

// line is a key of the file, its value and what is said beside it.
type line struct{ key, value, about string }

// write makes the file.
func write(o Options, s *Starter, d preset.Document, known map[string]string) ([]byte, error) {
	name := s.Preset
	if name == preset.Generic {
		name = "provider"
	}
	provider := mapping(line{"name", name, "the beginning of the names of its probes"}, line{"issuer", s.Issuer, ""})
	if o.CAFile != "" {
		add(provider, "tls", mapping(line{"ca_file", o.CAFile, ""}))
	}
	if o.Proxy != "" {
		add(provider, "proxy", text(line{value: o.Proxy}))
	}
	if s.Preset == preset.Auth0Appliance {
		node := mapping(line{"name", strict.Unknown, "what the node calls itself in X-Auth0-Host, such as a0-1"}, line{"address", strict.Unknown, "its address; copy these two lines for each node"})
		add(provider, "nodes", &yaml.Node{Kind: yaml.SequenceNode, Content: []*yaml.Node{node}})
	}
	add(provider, "preset", text(line{value: s.Preset, about: preset.About(s.Preset)}))
	if s.Preset != preset.Auth0Appliance {
		key := provider.Content[len(provider.Content)-2]
		key.HeadComment = "nodes: [{name: n1, address: 10.0.0.11}] # each instance behind the load balancer is then watched by itself"
	}
	add(provider, "preset_settings", mapping(settings(s, d, known)...))
	root := &yaml.Node{Kind: yaml.MappingNode}
	add(root, "providers", &yaml.Node{Kind: yaml.SequenceNode, Content: []*yaml.Node{provider}})
	root.HeadComment = head(s)
	var b bytes.Buffer
	e := yaml.NewEncoder(&b)
	e.SetIndent(2)
	if err := errors.Join(e.Encode(root), e.Close()); err != nil {
		return nil, fmt.Errorf("writing the configuration: %w", err)
	}
	return b.Bytes(), nil
}

func head(s *Starter) string {
	return strings.Join([]string{
		"Made by idp_exporter init: preset " + s.Preset + " (" + printableWhy(s.Why) + ").",
		"Fill in what " + strict.Unknown + " marks; idp_exporter check-config names each such line.",
		"What the preset stands for: idp_exporter check-config --print-expanded.",
	}, "\n")
}

// printableWhy keeps a comment on its line.
func printableWhy(why string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return -1
		}
		return r
	}, why)
}

// settings lists the preset's settings: what was found out, what only the owner
// knows, and what most need.
func settings(s *Starter, d preset.Document, known map[string]string) []line {
	var lines []line
	own := false
	if u, err := url.Parse(s.Issuer); err == nil {
		own = strings.HasSuffix(u.Hostname(), ".auth0.com")
	}
	for _, p := range preset.Settings(s.Preset) {
		value, found := known[p.Name]
		switch {
		case found:
			lines = append(lines, line{p.Name, value, "answers; " + p.About})
		case p.Name == "client_secret_file":
			lines = append(lines, line{p.Name, strict.Unknown, "the file that holds the client's secret; without this line the client is a public one"})
		case p.Name == "redirect_uri":
			lines = append(lines, line{p.Name, p.Example, p.About})
		case p.Name == "client_auth" && onlyPost(d.AuthMethods, s.Preset):
			lines = append(lines, line{p.Name, "post", "as the provider's settings of the client say: post or basic"})
		case p.Name == "allowed_origins" && len(d.Origins()) > 0:
			lines = append(lines, line{p.Name, strings.Join(d.Origins(), ", "), "found in the document, please confirm: " + p.About})
		case p.Name == "tenant" && own:
		case p.Needed, p.Name == "health_url" && s.Preset != preset.Dex:
			about := p.About
			if p.Example != "" {
				about += ", such as " + p.Example
			}
			lines = append(lines, line{p.Name, strict.Unknown, about})
		}
	}
	return lines
}

// onlyPost tells whether clients show their secret in the body: Auth0's do
// unless they are told otherwise.
func onlyPost(methods []string, name string) bool {
	return slices.Contains(methods, "client_secret_post") && (name == preset.Auth0 || name == preset.Auth0Appliance || !slices.Contains(methods, "client_secret_basic"))
}

func mapping(lines ...line) *yaml.Node {
	n := &yaml.Node{Kind: yaml.MappingNode}
	for _, l := range lines {
		add(n, l.key, text(l))
	}
	return n
}

func text(l line) *yaml.Node {
	n := &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: l.value}
	if l.about != "" {
		n.LineComment = l.about
	}
	return n
}

func add(n *yaml.Node, key string, value *yaml.Node) {
	n.Content = append(n.Content, &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: key}, value)
}
