package web

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/stretchr/testify/require"

	"github.com/idp-exporter/idp_exporter/internal/state"
	"github.com/idp-exporter/idp_exporter/internal/web/access"
	"github.com/idp-exporter/idp_exporter/probes"
)

func admin(t *testing.T, o Options) (*server, string) {
	t.Helper()
	config, bearer := withToken(t, access.All)
	o.Access = config
	return start(t, o), bearer
}

func TestProbeRoute(t *testing.T) {
	t.Parallel()
	keys := 2
	offset := -1500 * time.Millisecond
	run := *entry("login", "n1", true, probes.Fail).Last
	run.Assertions = []probes.Assertion{{Name: "crm id", Pass: false}, {Name: "roles", Pass: true}}
	run.Facts = probes.Facts{CertificateNotAfter: time.Unix(1900000000, 0), ClockOffset: &offset, JWKSKeys: &keys,
		TokenLifetimes: map[string]time.Duration{"id_token": time.Hour}}
	var asked state.Key
	o := options()
	o.Runner = fakeRunner(func(_ context.Context, k state.Key) (probes.Result, error) {
		asked = k
		return run, nil
	})
	s, bearer := admin(t, o)
	got := s.get(t, "/probe?probe=login&node=n1", "Authorization", bearer)
	require.Equal(t, state.Key{Probe: "login", Node: "n1"}, asked)
	require.Equal(t, http.StatusOK, got.code)
	require.True(t, strings.HasPrefix(got.header.Get("Content-Type"), "text/plain"))
	for _, line := range []string{
		`idp_probe_success{kind="login",node="n1",probe="login"} 0`,
		`idp_probe_run_result{kind="login",node="n1",probe="login",result="fail"} 1`,
		`idp_probe_run_duration_seconds{kind="login",node="n1",probe="login"} 0.25`,
		`idp_probe_step_duration_seconds{node="n1",probe="login",step="discovery"} 0.1`,
		`idp_probe_failure_info{node="n1",probe="login",reason="token_invalid",step="token"} 1`,
		`idp_probe_assertion_pass{assertion="crm id",node="n1",probe="login"} 0`,
		`idp_tls_certificate_not_after_timestamp_seconds{node="n1",probe="login"} 1.9e+09`,
		`idp_clock_offset_seconds{node="n1",probe="login"} -1.5`,
		`idp_token_lifetime_seconds{node="n1",probe="login",token="id_token"} 3600`,
		`idp_jwks_keys{node="n1",probe="login"} 2`,
	} {
		require.Contains(t, got.body, line+"\n")
	}
	require.NotContains(t, got.body, "alg none", "free text is no label")
	problems, err := testutil.GatherAndLint(runMetrics(entry("login", "n1", true, probes.Fail).Spec, run))
	require.NoError(t, err)
	require.Empty(t, problems)

	got = s.get(t, "/probe?probe=login&node=n1", "Authorization", bearer, "Accept", "application/json")
	var doc struct {
		Probe, Node, Kind string
		Result            probes.Result
	}
	require.NoError(t, json.Unmarshal([]byte(got.body), &doc))
	require.Equal(t, "login/n1/login", doc.Probe+"/"+doc.Node+"/"+doc.Kind)
	require.Equal(t, probes.ReasonTokenInvalid, doc.Result.Reason)

	for path, code := range map[string]int{"/probe": 400, "/probe?probe=": 400, "/probe?probe=nope": 404, "/probe?probe=login&node=nope": 404,
		"/probe?probe=login&target=http://169.254.169.254/": 200} {
		got := s.get(t, path, "Authorization", bearer)
		require.Equal(t, code, got.code, path)
		require.NotContains(t, got.body, "nope")
	}
	require.Equal(t, state.Key{Probe: "login"}, asked, "the request brings no target of its own")
}

