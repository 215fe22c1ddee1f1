package collector

import (
	"slices"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/idp-exporter/idp_exporter/internal/state"
	"github.com/idp-exporter/idp_exporter/probes"
)

// runBuckets are the classic buckets of run durations, in seconds: from a key
// set on the local network to the longest sensible timeout.
var runBuckets = [...]float64{.025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30}

// durations shows how long runs and their steps take.
type durations struct {
	labels labels
	step   desc
	runs   *prometheus.HistogramVec

	mu    sync.Mutex
	known map[state.Key]*series
}

// series are the histograms of one probe on one node, by outcome, nil until
// the first run that ended so.
type series struct {
	kind    string
	results [4]prometheus.Histogram
}

func newDurations(classic bool, l labels) *durations {
	return &durations{
		labels: l,
		step: gauge("idp_probe_step_duration_seconds", "How long each step of the last run of the probe took.",
			"probe", "node", "step"),
		runs: prometheus.NewHistogramVec(histogram("idp_probe_duration_seconds",
			"How long runs of the probe took, by result.", classic, runBuckets[:]),
			[]string{"probe", "kind", "node", "result"}),
		known: map[state.Key]*series{},
	}
}

// histogram returns the options of a native histogram, with the given buckets
// as well for text formats if classic is set.
func histogram(name, help string, classic bool, buckets []float64) prometheus.HistogramOpts {
	o := prometheus.HistogramOpts{
		Name: name, Help: help,
		NativeHistogramBucketFactor:     1.1,
		NativeHistogramMaxBucketNumber:  100,
		NativeHistogramMinResetDuration: time.Hour,
	}
	if classic {
		o.Buckets = buckets
	}
	return o
}

// observe is the state's observer.
func (d *durations) observe(k state.Key, spec state.Spec, r probes.Result) {
	d.mu.Lock()
	defer d.mu.Unlock()
	s := d.known[k]
	if s == nil || s.kind != spec.Kind {
		d.forget(k)
		s = &series{kind: spec.Kind}
		d.known[k] = s
	}
	h := &s.results[r.Outcome&3]
	if *h == nil {
		*h = d.runs.WithLabelValues(k.Probe, s.kind, k.Node, r.Outcome.String()).(prometheus.Histogram)
	}
	(*h).Observe(r.Duration.Seconds())
}

// forget needs mu.
func (d *durations) forget(k state.Key) {
	s := d.known[k]
	if s == nil {
		return
	}
	for _, o := range probes.Outcomes() {
		d.runs.DeleteLabelValues(k.Probe, s.kind, k.Node, o.String())
	}
	delete(d.known, k)
}

func (d *durations) describe(ch chan<- *prometheus.Desc) {
	describe(ch, d.step)
	d.runs.Describe(ch)
}

func (d *durations) collect(ch chan<- prometheus.Metric, entries []state.Entry) {
	for i := range entries {
		if e := &entries[i]; e.Last != nil {
			d.steps(ch, e)
		}
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	shown := make(map[state.Key]bool, len(d.known))
	for i := range entries {
		e := &entries[i]
		s := d.known[e.Key]
		if s == nil || s.kind != e.Kind {
			continue
		}
		shown[e.Key] = true
		for _, h := range s.results {
			if h != nil {
				ch <- h
			}
		}
	}
	if len(shown) == len(d.known) {
		return
	}
	for k := range d.known {
		if !shown[k] {
			d.forget(k) // the probe is gone, and its series with it
		}
	}
}

// steps shows the steps of the last run. Steps that share a name on the page
// are shown as one, since a series that comes twice would spoil the scrape.
func (d *durations) steps(ch chan<- prometheus.Metric, e *state.Entry) {
	type sum struct {
		name string
		took time.Duration
	}
	var room [16]sum
	sums := room[:0]
	for _, s := range e.Last.Steps {
		name := d.labels.step(e.Kind, s.Name)
		i := slices.IndexFunc(sums, func(x sum) bool { return x.name == name })
		if i < 0 {
			sums = append(sums, sum{name, s.Duration})
			continue
		}
		sums[i].took += s.Duration
	}
	for _, s := range sums {
		d.step.send(ch, s.took.Seconds(), e.Probe, e.Node, s.name)
	}
}
