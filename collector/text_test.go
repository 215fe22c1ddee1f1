package collector

import (
	"errors"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"

	"github.com/idp-exporter/idp_exporter/internal/state"
	"github.com/idp-exporter/idp_exporter/probes"
)

// random returns metrics of any state.
func random(r *rand.Rand, names []string) *Metrics {
	name := func() string { return names[r.IntN(len(names))] }
	st := state.New(state.Options{Now: func() time.Time { return noon }, Suppressor: calendar{}})
	m := New(st, Options{ClassicBuckets: r.IntN(2) == 0, Kinds: kinds, Windows: calendar{}})
	var specs []state.Spec
	for range 1 + r.IntN(20) {
		specs = append(specs, state.Spec{
			Key:  state.Key{Probe: name(), Node: []string{"", "n1", "n2", name()}[r.IntN(4)]},
			Kind: []string{"login", "rule", "http", name()}[r.IntN(4)], Provider: name(), Severity: probes.Severity(name()), Gates: r.IntN(2) == 0, Every: time.Minute,
		})
	}
	st.Configure(specs, state.Options{})
	for range r.IntN(60) {
		k := specs[r.IntN(len(specs))].Key
		took := func() time.Duration { return time.Duration(math.Exp(r.Float64() * 25)) }
		keys, offset := r.IntN(4), took()-time.Second
		result := probes.Result{
			Outcome: probes.Outcome(r.IntN(4)), Start: noon.Add(-took()), Duration: took(), FailedStep: name(), Reason: probes.Reason(name()),
			Steps:      []probes.Step{{Name: name(), Duration: took()}, {Name: "token", Duration: took()}, {Name: name(), Duration: took()}},
			Assertions: []probes.Assertion{{Name: name(), Pass: r.IntN(2) == 0}, {Name: name()}},
			Facts: probes.Facts{
				CertificateNotAfter: noon.Add(took()), ClockOffset: &offset, JWKSKeys: &keys, KeyIDs: []string{name()},
				TokenLifetimes: map[string]time.Duration{name(): took(), name(): took()},
				ResourceStatus: map[string]int{name(): 204, name(): 520, name(): r.IntN(1000)},
			},
		}
		if r.IntN(10) == 0 {
			result.Skipped = probes.SkipCauses()[r.IntN(3)]
		}
		st.Record(k, result)
	}
	return m
}

// same compares what is written with what expfmt makes of the same metrics,
// once they were sorted and checked as those of a registry are.
func same(t *testing.T, m *Metrics) {
	t.Helper()
	for _, format := range []expfmt.Format{
		expfmt.NewFormat(expfmt.TypeTextPlain),
		expfmt.NewFormat(expfmt.TypeOpenMetrics),
		expfmt.NewFormat(expfmt.TypeTextPlain).WithEscapingScheme(model.ValueEncodingEscaping),
		expfmt.NewFormat(expfmt.TypeOpenMetrics).WithEscapingScheme(model.UnderscoreEscaping),
		expfmt.NewFormat(expfmt.TypeTextPlain).WithEscapingScheme(model.DotsEscaping),
	} {
		var want strings.Builder
		all, err := prometheus.Gatherers{own(m)}.Gather()
		require.NoError(t, err)
		encoder := expfmt.NewEncoder(&want, format)
		for _, f := range all {
			require.NoError(t, encoder.Encode(f))
		}
		if c, ok := encoder.(expfmt.Closer); ok {
			require.NoError(t, c.Close())
		}
		require.Equal(t, want.String(), written(t, m, format), format)
	}
}

func TestTextIsThatOfExpfmt(t *testing.T) {
	t.Parallel()
	names := []string{"", "a", "b", "B", "ab", "a b", `quo"te`, `back\slash`, "new\nline", `\n`, "ünï", "日本", "a,b", "{}", "token", "discovery", "id_token"}
	for seed := range uint64(60) {
		same(t, random(rand.New(rand.NewPCG(seed, 1)), names))
	}
}

