package test

import (
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/miekg/dns"
	"github.com/stretchr/testify/require"

	"github.com/idp-exporter/idp_exporter/internal/demo"
)

// nodeNames returns the nodes that a probe has results for.
func (e *exporter) nodeNames(probe string) []string {
	e.t.Helper()
	_, metrics := e.get("/metrics")
	var nodes []string
	for line := range strings.Lines(metrics) {
		if !strings.HasPrefix(line, "idp_probe_verdict{") || !strings.Contains(line, `probe="`+probe+`"`) {
			continue
		}
		_, rest, _ := strings.Cut(line, `node="`)
		node, _, _ := strings.Cut(rest, `"`)
		nodes = append(nodes, node)
	}
	return nodes
}

func (e *exporter) waitNodes(probe string, want ...string) {
	e.t.Helper()
	eventually(e.t, 15*time.Second, func() error {
		if got := e.nodeNames(probe); fmt.Sprint(got) != fmt.Sprint(want) {
			return fmt.Errorf("%s runs on %q, not on %q", probe, got, want)
		}
		return nil
	})
}

// replace writes a file the way whoever watches it wants: whole.
func replace(t *testing.T, path, content string) {
	t.Helper()
	require.NoError(t, os.WriteFile(path+".new", []byte(content), 0o600))
	require.NoError(t, os.Rename(path+".new", path))
}

func TestNodesAreDiscoveredInAFile(t *testing.T) {
	t.Parallel()
	p := provider(t, demo.StartOptions{})
	address := strings.TrimPrefix(strings.TrimSuffix(p.Issuer, "/"), "http://")
	folder := t.TempDir()
	nodes := writeFile(t, folder, "nodes.yml", "[{targets: ['"+address+"'], labels: {node: n1}}]")
	config := strings.Replace(loginConfig(p.Issuer, accessFor(testToken)), `providers: [{`, `providers: [{discover: {file: nodes.yml, file_every: 1s}, `, 1)
	file := writeFile(t, folder, "c.yml", config)
	e := serveFile(t, file)
	e.waitTestall("OK", 10*time.Second)
	require.Equal(t, []string{"", address}, e.nodeNames("login"))

	code, _ := e.get("/testall?node=" + address)
	require.Equal(t, http.StatusOK, code)
	_, stderr, code := command(t, "probe", "login", "--node="+address, "--config.file="+file)
	require.Zero(t, code, stderr)

	// A second one comes while the exporter runs, and the first goes. A node that
	// is new has a login to show before it counts.
	replace(t, nodes, "[{targets: ['"+address+"', 'localhost"+address[strings.LastIndex(address, ":"):]+"']}]")
	e.waitNodes("login", "", address, "localhost"+address[strings.LastIndex(address, ":"):])
	runs := e.results()["login"].Runs["pass"]
	replace(t, nodes, "[{targets: ['localhost"+address[strings.LastIndex(address, ":"):]+"']}]")
	e.waitNodes("login", "", "localhost"+address[strings.LastIndex(address, ":"):])
	require.GreaterOrEqual(t, e.results()["login"].Runs["pass"], runs, "the other nodes keep their results")

	// A file that is broken, or gone, takes no node away.
	replace(t, nodes, "[{targets: nonsense")
	eventually(t, 10*time.Second, func() error {
		if _, metrics := e.get("/metrics"); !strings.Contains(metrics, `idp_discovery_failures_total{provider=`) || strings.Contains(metrics, `idp_discovery_failures_total{provider="`+address+`"} 0`) {
			return fmt.Errorf("no failure counted")
		}
		return nil
	})
	require.NoError(t, os.Remove(nodes))
	e.waitNodes("login", "", "localhost"+address[strings.LastIndex(address, ":"):])
}

