package state

import (
	"fmt"
	"slices"
	"time"

	"github.com/idp-exporter/idp_exporter/probes"
)

// sharing counts over the members of a provider, the drained apart.
type sharing struct {
	up              int
	active, drained failures
}

// failures count members, those that fail, and by probe those on which it
// fails and those of them that were not reached.
type failures struct {
	members, failing  int
	failed, unreached map[string]int
}

func (f *failures) add(m *member) {
	if f.failed == nil {
		f.failed, f.unreached = map[string]int{}, map[string]int{}
	}
	f.members++
	if len(m.fails) > 0 {
		f.failing++
	}
	for probe, reached := range m.fails {
		f.failed[probe]++
		if !reached {
			f.unreached[probe]++
		}
	}
}

// all tells whether a probe fails on n members, in a way that one that was
// reached, or not, has in common with them.
func (f *failures) all(probe string, reached bool, n int) bool {
	if !reached {
		return f.unreached[probe] == n
	}
	return f.failed[probe] == n
}

func compareMembers(members []*member) map[string]*sharing {
	all := map[string]*sharing{}
	for _, m := range members {
		c := all[m.provider]
		if c == nil {
			c = &sharing{}
			all[m.provider] = c
		}
		switch {
		case m.node == "" || m.gates == 0:
		case m.drained:
			c.drained.add(m)
		default:
			c.active.add(m)
			if len(m.fails) == 0 {
				c.up++
			}
		}
	}
	return all
}

// shares tells whether all that fails on a member fails on the others too.
func (c *sharing) shares(m *member) bool {
	for probe, reached := range m.fails {
		switch {
		case c.active.members > 1:
			if c.active.failing < 2 || !c.active.all(probe, reached, c.active.failing) {
				return false
			}
		case c.drained.members == 0 || !c.drained.all(probe, reached, c.drained.members):
			return false
		}
	}
	return true
}

// decide makes the verdict of a member.
func (c *sharing) decide(m *member, g Group, now time.Time) {
	switch {
	case m.drained:
		m.Outcome, m.Drained = probes.Fail, true
		m.Reasons = append([]string{nodeName(m.node) + ": " + outsideText(SuppressedDrained, m.end, now)}, m.Reasons...)
	case len(m.fails) > 0 && m.node != "" && c.up < g.MinUp && c.shares(m):
		m.Outcome = probes.Warn
		m.Reasons = append([]string{fmt.Sprintf("%s stays in: the other failing nodes of %s share what fails here, and %d would be up where min_up is %d",
			nodeName(m.node), m.provider, c.up, g.MinUp)}, m.Reasons...)
	default:
		m.Outcome = max(m.Outcome, probes.Pass)
	}
	m.OK = m.Outcome.OK()
}

// join adds up what two providers say of nodes with one name.
func join(a, b Verdict) Verdict {
	if a.Outcome == probes.Unknown {
		return b
	}
	o := max(a.Outcome, b.Outcome)
	v := Verdict{OK: o.OK(), Outcome: o, Drained: a.Drained || b.Drained}
	v.Reasons = slices.Clone(a.Reasons)
	for _, line := range b.Reasons {
		if !slices.Contains(v.Reasons, line) {
			v.Reasons = append(v.Reasons, line)
		}
	}
	return v
}
