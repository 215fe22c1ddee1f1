package collector

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// reload shows how the last reading of the configuration went.
type reload struct {
	successful, at prometheus.Gauge
}

func newReload() *reload {
	return &reload{
		successful: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "idp_exporter_config_last_reload_successful",
			Help: "Whether the last attempt to load the configuration succeeded.",
		}),
		at: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "idp_exporter_config_last_reload_success_timestamp_seconds",
			Help: "When the configuration was last loaded with success.",
		}),
	}
}

// Describe implements prometheus.Collector.
func (r *reload) Describe(ch chan<- *prometheus.Desc) {
	r.successful.Describe(ch)
	r.at.Describe(ch)
}

// Collect implements prometheus.Collector.
func (r *reload) Collect(ch chan<- prometheus.Metric) {
	r.successful.Collect(ch)
	r.at.Collect(ch)
}

// ReloadSucceeded notes that the configuration was loaded, the first time included.
func (m *Metrics) ReloadSucceeded(at time.Time) {
	m.reload.successful.Set(1)
	m.reload.at.Set(seconds(at))
}

// ReloadFailed notes that loading the configuration failed.
func (m *Metrics) ReloadFailed() { m.reload.successful.Set(0) }

func newLag(classic bool) prometheus.Histogram {
	return prometheus.NewHistogram(histogram("idp_exporter_schedule_lag_seconds",
		"How late scheduled runs started.", classic,
		[]float64{.001, .0025, .005, .01, .025, .05, .1, .5, 1, 5}))
}

// ObserveLag notes how late a scheduled run started.
func (m *Metrics) ObserveLag(d time.Duration) { m.lag.Observe(d.Seconds()) }
