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

// quorum holds back the failures of single nodes until all are known.
type quorum struct {
	rules Options
	// fails tells, by provider and node, of each node of which something counts
	// whether it fails.
	fails map[string]map[string]bool
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
	if q.fails[provider] == nil {
		q.fails[provider] = map[string]bool{}
	}
	q.fails[provider][node] = q.fails[provider][node] || fails
	return true
}

// finish makes up for the failures that were held back.
func (q *quorum) finish(t *tally) {
	for _, provider := range slices.Sorted(maps.Keys(q.fails)) {
		fails := q.fails[provider]
		var out []string
		for _, node := range slices.Sorted(maps.Keys(fails)) {
			if fails[node] {
				out = append(out, node)
			}
		}
		if len(out) == 0 {
			continue
		}
		need, pass := q.rules.group(provider).Quorum, len(fails)-len(out)
		line := fmt.Sprintf("%s: %d of %d nodes pass, the quorum is %d; out: %s", provider, pass, len(fails), need, nodeList(out))
		if pass < need {
			t.add(probes.Fail, line)
		} else {
			t.add(probes.Warn, line)
		}
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
