package collector

import (
	"cmp"
	"maps"
	"slices"

	"github.com/idp-exporter/idp_exporter/internal/state"
	"github.com/idp-exporter/idp_exporter/probes"
)

// failures shows where and why runs failed.
type failures struct {
	labels labels
}

func (f failures) families() []family {
	after := []string{"reason", "step"}
	return []family{
		{
			name: "idp_probe_failures_total", kind: isCounter, labels: nodeLabels, after: after,
			help: "Failed runs of the probe by the step that failed and the reason.",
			show: f.total,
		},
		{
			name: "idp_probe_failure_info", labels: nodeLabels, after: after,
			help: "Where and why the last conclusive run of the probe failed; 1 while it did.",
			show: f.info,
		},
	}
}

func (f failures) total(m *moment, s sink) {
	byName := func(a, b state.StepReason) int {
		return cmp.Or(cmp.Compare(a.Reason, b.Reason), cmp.Compare(a.Step, b.Step))
	}
	for _, i := range m.order(nodeLabels) {
		e := &m.entries[i]
		if len(e.Failures) == 0 {
			continue
		}
		// Several unlisted values may meet in "other".
		sums := make(map[state.StepReason]uint64, len(e.Failures))
		for sr, n := range e.Failures {
			sums[f.labels.failure(e.Kind, sr)] += n
		}
		for _, sr := range slices.SortedFunc(maps.Keys(sums), byName) {
			s.put(point{entry: i, after: string(sr.Reason), last: sr.Step, value: float64(sums[sr])})
		}
	}
}

func (f failures) info(m *moment, s sink) {
	for _, i := range m.order(nodeLabels) {
		e := &m.entries[i]
		if last := e.LastConclusive; len(e.Failures) > 0 && last != nil && last.Outcome == probes.Fail {
			sr := f.labels.failure(e.Kind, state.StepReason{Step: last.FailedStep, Reason: last.Reason})
			s.put(point{entry: i, after: string(sr.Reason), last: sr.Step, value: 1})
		}
	}
}
