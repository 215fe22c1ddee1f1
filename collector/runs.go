package collector

import (
	"cmp"
	"slices"

	"github.com/idp-exporter/idp_exporter/probes"
)

// runs counts runs that took place and runs that did not.
type runs struct{}

func (runs) families() []family {
	return []family{
		{
			name: "idp_probe_runs_total", kind: isCounter, labels: kindLabels, after: []string{"result"},
			help: "Runs of the probe by result: pass, warn, fail, unknown.",
			show: showRuns,
		},
		{
			name: "idp_probe_runs_skipped_total", kind: isCounter, before: "cause", labels: nodeLabels,
			help: "Due runs that did not take place: overrun (the one before still went on), backoff (a deliberate pause), budget (a shared limit).",
			show: showSkipped,
		},
	}
}

func showRuns(m *moment, s sink) {
	outcomes := sortedOutcomes()
	for _, i := range m.order(kindLabels) {
		for _, o := range outcomes {
			s.put(point{entry: i, after: o.String(), value: float64(m.entries[i].Runs[o])})
		}
	}
}

func showSkipped(m *moment, s sink) {
	for _, cause := range slices.Sorted(slices.Values(probes.SkipCauses())) {
		for _, i := range m.order(nodeLabels) {
			s.put(point{entry: i, before: string(cause), value: float64(m.entries[i].Skipped[cause])})
		}
	}
}

// sortedOutcomes returns the outcomes by name.
func sortedOutcomes() []probes.Outcome {
	return slices.SortedFunc(slices.Values(probes.Outcomes()), func(a, b probes.Outcome) int { return cmp.Compare(a.String(), b.String()) })
}
