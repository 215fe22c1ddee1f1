package collector

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/stretchr/testify/require"
)

// own gathers all metrics of ours but the build's, which differs by machine.
func own(m *Metrics) prometheus.Gatherer {
	return prometheus.GathererFunc(func() ([]*dto.MetricFamily, error) {
		all, err := m.Gather()
		return slices.DeleteFunc(all, func(f *dto.MetricFamily) bool {
			return !strings.HasPrefix(f.GetName(), "idp_") || f.GetName() == "idp_exporter_build_info"
		}), err
	})
}

func render(t *testing.T, g prometheus.Gatherer, format expfmt.FormatType) string {
	t.Helper()
	all, err := g.Gather()
	require.NoError(t, err)
	var out strings.Builder
	encoder := expfmt.NewEncoder(&out, expfmt.NewFormat(format))
	for _, f := range all {
		require.NoError(t, encoder.Encode(f))
	}
	if c, ok := encoder.(expfmt.Closer); ok {
		require.NoError(t, c.Close())
	}
	return out.String()
}

// written returns what a scrape gets of the metrics that own has.
func written(t *testing.T, m *Metrics, format expfmt.Format) string {
	t.Helper()
	var out strings.Builder
	h := m.Handler().(*handler)
	missing, sent := h.write(&out, format, m.take(), func(name string) bool {
		return strings.HasPrefix(name, "idp_") && name != "idp_exporter_build_info"
	})
	require.NoError(t, missing)
	require.NoError(t, sent)
	return out.String()
}

// Set UPDATE_GOLDEN to write the files anew.
func TestGolden(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		format  expfmt.FormatType
		classic bool
	}{
		"text.prom":        {expfmt.TypeTextPlain, true},
		"text-native.prom": {expfmt.TypeTextPlain, false},
		"openmetrics.prom": {expfmt.TypeOpenMetrics, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m, _ := filled(c.classic)
			got := render(t, own(m), c.format)
			require.Equal(t, got, written(t, m, expfmt.NewFormat(c.format)))
			file := filepath.Join("testdata", name)
			if os.Getenv("UPDATE_GOLDEN") != "" {
				require.NoError(t, os.WriteFile(file, []byte(got), 0o600))
			}
			want, err := os.ReadFile(file)
			require.NoError(t, err)
			require.Equal(t, string(want), got)
		})
	}
}

func TestLint(t *testing.T) {
	t.Parallel()
	for _, classic := range []bool{true, false} {
		m, _ := filled(classic)
		problems, err := testutil.GatherAndLint(m)
		require.NoError(t, err)
		require.Empty(t, problems)
	}
}

// The design names these for the kinds http, login and rule.
func TestEveryMetricOfTheDesignIsShown(t *testing.T) {
	t.Parallel()
	m, _ := filled(true)
	all, err := m.Gather()
	require.NoError(t, err)
	shown := map[string]string{}
	for _, f := range all {
		var names []string
		for _, l := range f.GetMetric()[0].GetLabel() {
			names = append(names, l.GetName())
		}
		shown[f.GetName()] = strings.Join(names, ",")
	}
	for name, labels := range map[string]string{
		"idp_probe_info":                                            "gates,kind,node,probe,provider,severity",
		"idp_probe_suppressed":                                      "cause,node,probe",
		"idp_node_drained":                                          "node",
		"idp_maintenance_active":                                    "window",
		"idp_nodes_disagree":                                        "provider,what",
		"idp_probe_success":                                         "kind,node,probe",
		"idp_probe_verdict":                                         "kind,node,probe",
		"idp_probe_runs_total":                                      "kind,node,probe,result",
		"idp_probe_failures_total":                                  "node,probe,reason,step",
		"idp_probe_failure_info":                                    "node,probe,reason,step",
		"idp_probe_duration_seconds":                                "kind,node,probe,result",
		"idp_probe_step_duration_seconds":                           "node,probe,step",
		"idp_probe_interval_seconds":                                "node,probe",
		"idp_probe_last_run_timestamp_seconds":                      "node,probe",
		"idp_probe_last_pass_timestamp_seconds":                     "node,probe",
		"idp_probe_runs_skipped_total":                              "cause,node,probe",
		"idp_probe_assertion_pass":                                  "assertion,node,probe",
		"idp_tls_certificate_not_after_timestamp_seconds":           "node,probe",
		"idp_clock_offset_seconds":                                  "node,probe",
		"idp_token_lifetime_seconds":                                "node,probe,token",
		"idp_jwks_keys":                                             "node,probe",
		"idp_testall_pass":                                          "",
		"idp_testall_requests_total":                                "code",
		"idp_exporter_config_last_reload_successful":                "",
		"idp_exporter_config_last_reload_success_timestamp_seconds": "",
		"idp_exporter_schedule_lag_seconds":                         "",
		"go_goroutines":                                             "",
	} {
		require.Contains(t, shown, name)
		require.Equal(t, labels, shown[name], name)
	}
	require.Contains(t, shown, "idp_exporter_build_info")
}
