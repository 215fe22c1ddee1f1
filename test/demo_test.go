package test

import (
	"bytes"
	"fmt"
	"net/http"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil/promlint"
	"github.com/stretchr/testify/require"
)

// startDemo starts `idp_exporter demo` as a newcomer would, on ports of its own.
func startDemo(t *testing.T) *exporter {
	t.Helper()
	address := "127.0.0.1:" + freePort(t)
	p := start(t, binary(t), "demo", "--web.listen-address="+address, "--provider.listen-address=127.0.0.1:"+freePort(t), "--token="+testToken)
	e := &exporter{process: p, url: "http://" + address, token: testToken}
	e.waitHealthy()
	return e
}

func TestDemoPassesWithinSeconds(t *testing.T) {
	t.Parallel()
	begin := time.Now()
	e := startDemo(t)
	e.waitTestall("OK", 5*time.Second)
	t.Logf("/testall passes %s after the start", time.Since(begin).Round(time.Millisecond))
	require.Contains(t, e.output(), "curl")

	for path, want := range map[string]int{
		"/metrics": 401, "/probe?probe=login": 401, "/api/v1/results": 401, "/": 401, "/-/reload": 401, "/demo/crm-down/on": 401, "/nothing": 401,
		"/testall": 200, "/test": 200, "/-/healthy": 200, "/-/ready": 200,
	} {
		code, _, err := e.try(http.MethodGet, path, nil)
		require.NoError(t, err)
		require.Equal(t, want, code, path)
	}
}

// TestEachSwitchShowsWithStepAndReasonAndMends throws one switch after the other
// and looks at what the verdict, the results and the metrics say.
func TestEachSwitchShowsWithStepAndReasonAndMends(t *testing.T) {
	t.Parallel()
	e := startDemo(t)
	e.waitTestall("OK", 10*time.Second)
	type want struct{ probe, step, reason string }
	for _, tt := range []struct {
		name  string
		wants []want
	}{
		// One account is one budget: whichever probe meets the refusal first keeps the others from trying.
		{"wrong-password", []want{{"", "", "credentials_refused"}}},
		{"rule-removed", []want{{"rule-crm", "expectations", "claim_mismatch"}, {"rule-suspended", "expectations", "not_refused"}}},
		{"crm-down", []want{{"login-password", "token", "access_denied"}, {"rule-crm", "token", "access_denied"}}},
		{"slow-login", []want{{"login", "login_page", "timeout"}, {"login-password", "token", "timeout"}}},
		{"key-unpublished", []want{{"login", "verify", "token_invalid"}, {"login-password", "verify", "token_invalid"}}},
		{"wrong-audience", []want{{"login", "verify", "token_invalid"}, {"login-password", "verify", "token_invalid"}}},
	} {
		begin := time.Now()
		code, body := e.request(http.MethodPost, "/demo/"+tt.name+"/on", "")
		require.Equal(t, http.StatusOK, code, body)
		e.waitTestall("FAIL", 20*time.Second)
		fell := time.Since(begin)
		for _, w := range tt.wants {
			if w.probe == "" {
				w.probe, w.step = e.waitReason(w.reason, 20*time.Second)
				require.Contains(t, []string{"credentials", "token"}, w.step)
			}
			e.waitResult(w.probe, "fail", w.step, w.reason, 20*time.Second)
			_, metrics := e.get("/metrics")
			require.Contains(t, metrics, fmt.Sprintf("idp_probe_failure_info{node=\"\",probe=%q,reason=%q,step=%q} 1", w.probe, w.reason, w.step))
		}
		_, verbose := e.get("/testall?verbose")
		require.Contains(t, verbose, tt.wants[0].reason)
		code, document := e.request(http.MethodGet, "/testall", "application/health+json")
		require.Equal(t, http.StatusServiceUnavailable, code)
		require.Contains(t, document, `"status": "fail"`)

		begin = time.Now()
		code, body = e.request(http.MethodPost, "/demo/"+tt.name+"/off", "")
		require.Equal(t, http.StatusOK, code, body)
		e.waitTestall("OK", 30*time.Second)
		mended := time.Since(begin)
		e.waitAllPassSince(begin, 30*time.Second) // what is still in flight belongs to this switch, not to the next
		t.Logf("%s: FAIL after %s, OK again %s after the repair", tt.name, fell.Round(100*time.Millisecond), mended.Round(100*time.Millisecond))
	}
}

func TestDemoBreakAndRepairCommands(t *testing.T) {
	t.Parallel()
	e := startDemo(t)
	address := strings.TrimPrefix(e.url, "http://")
	run := func(args ...string) (string, error) {
		out, err := exec.CommandContext(t.Context(), binary(t), append(args, "--web.listen-address="+address, "--token="+testToken)...).CombinedOutput()
		return string(out), err
	}
	e.waitTestall("OK", 10*time.Second)
	out, err := run("demo", "break", "crm-down")
	require.NoError(t, err, out)
	e.waitTestall("FAIL", 20*time.Second)
	out, err = run("demo", "repair", "crm-down")
	require.NoError(t, err, out)
	e.waitTestall("OK", 20*time.Second)
	out, err = run("demo", "break", "nonsense")
	require.Error(t, err)
	require.Contains(t, out, "key-unpublished", "an unknown switch lists the known ones")
}

// TestEveryMetricOfTheDesignIsThereAndPromlintFindsNothing looks at a demo
// whose probes have failed and passed.
func TestEveryMetricOfTheDesignIsThereAndPromlintFindsNothing(t *testing.T) {
	t.Parallel()
	e := startDemo(t)
	e.waitTestall("OK", 10*time.Second)
	code, body := e.request(http.MethodPost, "/demo/rule-removed/on", "")
	require.Equal(t, http.StatusOK, code, body)
	e.waitTestall("FAIL", 20*time.Second)
	_, metrics := e.get("/metrics")
	for _, name := range []string{
		"idp_probe_info", "idp_probe_success", "idp_probe_verdict", "idp_probe_runs_total", "idp_probe_failures_total", "idp_probe_failure_info",
		"idp_probe_duration_seconds", "idp_probe_step_duration_seconds", "idp_probe_last_run_timestamp_seconds",
		"idp_probe_last_pass_timestamp_seconds", "idp_probe_runs_skipped_total", "idp_probe_assertion_pass", "idp_clock_offset_seconds",
		"idp_token_lifetime_seconds", "idp_jwks_keys", "idp_testall_pass", "idp_testall_requests_total", "idp_exporter_build_info",
		"idp_exporter_config_last_reload_successful", "idp_exporter_schedule_lag_seconds", "go_goroutines", "process_cpu_seconds_total",
	} {
		require.Contains(t, metrics, "\n# TYPE "+name+" ", name)
	}
	problems, err := promlint.New(bytes.NewBufferString(metrics)).Lint()
	require.NoError(t, err)
	require.Empty(t, problems)

	for accept, want := range map[string]string{
		"text/plain": "# HELP idp_probe_info",
		"application/openmetrics-text; version=1.0.0":                                                  "# EOF",
		"application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited": "idp_probe_duration_seconds",
	} {
		code, body := e.request(http.MethodGet, "/metrics", accept)
		require.Equal(t, http.StatusOK, code)
		require.Contains(t, body, want, accept)
	}
}
