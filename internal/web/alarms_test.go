package web

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/idp-exporter/idp_exporter/bridges"
	"github.com/idp-exporter/idp_exporter/internal/alarm"
	"github.com/idp-exporter/idp_exporter/probes"
)

// fakeAlarms has one bridge, noc, and one dead letter.
type fakeAlarms struct {
	mu      sync.Mutex
	views   []alarm.View
	letters []alarm.DeadLetter
	outcome alarm.Outcome
	report  alarm.Report
	err     error
	bodies  []string
	did     []string
}

func (f *fakeAlarms) Handle(_ context.Context, body io.Reader) (alarm.Outcome, error) {
	b, err := io.ReadAll(body)
	f.mu.Lock()
	defer f.mu.Unlock()
	f.bodies = append(f.bodies, string(b))
	if f.err != nil {
		err = f.err
	}
	return f.outcome, err
}

func (f *fakeAlarms) Alarms() []alarm.View { return append([]alarm.View(nil), f.views...) }

func (f *fakeAlarms) Deliveries() []alarm.Delivery {
	f.mu.Lock()
	defer f.mu.Unlock()
	return []alarm.Delivery{
		{
			Bridge: "noc", Kind: "snmp", Destination: "scom", Proof: "a trap has no acknowledgement", Pending: 2, Oldest: evening().Add(-time.Minute),
			Failures: 3, LastError: "dial with canary: refused", LastErrorAt: evening(), DeadLetters: f.letters,
		},
		{Bridge: "noc", Kind: "snmp", Destination: "omnibus", Acknowledged: true, Proof: "acknowledged by an inform response"},
	}
}

func (f *fakeAlarms) Test(_ context.Context, bridge string) (alarm.Report, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.did = append(f.did, "test "+bridge)
	return f.report, f.err
}

func (f *fakeAlarms) Replay(_ context.Context, id string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.did = append(f.did, "replay "+id)
	return f.err
}

func (f *fakeAlarms) ReplayAll(context.Context) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.did = append(f.did, "replay all")
	return len(f.letters)
}

func evening() time.Time { return time.Date(2031, 2, 1, 21, 0, 0, 0, time.UTC) }

func someAlarms() *fakeAlarms {
	return &fakeAlarms{
		views: []alarm.View{
			{Alarm: bridges.Alarm{
				ID: "login-1", Name: "login", Severity: probes.Critical, Target: "acme/n<1>", Text: "login failed at step token", Probe: "login",
				Node: "n<1>", Reason: "token_invalid", Runbook: "https://runbooks.example/login", Raised: evening(), Changed: evening().Add(time.Minute),
			}, Active: true, Sequence: 7, Sources: 1},
			{Alarm: bridges.Alarm{
				ID: "slow-2", Name: "Slow", Severity: probes.Warning, Target: "idp", Text: "slow", Raised: evening(), Changed: evening(),
				Labels: map[string]string{"alertname": "Slow"},
			}, Active: true, Stale: true, Sequence: 8, Sources: 2},
			{Alarm: bridges.Alarm{ID: "gone-3", Name: "Gone", Severity: bridges.Cleared, Target: "idp", Text: "over", Raised: evening(), Changed: evening()}, Sequence: 9},
		},
		letters: []alarm.DeadLetter{{
			ID: "5-abc", Bridge: "noc", Destination: "scom", Error: "401 for canary", Time: evening(),
			Event: bridges.Event{Kind: bridges.Raise, Sequence: 5, Alarm: bridges.Alarm{ID: "login-1", Name: "login"}},
		}},
		report: alarm.Report{Bridge: "noc", ID: "test-11", Destinations: []alarm.DestinationReport{
			{Destination: "scom", Proof: "a trap has no acknowledgement", Duration: 250 * time.Millisecond},
			{Destination: "omnibus", Acknowledged: true, Proof: "acknowledged by an inform response", Raise: "timeout with canary", Duration: 10 * time.Second},
		}},
	}
}

func alarmOptions(a Alarms) Options {
	o := options()
	o.Alarms, o.Audit = a, &auditTrail{}
	o.Redact = func(s string) string { return strings.ReplaceAll(s, "canary", "<secret>") }
	return o
}

