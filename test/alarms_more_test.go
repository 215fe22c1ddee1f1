package test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/idp-exporter/idp_exporter/internal/netsnmp"
)

// hookEvent is what a webhook bridge with hookBody tells.
type hookEvent struct {
	Kind, ID, Name, Target, Node string
	Sequence                     uint64
}

const hookBody = `'{"kind": {{json .Kind}}, "id": {{json .ID}}, "name": {{json .Name}}, "target": {{json .Target}}, "node": {{json .Node}}, "sequence": {{.Sequence}}}'`

// hookConsole is a console that takes webhooks, or refuses them for now.
type hookConsole struct {
	*httptest.Server
	mu      sync.Mutex
	refuses bool
	tries   int
	events  []hookEvent
}

func newHookConsole(t *testing.T) *hookConsole {
	t.Helper()
	c := &hookConsole{}
	c.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var ev hookEvent
		if err := json.NewDecoder(r.Body).Decode(&ev); err != nil {
			t.Errorf("what the console was sent is no event: %v", err)
		}
		c.mu.Lock()
		defer c.mu.Unlock()
		c.tries++
		if c.refuses {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		c.events = append(c.events, ev)
	}))
	t.Cleanup(c.Close)
	return c
}

// config is a bridge to the console.
func (c *hookConsole) config(name string) string {
	return "  - {name: " + name + ", kind: webhook, url: '" + c.URL + "', content_type: application/json, body: " + hookBody + "}\n"
}

// forget leaves out what the console was told so far.
func (c *hookConsole) forget() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.events = nil
}

func (c *hookConsole) refuse(is bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.refuses = is
}

func (c *hookConsole) tried() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.tries
}

// told returns the kinds of the events about a target, in the order in which
// they came. What came again right after itself counts once: a kill may lie
// between a delivery and the note of it.
func (c *hookConsole) told(target string) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	var (
		kinds []string
		last  uint64
	)
	for _, ev := range c.events {
		if ev.Target == target && ev.Sequence != last {
			kinds, last = append(kinds, ev.Kind), ev.Sequence
		}
	}
	return strings.Join(kinds, " ")
}

// count returns how many events there were, repeated ones included.
func (c *hookConsole) count() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.events)
}

func (c *hookConsole) waitTold(t *testing.T, target, want string) {
	t.Helper()
	eventually(t, 30*time.Second, func() error {
		if got := c.told(target); got != want {
			return fmt.Errorf("the console was told %q of %s, want %q", got, target, want)
		}
		return nil
	})
}

// alertOf is an alert that fires or is resolved now. More are further labels.
func alertOf(instance string, firing bool, more ...string) string {
	now := time.Now().UTC().Format(time.RFC3339Nano)
	status, ends := "firing", "0001-01-01T00:00:00Z"
	if !firing {
		status, ends = "resolved", now
	}
	return fmt.Sprintf(`{"status":%q,"labels":{"alertname":"Slow","severity":"major","instance":"%s"%s},"annotations":{"summary":"slow"},"startsAt":%q,"endsAt":%q}`,
		status, instance, strings.Join(append([]string{""}, more...), ","), now, ends)
}

func webhookOf(alerts ...string) string {
	return `{"version":"4","groupKey":"g","receiver":"r","status":"firing","truncatedAlerts":0,"alerts":[` + strings.Join(alerts, ",") + `]}`
}

// post sends a body to the route of Alertmanager.
func (e *exporter) post(body io.Reader) (code int, answer string, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, e.url+"/bridge/alertmanager", body)
	if err != nil {
		return 0, "", err
	}
	req.Header.Set("Authorization", "Bearer "+e.token)
	req.Header.Set("Content-Type", "application/json")
	resp, err := (&http.Client{Transport: &http.Transport{DisableKeepAlives: true}}).Do(req)
	if err != nil {
		return 0, "", err
	}
	defer func() { _ = resp.Body.Close() }()
	text, err := io.ReadAll(resp.Body)
	return resp.StatusCode, string(text), err
}

// alerts sends alerts that have to be taken.
func (e *exporter) alerts(alerts ...string) {
	e.t.Helper()
	code, answer, err := e.post(strings.NewReader(webhookOf(alerts...)))
	require.NoError(e.t, err)
	require.Equal(e.t, http.StatusOK, code, answer)
}

// farProbe is of no interest, and passes: a configuration has at least one.
const farProbe = "probes: [{name: page, kind: host, every: 1h, gates: false, cpu_free: {fail: 0}, filesystem_used: {fail: 0}, inodes_used: {fail: 0}, " +
	"memory_available: {fail: 1}, clock: off}]\n"

