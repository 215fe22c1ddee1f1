// Package collector shows the state as Prometheus metrics: one file per group
// of metrics, all fed from the same snapshot, so that a scrape never shows two
// moments. A scrape reads memory only and causes no traffic.
//
// It owns metric names, labels and exposition; what they mean is decided in
// internal/state and internal/schedule.
package collector

import (
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/collectors/version"

	"github.com/idp-exporter/idp_exporter/internal/state"
	"github.com/idp-exporter/idp_exporter/probes"
)

// Options configure the metrics.
type Options struct {
	// ClassicBuckets gives histograms classic buckets besides the native ones,
	// for whatever scrapes the text formats.
	ClassicBuckets bool
	// Kinds are the kinds of probes there are. Of a listed kind, a step that
	// its list of steps lacks is shown as "other".
	Kinds []probes.Kind
	// Windows knows the maintenance windows; nil knows none.
	Windows Windows
	// Logger is told of metrics that could not be shown; nil discards that.
	Logger *slog.Logger
}

// Metrics are all metrics of one exporter, in a registry of their own. It
// implements prometheus.Collector for those that are not of the process.
type Metrics struct {
	state    *state.State
	log      *slog.Logger
	parts    []part
	registry *prometheus.Registry

	testall *testall
	reload  *reload
	lag     prometheus.Histogram
}

// part is one group of metrics that derive from entries of the state.
type part interface {
	describe(chan<- *prometheus.Desc)
	collect(chan<- prometheus.Metric, []state.Entry)
}

// New returns the metrics of a state, with those of the Go runtime, the process
// and the build. It has to be called before the first run is recorded.
func New(st *state.State, o Options) *Metrics {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	labels := newLabels(o.Kinds)
	durations := newDurations(o.ClassicBuckets, labels)
	st.Observe(durations.observe)
	m := &Metrics{
		state:    st,
		log:      o.Logger,
		parts:    []part{newResults(), newRuns(), newFailures(labels), durations, newAssertions(), newFacts(), newAppliance(), newSuppression(o.Windows), newDisagree(st)},
		registry: prometheus.NewRegistry(),
		testall:  newTestall(st),
		reload:   newReload(),
		lag:      newLag(o.ClassicBuckets),
	}
	m.registry.MustRegister(
		m, m.testall, m.reload, m.lag,
		version.NewCollector("idp_exporter"),
		collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
	)
	return m
}

// Registry returns the registry that holds the metrics, for further ones.
func (m *Metrics) Registry() *prometheus.Registry { return m.registry }

// Describe implements prometheus.Collector.
func (m *Metrics) Describe(ch chan<- *prometheus.Desc) {
	for _, p := range m.parts {
		p.describe(ch)
	}
}

// Collect implements prometheus.Collector.
func (m *Metrics) Collect(ch chan<- prometheus.Metric) {
	entries := m.state.Snapshot()
	for _, p := range m.parts {
		p.collect(ch, entries)
	}
}

// desc is a metric of one value.
type desc struct {
	*prometheus.Desc
	kind prometheus.ValueType
}

func gauge(name, help string, labels ...string) desc {
	return desc{prometheus.NewDesc(name, help, labels, nil), prometheus.GaugeValue}
}

func counter(name, help string, labels ...string) desc {
	return desc{prometheus.NewDesc(name, help, labels, nil), prometheus.CounterValue}
}

// send shows a value. What cannot be shown fails the scrape of that series alone.
func (d desc) send(ch chan<- prometheus.Metric, v float64, labels ...string) {
	m, err := prometheus.NewConstMetric(d.Desc, d.kind, v, labels...)
	if err != nil {
		m = prometheus.NewInvalidMetric(d.Desc, err)
	}
	ch <- m
}

func describe(ch chan<- *prometheus.Desc, all ...desc) {
	for _, d := range all {
		ch <- d.Desc
	}
}

func boolean(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

// seconds returns t in seconds since the Unix epoch.
func seconds(t time.Time) float64 { return float64(t.UnixMicro()) / 1e6 }