func FuzzTextIsThatOfExpfmt(f *testing.F) {
	f.Add(uint64(1), "a", `b"\`, "c\n")
	f.Fuzz(func(t *testing.T, seed uint64, a, b, c string) {
		var names []string
		for _, s := range []string{a, b, c, a + b, b + c} {
			names = append(names, strings.ToValidUTF8(s, "?"))
		}
		same(t, random(rand.New(rand.NewPCG(seed, 1)), names))
	})
}

func TestNumbers(t *testing.T) {
	t.Parallel()
	kind := dto.MetricType_GAUGE
	for _, v := range []float64{
		0, math.Copysign(0, -1), 1, -1, 2, 10, -0.5, 0.1, 1.0 / 3, 123456, 999999, 1e6, -1e6, 1000001, 1234567, 1e20, 1e21, 1.7726256e9, 1.772625612345678e9,
		1e-4, 1e-5, math.MaxFloat64, math.SmallestNonzeroFloat64, math.Inf(1), math.Inf(-1), math.NaN(), 1 << 53,
	} {
		for _, format := range []expfmt.FormatType{expfmt.TypeTextPlain, expfmt.TypeOpenMetrics} {
			var want strings.Builder
			require.NoError(t, expfmt.NewEncoder(&want, expfmt.NewFormat(format)).Encode(&dto.MetricFamily{
				Name: proto.String("x"), Type: &kind, Metric: []*dto.Metric{{Gauge: &dto.Gauge{Value: proto.Float64(v)}}},
			}))
			w := newText(&moment{}, io.Discard, expfmt.NewFormat(format), nil)
			require.Equal(t, want.String(), "# TYPE x gauge\nx "+string(w.appendFloat(nil, v))+"\n")
		}
	}
}

// What cannot be shown, and a family that panics, cost themselves alone.
func TestFaultsStayWhereTheyAre(t *testing.T) {
	t.Parallel()
	m, _ := filled(true)
	for i := range m.families {
		if f := &m.families[i]; f.name == "idp_probe_success" {
			show := f.show
			f.show = func(now *moment, s sink) {
				s.put(point{entry: 0, value: 1})
				s.put(point{entry: 0, after: "\xff", value: 1})
				show(now, s)
				panic("of a family")
			}
		}
	}
	h := m.Handler().(*handler)
	for _, format := range []expfmt.FormatType{expfmt.TypeTextPlain, expfmt.TypeProtoDelim} {
		var out strings.Builder
		missing, sent := h.write(&out, expfmt.NewFormat(format), m.take(), func(string) bool { return true })
		require.NoError(t, sent)
		require.ErrorContains(t, missing, "idp_probe_success: of a family")
		require.ErrorContains(t, missing, "idp_probe_success: series are left out")
		for _, name := range []string{"idp_probe_success", "idp_probe_verdict", "idp_testall_pass", "go_goroutines"} {
			require.Contains(t, out.String(), name)
		}
	}
}

type broken struct{ writes int }

func (b *broken) Write([]byte) (int, error) {
	b.writes++
	return 0, errors.New("gone")
}

// Nothing more is sent to somebody who has left.
func TestSendingEndsWithTheFirstError(t *testing.T) {
	t.Parallel()
	st := state.New(state.Options{})
	m := New(st, Options{})
	var specs []state.Spec
	for i := range 2000 {
		specs = append(specs, state.Spec{Key: state.Key{Probe: fmt.Sprint("probe-", i)}})
	}
	st.Configure(specs, state.Options{})
	h := m.Handler().(*handler)
	for _, format := range []expfmt.FormatType{expfmt.TypeTextPlain, expfmt.TypeOpenMetrics, expfmt.TypeProtoDelim} {
		var b broken
		missing, sent := h.write(&b, expfmt.NewFormat(format), m.take(), func(string) bool { return true })
		require.NoError(t, missing)
		require.ErrorContains(t, sent, "gone")
		require.Equal(t, 1, b.writes)
	}
}
