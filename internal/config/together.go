package config

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/idp-exporter/idp_exporter/internal/maintenance"
	"github.com/idp-exporter/idp_exporter/internal/state"
	"github.com/idp-exporter/idp_exporter/probes/appliance"
	"github.com/idp-exporter/idp_exporter/probes/login"
)

// together checks what can only be told of all probes at once.
func (l *loader) together() {
	if len(l.doc.Problems()) > 0 {
		if errs, _ := l.doc.Problems().Split(); len(errs) > 0 {
			l.maintenance()
			return // probes may be missing, and what follows would be wrong
		}
	}
	var specs []state.Spec
	var loads []login.Load
	var asked []appliance.Load
	for _, p := range l.config.Probes {
		for _, n := range p.Nodes {
			specs = append(specs, state.Spec{Key: state.Key{Probe: p.Name, Node: n.Name}, Needs: p.Needs})
		}
		if o, ok := p.Options.(interface{ LoginOptions() *login.Options }); ok && p.Provider != nil {
			loads = append(loads, login.Load{Probe: p.Name, Issuer: p.Provider.Issuer, Nodes: len(p.Nodes), Every: p.Every, Options: o.LoginOptions()})
		}
		if o, ok := p.Options.(*appliance.Options); ok {
			load := appliance.Load{Probe: p.Name, Nodes: p.Nodes, Every: p.Every, Options: o}
			if p.Provider != nil {
				load.Provider = &p.Provider.Provider
			}
			asked = append(asked, load)
			l.hosts(p, o)
		}
	}
	for _, e := range state.CheckNeeds(specs) {
		p := l.find(e.Probe)
		path := p.path + ".needs"
		if i := slices.Index(p.Needs, e.Need); i >= 0 {
			path += "[" + strconv.Itoa(i) + "]"
		}
		l.doc.Add(path, false, "%q: %s", e.Need, e.Message)
	}
	owner := map[string]string{}
	for i, p := range l.config.Providers {
		for j, n := range p.Nodes {
			if other, taken := owner[n.Name]; taken {
				l.doc.Add(fmt.Sprintf("providers[%d].nodes[%d]", i, j), true,
					"%s has a node %q too; ?node= and drains will mean both, so give them different names", other, n.Name)
			}
			owner[n.Name] = p.Name
		}
	}
	for _, o := range login.Overloads(loads) {
		o.Problem.Warning = true // it works, though less often
		l.doc.Add(l.find(o.Probe).path+"."+o.Problem.Path, true, "%s", o.Problem.Message)
	}
	for _, o := range appliance.Overloads(asked) {
		l.doc.Add(l.find(o.Probe).path+"."+o.Problem.Path, true, "%s", o.Problem.Message)
	}
	l.maintenance()
}

// hosts checks the names that nodes give themselves: whoever misspells a node
// has its name not compared at all.
func (l *loader) hosts(p *Probe, o *appliance.Options) {
	if p.Provider != nil && p.Provider.Discover != nil {
		return // it may be discovered
	}
	var known []string
	for _, n := range p.Nodes {
		known = append(known, strconv.Quote(n.Name))
	}
	for _, name := range slices.Sorted(maps.Keys(o.Hosts)) {
		if !slices.Contains(known, strconv.Quote(name)) {
			l.doc.Add(p.path+".hosts."+name, false, "the probe does not run on %q; it runs on %s (\"\" stands for the public name, or for the url)", name, list(known))
		}
	}
}

func (l *loader) find(name string) *Probe {
	i := slices.IndexFunc(l.config.Probes, func(p *Probe) bool { return p.Name == name })
	return l.config.Probes[i]
}

func (l *loader) maintenance() {
	known := maintenance.Known{
		Probe: func(name string) bool {
			return slices.ContainsFunc(l.config.Probes, func(p *Probe) bool { return p.Name == name })
		},
		Node: l.knowsNode,
	}
	for _, p := range maintenance.Check(l.config.Maintenance, known, time.Now()) {
		l.doc.Add("maintenance"+p.Path, p.Warning, "%s", p.Message)
	}
}

// knowsNode tells whether a provider has the node, or may come to have it.
func (l *loader) knowsNode(name string) bool {
	if name == publicNode {
		return true
	}
	for _, p := range l.config.Providers {
		if p.Discover != nil {
			return true
		}
		for _, n := range p.Nodes {
			if n.Name == name {
				return true
			}
		}
	}
	return false
}
