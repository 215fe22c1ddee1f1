package test

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// node is one instance behind a load balancer, which can fall ill.
type node struct {
	*httptest.Server
	name string
	ill  atomic.Bool
}

func newNode(t *testing.T, name string) *node {
	t.Helper()
	n := &node{name: name}
	n.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if n.ill.Load() {
			w.WriteHeader(http.StatusInternalServerError)
		}
		_, _ = io.WriteString(w, name)
	}))
	t.Cleanup(n.Close)
	return n
}

func (n *node) address() string { return strings.TrimPrefix(n.URL, "http://") }

// threeNodes starts nodes and an exporter that probes each of them by address
// under a public name that resolves nowhere.
func threeNodes(t *testing.T, args ...string) ([3]*node, *exporter) {
	t.Helper()
	nodes := [3]*node{newNode(t, "n1"), newNode(t, "n2"), newNode(t, "n3")}
	config := "providers:\n  - issuer: http://login.example.invalid\n    nodes:\n"
	for _, n := range nodes {
		config += fmt.Sprintf("      - {name: %s, address: %q}\n", n.name, n.address())
	}
	config += "probes:\n  - {name: page, kind: http, url: /, every: 1s, nodes: [n1, n2, n3]}\n"
	e := serve(t, config, args...)
	e.waitTestall("OK", 10*time.Second)
	return nodes, e
}

// haproxy starts Debian's haproxy with a configuration of the examples.
func haproxy(t *testing.T, config string, env map[string]string) {
	t.Helper()
	path := counterpart(t, "haproxy")
	file, err := filepath.Abs(config)
	require.NoError(t, err)
	libs, err := filepath.Abs("../.cache/debian/usr/lib/x86_64-linux-gnu")
	require.NoError(t, err)
	cmd := exec.Command(path, "-db", "-f", file)
	cmd.Env = append(os.Environ(), "LD_LIBRARY_PATH="+libs)
	for k, v := range env {
		cmd.Env = append(cmd.Env, k+"="+v)
	}
	startCommand(t, cmd)
}

// load asks through the balancer all the time and counts who answered.
type load struct {
	mu     sync.Mutex
	by     map[string]int
	failed int
}

func startLoad(t *testing.T, address string) *load {
	t.Helper()
	l := &load{by: map[string]int{}}
	stop, done := make(chan struct{}), make(chan struct{})
	client := &http.Client{Timeout: 5 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	go func() {
		defer close(done)
		for {
			select {
			case <-stop:
				return
			case <-time.After(10 * time.Millisecond):
			}
			who, ok := "", false
			if resp, err := client.Get("http://" + address + "/"); err == nil {
				body, _ := io.ReadAll(resp.Body)
				_ = resp.Body.Close()
				who, ok = string(body), resp.StatusCode == http.StatusOK
			}
			l.mu.Lock()
			if ok {
				l.by[who]++
			} else {
				l.failed++
			}
			l.mu.Unlock()
		}
	}()
	t.Cleanup(func() {
		close(stop)
		<-done
	})
	return l
}

// take returns the counts since the last time.
func (l *load) take() (by map[string]int, failed int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	by, failed = l.by, l.failed
	l.by, l.failed = map[string]int{}, 0
	return by, failed
}

// becomes waits until requests are answered by these nodes alone, without a
// failure, for a whole second.
func (l *load) becomes(t *testing.T, names ...string) {
	t.Helper()
	eventually(t, 40*time.Second, func() error {
		_, _ = l.take()
		time.Sleep(time.Second) // the window that is looked at
		by, failed := l.take()
		if len(by) != len(names) || failed > 0 {
			return fmt.Errorf("answered by %v, failed %d, want %v", by, failed, names)
		}
		for _, n := range names {
			if by[n] == 0 {
				return fmt.Errorf("answered by %v, want %v", by, names)
			}
		}
		return nil
	})
}

// TestHAProxyFollowsTheVerdictOfEachNode puts a real haproxy with the
// configurations of the examples before three nodes under constant load: by
// HTTP check and by agent-check, an ill node leaves and comes back.
func TestHAProxyFollowsTheVerdictOfEachNode(t *testing.T) {
	t.Parallel()
	for way, file := range map[string]string{"http check": "haproxy.cfg", "agent-check": "haproxy-agent.cfg"} {
		t.Run(way, func(t *testing.T) {
			t.Parallel()
			counterpart(t, "haproxy")
			health, agent, listen := freePort(t), freePort(t), "127.0.0.1:"+freePort(t)
			nodes, e := threeNodes(t, "--health.listen-address=127.0.0.1:"+health, "--health.agent-listen-address=127.0.0.1:"+agent)
			env := map[string]string{
				"IDP_LISTEN": listen, "IDP_NODE_TLS": "", "IDP_EXPORTER_ADDRESS": "127.0.0.1", "IDP_EXPORTER_PORT": health, "IDP_AGENT_PORT": agent,
			}
			for i, n := range nodes {
				env[fmt.Sprintf("IDP_N%d", i+1)] = n.address()
			}
			haproxy(t, "../examples/load-balancers/haproxy/"+file, env)
			l := startLoad(t, listen)
			l.becomes(t, "n1", "n2", "n3")
			begin := time.Now()
			nodes[1].ill.Store(true)
			l.becomes(t, "n1", "n3")
			out := time.Since(begin)
			code, body := e.get("/testall?node=n2")
			require.Equal(t, 503, code, body)
			code, body = e.get("/testall?node=n1")
			require.Equal(t, 200, code, body)
			begin = time.Now()
			nodes[1].ill.Store(false)
			l.becomes(t, "n1", "n2", "n3")
			t.Logf("n2 left within %s and was back within %s", out.Round(time.Second), time.Since(begin).Round(time.Second))
		})
	}
}

func TestTheTCPPortIsOpenOnlyWhileTheNodePasses(t *testing.T) {
	t.Parallel()
	whole, n2 := "127.0.0.1:"+freePort(t), "127.0.0.1:"+freePort(t)
	nodes, _ := threeNodes(t, "--health.tcp-listen-address="+whole, "--health.tcp-listen-address=n2@"+n2)
	open := func(address string, want bool) {
		t.Helper()
		eventually(t, 15*time.Second, func() error {
			conn, err := net.Dial("tcp", address)
			if err == nil {
				_ = conn.Close()
			}
			if (err == nil) != want {
				return fmt.Errorf("%s open: %v", address, err == nil)
			}
			return nil
		})
	}
	open(whole, true)
	open(n2, true)
	nodes[0].ill.Store(true)
	open(whole, false)
	open(n2, true)
	nodes[0].ill.Store(false)
	open(whole, true)
}

func TestTheFailingCodeIsTheConfigured(t *testing.T) {
	t.Parallel()
	e := serve(t, "probes: [{kind: http, url: 'http://127.0.0.1:1/', every: 1s}]\nverdict: {failing_code: 520}\n")
	e.waitResult("http", "fail", "connect", "connect", 10*time.Second)
	code, body := e.get("/testall")
	require.Equal(t, 520, code)
	require.Equal(t, "FAIL", body)
}
