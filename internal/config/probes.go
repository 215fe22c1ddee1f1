package config

import (
	"crypto/sha256"
	"encoding/hex"
	"hash"
	"io"
	"os"
	"slices"
	"strconv"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/idp-exporter/idp_exporter/internal/preset"
	"github.com/idp-exporter/idp_exporter/probes"
)

// The defaults of every probe.
const (
	DefaultEvery   = time.Minute
	DefaultTimeout = 30 * time.Second
	minEvery       = time.Second
	publicNode     = "public"
)

func (l *loader) probes(raw []nodeOf) {
	if len(raw) == 0 && !l.preset && !l.doc.Misspelled("probes") {
		l.doc.Add("probes", false, "there is no probe; give at least one, such as {kind: login, client_id: …, username: …, password_file: …}")
	}
	l.taken = names{}
	for i, n := range raw {
		if n.node != nil {
			l.probe("probes["+strconv.Itoa(i)+"]", n.node)
		}
	}
	l.expandPresets()
}

func (l *loader) probe(path string, node *yaml.Node) {
	raw := probeFile{Every: DefaultEvery, Gates: true, FailAfter: 2, PassAfter: 1}
	kind, options := l.kind(path, node)
	if kind == nil {
		return
	}
	l.doc.Decode(node, path, &raw, options)
	if raw.Name == "" {
		raw.Name = raw.Kind
	}
	l.label(path+".name", raw.Name)
	l.claim(l.taken, "probe", raw.Name, path+".name")
	p := &Probe{
		Name: raw.Name, Kind: kind, Every: raw.Every, Timeout: raw.Timeout, Gates: raw.Gates,
		FailAfter: raw.FailAfter, PassAfter: raw.PassAfter, Needs: raw.Needs, Options: options, path: path,
	}
	l.timing(path, p)
	l.damping(path, p)
	p.Severity = l.severity(path, raw)
	p.Provider = l.providerOf(path, raw.Provider)
	setting := probes.Setting{Every: p.Every, Timeout: p.Timeout}
	if p.Provider != nil {
		setting.Provider = &p.Provider.Provider
	}
	if aware, ok := options.(probes.NodeAware); ok && !aware.UsesNodes(setting) {
		if slices.ContainsFunc(raw.Nodes, func(n string) bool { return n != publicNode }) {
			l.doc.Add(path+".nodes", false, "this probe asks none of the provider's nodes, so its result would be told of nodes that it knows nothing of; leave nodes out")
		}
		raw.Nodes = []string{publicNode}
	}
	p.Nodes, p.wanted = l.nodesOf(path, p.Provider, raw.Nodes), raw.Nodes
	if p.Provider != nil || raw.Provider == "" {
		l.report(path, options.Check(setting))
	}
	p.Fingerprint, p.StoredFingerprint = l.fingerprint(node, p, true), l.fingerprint(node, p, false)
	l.config.Probes = append(l.config.Probes, p)
}

// report adds what a section's own check found. What follows from a value that
// could not be read, or whose key is misspelled, is left out; a key that is
// missing is named.
func (l *loader) report(path string, problems []probes.Problem) {
	for _, p := range problems {
		at, message := path, p.Message
		if p.Path != "" {
			at += "." + p.Path
			if !l.doc.Has(at) {
				message = p.Path + ": " + message
			}
		}
		if !l.doc.Failed(at) && !l.doc.Misspelled(at) {
			l.doc.Add(at, p.Warning, "%s", message)
		}
	}
}

// kind reads the key `kind` ahead of the others, since it decides which others
// there are.
func (l *loader) kind(path string, node *yaml.Node) (*probes.Kind, probes.Options) {
	name, ok := l.kindName(path, node, "probe", l.kinds.Names())
	if !ok {
		return nil, nil
	}
	kind, ok := l.kinds.Kind(name)
	if !ok {
		l.doc.Add(path+".kind", false, "%q is not a kind of probe; use one of %s", name, list(l.kinds.Names()))
		return nil, nil
	}
	return kind, kind.NewOptions()
}

// kindName reads the key `kind` of a probe or a bridge.
func (l *loader) kindName(path string, node *yaml.Node, what string, known []string) (name string, ok bool) {
	if node.Kind == yaml.AliasNode {
		node = node.Alias
	}
	if node.Kind != yaml.MappingNode {
		l.doc.Add(path, false, "a %s is a mapping; write \"- kind: %s\" and its settings below", what, known[0])
		return "", false
	}
	for i := 0; i+1 < len(node.Content); i += 2 {
		if node.Content[i].Value == "kind" {
			name = node.Content[i+1].Value
			l.doc.Note(path+".kind", node.Content[i+1])
		}
	}
	if name == "" {
		l.doc.Add(path, false, "a %s needs its kind; use one of %s", what, list(known))
	}
	return name, name != ""
}

func (l *loader) timing(path string, p *Probe) {
	if l.doc.Failed(path+".every") || l.doc.Failed(path+".timeout") {
		return
	}
	if p.Every < minEvery {
		l.doc.Add(path+".every", false, "every %s is too often; use %s or more", p.Every, minEvery)
		return
	}
	if !l.doc.Has(path + ".timeout") {
		// A hung run has to end before the next is due.
		p.Timeout = min(DefaultTimeout, p.Every*9/10)
		return
	}
	switch {
	case p.Timeout <= 0:
		l.doc.Add(path+".timeout", false, "the timeout must be more than 0; use %s or less", p.Every)
	case p.Timeout > p.Every:
		l.doc.Add(path+".timeout", false, "a run may take %s but the next is due after %s; set timeout to %s or less, or every to %s or more",
			p.Timeout, p.Every, p.Every, p.Timeout)
	}
}

