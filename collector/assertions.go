package collector

import (
	"maps"
	"slices"
	"strings"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/idp-exporter/idp_exporter/internal/state"
)

// assertions shows the named expectations of probes.
type assertions struct {
	pass desc
}

func newAssertions() *assertions {
	return &assertions{gauge("idp_probe_assertion_pass",
		"Whether the expectation held in the last conclusive run of the probe; absent where that run did not get so far.",
		"probe", "node", "assertion")}
}

func (a *assertions) describe(ch chan<- *prometheus.Desc) { describe(ch, a.pass) }

func (a *assertions) collect(ch chan<- prometheus.Metric, entries []state.Entry) {
	for i := range entries {
		e := &entries[i]
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
		for _, name := range slices.Sorted(maps.Keys(held)) {
			a.pass.send(ch, boolean(held[name]), e.Probe, e.Node, name)
		}
	}
}
