package collector

import "github.com/idp-exporter/idp_exporter/internal/state"

// results shows what probes are and how they stand.
type results struct{}

func (results) families() []family {
	return []family{
		{
			name: "idp_probe_info", labels: infoLabels,
			help: "A configured probe on a node (node=\"\" is the public name), always 1.",
			show: showInfo,
		},
		family{
			name: "idp_probe_interval_seconds", labels: nodeLabels,
			help: "How often the probe is to run.",
		}.each(func(e *state.Entry) (float64, bool) { return e.Every.Seconds(), true }),
		family{
			name: "idp_probe_success", labels: kindLabels,
			help: "Whether the last conclusive run of the probe passed, warnings included.",
		}.each(func(e *state.Entry) (float64, bool) {
			return boolean(e.LastConclusive != nil && e.LastConclusive.Outcome.OK()), e.LastConclusive != nil
		}),
		family{
			name: "idp_probe_verdict", labels: kindLabels,
			help: "Whether the probe passes after damping, warnings included; what /testall uses.",
		}.each(func(e *state.Entry) (float64, bool) { return boolean(e.Verdict.OK()), true }),
		family{
			name: "idp_probe_last_run_timestamp_seconds", labels: nodeLabels,
			help: "When the last run of the probe started.",
		}.each(func(e *state.Entry) (float64, bool) {
			if e.Last == nil {
				return 0, false
			}
			return seconds(e.Last.Start), true
		}),
		family{
			name: "idp_probe_last_pass_timestamp_seconds", labels: nodeLabels,
			help: "When the last run of the probe that passed or warned started.",
		}.each(func(e *state.Entry) (float64, bool) { return seconds(e.LastPass), !e.LastPass.IsZero() }),
	}
}

// showInfo shows false before true, since gates is the first label by name.
func showInfo(m *moment, s sink) {
	for _, gates := range []bool{false, true} {
		for _, i := range m.order(kindLabels) {
			if m.entries[i].Gates == gates {
				s.put(point{entry: i, value: 1})
			}
		}
	}
}