func TestAPIAlarms(t *testing.T) {
	t.Parallel()
	s, bearer := admin(t, alarmOptions(someAlarms()))
	got := s.get(t, "/api/v1/alarms", "Authorization", bearer)
	require.Equal(t, http.StatusOK, got.code)
	require.Equal(t, typeJSON, got.header.Get("Content-Type"))
	require.JSONEq(t, `{"total": 3, "alarms": [
		{"id":"login-1","name":"login","severity":"critical","target":"acme/n<1>","text":"login failed at step token","probe":"login","node":"n<1>",
		 "reason":"token_invalid","runbook":"https://runbooks.example/login","raised":"2031-02-01T21:00:00Z","changed":"2031-02-01T21:01:00Z",
		 "sequence":7,"active":true,"stale":false,"sources":1},
		{"id":"slow-2","name":"Slow","severity":"warning","target":"idp","text":"slow","probe":"","node":"","reason":"","runbook":"",
		 "raised":"2031-02-01T21:00:00Z","changed":"2031-02-01T21:00:00Z","sequence":8,"active":true,"stale":true,"sources":2,"labels":{"alertname":"Slow"}},
		{"id":"gone-3","name":"Gone","severity":"cleared","target":"idp","text":"over","probe":"","node":"","reason":"","runbook":"",
		 "raised":"2031-02-01T21:00:00Z","changed":"2031-02-01T21:00:00Z","sequence":9,"active":false,"stale":false,"sources":0}],
	"deliveries": [
		{"bridge":"noc","kind":"snmp","destination":"scom","acknowledged":false,"proof":"a trap has no acknowledgement","pending":2,
		 "oldest":"2031-02-01T20:59:00Z","failures":3,"last_error":"dial with <secret>: refused","last_error_time":"2031-02-01T21:00:00Z","dead_letters":1},
		{"bridge":"noc","kind":"snmp","destination":"omnibus","acknowledged":true,"proof":"acknowledged by an inform response","pending":0,"failures":0,"dead_letters":0}],
	"dead_letters": [
		{"id":"5-abc","bridge":"noc","destination":"scom","event":"raise","alarm":"login-1","name":"login","sequence":5,"error":"401 for <secret>","time":"2031-02-01T21:00:00Z"}]}`, got.body)

	for query, ids := range map[string][]string{
		"?state=active": {"login-1", "slow-2"}, "?state=all": {"login-1", "slow-2", "gone-3"}, "?limit=0": {}, "?state=active&limit=1": {"login-1"}, "?limit=9": {"login-1", "slow-2", "gone-3"},
	} {
		var doc struct {
			Total  int
			Alarms []struct{ ID string }
		}
		got := s.get(t, "/api/v1/alarms"+query, "Authorization", bearer)
		require.NoError(t, json.Unmarshal([]byte(got.body), &doc), got.body)
		found := []string{}
		for _, a := range doc.Alarms {
			found = append(found, a.ID)
		}
		require.Equal(t, ids, found, query)
		require.Equal(t, strings.Contains(query, "active"), doc.Total == 2, query)
	}
	for _, query := range []string{"?state=", "?state=activ", "?sate=active", "?limit=-1", "?limit=x", "?limit=", "?state=active&state=all", "?state=%zz"} {
		got := s.get(t, "/api/v1/alarms"+query, "Authorization", bearer)
		require.Equal(t, http.StatusBadRequest, got.code, query)
		require.Contains(t, got.body, `"error"`)
	}
	require.Empty(t, s.do(t, "HEAD", "/api/v1/alarms", "Authorization", bearer).body)
}

func TestWithoutAlarms(t *testing.T) {
	t.Parallel()
	s, bearer := admin(t, options())
	require.JSONEq(t, `{"total":0,"alarms":[],"deliveries":[],"dead_letters":[]}`, s.get(t, "/api/v1/alarms", "Authorization", bearer).body)
	got := s.send(t, "POST", "/bridge/alertmanager", "{}", "Authorization", bearer)
	require.Equal(t, http.StatusServiceUnavailable, got.code)
	require.Equal(t, "this exporter keeps no alarms\n", got.body)
	require.Equal(t, http.StatusNotFound, s.do(t, "POST", "/-/bridges/noc/test", "Authorization", bearer).code)
	require.JSONEq(t, `{"replayed":0}`, s.do(t, "POST", "/-/dead-letters/replay", "Authorization", bearer).body)
	require.NotContains(t, s.get(t, "/", "Authorization", bearer).body, "<h2>Alarms")
}

func TestAlarmsOnThePage(t *testing.T) {
	t.Parallel()
	a := someAlarms()
	a.views[0].Runbook = "javascript:alert(1)"
	s := start(t, alarmOptions(a))
	body := s.get(t, "/").body
	require.Contains(t, body, "<td>critical</td>")
	require.Contains(t, body, "acme/n&lt;1&gt;")
	require.Contains(t, body, "<td>2031-02-01 21:00:00Z</td>")
	require.NotContains(t, body, "javascript:")
	require.NotContains(t, body, ">Gone<", "it is over")
	require.NotContains(t, body, " more</p>")
	for i := range maxAlarmRows {
		a.views = append(a.views, alarm.View{Alarm: bridges.Alarm{Name: fmt.Sprint("more", i)}, Active: true})
	}
	body = start(t, alarmOptions(a)).get(t, "/").body
	require.Contains(t, body, "<p>and 2 more</p>")
	require.NotContains(t, body, "more49<")
}

// Thousands of large alarms are written out without holding them as text.
func TestManyAlarms(t *testing.T) {
	t.Parallel()
	a := &fakeAlarms{}
	for i := range 20_000 {
		a.views = append(a.views, alarm.View{Alarm: bridges.Alarm{ID: fmt.Sprint("a-", i), Text: strings.Repeat("é", 1000)}, Active: true})
	}
	s := start(t, alarmOptions(a))
	var doc struct{ Alarms []alarmJSON }
	require.NoError(t, json.Unmarshal([]byte(s.get(t, "/api/v1/alarms").body), &doc))
	require.Len(t, doc.Alarms, 20_000)
	require.Equal(t, "a-19999", doc.Alarms[19_999].ID)
}
