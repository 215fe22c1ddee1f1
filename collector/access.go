package collector

import (
	"strings"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/idp-exporter/idp_exporter/internal/web/access"
)

// Access shows how the configured credentials are used.
type Access struct {
	stats                       func() access.Stats
	lastUsed, notAfter, refused desc
}

// NewAccess returns the metrics of the credentials in force.
func NewAccess(stats func() access.Stats) *Access {
	return &Access{
		stats: stats,
		lastUsed: gauge("idp_access_key_last_used_timestamp_seconds",
			"When a request last showed a valid credential of this holder; absent while none has since the start.", "kind", "name"),
		notAfter: gauge("idp_access_key_not_after_timestamp_seconds",
			"When the last credential of this holder ends; absent where one never does.", "kind", "name"),
		refused: counter("idp_access_refused_total", "Requests refused for their credentials.", "reason"),
	}
}

// Describe implements prometheus.Collector.
func (a *Access) Describe(ch chan<- *prometheus.Desc) {
	describe(ch, a.lastUsed, a.notAfter, a.refused)
}

// Collect implements prometheus.Collector. A name that no label can hold is
// shown with question marks, and the first of those that then are the same.
func (a *Access) Collect(ch chan<- prometheus.Metric) {
	s := a.stats()
	shown := map[[2]string]bool{}
	for _, k := range s.Keys {
		name := strings.ToValidUTF8(k.Name, "?")
		if shown[[2]string{k.Kind, name}] {
			continue
		}
		shown[[2]string{k.Kind, name}] = true
		if !k.LastUsed.IsZero() {
			a.lastUsed.send(ch, seconds(k.LastUsed), k.Kind, name)
		}
		if !k.NotAfter.IsZero() {
			a.notAfter.send(ch, seconds(k.NotAfter), k.Kind, name)
		}
	}
	for _, r := range s.Refused {
		a.refused.send(ch, float64(r.Count), r.Reason.String())
	}
}
