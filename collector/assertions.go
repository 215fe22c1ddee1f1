package collector

import (
	"cmp"
	"slices"
	"strings"
)

// assertions shows the named expectations of probes.
type assertions struct{}

func (assertions) families() []family {
	return []family{{
		name: "idp_probe_assertion_pass", before: "assertion", labels: nodeLabels,
		help: "Whether the expectation held in the last conclusive run of the probe; absent where that run did not get so far.",
		show: showAssertions,
	}}
}

func showAssertions(m *moment, s sink) {
	var all []point
	for _, i := range m.order(nodeLabels) {
		e := &m.entries[i]
		if e.LastConclusive == nil || len(e.LastConclusive.Assertions) == 0 {
			continue
		}
		// Expectations of one name hold if all of them do.
		held := make(map[string]bool, len(e.LastConclusive.Assertions))
		for _, x := range e.LastConclusive.Assertions {
			name := strings.ToValidUTF8(x.Name, "?")
			before, again := held[name]
			held[name] = x.Pass && (before || !again)
		}
		for name, holds := range held {
			all = append(all, point{entry: i, before: name, value: boolean(holds)})
		}
	}
	slices.SortStableFunc(all, func(a, b point) int { return cmp.Compare(a.before, b.before) })
	for _, p := range all {
		s.put(p)
	}
}
