package web

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/idp-exporter/idp_exporter/internal/alarm"
	"github.com/idp-exporter/idp_exporter/internal/audit"
	"github.com/idp-exporter/idp_exporter/internal/web/access"
)

const hookPath = "/bridge/alertmanager"

// disk keeps nothing, and can fail.
type disk struct{ fails atomic.Bool }

func (*disk) LoadAlarms(context.Context) (alarm.Saved, error) { return alarm.Saved{}, nil }

func (d *disk) SaveAlarms(context.Context, alarm.Changes) error {
	if d.fails.Load() {
		return errors.New("no space left")
	}
	return nil
}

// hooked is a server with a real Engine, as it takes webhooks where no bridge
// is configured.
func hooked(t *testing.T, change func(*Options, *alarm.Config), serving ...func(*Server)) (*server, string, *disk) {
	t.Helper()
	d := &disk{}
	e := alarm.New(t.Context(), alarm.Options{Store: d})
	o, c := alarmOptions(e), alarm.NewConfig()
	access, bearer := withToken(t, "bridge", "page")
	o.Access = access
	if change != nil {
		change(&o, &c)
	}
	require.NoError(t, e.Configure(c, nil))
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- e.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		require.NoError(t, <-ended)
	})
	return start(t, o, serving...), bearer, d
}

func hook(alerts ...string) string {
	return `{"version":"4","groupKey":"g","receiver":"r","truncatedAlerts":0,"alerts":[` + strings.Join(alerts, ",") + `]}`
}

func alert(status, name string) string {
	return `{"status":"` + status + `","labels":{"alertname":"` + name + `","severity":"page"},"annotations":{"summary":"canary"},` +
		`"startsAt":"2026-09-01T10:00:00Z","endsAt":"0001-01-01T00:00:00Z"}`
}

func TestAlertmanagerWebhook(t *testing.T) {
	t.Parallel()
	trail := &auditTrail{}
	s, bearer, d := hooked(t, func(o *Options, c *alarm.Config) { o.Audit, c.MaxAlarms = trail, 3 })
	post := func(body string, header ...string) answer {
		t.Helper()
		return s.send(t, "POST", hookPath, body, append(header, "Authorization", bearer, "Content-Type", "application/json")...)
	}
	require.Equal(t, answer{200, nil, "OK: 2 firing, 0 resolved\n"}, without(post(hook(alert("firing", "A"), alert("firing", "B")))))
	require.Equal(t, "OK: 1 firing, 1 resolved\n", post(hook(alert("resolved", "B"), alert("firing", "A"))).body, "redelivered")
	require.Contains(t, s.get(t, "/api/v1/alarms?state=active", "Authorization", bearer).body, `"total": 1`)
	rec := trail.access[0]
	require.Equal(t, []any{audit.EventAccess, hookPath, "POST", "holder of bridge"}, []any{rec.Event, rec.Route, rec.Method, rec.Actor.Name})

	got := post(hook(alert("firing", "A"), alert("maybe", "canary")))
	require.Equal(t, 200, got.code)
	require.Contains(t, got.body, "1 left out, the first since")
	require.Contains(t, post(strings.Replace(hook(alert("firing", "A")), `"truncatedAlerts":0`, `"truncatedAlerts":7`, 1)).body, "7 left out by Alertmanager")

	for _, body := range []string{
		"", "{", "null", "[]", `{"version":"3","alerts":[]}`, `{"version":"4"}`, hook(alert("maybe", "A")), hook(alert("firing", "\xff")), hook() + "x",
		strings.Repeat("[", 60_000), `{"version":"4","alerts":[` + strings.Repeat(`{"labels":`, 5000) + "1",
	} {
		got := post(body)
		require.Equal(t, http.StatusBadRequest, got.code, got.body)
		require.Contains(t, got.body, "no Alertmanager webhook of version 4")
		require.Less(t, len(got.body), 1000)
	}
	got = post(hook(alert("firing", "A")), "Content-Encoding", "gzip")
	require.Equal(t, 200, got.code, "what a header claims is not looked at")

	d.fails.Store(true)
	got = post(hook(alert("firing", "C")))
	require.Equal(t, http.StatusServiceUnavailable, got.code)
	require.Equal(t, "5", got.header.Get("Retry-After"))
	require.Contains(t, got.body, "could not be put on disk")
	d.fails.Store(false)
	require.Equal(t, 200, post(hook(alert("firing", "C"))).code, "sent again")
	got = post(hook(alert("firing", "D"), alert("firing", "E"), alert("firing", "F")))
	require.Equal(t, http.StatusServiceUnavailable, got.code)
	require.Contains(t, got.body, "alarms.max_alarms")
}

