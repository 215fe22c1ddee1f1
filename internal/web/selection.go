package web

import (
	"errors"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"

	"github.com/idp-exporter/idp_exporter/internal/peers"
	"github.com/idp-exporter/idp_exporter/internal/state"
	"github.com/idp-exporter/idp_exporter/probes"
)

// selection is what ?node=, ?probe= and ?exclude= ask for. A nil map asks for all.
type selection struct{ nodes, probes, exclude map[string]bool }

// maxNames bounds the names of one parameter, so that a question stays cheap.
const maxNames = 100

func selectionOf(query url.Values) (sel selection, err error) {
	for key, set := range map[string]*map[string]bool{"node": &sel.nodes, "probe": &sel.probes, "exclude": &sel.exclude} {
		if *set = names(query, key); len(*set) > maxNames {
			return sel, fmt.Errorf("%s= names more than %d", key, maxNames)
		}
	}
	return sel, nil
}

// names reads a parameter that may be repeated and may hold commas. For a node,
// "" and "public" are names too, those of the public name.
func names(query url.Values, key string) map[string]bool {
	if !query.Has(key) {
		return nil
	}
	set := make(map[string]bool)
	for _, v := range query[key] {
		for name := range strings.SplitSeq(v, ",") {
			if key == "node" {
				name = meant(name)
			}
			set[name] = true
		}
	}
	return set
}

func (sel selection) narrows() bool {
	return sel.nodes != nil || sel.probes != nil || sel.exclude != nil
}

// alone returns the node if the question is about a single one with all its probes.
func (sel selection) alone() (string, bool) {
	if len(sel.nodes) == 1 && sel.probes == nil && sel.exclude == nil {
		for node := range sel.nodes {
			return node, true
		}
	}
	return "", false
}

func (sel selection) keep(k state.Key) bool {
	return (sel.nodes == nil || sel.nodes[k.Node]) && sel.keepProbe(k.Probe)
}

func (sel selection) keepProbe(probe string) bool {
	return (sel.probes == nil || sel.probes[probe]) && !sel.exclude[probe]
}

// report is an answer with all that it rests on.
type report struct {
	state.Verdict
	entries       []state.Entry
	disagreements []state.Disagreement
	cluster       *peers.Verdict
}

var errNoNode = errors.New("no gating probe runs on such a node")

// ask narrows the verdict. A probe that gates nothing counts where it was
// asked for by name. The error is that of a name, or a combination, that does
// not exist; it does not repeat the name.
func (s *Server) ask(sel selection) (report, error) {
	var rep report
	nodes, known := make(map[string]bool), make(map[string]bool)
	gates := false
	for _, e := range s.options.State.Snapshot() {
		nodes[e.Node], known[e.Probe] = true, true
		if sel.keep(e.Key) {
			rep.entries = append(rep.entries, e)
			gates = gates || e.Gates
		}
	}
	for _, p := range []struct {
		what          string
		wanted, known map[string]bool
	}{{"node", sel.nodes, nodes}, {"probe", sel.probes, known}, {"exclude", sel.exclude, known}} {
		for name := range p.wanted {
			if !p.known[name] {
				return rep, fmt.Errorf("unknown name in %s=", p.what)
			}
		}
	}
	if len(rep.entries) == 0 && sel.probes != nil {
		return rep, errors.New("no such probe on such a node")
	}
	rep.Verdict = s.verdictOf(sel)
	if sel.probes != nil {
		rep.Verdict = withUngated(rep.Verdict, rep.entries, gates)
	}
	for _, d := range s.options.State.Disagreements() {
		if sel.keepProbe(d.Probe) && (sel.nodes == nil || about(d, sel.nodes)) {
			rep.disagreements = append(rep.disagreements, d)
		}
	}
	return rep, nil
}

func about(d state.Disagreement, nodes map[string]bool) bool {
	for node := range d.Nodes {
		if nodes[node] {
			return true
		}
	}
	return false
}

// verdictOf asks about the whole, or about each node that is named: all have to pass.
func (s *Server) verdictOf(sel selection) state.Verdict {
	filter := func(spec state.Spec) bool { return sel.keepProbe(spec.Probe) }
	switch {
	case !sel.narrows():
		return s.options.State.Verdict()
	case sel.nodes == nil:
		return s.options.State.VerdictOf(filter)
	}
	all := state.Verdict{Outcome: probes.Pass}
	for _, node := range slices.Sorted(maps.Keys(sel.nodes)) {
		v := s.options.State.NodeVerdict(node)
		if sel.probes != nil || sel.exclude != nil {
			v = s.options.State.NodeVerdictOf(node, filter)
		}
		all.Outcome, all.Drained = max(all.Outcome, v.Outcome), all.Drained || v.Drained
		for _, line := range v.Reasons {
			if !slices.Contains(all.Reasons, line) {
				all.Reasons = append(all.Reasons, line)
			}
		}
	}
	all.OK = all.Outcome.OK()
	return all
}

// withUngated adds what probes that gate nothing say to the verdict of those
// that do, if any. One that is suppressed, by a window say, is no more than a warning.
func withUngated(v state.Verdict, entries []state.Entry, gates bool) state.Verdict {
	if !gates && !v.Drained {
		v = state.Verdict{Outcome: probes.Pass}
	}
	for _, e := range entries {
		if e.Gates || e.Verdict == probes.Pass {
			continue
		}
		outcome := e.Verdict
		if outcome == probes.Unknown || e.Suppressed != "" {
			outcome = probes.Warn
		}
		v.Outcome = max(v.Outcome, outcome)
		v.Reasons = append(v.Reasons[:len(v.Reasons):len(v.Reasons)], e.Why)
	}
	v.OK = v.Outcome.OK()
	return v
}
