package web

import (
	"errors"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/idp-exporter/idp_exporter/internal/alarm"
	"github.com/idp-exporter/idp_exporter/internal/audit"
)

func TestTestOfABridge(t *testing.T) {
	t.Parallel()
	a := someAlarms()
	o := alarmOptions(a)
	trail := o.Audit.(*auditTrail)
	s, bearer := admin(t, o)
	test := func(path string) answer {
		t.Helper()
		return s.do(t, "POST", path, "Authorization", bearer)
	}
	got := test("/-/bridges/noc/test")
	require.Equal(t, http.StatusOK, got.code)
	require.JSONEq(t, `{"bridge":"noc","id":"test-11","ok":false,"destinations":[
		{"destination":"scom","ok":true,"acknowledged":false,"proof":"a trap has no acknowledgement","duration_seconds":0.25},
		{"destination":"omnibus","ok":false,"acknowledged":true,"proof":"acknowledged by an inform response","raise_error":"timeout with <secret>","duration_seconds":10}]}`, got.body)
	rec := trail.admin()[0]
	require.Equal(t, []any{audit.EventAlarm, audit.OutcomeAccepted, "noc", "/-/bridges/", "holder of all"},
		[]any{rec.Event, rec.Outcome, rec.Target, rec.Route, rec.Actor.Name})
	require.Contains(t, trail.failed()[0].Detail, "not taken by omnibus")

	a.report.Destinations = a.report.Destinations[:1]
	require.Contains(t, test("/-/bridges/noc/test").body, `"ok": true`)
	require.Len(t, trail.failed(), 1)
	require.Equal(t, []string{"test noc", "test noc"}, a.did)

	for _, path := range []string{"/-/bridges/nox/test", "/-/bridges/noc", "/-/bridges/noc/", "/-/bridges//test", "/-/bridges/test", "/-/bridges/noc/test/x"} {
		require.Equal(t, http.StatusNotFound, test(path).code, path)
	}
	require.Equal(t, "there is no bridge \"nox\"; there are noc\n", test("/-/bridges/nox/test").body)
	require.Len(t, a.did, 2)
	require.Len(t, trail.admin(), 2, "what does not exist is no action")

	// A reload takes the bridge away in between.
	a.report, a.err = alarm.Report{}, alarm.ErrNoBridge
	require.Equal(t, http.StatusServiceUnavailable, test("/-/bridges/noc/test").code)
	trail.mu.Lock()
	trail.err = errors.New("disk full")
	trail.mu.Unlock()
	require.Contains(t, test("/-/bridges/noc/test").body, "cannot be written to the audit trail")
	require.Len(t, a.did, 3, "what cannot be noted is not done")
}

func TestReplay(t *testing.T) {
	t.Parallel()
	a := someAlarms()
	o := alarmOptions(a)
	trail := o.Audit.(*auditTrail)
	s, bearer := admin(t, o)
	post := func(path string) answer {
		t.Helper()
		return s.do(t, "POST", path, "Authorization", bearer)
	}
	require.JSONEq(t, `{"replayed":1}`, post("/-/dead-letters/5-abc/replay").body)
	require.JSONEq(t, `{"replayed":1}`, post("/-/dead-letters/replay").body)
	require.Equal(t, []string{"replay 5-abc", "replay all"}, a.did)
	require.Equal(t, "5-abc", trail.admin()[0].Target)
	require.Equal(t, "all", trail.admin()[1].Target)
	require.Equal(t, audit.EventAlarm, trail.admin()[1].Event)
	for _, path := range []string{"/-/dead-letters/6-abc/replay", "/-/dead-letters/5-abc", "/-/dead-letters//replay", "/-/dead-letters/", "/-/dead-letters/5-abc/replay/"} {
		require.Equal(t, http.StatusNotFound, post(path).code, path)
	}
	a.err = alarm.ErrNoDeadLetter
	require.Equal(t, http.StatusNotFound, post("/-/dead-letters/5-abc/replay").code)
	a.err = errors.New("canary")
	got := post("/-/dead-letters/5-abc/replay")
	require.Equal(t, http.StatusServiceUnavailable, got.code)
	require.Equal(t, "<secret>\n", got.body)
}
