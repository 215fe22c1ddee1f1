package collector

import (
	"strconv"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/idp-exporter/idp_exporter/internal/state"
)

// results shows what probes are and how they stand.
type results struct {
	info, success, verdict, lastRun, lastPass desc
}

func newResults() *results {
	return &results{
		info: gauge("idp_probe_info", "A configured probe on a node (node=\"\" is the public name), always 1.",
			"probe", "kind", "node", "provider", "severity", "gates"),
		success: gauge("idp_probe_success", "Whether the last conclusive run of the probe passed, warnings included.",
			"probe", "kind", "node"),
		verdict: gauge("idp_probe_verdict", "Whether the probe passes after damping, warnings included; what /testall uses.",
			"probe", "kind", "node"),
		lastRun: gauge("idp_probe_last_run_timestamp_seconds", "When the last run of the probe started.",
			"probe", "node"),
		lastPass: gauge("idp_probe_last_pass_timestamp_seconds", "When the last run of the probe that passed or warned started.",
			"probe", "node"),
	}
}

func (r *results) describe(ch chan<- *prometheus.Desc) {
	describe(ch, r.info, r.success, r.verdict, r.lastRun, r.lastPass)
}

func (r *results) collect(ch chan<- prometheus.Metric, entries []state.Entry) {
	for i := range entries {
		e := &entries[i]
		r.info.send(ch, 1, e.Probe, e.Kind, e.Node, e.Provider, string(e.Severity), strconv.FormatBool(e.Gates))
		r.verdict.send(ch, boolean(e.Verdict.OK()), e.Probe, e.Kind, e.Node)
		if e.LastConclusive != nil {
			r.success.send(ch, boolean(e.LastConclusive.Outcome.OK()), e.Probe, e.Kind, e.Node)
		}
		if e.Last != nil {
			r.lastRun.send(ch, seconds(e.Last.Start), e.Probe, e.Node)
		}
		if !e.LastPass.IsZero() {
			r.lastPass.send(ch, seconds(e.LastPass), e.Probe, e.Node)
		}
	}
}