func (l *loader) damping(path string, p *Probe) {
	for _, d := range []struct {
		key   string
		value int
	}{{"fail_after", p.FailAfter}, {"pass_after", p.PassAfter}} {
		if d.value < 1 || d.value > 100 {
			l.doc.Add(path+"."+d.key, false, "%d is out of range; use 1 to 100 runs", d.value)
		}
	}
}

func (l *loader) severity(path string, raw probeFile) probes.Severity {
	if raw.Severity == "" {
		if raw.Gates {
			return probes.Critical
		}
		return probes.Minor
	}
	var known []string
	for _, s := range probes.Severities() {
		known = append(known, string(s))
	}
	l.oneOf(path+".severity", raw.Severity, known...)
	return probes.Severity(raw.Severity)
}

func (l *loader) providerOf(path, name string) *Provider {
	if name == "" {
		if len(l.config.Providers) > 1 {
			l.doc.Add(path, false, "there are several providers; say which with provider: NAME")
		}
		if len(l.config.Providers) > 0 {
			return l.config.Providers[0]
		}
		return nil
	}
	var known []string
	for _, p := range l.config.Providers {
		if p.Name == name {
			return p
		}
		known = append(known, p.Name)
	}
	l.oneOf(path+".provider", name, known...)
	return nil
}

// nodesOf resolves the nodes a probe runs against: by default the public name
// and every node.
func (l *loader) nodesOf(path string, p *Provider, wanted []string) []probes.Node {
	known := map[string]probes.Node{publicNode: {}}
	all := []string{publicNode}
	if p != nil {
		for _, n := range p.Nodes {
			known[n.Name] = n
			all = append(all, n.Name)
		}
	}
	if len(wanted) == 0 {
		wanted = all
	}
	taken := names{}
	var nodes []probes.Node
	for i, name := range wanted {
		at := path + ".nodes[" + strconv.Itoa(i) + "]"
		if name == preset.EachNode {
			nodes = append(nodes, l.eachNode(at, p, taken)...)
			continue
		}
		n, ok := known[name]
		if !ok && p != nil && p.Discover != nil {
			continue // it may be discovered
		}
		if !ok {
			l.oneOf(at, name, all...)
			continue
		}
		l.claim(taken, "node", name, at)
		nodes = append(nodes, n)
	}
	return nodes
}

// eachNode resolves the word that stands for every node but not the public name.
func (l *loader) eachNode(at string, p *Provider, taken names) []probes.Node {
	if p == nil || len(p.Nodes) == 0 && p.Discover == nil {
		l.doc.Add(at, false, "%q stands for every node, and the provider has none; give it nodes, or discover", preset.EachNode)
		return nil
	}
	for _, n := range p.Nodes {
		l.claim(taken, "node", n.Name, at)
	}
	return p.Nodes
}

// judging are the keys that say what is made of results, not how they come
// about; changing them keeps a probe's results.
var judging = map[string]bool{"name": true, "severity": true, "gates": true, "fail_after": true, "pass_after": true, "nodes": true, "needs": true}

// fingerprint sums up everything that decides what a probe's runs do, with or
// without its secrets.
func (l *loader) fingerprint(node *yaml.Node, p *Probe, secrets bool) string {
	f := fingerprint{Hash: sha256.New(), budget: 10_000}
	if !secrets {
		f.leaveOut = l.doc.IsSecret
	}
	if node.Kind == yaml.AliasNode {
		node = node.Alias
	}
	for i := 0; i+1 < len(node.Content); i += 2 {
		if !judging[node.Content[i].Value] {
			f.add(node.Content[i])
			f.add(node.Content[i+1])
		}
	}
	if p.Provider != nil {
		f.text(p.Provider.Issuer)
		if secrets { // a proxy's URL may hold a password
			f.text(p.Provider.Dial.Proxy)
		}
		t := p.Provider.Dial.TLS
		if authorities, err := os.ReadFile(t.CAFile); err == nil {
			_, _ = f.Write(authorities)
		}
		f.text(t.CAFile, t.CertFile, t.KeyFile, t.ServerName, t.MinVersion, strconv.FormatBool(t.InsecureSkipVerify))
	}
	return hex.EncodeToString(f.Sum(nil))
}

// fingerprint is a hash of YAML. The budget bounds what nested aliases can cost.
type fingerprint struct {
	hash.Hash
	budget   int
	leaveOut func(*yaml.Node) bool
}

func (f *fingerprint) text(parts ...string) {
	for _, p := range parts {
		_, _ = io.WriteString(f, p+"\x00")
	}
}

func (f *fingerprint) add(n *yaml.Node) {
	if f.budget--; f.budget < 0 {
		return
	}
	if n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	if f.leaveOut != nil && f.leaveOut(n) {
		return
	}
	f.text(n.Tag, n.Value, strconv.Itoa(len(n.Content)))
	for _, c := range n.Content {
		f.add(c)
	}
}