// TestOneConsoleAwayDelaysNoOther has two receivers of informs and one of
// webhooks, one of which goes away, and comes back to what is true by then.
func TestOneConsoleAwayDelaysNoOther(t *testing.T) {
	t.Parallel()
	const n = 200
	port, awayPort := netsnmp.Port(t), netsnmp.Port(t)
	here, away, hook := trapReceiver(t, port), trapReceiver(t, awayPort), newHookConsole(t)
	// With a timeout that no busy machine reaches, a repeated inform is our doing.
	inform := func(name, port string) string {
		return "  - {name: " + name + ", kind: snmp, destinations: [{name: local, address: '127.0.0.1:" + port + "', inform: true, timeout: 25s}]}\n"
	}
	e := serve(t, farProbe+"alarms: {heartbeat: 0s}\nbridges:\n"+inform("away", awayPort)+inform("here", port)+hook.config("hook"))
	name := func(i int) string { return fmt.Sprintf("shop-%03d.", i) }
	e.alerts(alertOf("old.", true))
	for _, r := range []*netsnmp.Receiver{here, away} {
		has(t, r, 0, "idpAlarmRaise", "old.")
	}
	away.Stop()

	for from := 0; from < n; from += 20 {
		var some []string
		for i := from; i < from+20; i++ {
			some = append(some, alertOf(name(i), true))
		}
		e.alerts(some...)
	}
	eventually(t, 30*time.Second, func() error {
		if got := received(here, "idpAlarmRaise", "shop-"); got < n {
			return fmt.Errorf("%d of %d alarms at the console that is there", got, n)
		}
		return nil
	})
	resolved := []string{alertOf("old.", false)}
	for i := 0; i < n; i += 2 {
		resolved = append(resolved, alertOf(name(i), false))
	}
	e.alerts(resolved...)
	has(t, here, n/2, "idpAlarmClear")
	hook.waitTold(t, "old.", "raise clear")
	for i := range n {
		want, raises, clears := "raise", 1, 0
		if i%2 == 0 {
			want, clears = "raise clear", 1
		}
		hook.waitTold(t, name(i), want)
		require.Equal(t, raises, received(here, "idpAlarmRaise", name(i)), name(i))
		require.Equal(t, clears, received(here, "idpAlarmClear", name(i)), name(i))
	}
	require.Equal(t, n+1+n/2+1, hook.count(), "each event once")
	_, metrics := e.get("/metrics")
	require.NotContains(t, metrics, `idp_bridge_pending{bridge="away"} 0`+"\n")
	require.Contains(t, metrics, `idp_bridge_pending{bridge="here"} 0`+"\n")

	away = trapReceiver(t, awayPort)
	has(t, away, 0, "idpAlarmClear", "old.")
	eventually(t, 40*time.Second, func() error {
		_, metrics := e.get("/metrics")
		if !strings.Contains(metrics, `idp_bridge_pending{bridge="away"} 0`+"\n") {
			return fmt.Errorf("some alarms still wait")
		}
		return nil
	})
	for i := range n {
		stands := i%2 == 1
		require.Equal(t, stands, received(away, "idpAlarmRaise", name(i)) == 1 && received(away, "idpAlarmClear", name(i)) == 0,
			"%s is shown wrongly by the console that is back", name(i))
	}
}

// TestAlarmsOutliveAKill kills the exporter between what it acknowledged and its
// delivery.
func TestAlarmsOutliveAKill(t *testing.T) {
	t.Parallel()
	console := newHookConsole(t)
	console.refuse(true)
	file := writeFile(t, t.TempDir(), "c.yml", farProbe+"alarms: {heartbeat: 0s}\nbridges:\n"+console.config("hook")+accessFor(testToken))
	storage := "--storage.path=" + t.TempDir()
	e := serveFile(t, file, storage)
	restart := func() {
		_, err := e.end(syscall.SIGKILL)
		require.Error(t, err)
		e = serveFile(t, file, storage)
	}
	e.alerts(alertOf("shop", true), alertOf("bank", true))
	restart()
	require.Empty(t, console.told("shop"))
	console.refuse(false)
	console.waitTold(t, "shop", "raise")
	console.waitTold(t, "bank", "raise")

	// Resolved while the exporter is down: Alertmanager sends again.
	_, err := e.end(syscall.SIGKILL)
	require.Error(t, err)
	resolved := alertOf("shop", false)
	_, _, err = e.post(strings.NewReader(webhookOf(resolved)))
	require.Error(t, err, "nobody is there")
	e = serveFile(t, file, storage)
	e.alerts(resolved)
	console.waitTold(t, "shop", "raise clear")
	e.alerts(resolved) // and again
	e.alerts(alertOf("bank", true))

	// A clear that was acknowledged and not delivered.
	console.refuse(true)
	tried := console.tried()
	e.alerts(alertOf("bank", false))
	eventually(t, 20*time.Second, func() error {
		if console.tried() == tried {
			return fmt.Errorf("the clear was not tried")
		}
		return nil
	})
	restart()
	console.refuse(false)
	console.waitTold(t, "bank", "raise clear")
	_, body := e.get("/api/v1/alarms?state=active")
	require.Contains(t, body, `"total": 0`)

	// What an exporter knew that was killed in peace is not told again.
	restart()
	e.alerts(alertOf("end", true))
	console.waitTold(t, "end", "raise")
	require.Equal(t, "raise clear", console.told("shop"))
	require.Equal(t, "raise clear", console.told("bank"))
}
