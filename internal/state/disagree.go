package state

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"time"
)

// DefaultClockLimit is how far the clocks of nodes may differ: what the whole
// seconds of an HTTP Date and a slow answer explain, and no more.
const DefaultClockLimit = 5 * time.Second

// Disagreement is a difference between the nodes of a provider that one probe
// found in their latest conclusive runs. It is a warning: whether tokens hold
// is for the login to decide.
type Disagreement struct {
	Provider, Probe string
	// What is one of DisagreementKinds.
	What string
	// Nodes tells, for people, what was found on each node.
	Nodes map[string]string
	// Odd are the nodes that differ from the majority, sorted; empty if there
	// is no majority.
	Odd []string
	// Text says it in one line for people.
	Text string

	gates bool
}

// blamed are the nodes that it may be the fault of.
func (d Disagreement) blamed() []string {
	if len(d.Odd) > 0 {
		return d.Odd
	}
	return slices.Sorted(maps.Keys(d.Nodes))
}

// Disagreements returns what nodes disagree about, sorted by probe. Nodes that
// are drained or in maintenance are not compared. It takes no lock as long as
// nothing changes. The caller must not change the answer.
func (s *State) Disagreements() []Disagreement { return s.answers().disagreements }

// peers are the entries of one probe on the nodes of its provider.
type peers struct {
	probe   string
	entries []*entry
}

// linkPeers needs mu, and order to be sorted.
func (s *State) linkPeers() {
	s.peers = nil
	for _, e := range s.order {
		if e.Node == "" {
			continue
		}
		if n := len(s.peers); n == 0 || s.peers[n-1].probe != e.Probe {
			s.peers = append(s.peers, &peers{probe: e.Probe})
		}
		e.peers = s.peers[len(s.peers)-1]
		e.peers.entries = append(e.peers.entries, e)
	}
}

// disagreements needs mu.
func (s *State) disagreements(filter func(Spec) bool, now time.Time) []Disagreement {
	var all []Disagreement
	for _, p := range s.peers {
		all = append(all, s.compare(p, filter, now)...)
	}
	return all
}

// agreesAsBefore tells whether the entry and its peers compare as they did when
// the answers were worked out.
func (s *State) agreesAsBefore(e *entry, c *answers) bool {
	if e.peers == nil || len(e.peers.entries) < 2 {
		return true
	}
	rest := s.compare(e.peers, nil, s.now())
	for _, d := range c.disagreements {
		if d.Probe != e.Probe {
			continue
		}
		if len(rest) == 0 || rest[0].What != d.What || rest[0].Text != d.Text || !maps.Equal(rest[0].Nodes, d.Nodes) {
			return false
		}
		rest = rest[1:]
	}
	return len(rest) == 0
}

// compare finds what the peers disagree about.
func (s *State) compare(p *peers, filter func(Spec) bool, now time.Time) []Disagreement {
	if len(p.entries) < 2 {
		return nil
	}
	some := s.comparable(p, filter, now)
	var found []Disagreement
	for _, what := range DisagreementKinds() {
		if what == DisagreeClock {
			if d, ok := compareClocks(some, s.rules.ClockLimit); ok {
				found = append(found, d)
			}
			continue
		}
		if d, ok := compareMarks(some, what); ok {
			found = append(found, d)
		}
	}
	return found
}

// comparable are the peers that are neither drained nor in maintenance.
func (s *State) comparable(p *peers, filter func(Spec) bool, now time.Time) []*entry {
	var some []*entry
	for _, e := range p.entries {
		if filter != nil && !filter(e.Spec) {
			continue
		}
		if cause, _ := s.suppression(e.Key, now); cause == "" {
			some = append(some, e)
		}
	}
	return some
}

func (m marks) of(what string) mark {
	switch what {
	case DisagreeJWKS:
		return m.jwks
	case DisagreeCertificate:
		return m.certificate
	default:
		return m.discovery
	}
}

// compareMarks finds out whether all nodes have the same mark, and if not, who
// has another than more than half of them.
func compareMarks(some []*entry, what string) (Disagreement, bool) {
	first, same := "", true
	for _, e := range some {
		id := e.marks.of(what).id
		first = cmp.Or(first, id)
		same = same && (id == "" || id == first)
	}
	if same {
		return Disagreement{}, false
	}
	count, nodes := map[string]int{}, map[string]string{}
	for _, e := range some {
		if m := e.marks.of(what); m.id != "" {
			count[m.id]++
			nodes[e.Node] = m.text
		}
	}
	var odd []string
	for id, n := range count {
		if 2*n <= len(nodes) {
			continue
		}
		for _, e := range some {
			if m := e.marks.of(what); m.id != "" && m.id != id {
				odd = append(odd, e.Node)
			}
		}
	}
	d := disagreement(some[0], what, nodes, odd)
	name := map[string]string{
		DisagreeJWKS: "key set", DisagreeCertificate: "certificate", DisagreeDiscovery: "discovery document",
	}[what]
	d.tell("another "+name+" than", "different "+name+"s")
	return d, true
}

// compareClocks finds out whether clocks lie within the limit of each other,
// and if not, who is beyond it from the middle one. More than half have to be
// near that for the others to be odd.
func compareClocks(some []*entry, limit time.Duration) (Disagreement, bool) {
	var first, last time.Duration
	told := 0
	for _, e := range some {
		if c := e.marks.clock; c != nil {
			if told == 0 {
				first, last = *c, *c
			}
			first, last = min(first, *c), max(last, *c)
			told++
		}
	}
	if last-first <= limit {
		return Disagreement{}, false
	}
	offsets, nodes := make([]time.Duration, 0, told), map[string]string{}
	for _, e := range some {
		if c := e.marks.clock; c != nil {
			offsets = append(offsets, *c)
			nodes[e.Node] = fmt.Sprintf("%+.1fs", c.Seconds())
		}
	}
	slices.Sort(offsets)
	middle := offsets[(len(offsets)-1)/2]
	var odd []string
	for _, e := range some {
		if c := e.marks.clock; c != nil && max(*c-middle, middle-*c) > limit {
			odd = append(odd, e.Node)
		}
	}
	if 2*len(odd) >= len(nodes) {
		odd = nil
	}
	d := disagreement(some[0], DisagreeClock, nodes, odd)
	d.tell("another time than", fmt.Sprintf("clocks up to %v apart", (last-first).Round(time.Second)))
	return d, true
}

func disagreement(e *entry, what string, nodes map[string]string, odd []string) Disagreement {
	return Disagreement{Provider: e.Provider, Probe: e.Probe, What: what, Nodes: nodes, Odd: odd, gates: e.Gates}
}

// tell writes the text: what the odd ones have, or else what all have.
func (d *Disagreement) tell(odd, all string) {
	if d.Provider != "" {
		d.Text = d.Provider + ": "
	}
	if len(d.Odd) == 0 {
		d.Text += nodesText(d.blamed()) + " have " + all
		return
	}
	var rest []string
	for _, n := range slices.Sorted(maps.Keys(d.Nodes)) {
		if !slices.Contains(d.Odd, n) {
			rest = append(rest, n)
		}
	}
	has := " has "
	if len(d.Odd) > 1 {
		has = " have "
	}
	d.Text += nodesText(d.Odd) + has + odd + " " + nodeList(rest)
}

func nodesText(names []string) string {
	if len(names) == 1 {
		return "node " + names[0]
	}
	return "nodes " + nodeList(names)
}

// repeats tells whether another probe found the same before.
func repeats(before []Disagreement, d Disagreement) bool {
	return slices.ContainsFunc(before, func(o Disagreement) bool { return o.gates && o.Text == d.Text })
}
