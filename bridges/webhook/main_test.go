package webhook

import (
	"context"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/idp-exporter/idp_exporter/bridges"
	"github.com/idp-exporter/idp_exporter/internal/secret"
	"github.com/idp-exporter/idp_exporter/probes"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var at = time.Date(2026, 9, 1, 10, 0, 0, 0, time.UTC)

var setting = bridges.Setting{Name: "hook", Exporter: "exporter1", Site: "https://idp.example/monitor"}

func raise(id, text string) bridges.Event {
	return bridges.Event{Kind: bridges.Raise, Sequence: 17, Time: at.Add(time.Minute), Alarm: bridges.Alarm{
		ID: id, Name: "login", Severity: probes.Major, Target: "shop (node1)", Text: text, Probe: "login", Node: "node1", Reason: "timeout",
		Runbook: "https://wiki.example/login?a=1&b=2", Raised: at, Changed: at, Labels: map[string]string{"team": "identity"},
	}}
}

func clear(e bridges.Event) bridges.Event {
	e.Kind, e.Alarm.Severity, e.Alarm.Reason = bridges.Clear, bridges.Cleared, ""
	return e
}

func heartbeat() bridges.Event {
	return bridges.Event{Kind: bridges.Heartbeat, Sequence: 18, Time: at, Alarm: bridges.Alarm{Name: "heartbeat", Text: "exporter1 lives", Severity: bridges.Cleared}}
}

// optionsFor returns options that pass the check of a built-in template.
func optionsFor(template, url string) *Options {
	o := NewOptions()
	o.Template = template
	if url != "" {
		o.URL = NewURL(url)
	}
	switch template {
	case "pagerduty":
		o.RoutingKey = secret.New("R0123456789abcdef0123456789abcde")
	case "obm", "servicenow":
		o.Basic = &Basic{"monitor", secret.New("basic-password")}
	}
	return o
}

func open(t testing.TB, o *Options) bridges.Destination {
	t.Helper()
	d, err := o.New(setting)
	require.NoError(t, err)
	require.Len(t, d, 1)
	require.True(t, d[0].Acknowledged)
	require.NotEmpty(t, d[0].Proof)
	t.Cleanup(func() { require.NoError(t, d[0].Deliverer.Close()) })
	return d[0]
}

func deliver(t testing.TB, d bridges.Destination, e bridges.Event) error {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	return d.Deliverer.Deliver(ctx, e)
}

func serve(t testing.TB, h http.HandlerFunc) *httptest.Server {
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return s
}