func TestProbeThatDidNotRun(t *testing.T) {
	t.Parallel()
	result := probes.Result{Skipped: probes.SkipBackoff}
	var fails error
	o := options()
	o.Redact = func(s string) string { return strings.ReplaceAll(s, "canary", "<secret>") }
	o.Runner = fakeRunner(func(context.Context, state.Key) (probes.Result, error) { return result, fails })
	s, bearer := admin(t, o)
	got := s.get(t, "/probe?probe=login", "Authorization", bearer)
	require.Contains(t, got.body, `idp_probe_run_skipped{cause="backoff",node="",probe="login"} 1`)
	require.NotContains(t, got.body, "idp_probe_success{", "inconclusive is neither up nor down")
	require.NotContains(t, got.body, "idp_probe_run_duration_seconds")
	fails = fmt.Errorf("stopped with canary")
	got = s.get(t, "/probe?probe=login", "Authorization", bearer)
	require.Equal(t, http.StatusServiceUnavailable, got.code)
	require.Equal(t, "the probe did not run: stopped with <secret>\n", got.body)
}

func TestSlowProbeOutlastsTheServersTimes(t *testing.T) {
	t.Parallel()
	config, bearer := withToken(t, "probe")
	o := options()
	o.Access = config
	o.Runner = fakeRunner(func(ctx context.Context, _ state.Key) (probes.Result, error) {
		select {
		case <-time.After(600 * time.Millisecond):
			return probes.Result{Outcome: probes.Pass}, nil
		case <-ctx.Done():
			return probes.Result{}, ctx.Err()
		}
	})
	s := start(t, o, func(s *Server) { s.times.read, s.times.write = 200*time.Millisecond, 200*time.Millisecond })
	got := s.get(t, "/probe?probe=login", "Authorization", bearer)
	require.Equal(t, http.StatusOK, got.code)
	require.Contains(t, got.body, `idp_probe_success{kind="login",node="",probe="login"} 1`)
}

func TestAPI(t *testing.T) {
	t.Parallel()
	o := options()
	o.State = &fakeState{entries: []state.Entry{
		entry("login", "", true, probes.Pass), entry("login", "n1", true, probes.Fail), {Spec: state.Spec{Key: state.Key{Probe: "new"}}},
	}}
	s, bearer := admin(t, o)
	got := s.get(t, "/api/v1/probes", "Authorization", bearer)
	require.Equal(t, typeJSON, got.header.Get("Content-Type"))
	require.JSONEq(t, `{"probes":[
		{"probe":"login","node":"","kind":"login","provider":"acme","severity":"critical","gates":true,"every_seconds":60,"fail_after":2,"pass_after":1},
		{"probe":"login","node":"n1","kind":"login","provider":"acme","severity":"critical","gates":true,"every_seconds":60,"fail_after":2,"pass_after":1},
		{"probe":"new","node":"","kind":"","provider":"","severity":"","gates":false,"every_seconds":0,"fail_after":0,"pass_after":0}]}`, got.body)

	var doc struct {
		Verdict struct {
			OK      bool
			Outcome string
			Reasons []string
		}
		Results []map[string]any
	}
	got = s.get(t, "/api/v1/results", "Authorization", bearer)
	require.NoError(t, json.Unmarshal([]byte(got.body), &doc))
	require.False(t, doc.Verdict.OK)
	require.Equal(t, "fail", doc.Verdict.Outcome)
	require.Len(t, doc.Verdict.Reasons, 1)
	require.Len(t, doc.Results, 3)
	require.Nil(t, doc.Results[2]["last"])
	require.Equal(t, map[string]any{"pass": 7.0, "warn": 0.0, "fail": 0.0, "unknown": 0.0}, doc.Results[0]["runs"])
	require.Equal(t, []any{map[string]any{"step": "token", "reason": "token_invalid", "count": 3.0}}, doc.Results[1]["failures"])
	last, ok := doc.Results[1]["last"].(map[string]any)
	require.True(t, ok)
	require.Equal(t, "token_invalid", last["reason"])

	got = s.get(t, "/api/v1/results?probe=login&node=", "Authorization", bearer)
	require.NoError(t, json.Unmarshal([]byte(got.body), &doc))
	require.True(t, doc.Verdict.OK)
	require.Len(t, doc.Results, 1)
	got = s.get(t, "/api/v1/results?probe=nope", "Authorization", bearer)
	require.Equal(t, 404, got.code)
	require.JSONEq(t, `{"error":"unknown name in probe="}`, got.body)
}

