// Package collector shows the state as Prometheus metrics: one file per group
// of metrics, all fed from the same snapshot, so that a scrape never shows two
// moments. A scrape reads memory only and causes no traffic.
//
// It owns metric names, labels and exposition; what they mean is decided in
// internal/state and internal/schedule.
package collector

import (
	"cmp"
	"log/slog"
	"slices"
	"sync/atomic"
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

// Metrics are all metrics of one exporter. Those that derive from entries of
// the state are families; the others are in a registry.
type Metrics struct {
	state     *state.State
	log       *slog.Logger
	families  []family // by name
	durations *durations
	layout    atomic.Pointer[layout]
	registry  *prometheus.Registry
	errors    *prometheus.CounterVec

	testall *testall
	reload  *reload
	lag     prometheus.Histogram
}

// New returns the metrics of a state, with those of the Go runtime, the process
// and the build. It has to be called before the first run is recorded.
func New(st *state.State, o Options) *Metrics {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	labels := newLabels(o.Kinds)
	m := &Metrics{
		state:     st,
		log:       o.Logger,
		durations: newDurations(o.ClassicBuckets, labels),
		registry:  prometheus.NewRegistry(),
		errors:    newErrors(),
		testall:   newTestall(st),
		reload:    newReload(),
		lag:       newLag(o.ClassicBuckets),
	}
	st.Observe(m.durations.observe)
	for _, p := range []part{results{}, runs{}, failures{labels}, m.durations, assertions{}, facts{}, appliance{}, suppression{o.Windows}, disagree{st}, quorums{st}} {
		m.families = append(m.families, p.families()...)
	}
	slices.SortFunc(m.families, func(a, b family) int { return cmp.Compare(a.name, b.name) })
	m.registry.MustRegister(
		m.testall, m.reload, m.lag, m.errors,
		version.NewCollector("idp_exporter"),
		collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
	)
	return m
}

// Registry returns the registry for further metrics, which must not have names
// of those that the state has.
func (m *Metrics) Registry() *prometheus.Registry { return m.registry }

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
