package test

import (
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/idp-exporter/idp_exporter/internal/demo"
	"github.com/idp-exporter/idp_exporter/internal/web/access"
)

// startTroubles starts two exporters that have something to tell of everything:
// the demo with a rule that fails and a console that refuses, and one that watches
// three nodes of which one is drained and another's clock is off, an appliance that
// is not well, and dependencies that fail.
func startTroubles(t *testing.T) []*exporter {
	t.Helper()
	accepts := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _, _ = io.Copy(io.Discard, r.Body) }))
	t.Cleanup(accepts.Close)
	refuses := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadRequest) }))
	t.Cleanup(refuses.Close)
	bridges := writeFile(t, t.TempDir(), "bridges.yml", fmt.Sprintf(`alarms: {heartbeat: 2s}
bridges:
  - {name: console, kind: webhook, template: alertmanager, url: '%s/'}
  - {name: refuses, kind: webhook, template: cloudevents, url: '%s/'}
`, accepts.URL, refuses.URL))
	address := "127.0.0.1:" + freePort(t)
	p := start(t, binary(t), "demo", "--web.listen-address="+address, "--provider.listen-address=127.0.0.1:"+freePort(t),
		"--token="+testToken, "--config.file="+bridges)
	first := &exporter{process: p, url: "http://" + address, token: testToken}
	first.waitHealthy()
	first.waitTestall("OK", 20*time.Second)
	code, body := first.request(http.MethodPost, "/demo/rule-removed/on", "")
	require.Equal(t, http.StatusOK, code, body)
	code, body = post(t, first, "/bridge/alertmanager", alertmanagerWebhook)
	require.Equal(t, http.StatusOK, code, body)

	second := startTroubledSite(t, first)
	second.waitResult("down", "fail", "response", "http_status", 20*time.Second)
	code, body = second.request(http.MethodPost, "/-/drain?node=n3&for=1h", "")
	require.Equal(t, http.StatusOK, code, body)
	code, _, err := second.try(http.MethodGet, "/metrics", nil) // turned away
	require.NoError(t, err)
	require.Equal(t, http.StatusUnauthorized, code)
	return []*exporter{first, second}
}

const alertmanagerWebhook = `{"version": "4", "groupKey": "g", "status": "firing", "receiver": "bridge", "groupLabels": {}, "commonLabels": {},
 "commonAnnotations": {}, "externalURL": "", "truncatedAlerts": 0, "alerts": [{"status": "firing", "labels": {"alertname": "SignInSlow",
 "severity": "major"}, "annotations": {"summary": "sign-in is slow"}, "startsAt": "2026-01-02T03:04:05Z", "endsAt": "0001-01-01T00:00:00Z",
 "generatorURL": "", "fingerprint": "0123456789abcdef"}]}`

