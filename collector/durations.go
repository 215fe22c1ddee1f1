package collector

import (
	"cmp"
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
	classic bool
	labels  labels

	mu    sync.Mutex
	known map[state.Key]*series
}

// series are the durations of one probe on one node, by outcome.
type series struct {
	kind    string
	results [4]*tally // each nil until the first run that ended so; set under the mutex of durations
}

func newDurations(classic bool, l labels) *durations {
	return &durations{
		classic: classic,
		labels:  l,
		known:   map[state.Key]*series{},
	}
}

func (d *durations) families() []family {
	return []family{
		{
			name: "idp_probe_duration_seconds", kind: isHistogram, labels: kindLabels, after: []string{"result"},
			help: "How long runs of the probe took, by result.",
			show: showDurations,
		},
		{
			name: "idp_probe_step_duration_seconds", labels: nodeLabels, after: []string{"step"},
			help: "How long each step of the last run of the probe took.",
			show: d.steps,
		},
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
		s = &series{kind: spec.Kind}
		d.known[k] = s
	}
	t := s.results[r.Outcome&3]
	if t == nil {
		t = newTally(d.classic, time.Now())
		s.results[r.Outcome&3] = t
	}
	t.observe(r.Duration.Seconds())
}

// of returns the durations of each entry, as far as there are any, and drops
// those of probes that are gone.
func (d *durations) of(entries []state.Entry) [][4]*tally {
	all := make([][4]*tally, len(entries))
	d.mu.Lock()
	defer d.mu.Unlock()
	shown := 0
	for i := range entries {
		if s := d.known[entries[i].Key]; s != nil && s.kind == entries[i].Kind {
			all[i] = s.results
			shown++
		}
	}
	if shown == len(d.known) {
		return all
	}
	kinds := make(map[state.Key]string, len(entries))
	for i := range entries {
		kinds[entries[i].Key] = entries[i].Kind
	}
	for k, s := range d.known {
		if kind, there := kinds[k]; !there || kind != s.kind {
			delete(d.known, k)
		}
	}
	return all
}

func showDurations(m *moment, s sink) {
	outcomes := sortedOutcomes()
	for _, i := range m.order(kindLabels) {
		for _, o := range outcomes {
			if t := m.runs[i][o]; t != nil {
				s.putHistogram(i, o.String(), t)
			}
		}
	}
}

// steps shows the steps of the last run. Steps that share a name on the page
// are shown as one, since a series that comes twice would spoil the scrape.
func (d *durations) steps(m *moment, s sink) {
	var sums []point
	for _, i := range m.order(nodeLabels) {
		e := &m.entries[i]
		if e.Last == nil {
			continue
		}
		sums = sums[:0]
		for _, step := range e.Last.Steps {
			name := d.labels.step(e.Kind, step.Name)
			at := slices.IndexFunc(sums, func(p point) bool { return p.after == name })
			if at < 0 {
				at = len(sums)
				sums = append(sums, point{entry: i, after: name})
			}
			sums[at].value += float64(step.Duration)
		}
		slices.SortFunc(sums, func(a, b point) int { return cmp.Compare(a.after, b.after) })
		for _, p := range sums {
			p.value = time.Duration(p.value).Seconds() // whole numbers up to here, thus exact
			s.put(p)
		}
	}
}