func TestNodesAreDiscoveredInDNS(t *testing.T) {
	t.Parallel()
	p := provider(t, demo.StartOptions{})
	address := strings.TrimPrefix(strings.TrimSuffix(p.Issuer, "/"), "http://")
	_, port, err := net.SplitHostPort(address)
	require.NoError(t, err)

	var addresses atomic.Pointer[[]string]
	addresses.Store(&[]string{"127.0.0.1"})
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	require.NoError(t, err)
	server := &dns.Server{PacketConn: conn, Handler: dns.HandlerFunc(func(w dns.ResponseWriter, q *dns.Msg) {
		m := new(dns.Msg).SetReply(q)
		for _, a := range *addresses.Load() {
			rr, err := dns.NewRR(q.Question[0].Name + " 1 IN A " + a)
			if err == nil {
				m.Answer = append(m.Answer, rr)
			}
		}
		_ = w.WriteMsg(m)
	})}
	go func() { _ = server.ActivateAndServe() }()
	t.Cleanup(func() { _ = server.Shutdown() })

	discover := fmt.Sprintf("providers: [{discover: {dns: {name: nodes.example.com, port: %s, every: 1s, server: '%s'}}, ", port, conn.LocalAddr())
	e := serve(t, strings.Replace(loginConfig(p.Issuer, ""), "providers: [{", discover, 1))
	e.waitTestall("OK", 10*time.Second)
	e.waitNodes("login", "", "127.0.0.1:"+port)
	addresses.Store(&[]string{"127.0.0.1", "127.0.0.2"})
	e.waitNodes("login", "", "127.0.0.1:"+port, "127.0.0.2:"+port)
}

// TestVerdictsOutliveARestart restarts the exporter while its target is down: the
// verdict of before, still fresh, stands until the runs of now have told.
func TestVerdictsOutliveARestart(t *testing.T) {
	t.Parallel()
	var down atomic.Bool
	target := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if down.Load() {
			w.WriteHeader(http.StatusBadGateway)
		}
	}))
	t.Cleanup(target.Close)
	folder := t.TempDir()
	config := "probes: [{name: page, kind: http, url: '" + target.URL + "/', every: 30s, fail_after: 2}]\n" + accessFor(testToken)
	file := writeFile(t, folder, "c.yml", config)
	storage := "--storage.path=" + t.TempDir()

	e := serveFile(t, file, storage)
	e.waitTestall("OK", 10*time.Second)
	_, err := e.end(syscall.SIGTERM)
	require.NoError(t, err)

	down.Store(true)
	e = serveFile(t, file, storage)
	e.waitResult("page", "fail", "response", "http_status", 10*time.Second) // gating probes run at once
	code, body := e.get("/testall")
	require.Equal(t, http.StatusOK, code, "one failure does not fell a verdict that was restored: %s", body)
	_, err = e.end(syscall.SIGTERM)
	require.NoError(t, err)

	// Without storage the same failure is the first there is.
	e = serveFile(t, file, "--storage.path=")
	e.waitResult("page", "fail", "response", "http_status", 10*time.Second)
	code, _ = e.get("/testall")
	require.Equal(t, http.StatusServiceUnavailable, code)

	// Storage that cannot be had is told, and nothing else stops.
	e = serveFile(t, file, "--storage.path="+writeFile(t, folder, "a-file", "x"))
	require.Contains(t, e.output(), "goes on without storage")
	e.waitResult("page", "fail", "response", "http_status", 10*time.Second)
}

func TestWhatANeedCosts(t *testing.T) {
	t.Parallel()
	var down atomic.Bool
	target := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if down.Load() {
			w.WriteHeader(http.StatusBadGateway)
		}
	}))
	t.Cleanup(target.Close)
	e := serve(t, `probes:
  - {name: lb, kind: http, url: '`+target.URL+`/', every: 1s}
  - {name: page, kind: http, url: '`+target.URL+`/page', every: 1s, needs: [lb]}
`)
	e.waitTestall("OK", 10*time.Second)
	down.Store(true)
	e.waitTestall("FAIL", 10*time.Second)
	eventually(t, 10*time.Second, func() error {
		_, body := e.get("/testall?verbose")
		if strings.Contains(body, "page: not judged: it needs lb, which fails") {
			return nil
		}
		return fmt.Errorf("the child is not told apart: %s", body)
	})
	_, metrics := e.get("/metrics")
	require.Contains(t, metrics, `idp_probe_suppressed{cause="parent",node="",probe="page"} 1`)
	runs := e.results()["page"].Runs["fail"]
	eventually(t, 10*time.Second, func() error {
		if e.results()["page"].Runs["fail"] == runs {
			return fmt.Errorf("the child is not measured on")
		}
		return nil
	})
	down.Store(false)
	e.waitTestall("OK", 10*time.Second)
}
