package preset

import (
	"fmt"
	"net"
	"net/url"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/idp-exporter/idp_exporter/internal/fetch"
	"github.com/idp-exporter/idp_exporter/probes"
)

// EachNode stands, in a probe's list of nodes, for every node of the provider
// but not for its public name.
const EachNode = "each"

// nodeMark stands, in a setting that is a URL, for the host of every node.
const nodeMark = "{node}"

// Login is the probe of every preset that signs in.
const Login = "login"

// Provider is what a preset is expanded for.
type Provider struct {
	// Name is the provider's; the names of its probes begin with it.
	Name string
	// Issuer is the parsed issuer.
	Issuer *url.URL
	// Nodes are those that the configuration lists.
	Nodes []probes.Node
	// Discovers tells that further nodes are found while the exporter runs.
	Discovers bool
	// SignsIn tells that the configuration has a probe that signs in, so that the
	// preset's is not missed.
	SignsIn bool
}

// The conditions of a probe's key `when`.
const (
	whenHTTPS = "https" // the issuer is an https one
	whenName  = "name"  // the issuer's host is a name that DNS could know
	whenNodes = "nodes" // there are nodes
)

// Expand returns the probes of a preset as mappings of the configuration's
// section `probes`. What stands in them because of a setting stands where that
// does; all else stands nowhere. What a preset would need to know for a probe
// and does not is a warning, and that probe is left out; so is what cannot be
// watched, such as the certificate of an http issuer. Problems are told by path
// from the provider; no probe is returned where one of them is more than a
// warning.
func Expand(name string, p Provider, settings map[string]Value) ([]*yaml.Node, []probes.Problem) {
	f, err := read(name)
	if err != nil {
		return nil, []probes.Problem{{Path: "preset", Message: err.Error()}}
	}
	e := expansion{preset: name, file: f, provider: p}
	e.values = map[string]Value{"origin": {Text: fetch.Origin(p.Issuer)}, "host": {Text: p.Issuer.Hostname()}}
	e.settings(settings)
	if slices.ContainsFunc(e.problems, func(p probes.Problem) bool { return !p.Warning }) {
		return nil, e.problems
	}
	for i := range f.Probes {
		if n := &f.Probes[i]; !slices.Contains(e.without, get(n, "name").Value) {
			e.probe(n)
		}
	}
	e.tell()
	return e.probes, e.problems
}

type expansion struct {
	preset   string
	file     *file
	provider Provider
	values   map[string]Value // by placeholder
	without  []string
	probes   []*yaml.Node
	problems []probes.Problem
	leftOut  []lack
}

// lack is what probes that were left out lack.
type lack struct{ what, probes []string }

func (e *expansion) wrong(path string, warning bool, format string, args ...any) {
	e.problems = append(e.problems, probes.Problem{Path: path, Warning: warning, Message: fmt.Sprintf(format, args...)})
}

func (e *expansion) lacks(probe string, what ...string) {
	for i := range e.leftOut {
		if slices.Equal(e.leftOut[i].what, what) {
			e.leftOut[i].probes = append(e.leftOut[i].probes, probe)
			return
		}
	}
	e.leftOut = append(e.leftOut, lack{what, []string{probe}})
}

// probe expands one probe, if there is all that it needs.
func (e *expansion) probe(template *yaml.Node) {
	n, lacking := fill(template, e.values)
	name := get(n, "name").Value
	switch about, when := take(n, "about"), take(n, "when"); {
	case when == whenHTTPS && e.provider.Issuer.Scheme != "https", when == whenName && !isName(e.provider.Issuer.Hostname()):
		return
	case when == whenNodes && len(e.provider.Nodes) == 0 && !e.provider.Discovers:
		e.lacks(name, whenNodes)
		return
	default:
		n.HeadComment = fmt.Sprintf("Preset %s of provider %s: %s", e.preset, e.provider.Name, about)
	}
	if len(lacking) > 0 {
		needed := slices.DeleteFunc(lacking, func(what string) bool { return !e.file.Settings[what].Needed })
		if len(needed) > 0 && (name != Login || !e.provider.SignsIn) {
			e.lacks(name, needed...)
		}
		return
	}
	if e.eachNode(n) {
		if len(e.provider.Nodes) == 0 && !e.provider.Discovers {
			e.lacks(name, "node")
			return
		}
		set(n, "nodes", flow(EachNode))
	}
	e.elsewhere(n)
	set(n, "name", scalar(e.provider.Name+"-"+name))
	set(n, "provider", scalar(e.provider.Name))
	e.probes = append(e.probes, n)
}

// eachNode puts the issuer's host in the place of {node}, and tells whether it
// stood there: every node is asked then, those that are found later included,
// by its address, while the name in Host and TLS stays the one that users see and
// certificates are made out to.
func (e *expansion) eachNode(n *yaml.Node) bool {
	host := e.provider.Issuer.Hostname()
	if strings.Contains(host, ":") {
		host = "[" + host + "]"
	}
	found := false
	for _, key := range []string{"url", "front_url"} {
		if where := get(n, key); where != nil && strings.Contains(where.Value, nodeMark) {
			where.Value = strings.ReplaceAll(where.Value, nodeMark, host)
			found = true
		}
	}
	return found
}

// elsewhere has what is not at the issuer's own origin asked once: by its name,
// which no node's address stands for.
func (e *expansion) elsewhere(n *yaml.Node) {
	where := get(n, "url")
	if where == nil || get(n, "nodes") != nil {
		return
	}
	if u, err := url.Parse(where.Value); err == nil && u.IsAbs() && fetch.Origin(u) != fetch.Origin(e.provider.Issuer) {
		set(n, "nodes", flow("public"))
	}
}

// isName tells whether DNS could know a host: it is no address, and not this
// very machine.
func isName(host string) bool {
	return net.ParseIP(host) == nil && host != "localhost" && !strings.HasSuffix(host, ".localhost")
}

// tell says what was left out, and what to add.
func (e *expansion) tell() {
	for _, l := range e.leftOut {
		list := strings.Join(l.probes, ", ")
		switch l.what[0] {
		case whenNodes:
			e.wrong("preset", true, "preset %s leaves out %s; add nodes, or discover, to watch each node", e.preset, list)
		case "node":
			e.wrong("preset", true, "preset %s leaves out %s; {node} stands for each of the provider's nodes, and it lists none", e.preset, list)
		default:
			var add []string
			for _, key := range l.what {
				add = append(add, fmt.Sprintf("%s: %s (%s)", key, e.file.Settings[key].Example, e.file.Settings[key].About))
			}
			e.wrong("preset", true, "preset %s leaves out %s; add to preset_settings %s; or {without: %q}", e.preset, list, strings.Join(add, ", "), list)
		}
	}
}
