package collector

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/idp-exporter/idp_exporter/internal/discover"
)

// discovery shows how the discovery of each provider's nodes stands.
type discovery struct {
	status                   func() map[string]discover.Status
	nodes, success, failures desc
}

// NewDiscovery returns a collector of what status tells, by provider.
func NewDiscovery(status func() map[string]discover.Status) prometheus.Collector {
	return &discovery{
		status:   status,
		nodes:    gauge("idp_nodes_discovered", "Nodes of the provider that its discovery knows.", "provider"),
		success:  gauge("idp_discovery_last_success_timestamp_seconds", "When the discovery last named nodes, 0 if it never did.", "provider"),
		failures: counter("idp_discovery_failures_total", "Lookups that brought no nodes; the former nodes stay.", "provider"),
	}
}

// Describe implements prometheus.Collector.
func (d *discovery) Describe(ch chan<- *prometheus.Desc) {
	describe(ch, d.nodes, d.success, d.failures)
}

// Collect implements prometheus.Collector.
func (d *discovery) Collect(ch chan<- prometheus.Metric) {
	for provider, s := range d.status() {
		last := 0.0
		if !s.LastSuccess.IsZero() {
			last = seconds(s.LastSuccess)
		}
		d.nodes.send(ch, float64(s.Nodes), provider)
		d.success.send(ch, last, provider)
		d.failures.send(ch, float64(s.Failures), provider)
	}
}