func without(a answer) answer {
	a.header = nil
	return a
}

func TestWebhookNeedsItsScope(t *testing.T) {
	t.Parallel()
	a := &fakeAlarms{}
	o := alarmOptions(a)
	config, bearer := withToken(t, "page", "admin", "probe", "metrics", "testall", "status")
	o.Access = config
	s := start(t, o)
	require.Equal(t, 403, s.send(t, "POST", hookPath, hook(), "Authorization", bearer).code)
	require.Equal(t, 401, s.send(t, "POST", hookPath, hook()).code)
	require.Equal(t, 401, s.send(t, "POST", hookPath, strings.Repeat("x", maxBody+1)).code)
	require.Empty(t, a.bodies)
	require.NoError(t, s.SetAccess(nil))
	require.Equal(t, 403, s.send(t, "POST", hookPath, hook()).code, "a scope that is closed without access")
	require.Empty(t, a.bodies)
}

// Alertmanager drops what is answered with 429.
func TestWebhookAtTheRateLimit(t *testing.T) {
	t.Parallel()
	token, e := tokenFor(t, "bridge")
	e.PerSecond, e.Burst = new(0.25), new(1)
	clock, log := newStill(), &trail{}
	o := alarmOptions(&fakeAlarms{})
	o.Audit, o.Access = log, &access.Config{Tokens: []access.Token{e}, GuessLimit: new(1)}
	s := start(t, o, clock.with(t, o.Access))
	require.Equal(t, 200, s.send(t, "POST", hookPath, hook(), "Authorization", "Bearer "+token).code)
	got := s.send(t, "POST", hookPath, hook(), "Authorization", "Bearer "+token)
	require.Equal(t, http.StatusServiceUnavailable, got.code)
	require.Equal(t, "4", got.header.Get("Retry-After"))
	require.Equal(t, audit.OutcomeRefused, log.last().Outcome)
	for _, code := range []int{401, 429} {
		require.Equal(t, code, s.send(t, "POST", hookPath, hook(), "Authorization", "Bearer wrong").code, "strangers learn of no route")
	}
}

// The limit of the route is what the configuration can allow at most.
func TestWebhookLimits(t *testing.T) {
	t.Parallel()
	c := alarm.NewConfig()
	c.WebhookMaxBytes = maxWebhook
	require.Empty(t, c.Check())
	c.WebhookMaxBytes++
	require.NotEmpty(t, c.Check())

	s, bearer, _ := hooked(t, func(_ *Options, c *alarm.Config) { c.WebhookMaxBytes = 100_000 })
	padded := func(n int) string {
		body := hook(alert("firing", "A"))
		return body + strings.Repeat(" ", n-len(body))
	}
	require.Equal(t, 200, s.send(t, "POST", hookPath, padded(100_000), "Authorization", bearer).code, "more than other routes take")
	got := s.send(t, "POST", hookPath, padded(100_001), "Authorization", bearer)
	require.Equal(t, http.StatusRequestEntityTooLarge, got.code)
	require.Contains(t, got.body, "alarms.webhook_max_bytes")

	// A configuration that the route's own limit cuts short.
	o := alarmOptions(&fakeAlarms{})
	o.Access, bearer = withToken(t, "bridge")
	s = start(t, o)
	r, err := http.NewRequest(http.MethodPost, s.url+hookPath, io.LimitReader(endless{}, maxWebhook+1))
	require.NoError(t, err)
	r.Header.Set("Authorization", bearer)
	res, err := s.client.Do(r)
	require.NoError(t, err)
	require.NoError(t, res.Body.Close())
	require.Equal(t, http.StatusRequestEntityTooLarge, res.StatusCode)
}
