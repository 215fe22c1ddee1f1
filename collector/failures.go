package collector

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/idp-exporter/idp_exporter/internal/state"
	"github.com/idp-exporter/idp_exporter/probes"
)

// failures shows where and why runs failed.
type failures struct {
	labels      labels
	total, info desc
}

func newFailures(l labels) *failures {
	return &failures{
		labels: l,
		total: counter("idp_probe_failures_total", "Failed runs of the probe by the step that failed and the reason.",
			"probe", "node", "step", "reason"),
		info: gauge("idp_probe_failure_info", "Where and why the last conclusive run of the probe failed; 1 while it did.",
			"probe", "node", "step", "reason"),
	}
}

func (f *failures) describe(ch chan<- *prometheus.Desc) { describe(ch, f.total, f.info) }

func (f *failures) collect(ch chan<- prometheus.Metric, entries []state.Entry) {
	for i := range entries {
		e := &entries[i]
		if len(e.Failures) == 0 {
			continue
		}
		// Several unlisted values may meet in "other".
		sums := make(map[state.StepReason]uint64, len(e.Failures))
		for sr, n := range e.Failures {
			sums[f.labels.failure(e.Kind, sr)] += n
		}
		for sr, n := range sums {
			f.total.send(ch, float64(n), e.Probe, e.Node, sr.Step, string(sr.Reason))
		}
		if last := e.LastConclusive; last != nil && last.Outcome == probes.Fail {
			sr := f.labels.failure(e.Kind, state.StepReason{Step: last.FailedStep, Reason: last.Reason})
			f.info.send(ch, 1, e.Probe, e.Node, sr.Step, string(sr.Reason))
		}
	}
}
