package state

import (
	"slices"
	"time"

	"github.com/idp-exporter/idp_exporter/probes"
)

// NodeVerdict answers for one node, as its load balancer asks: is it to get
// traffic? It rests on the gating probes that run on the node. It takes no lock
// as long as nothing changes. A node that no gating probe runs on fails with
// NoProbeGates; node "" is the public name, to which min_up does not apply.
//
// A load balancer is not emptied for a failure that its nodes share: a
// directory that is down. In the table "up" are the nodes of the provider that
// are not drained and on which nothing fails, and a failure is shared if the
// same probe fails on every other node that fails and is not drained, and there
// is one; where all others are drained, if it fails on every one of them.
//
//	node                               up            answer
//	drained                            any           FAIL
//	nothing fails                      any           OK
//	something fails                    >= min_up     FAIL
//	something fails that is not shared < min_up      FAIL
//	all that fails is shared           < min_up      OK, as a warning
//
// So a node with a failure of its own never gets OK; more failures on a node
// never turn FAIL into OK; a higher min_up never turns OK into FAIL; and of
// nodes with the same failures either none stays in or all do. The only node of
// a provider shares with nobody.
//
// A node that could not be reached at all shares that only with nodes that
// could not be reached either: what is stopped or hangs does not come back in
// because the directory fails as well.
//
// A maintenance window changes nothing here; a drain is what takes a node out.
// A failure below a failing probe that the entry needs is that probe's if it is
// of the same node; if it is of the public name, it is not held against the
// node, and neither is one that has been excused since, unless the node could
// not be reached.
func (s *State) NodeVerdict(node string) Verdict {
	if v, ok := s.answers().nodes[node]; ok {
		return v
	}
	return Verdict{Outcome: probes.Fail, Reasons: []string{NoProbeGates}}
}

// NodeVerdictOf is NodeVerdict by the entries that filter accepts, on this and
// all other nodes.
func (s *State) NodeVerdictOf(node string, filter func(Spec) bool) Verdict {
	s.mu.RLock()
	defer s.mu.RUnlock()
	now := s.now()
	if v, ok := s.judgeNodes(filter, s.disagreements(filter, now), now)[node]; ok {
		return v
	}
	return Verdict{Outcome: probes.Fail, Reasons: []string{NoProbeGates}}
}

// member is a node of a provider.
type member struct {
	provider, node string
	tally
	drained bool
	end     time.Time // of the drain
	// fails are the probes that fail on the node, and whether it was reached.
	fails map[string]bool
}

// judgeNodes answers for every node that any entry has. It needs mu.
func (s *State) judgeNodes(filter func(Spec) bool, disagreements []Disagreement, now time.Time) map[string]Verdict {
	type id struct{ provider, node string }
	known := map[id]*member{}
	var members []*member
	for _, e := range s.order {
		m := known[id{e.Provider, e.Node}]
		if m == nil {
			m = &member{provider: e.Provider, node: e.Node, fails: map[string]bool{}}
			m.end, m.drained = s.drained(e.Node, now)
			known[id{e.Provider, e.Node}] = m
			members = append(members, m)
		}
		if e.Gates && (filter == nil || filter(e.Spec)) {
			s.weigh(m, e, now)
		}
	}
	sharing := compareMembers(members)
	verdicts := map[string]Verdict{}
	for _, m := range members {
		if m.gates > 0 || m.drained {
			sharing[m.provider].decide(m, s.rules.group(m.provider), now)
			verdicts[m.node] = join(verdicts[m.node], m.Verdict)
		}
	}
	for _, d := range disagreements {
		for _, node := range d.blamed() {
			if v, ok := verdicts[node]; ok && d.gates && !slices.Contains(v.Reasons, d.Text) {
				verdicts[node] = join(v, Verdict{OK: true, Outcome: probes.Warn, Reasons: []string{d.Text}})
			}
		}
	}
	return verdicts
}

// weigh adds a gating entry to its node.
func (s *State) weigh(m *member, e *entry, now time.Time) {
	m.gates++
	j := e.judge(now, s.rules)
	if j.verdict == probes.Pass {
		return
	}
	if j.verdict != probes.Fail {
		m.add(j.verdict, e.why(j, s.rules))
		return
	}
	c := e.culprit(now, s.rules)
	if c == nil {
		st := s.stand(e, now)
		st.outside = "" // a window changes nothing here
		m.add(probes.Warn, st.line(s.rules))
		return
	}
	if _, ok := m.fails[c.Probe]; !ok {
		m.fails[c.Probe] = c.reached()
		m.add(probes.Fail, c.why(c.judge(now, s.rules), s.rules))
	}
}

// culprit returns what on the node of an entry is to blame for its failure: the
// first cause among what it needs there, or the entry itself; nil if nothing is.
func (e *entry) culprit(now time.Time, o Options) *entry {
	for _, a := range e.ancestors {
		if a.Node == e.Node && a.judge(now, o).fails() && !a.blameless(now, o) {
			return a
		}
	}
	if e.blameless(now, o) {
		return nil
	}
	return e
}

// blameless tells whether something above explains the failure of an entry.
func (e *entry) blameless(now time.Time, o Options) bool {
	return e.reached() && (e.parent(now, o) != nil || e.isExcused(e.judge(now, o), now, o))
}

// reached tells whether the node gave any sign of life in the run that decided.
func (e *entry) reached() bool {
	r := e.LastConclusive
	if r == nil {
		return true // not known
	}
	switch r.Reason {
	case probes.ReasonDNS, probes.ReasonConnect, probes.ReasonTLS:
		return r.Outcome != probes.Fail
	case probes.ReasonTimeout:
		passed := func(s probes.Step) bool { return s.Outcome.OK() && s.Name != r.FailedStep }
		return r.Outcome != probes.Fail || slices.ContainsFunc(r.Steps, passed)
	default:
		return true
	}
}
