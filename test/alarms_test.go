package test

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/idp-exporter/idp_exporter/bridges/snmp/mib"
	"github.com/idp-exporter/idp_exporter/internal/netsnmp"
)

// trapReceiver starts a real snmptrapd that knows our MIB.
func trapReceiver(t *testing.T, port string) *netsnmp.Receiver {
	t.Helper()
	m, err := mib.New("")
	require.NoError(t, err)
	folder := netsnmp.MIBs(t, map[string][]byte{m.Module: mib.Generate(m)})
	return netsnmp.Trapd(t, "authCommunity log public\ndisableAuthorization no\n", "", port, folder, m.Module)
}

// received counts the notifications that have all of the texts.
func received(r *netsnmp.Receiver, texts ...string) (n int) {
	for line := range strings.Lines(r.Log()) {
		all := true
		for _, text := range texts {
			all = all && strings.Contains(line, text)
		}
		if all {
			n++
		}
	}
	return n
}

// has waits until there are more than before of the notifications that have all
// of the texts.
func has(t *testing.T, r *netsnmp.Receiver, before int, texts ...string) {
	t.Helper()
	eventually(t, 30*time.Second, func() error {
		if received(r, texts...) <= before {
			return fmt.Errorf("no notification with all of %q in\n%s", texts, tail(r.Log(), 3000))
		}
		return nil
	})
}

// TestABrokenLoginArrivesAtTheConsoleAndClears needs nothing but the exporter
// and a trap destination.
func TestABrokenLoginArrivesAtTheConsoleAndClears(t *testing.T) {
	t.Parallel()
	port := netsnmp.Port(t)
	console := trapReceiver(t, port)
	file := writeFile(t, t.TempDir(), "bridges.yml", `alarms: {heartbeat: 2s}
bridges:
  - {name: v2c, kind: snmp, destinations: [{name: local, address: '127.0.0.1:`+port+`'}]}
  - {name: inform, kind: snmp, destinations: [{name: local, address: '127.0.0.1:`+port+`', inform: true}]}
`)
	address := "127.0.0.1:" + freePort(t)
	p := start(t, binary(t), "demo", "--web.listen-address="+address, "--provider.listen-address=127.0.0.1:"+freePort(t), "--token="+testToken, "--config.file="+file)
	e := &exporter{process: p, url: "http://" + address, token: testToken}
	e.waitHealthy()
	e.waitTestall("OK", 10*time.Second)
	has(t, console, 0, "idpHeartbeat")

	begin := time.Now()
	code, body := e.request(http.MethodPost, "/demo/rule-removed/on", "")
	require.Equal(t, http.StatusOK, code, body)
	has(t, console, 0, "idpAlarmRaise", "rule-crm", "claim_mismatch", "critical")
	raised := time.Since(begin)
	_, body = e.get("/api/v1/alarms?state=active")
	require.Contains(t, body, `"rule-crm"`)

	clears := received(console, "idpAlarmClear", "rule-crm")
	begin = time.Now()
	code, body = e.request(http.MethodPost, "/demo/rule-removed/off", "")
	require.Equal(t, http.StatusOK, code, body)
	has(t, console, clears+1, "idpAlarmClear", "rule-crm", "cleared") // one for each bridge
	t.Logf("the alarm arrived %s after the break, the clear %s after the repair", raised.Round(100*time.Millisecond), time.Since(begin).Round(100*time.Millisecond))
	eventually(t, 30*time.Second, func() error {
		_, metrics := e.get("/metrics")
		for _, want := range []string{`idp_bridge_deliveries_total{bridge="inform",outcome="delivered"}`, `idp_bridge_deliveries_total{bridge="v2c",outcome="sent"}`, `idp_bridge_pending{bridge="inform"} 0`} {
			if !strings.Contains(metrics, want) {
				return fmt.Errorf("no %s", want)
			}
		}
		return nil
	})

	// bridge test tells what is proven and what is not.
	token := writeFile(t, t.TempDir(), "token", testToken)
	out, stderr, exit := command(t, "bridge", "test", "inform", "--url="+e.url, "--token-file="+token)
	require.Zero(t, exit, stderr)
	require.Contains(t, out, "inform response")
	out, stderr, exit = command(t, "bridge", "test", "v2c", "--url="+e.url, "--token-file="+token)
	require.Zero(t, exit, stderr)
	require.Contains(t, out, "no acknowledgement")
}

// TestAlertsOfARealAlertmanagerArriveAndClear has a real Prometheus and a real
// Alertmanager fire and resolve an alert, which reaches the console by the bridge.
func TestAlertsOfARealAlertmanagerArriveAndClear(t *testing.T) {
	t.Parallel()
	prometheus, alertmanager := counterpart(t, "prometheus"), counterpart(t, "prometheus-alertmanager")
	if _, err := os.Stat("/usr/share/prometheus/alertmanager/default.tmpl"); err != nil {
		t.Skip("Debian's Alertmanager finds no templates here: run test/setup as root")
	}
	port := netsnmp.Port(t)
	console := trapReceiver(t, port)
	dir := t.TempDir()
	e := serve(t, `probes: [{name: page, kind: http, url: 'http://127.0.0.1:9/', every: 1h, gates: false}]
bridges:
  - {name: console, kind: snmp, destinations: [{name: local, address: '127.0.0.1:`+port+`', inform: true}]}
`)
	writeFile(t, dir, "token", testToken)
	manager := "127.0.0.1:" + freePort(t)
	start(t, alertmanager, "--config.file="+writeFile(t, dir, "alertmanager.yml", `route: {receiver: bridge, group_wait: 1s, group_interval: 1s, repeat_interval: 1m, group_by: [alertname]}
receivers:
  - name: bridge
    webhook_configs:
      - url: `+e.url+`/bridge/alertmanager
        http_config: {authorization: {credentials_file: `+filepath.Join(dir, "token")+`}}
`), "--storage.path="+filepath.Join(dir, "am"), "--web.listen-address="+manager, "--cluster.listen-address=")
	switchFile := writeFile(t, dir, "rules.yml", rule("1"))
	server := "127.0.0.1:" + freePort(t)
	start(t, prometheus, "--config.file="+writeFile(t, dir, "prometheus.yml", `global: {scrape_interval: 1s, evaluation_interval: 1s}
rule_files: [rules.yml]
alerting: {alertmanagers: [{static_configs: [{targets: ['`+manager+`']}]}]}
`), "--storage.tsdb.path="+filepath.Join(dir, "data"), "--web.listen-address="+server, "--web.enable-lifecycle", "--rules.alert.resend-delay=1s")

	begin := time.Now()
	has(t, console, 0, "idpAlarmRaise", "SignInSlow", "major", "shop")
	raised := time.Since(begin)
	begin = time.Now()
	require.NoError(t, os.WriteFile(switchFile, []byte(rule("0")), 0o600))
	eventually(t, 20*time.Second, func() error {
		resp, err := (&http.Client{Timeout: 5 * time.Second}).Post("http://"+server+"/-/reload", "", nil)
		if err != nil {
			return err
		}
		return resp.Body.Close()
	})
	has(t, console, 0, "idpAlarmClear", "SignInSlow", "cleared")
	t.Logf("the alert arrived %s after the start, its clear %s after it ended", raised.Round(100*time.Millisecond), time.Since(begin).Round(100*time.Millisecond))
}

func rule(value string) string {
	return `groups:
  - name: test
    interval: 1s
    rules:
      - alert: SignInSlow
        expr: vector(` + value + `) > 0
        labels: {severity: major, instance: shop}
        annotations: {summary: sign-in is slow, description: it takes 9 s}
`
}
