package collector

import (
	"errors"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"google.golang.org/protobuf/proto"
)

// Gather implements prometheus.Gatherer: all metrics, sorted. The messages share
// labels with each other and must not be changed.
func (m *Metrics) Gather() ([]*dto.MetricFamily, error) {
	now := m.take()
	all := make([]*dto.MetricFamily, 0, len(now.others)+len(m.families))
	g := newMessages(now)
	_ = m.walk(now, func(string) bool { return true }, func(f *dto.MetricFamily) error {
		all = append(all, f)
		return nil
	}, func(f *family) error {
		if out := g.make(f); len(out.Metric) > 0 {
			all = append(all, out)
		}
		return nil
	})
	return all, errors.Join(append(g.all, now.err)...)
}

// encoded leaves the format to expfmt, one family after the other, so that only
// one is in memory.
type encoded struct {
	expfmt.Encoder
	*messages
}

func (e *encoded) other(f *dto.MetricFamily) error { return e.Encode(f) }

func (e *encoded) own(f *family) error {
	out := e.make(f)
	if len(out.Metric) == 0 {
		return nil
	}
	return e.Encode(out)
}

func (e *encoded) finish() error {
	if c, ok := e.Encoder.(expfmt.Closer); ok {
		return c.Close()
	}
	return nil
}

// messages makes protobuf messages of points.
type messages struct {
	now    *moment
	pairs  [][]*dto.LabelPair
	family *family
	// names are those of the family's labels that are not of an entry.
	before *string
	after  []*string
	out    *dto.MetricFamily
	faults
}

func newMessages(now *moment) *messages { return &messages{now: now, pairs: now.layout.pairs()} }

func (g *messages) make(f *family) *dto.MetricFamily {
	kind := [...]dto.MetricType{dto.MetricType_GAUGE, dto.MetricType_COUNTER, dto.MetricType_HISTOGRAM}[f.kind]
	g.family, g.out = f, &dto.MetricFamily{Name: proto.String(f.name), Help: proto.String(f.help), Type: &kind}
	g.before, g.after = proto.String(f.before), nil
	for _, name := range f.after {
		g.after = append(g.after, proto.String(name))
	}
	g.note(f.showTo(g, g.now))
	return g.out
}

func (g *messages) put(p point) {
	if !g.admit(g.now, g.family, &p) {
		return
	}
	// One allocation for what belongs together.
	var cell struct {
		metric  dto.Metric
		gauge   dto.Gauge
		counter dto.Counter
		value   float64
	}
	cell.value = p.value
	if g.family.kind == isCounter {
		cell.counter.Value = &cell.value
		cell.metric.Counter = &cell.counter
	} else {
		cell.gauge.Value = &cell.value
		cell.metric.Gauge = &cell.gauge
	}
	cell.metric.Label = g.labels(&p)
	g.out.Metric = append(g.out.Metric, &cell.metric)
}

func (g *messages) putHistogram(entry int, result string, runs *tally) {
	p := point{entry: entry, after: result}
	if !g.admit(g.now, g.family, &p) {
		return
	}
	g.out.Metric = append(g.out.Metric, &dto.Metric{Label: g.labels(&p), Histogram: runs.message()})
}

func (g *messages) labels(p *point) []*dto.LabelPair {
	var own []*dto.LabelPair
	if p.entry != none {
		own = pairsOf(g.pairs[p.entry], g.family.labels)
		if g.family.before == "" && len(g.after) == 0 {
			return own
		}
	}
	all := make([]*dto.LabelPair, 0, len(own)+1+len(g.after))
	if g.family.before != "" {
		all = append(all, &dto.LabelPair{Name: g.before, Value: proto.String(p.before)})
	}
	all = append(all, own...)
	for i, name := range g.after {
		all = append(all, &dto.LabelPair{Name: name, Value: proto.String([...]string{p.after, p.last}[i])})
	}
	return all
}