func TestPage(t *testing.T) {
	t.Parallel()
	o := options()
	o.State = &fakeState{entries: []state.Entry{entry("login", "n<1>", true, probes.Fail)}}
	s := start(t, o)
	got := s.get(t, "/")
	require.Equal(t, http.StatusOK, got.code)
	require.Equal(t, "text/html; charset=utf-8", got.header.Get("Content-Type"))
	require.Contains(t, got.body, "n&lt;1&gt;")
	require.NotContains(t, got.body, "<script>")
	require.Contains(t, got.body, ">FAIL</span>")
	_, rest, _ := strings.Cut(got.body, "<style>")
	css, _, _ := strings.Cut(rest, "</style>")
	sum := sha256.Sum256([]byte(css))
	require.Contains(t, got.header.Get("Content-Security-Policy"), "style-src 'sha256-"+base64.StdEncoding.EncodeToString(sum[:])+"'")
	require.Equal(t, "deny", got.header.Get("X-Frame-Options"))
}

func TestReadyNamesLaggards(t *testing.T) {
	t.Parallel()
	o := options()
	o.Ready = func() (bool, []string) { return false, []string{"login on node n1", "rule"} }
	s := start(t, o)
	got := s.get(t, "/-/ready")
	require.Equal(t, http.StatusServiceUnavailable, got.code)
	require.Equal(t, "not ready; waiting for:\nlogin on node n1\nrule\n", got.body)
	require.Equal(t, http.StatusOK, s.get(t, "/-/healthy").code)
}

func TestReload(t *testing.T) {
	t.Parallel()
	calls := 0
	o := options()
	o.Reload = func(context.Context) error {
		if calls++; calls > 2 {
			return errTest
		}
		return nil
	}
	s, bearer := admin(t, o)
	require.Equal(t, http.StatusOK, s.do(t, "POST", "/-/reload", "Authorization", bearer).code)
	require.Equal(t, http.StatusOK, s.do(t, "PUT", "/-/reload", "Authorization", bearer).code)
	got := s.do(t, "POST", "/-/reload", "Authorization", bearer)
	require.Equal(t, http.StatusInternalServerError, got.code)
	require.Contains(t, got.body, errTest.Error())
	got = s.do(t, "POST", "/-/reload", "Authorization", bearer, "Origin", "https://evil.example")
	require.Equal(t, http.StatusForbidden, got.code, "a page elsewhere cannot make a browser reload us")
	require.Equal(t, 3, calls)
}

func TestDemo(t *testing.T) {
	t.Parallel()
	sw := &fakeSwitches{on: map[string]bool{}}
	o := options()
	o.Switches = sw
	s, bearer := admin(t, o)
	require.Equal(t, http.StatusOK, s.do(t, "POST", "/demo/crm-down/on", "Authorization", bearer).code)
	require.True(t, sw.List()[0].On)
	require.JSONEq(t, `{"switches":[{"name":"crm-down","description":"the CRM is down","on":true}]}`, s.get(t, "/demo", "Authorization", bearer).body)
	require.Equal(t, "crm-down is off\n", s.do(t, "POST", "/demo/crm-down/off", "Authorization", bearer).body)
	require.False(t, sw.List()[0].On)
	for _, path := range []string{"/demo/crm-down", "/demo/crm-down/maybe", "/demo/nope/on", "/demo/", "/demo/crm-down/on/off"} {
		require.Equal(t, http.StatusNotFound, s.do(t, "POST", path, "Authorization", bearer).code, path)
	}
	outside, bearer := admin(t, options())
	require.Equal(t, http.StatusNotFound, outside.get(t, "/demo", "Authorization", bearer).code)
	require.Equal(t, http.StatusNotFound, outside.do(t, "POST", "/demo/crm-down/on", "Authorization", bearer).code)
}

func TestPanicIsContained(t *testing.T) {
	t.Parallel()
	log, logger := debugLog()
	o := options()
	o.Logger = logger
	o.Metrics = http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic("boom") })
	s := start(t, o)
	require.Equal(t, http.StatusInternalServerError, s.get(t, "/metrics").code)
	require.Equal(t, http.StatusOK, s.get(t, "/testall").code)
	require.Contains(t, log.String(), "panic=boom")
}
