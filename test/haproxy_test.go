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
	// broken is an illness that only the exporter sees.
	broken atomic.Bool
	// posts are the bodies posted, twice counts those posted here again.
	posts sync.Map
	twice atomic.Int32
	// slow counts requests for /slow, which are answered when release is closed.
	slow    atomic.Int32
	release chan struct{}
}

func newNode(t *testing.T, name string) *node {
	t.Helper()
	n := &node{name: name, release: make(chan struct{})}
	n.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/slow" {
			n.slow.Add(1)
			defer n.slow.Add(-1)
			select {
			case <-n.release:
			case <-r.Context().Done():
			}
		}
		if r.Method == http.MethodPost {
			id, _ := io.ReadAll(io.LimitReader(r.Body, 1<<10))
			if _, twice := n.posts.LoadOrStore(string(id), true); twice {
				n.twice.Add(1)
			}
		}
		if n.ill.Load() || r.URL.Path == "/sign-in" && n.broken.Load() {
			w.WriteHeader(http.StatusInternalServerError)
		}
		_, _ = io.WriteString(w, name)
	}))
	t.Cleanup(n.Close)
	return n
}

func (n *node) address() string { return strings.TrimPrefix(n.URL, "http://") }

// nodesConfig probes each node by address under a public name that resolves
// nowhere.
func nodesConfig(nodes [3]*node) string {
	config := "providers:\n  - issuer: http://login.example.invalid\n    nodes:\n"
	for _, n := range nodes {
		config += fmt.Sprintf("      - {name: %s, address: %q}\n", n.name, n.address())
	}
	return config + "probes:\n  - {name: page, kind: http, url: /sign-in, every: 1s, nodes: [n1, n2, n3]}\n"
}

// threeNodes starts nodes and an exporter that probes each of them by address
// under a public name that resolves nowhere.
func threeNodes(t *testing.T, args ...string) ([3]*node, *exporter) {
	t.Helper()
	nodes := [3]*node{newNode(t, "n1"), newNode(t, "n2"), newNode(t, "n3")}
	e := serve(t, nodesConfig(nodes), args...)
	e.waitTestall("OK", 10*time.Second)
	return nodes, e
}

// haproxy starts Debian's haproxy with a configuration of the examples, and
// returns its socket for administrators.
func haproxy(t *testing.T, config string, env map[string]string) *haproxySocket {
	t.Helper()
	path := counterpart(t, "haproxy")
	file, err := filepath.Abs(config)
	require.NoError(t, err)
	dir, err := os.MkdirTemp("", "haproxy") // a socket's name has to be short
	require.NoError(t, err)
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	socket := &haproxySocket{t: t, path: filepath.Join(dir, "admin")}
	admin := writeFile(t, dir, "admin.cfg", "global\n    stats socket "+socket.path+" mode 600 level admin\n")
	libs, err := filepath.Abs("../.cache/debian/usr/lib/x86_64-linux-gnu")
	require.NoError(t, err)
	cmd := exec.Command(path, "-db", "-f", file, "-f", admin)
	cmd.Env = append(os.Environ(), "LD_LIBRARY_PATH="+libs)
	for k, v := range env {
		cmd.Env = append(cmd.Env, k+"="+v)
	}
	startCommand(t, cmd)
	return socket
}

// load asks through the balancer all the time, every other time by a POST, and
// counts who answered.
type load struct {
	address string

	mu     sync.Mutex
	by     map[string]int
	failed int
	asked  int // ever
	lost   int // ever
}

func startLoad(t *testing.T, address string) *load {
	t.Helper()
	l := &load{address: address, by: map[string]int{}}
	stop, done := make(chan struct{}), make(chan struct{})
	client := &http.Client{Timeout: 5 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	n := 0
	next := func() (*http.Response, error) {
		if n++; n%2 == 0 {
			return client.Get("http://" + address + "/")
		}
		return client.Post("http://"+address+"/", "text/plain", strings.NewReader(fmt.Sprintf("login %d", n)))
	}
	go func() {
		defer close(done)
		for {
			select {
			case <-stop:
				return
			case <-time.After(10 * time.Millisecond):
			}
			who, ok := "", false
			if resp, err := next(); err == nil {
				body, _ := io.ReadAll(resp.Body)
				_ = resp.Body.Close()
				who, ok = string(body), resp.StatusCode == http.StatusOK
			}
			l.mu.Lock()
			if ok {
				l.by[who]++
			} else {
				l.failed++
				l.lost++
			}
			l.asked++
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

// noneLost prints how many requests failed since it was last asked, and requires
// that it is none.
func (l *load) noneLost(t *testing.T, during string) {
	t.Helper()
	l.mu.Lock()
	defer l.mu.Unlock()
	t.Logf("%s: %d of %d client requests failed", during, l.lost, l.asked)
	require.Zero(t, l.lost, during)
	require.Positive(t, l.asked, during)
	l.asked, l.lost = 0, 0
}

// fresh forgets what has been counted, and what is under way.
func (l *load) fresh() {
	for begin := l.total(); l.total() < begin+2; {
		time.Sleep(time.Millisecond)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.asked, l.lost = 0, 0
}

// total is how many requests were answered since it was last fresh.
func (l *load) total() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.asked
}

// becomes waits until requests are answered by these nodes alone, without a
// failure, for a whole second.
func (l *load) becomes(t *testing.T, names ...string) {
	t.Helper()
	eventually(t, 60*time.Second, func() error {
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

// waitOpen waits until a port is open, or closed.
func waitOpen(t *testing.T, address string, want bool) {
	t.Helper()
	eventually(t, 30*time.Second, func() error {
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

func TestTheTCPPortIsOpenOnlyWhileTheNodePasses(t *testing.T) {
	t.Parallel()
	whole, n2 := "127.0.0.1:"+freePort(t), "127.0.0.1:"+freePort(t)
	nodes, _ := threeNodes(t, "--health.tcp-listen-address="+whole, "--health.tcp-listen-address=n2@"+n2)
	waitOpen(t, whole, true)
	waitOpen(t, n2, true)
	nodes[0].ill.Store(true)
	waitOpen(t, whole, false)
	waitOpen(t, n2, true)
	nodes[0].ill.Store(false)
	waitOpen(t, whole, true)
}

func TestTheFailingCodeIsTheConfigured(t *testing.T) {
	t.Parallel()
	e := serve(t, "probes: [{kind: http, url: 'http://127.0.0.1:1/', every: 1s}]\nverdict: {failing_code: 520}\n")
	e.waitResult("http", "fail", "connect", "connect", 10*time.Second)
	code, body := e.get("/testall")
	require.Equal(t, 520, code)
	require.Equal(t, "FAIL", body)
}