func startTroubledSite(t *testing.T, peer *exporter) *exporter {
	t.Helper()
	dir := t.TempDir()
	cluster, err := demo.StartCluster(t.Context(), demo.ClusterOptions{Issuer: "http://login.example.com", SigningAlg: "ES256"})
	require.NoError(t, err)
	t.Cleanup(func() { _ = cluster.Close() })
	cluster.Nodes[1].Provider.SetClock(30 * time.Second)
	appliance, err := demo.StartAppliance(t.Context(), "", demo.ApplianceOptions{})
	require.NoError(t, err)
	t.Cleanup(func() { _ = appliance.Close() })
	require.NoError(t, appliance.Set("appliance-disk", true))
	down := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadGateway) }))
	t.Cleanup(down.Close)
	encrypted := httptest.NewUnstartedServer(http.NotFoundHandler())
	encrypted.Config.ErrorLog = log.New(io.Discard, "", 0) // probes that look at the certificate and go
	encrypted.StartTLS()
	t.Cleanup(encrypted.Close)
	nodes := ""
	for _, n := range cluster.Nodes {
		nodes += fmt.Sprintf("      - {name: %s, address: %q}\n", n.Name, n.Address)
	}
	// The discovered node is one that is listed, so that there are three.
	writeFile(t, dir, "nodes.yml", fmt.Sprintf("[{targets: [%q]}]", cluster.Nodes[0].Address))
	config := fmt.Sprintf(`providers:
  - name: acme
    issuer: %s
    quorum: 2
    discover: {file: nodes.yml, file_every: 1s}
    nodes:
%sx-login: &login
  flow: password
  every: 1s
  timeout: 900ms
  client_id: %s
  client_secret: %s
  username: %s
  password: %s
  budget: {per_minute: 0}
probes:
  - {name: login, kind: login, nodes: [n1, n2, n3], <<: *login}
  - {name: down, kind: http, nodes: [public], url: '%s/', every: 1s, gates: false}
  - {name: child, kind: http, nodes: [public], url: '%s/', every: 1s, gates: false, needs: [down]}
  - {name: teapot, kind: http, nodes: [n1, n2, n3], status: [418], every: 1s, gates: false}
  - {name: metadata, kind: oidc, nodes: [n1, n2, n3], every: 1s, gates: false}
  - {name: certificate, kind: tls, nodes: [public], address: '%s', every: 1s, gates: false}
  - {name: port, kind: tcp, nodes: [public], address: '%s', every: 1s, gates: false}
  - {name: host, kind: host, every: 1s, gates: false}
  - {name: appliance, kind: appliance, nodes: [public], url: '%s', front_url: '%s', key: %s, check_host: false, every: 5s, gates: false}
maintenance:
  - {name: always, probes: [port], time_intervals: [{}]}
peers: {every: 1s, members: [{name: demo, url: '%s', token: %s}]}
audit: {file: {path: '%s'}}
access:
  tokens:
    - {name: test, hash: %q, scopes: [all], not_after: 2099-12-31}
`, cluster.Issuer, nodes, demo.ClientID, demo.ClientSecret, demo.Username, demo.Password, down.URL, down.URL,
		strings.TrimPrefix(encrypted.URL, "https://"), strings.TrimPrefix(encrypted.URL, "https://"), appliance.URL, appliance.URL, demo.ApplianceKey,
		peer.url, testToken, filepath.Join(dir, "audit.jsonl"), access.HashToken(testToken))
	return serveFile(t, writeFile(t, dir, "site.yml", config))
}

// post sends a document with the token.
func post(t *testing.T, e *exporter, path, document string) (int, string) {
	t.Helper()
	req, err := http.NewRequest(http.MethodPost, e.url+path, strings.NewReader(document))
	require.NoError(t, err)
	req.Header.Set("Authorization", "Bearer "+e.token)
	req.Header.Set("Content-Type", "application/json")
	resp, err := (&http.Client{Timeout: 20 * time.Second}).Do(req)
	require.NoError(t, err)
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	return resp.StatusCode, string(body)
}

// startScrapers starts a Prometheus with native histograms and one without.
func startScrapers(t *testing.T, exporters ...*exporter) []promServer {
	t.Helper()
	dir := t.TempDir()
	writeFile(t, dir, "token", testToken)
	targets := ""
	for _, e := range exporters {
		targets += fmt.Sprintf("%q, ", strings.TrimPrefix(e.url, "http://"))
	}
	config := writeFile(t, dir, "prometheus.yml", `global: {scrape_interval: 1s, scrape_timeout: 1s}
scrape_configs:
  - job_name: idp_exporter
    authorization: {credentials_file: token}
    static_configs: [{targets: [`+targets+`]}]
`)
	servers := []promServer{}
	for name, features := range map[string][]string{"classic": nil, "native": {"--enable-feature=native-histograms"}} {
		address := "127.0.0.1:" + freePort(t)
		start(t, counterpart(t, "prometheus"), append([]string{"--config.file=" + config, "--storage.tsdb.path=" + filepath.Join(dir, name), "--web.listen-address=" + address}, features...)...)
		servers = append(servers, promServer{name, "http://" + address})
	}
	return servers
}
