package collector

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/idp-exporter/idp_exporter/internal/state"
	"github.com/idp-exporter/idp_exporter/probes"
)

// runs counts runs that took place and runs that did not.
type runs struct {
	runs, skipped desc
}

func newRuns() *runs {
	return &runs{
		runs: counter("idp_probe_runs_total", "Runs of the probe by result: pass, warn, fail, unknown.",
			"probe", "kind", "node", "result"),
		skipped: counter("idp_probe_runs_skipped_total",
			"Due runs that did not take place: overrun (the one before still went on), backoff (a deliberate pause), budget (a shared limit).",
			"probe", "node", "cause"),
	}
}

func (r *runs) describe(ch chan<- *prometheus.Desc) { describe(ch, r.runs, r.skipped) }

func (r *runs) collect(ch chan<- prometheus.Metric, entries []state.Entry) {
	outcomes, causes := probes.Outcomes(), probes.SkipCauses()
	for i := range entries {
		e := &entries[i]
		for _, o := range outcomes {
			r.runs.send(ch, float64(e.Runs[o]), e.Probe, e.Kind, e.Node, o.String())
		}
		for _, c := range causes {
			r.skipped.send(ch, float64(e.Skipped[c]), e.Probe, e.Node, string(c))
		}
	}
}
