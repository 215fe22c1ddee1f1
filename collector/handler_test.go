package collector

import (
	"bytes"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
	"github.com/stretchr/testify/require"

	"github.com/idp-exporter/idp_exporter/internal/state"
)

func scrape(t *testing.T, h http.Handler, accept string) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequest(http.MethodGet, "/metrics", nil)
	r.Header.Set("Accept", accept)
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func TestFormats(t *testing.T) {
	t.Parallel()
	m, _ := filled(true)
	h := m.Handler()

	w := scrape(t, h, "text/plain")
	require.Equal(t, http.StatusOK, w.Code)
	require.Contains(t, w.Header().Get("Content-Type"), "text/plain; version=0.0.4")
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(bytes.NewReader(w.Body.Bytes()))
	require.NoError(t, err)
	histogram := families["idp_probe_duration_seconds"].GetMetric()[0].GetHistogram()
	require.GreaterOrEqual(t, len(histogram.GetBucket()), 10)

	w = scrape(t, h, "application/openmetrics-text;version=1.0.0")
	require.Contains(t, w.Header().Get("Content-Type"), "application/openmetrics-text; version=1.0.0")
	require.True(t, bytes.HasSuffix(w.Body.Bytes(), []byte("# EOF\n")))
	require.Contains(t, w.Body.String(), "idp_probe_runs_total{")

	w = scrape(t, h, "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited")
	require.Contains(t, w.Header().Get("Content-Type"), "application/vnd.google.protobuf")
	decoder := expfmt.NewDecoder(w.Body, expfmt.NewFormat(expfmt.TypeProtoDelim))
	native := 0
	for {
		var f dto.MetricFamily
		err := decoder.Decode(&f)
		if errors.Is(err, io.EOF) {
			break
		}
		require.NoError(t, err)
		if name := f.GetName(); name == "idp_probe_duration_seconds" || name == "idp_exporter_schedule_lag_seconds" {
			for _, x := range f.GetMetric() {
				require.NotEmpty(t, x.GetHistogram().GetPositiveSpan(), "%s has no native buckets", name)
				require.Equal(t, int32(3), x.GetHistogram().GetSchema()) // growth of 2^(1/8), the next below 1.1
				require.NotEmpty(t, x.GetHistogram().GetBucket())
				native++
			}
		}
	}
	require.Equal(t, 6, native)
}

func TestClassicBucketsCanBeDropped(t *testing.T) {
	t.Parallel()
	m, _ := filled(false)
	w := scrape(t, m.Handler(), "text/plain")
	require.Contains(t, w.Body.String(), "idp_probe_duration_seconds_count{")
	require.NotContains(t, w.Body.String(), `le="0.1"`)
}

// One series that cannot be shown is logged and counted; the others are served.
func TestOneBadSeriesDoesNotHideTheOthers(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	st := state.New(state.Options{})
	m := New(st, Options{Logger: slog.New(slog.NewTextHandler(&out, nil))})
	bad := specs()[0]
	bad.Provider = "\xff"
	st.Configure([]state.Spec{bad}, state.Options{})
	h := m.Handler()
	w := scrape(t, h, "text/plain")
	require.Equal(t, http.StatusOK, w.Code)
	require.NotContains(t, w.Body.String(), "idp_probe_info{")
	require.Contains(t, w.Body.String(), "idp_probe_verdict{")
	require.Contains(t, out.String(), "idp_probe_info")
	require.Contains(t, scrape(t, h, "text/plain").Body.String(), `promhttp_metric_handler_errors_total{cause="gathering"} 1`)
}

func TestRegistryTakesMore(t *testing.T) {
	t.Parallel()
	m, _ := filled(true)
	g := prometheus.NewGauge(prometheus.GaugeOpts{Name: "further", Help: "A further metric."})
	require.NoError(t, m.Registry().Register(g))
	require.Contains(t, scrape(t, m.Handler(), "text/plain").Body.String(), "further 0")
}
