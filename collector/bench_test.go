package collector

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/idp-exporter/idp_exporter/internal/state"
	"github.com/idp-exporter/idp_exporter/probes"
)

type discard struct{ header http.Header }

func (d discard) Header() http.Header         { return d.header }
func (d discard) Write(p []byte) (int, error) { return len(p), nil }
func (d discard) WriteHeader(int)             {}

// BenchmarkScrape scrapes 2,000 probes with 30 lines each, 60,000 in all.
func BenchmarkScrape(b *testing.B) {
	st := state.New(state.Options{})
	m := New(st, Options{ClassicBuckets: true, Kinds: kinds})
	var all []state.Spec
	for i := range 2000 {
		all = append(all, state.Spec{Key: state.Key{Probe: fmt.Sprint("probe-", i)}, Kind: "login", Every: time.Minute})
	}
	st.Configure(all, state.Options{})
	for _, s := range all {
		st.Record(s.Key, probes.Result{
			Outcome: probes.Pass, Start: time.Now(), Duration: time.Second,
			Steps: []probes.Step{{Name: "discovery"}, {Name: "jwks"}, {Name: "token"}, {Name: "verify"}},
		})
	}
	h := m.Handler()
	for name, header := range map[string]http.Header{
		"text":        {"Accept": {"text/plain"}},
		"openmetrics": {"Accept": {"application/openmetrics-text;version=1.0.0"}},
		"gzip":        {"Accept": {"text/plain"}, "Accept-Encoding": {"gzip"}},
		"protobuf":    {"Accept": {"application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited"}},
	} {
		b.Run(name, func(b *testing.B) {
			r := httptest.NewRequest(http.MethodGet, "/metrics", nil)
			r.Header = header
			b.ReportAllocs()
			for b.Loop() {
				h.ServeHTTP(discard{http.Header{}}, r)
			}
		})
	}
}
