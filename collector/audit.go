package collector

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/idp-exporter/idp_exporter/internal/audit"
)

// Audit shows how the audit trail is kept.
type Audit struct {
	stats                             func() audit.Stats
	written, dropped, errors, failing desc
}

// NewAudit returns the metrics of an audit trail.
func NewAudit(stats func() audit.Stats) *Audit {
	return &Audit{
		stats:   stats,
		written: counter("idp_exporter_audit_records_total", "Audit records that the sink took.", "sink"),
		dropped: counter("idp_exporter_audit_records_dropped_total", "Audit records that the sink did not take.", "sink"),
		errors:  counter("idp_exporter_audit_errors_total", "Failed attempts to write to the sink, or to connect to it.", "sink"),
		failing: gauge("idp_exporter_audit_failing", "Whether the last attempt to write to the sink failed.", "sink"),
	}
}

// Describe implements prometheus.Collector.
func (a *Audit) Describe(ch chan<- *prometheus.Desc) {
	describe(ch, a.written, a.dropped, a.errors, a.failing)
}

// Collect implements prometheus.Collector. Records that found the buffer full
// reached no sink and count for the sink "buffer".
func (a *Audit) Collect(ch chan<- prometheus.Metric) {
	s := a.stats()
	a.dropped.send(ch, float64(s.TurnedAway), "buffer")
	for _, k := range s.Sinks {
		a.written.send(ch, float64(k.Written), k.Name)
		a.dropped.send(ch, float64(k.Dropped), k.Name)
		a.errors.send(ch, float64(k.Errors), k.Name)
		a.failing.send(ch, boolean(k.Failing), k.Name)
	}
}
