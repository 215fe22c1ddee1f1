package state

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/idp-exporter/idp_exporter/probes"
)

// Group are the rules of a provider for its nodes.
type Group struct {
	// MinUp is how many nodes a failure that they share may not take out of
	// their load balancer, see NodeVerdict; 0 switches that off.
	MinUp int `yaml:"min_up"`
	// Quorum is how many nodes have to pass for the failures of the others to
	// be a warning of the whole; 0 means that every node has to. A drained node
	// neither passes nor fails.
	Quorum int `yaml:"quorum"`
}

// DefaultGroup returns the rules of a provider that has none of its own.
func DefaultGroup() Group { return Group{MinUp: 1} }

func (o Options) group(provider string) Group {
	if g, ok := o.Providers[provider]; ok {
		return g
	}
	return DefaultGroup()
}

// Quorums returns the quorum of each provider that has one.
func (s *State) Quorums() map[string]int {
	s.mu.RLock()
	defer s.mu.RUnlock()
	all := map[string]int{}
	for provider, g := range s.rules.Providers {
		if g.Quorum > 0 {
			all[provider] = g.Quorum
		}
	}
	return all
}

// quorum holds back the failures of single nodes until all are known.
type quorum struct {
	rules Options
	// fails tells, by provider and node, of each node of which something counts
	// whether it fails.
	fails map[string]map[string]bool
	// aside holds, likewise, the nodes that are drained or in maintenance.
	aside map[string]map[string]bool
}

func newQuorum(rules Options) quorum {
	return quorum{rules, map[string]map[string]bool{}, map[string]map[string]bool{}}
}

// expect notes that the quorum of a provider is asked for, whatever its nodes.
func (q *quorum) expect(provider string) {
	if q.fails[provider] == nil && q.rules.group(provider).Quorum > 0 {
		q.fails[provider] = map[string]bool{}
	}
}

// leave notes a node that is drained or in maintenance.
func (q *quorum) leave(provider, node string) {
	if node == "" || q.rules.group(provider).Quorum <= 0 {
		return
	}
	q.expect(provider)
	if q.aside[provider] == nil {
		q.aside[provider] = map[string]bool{}
	}
	q.aside[provider][node] = true
}

// count adds a verdict that was found on a node, with its line if it has one.
func (q *quorum) count(t *tally, provider, node string, o probes.Outcome, line string) {
	t.judged++
	if line != "" {
		t.Reasons = append(t.Reasons, line)
	}
	if q.note(provider, node, o == probes.Fail) {
		o = min(o, probes.Warn)
	}
	t.Outcome = max(t.Outcome, o)
}

// note notes how a node stands, and tells whether there is a quorum for it.
func (q *quorum) note(provider, node string, fails bool) bool {
	if node == "" || q.rules.group(provider).Quorum <= 0 {
		return false
	}
	q.expect(provider)
	q.fails[provider][node] = q.fails[provider][node] || fails
	return true
}

// finish makes up for the failures that were held back. Fewer nodes than the
// quorum are a failure, unless it is only drains and windows that lack: those
// somebody decided.
func (q *quorum) finish(t *tally) {
	for _, provider := range slices.Sorted(maps.Keys(q.fails)) {
		fails, need := q.fails[provider], q.rules.group(provider).Quorum
		var out, aside []string
		for _, node := range slices.Sorted(maps.Keys(fails)) {
			if fails[node] {
				out = append(out, node)
			}
		}
		for _, node := range slices.Sorted(maps.Keys(q.aside[provider])) {
			if _, judged := fails[node]; !judged {
				aside = append(aside, node)
			}
		}
		pass := len(fails) - len(out)
		if len(out) == 0 && pass >= need {
			continue
		}
		line := fmt.Sprintf("%s: %d of %d nodes pass, the quorum is %d", provider, pass, len(fails)+len(aside), need)
		if len(out) > 0 {
			line += "; out: " + nodeList(out)
		}
		if len(aside) > 0 {
			line += "; drained or in maintenance: " + nodeList(aside)
		}
		outcome := probes.Warn
		if pass < need && (len(out) > 0 || pass+len(aside) < need) {
			outcome = probes.Fail
		}
		t.add(outcome, line)
	}
}

// listed is how many names a line spells out.
const listed = 8

// nodeList writes names for people, the rest of a long list as a number.
func nodeList(names []string) string {
	if len(names) <= listed {
		return strings.Join(names, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(names[:listed], ", "), len(names)-listed)
}
