package test

import (
	"context"
	"encoding/csv"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/idp-exporter/idp_exporter/internal/balancer"
)

// haproxySocket is HAProxy's runtime API.
type haproxySocket struct {
	t    *testing.T
	path string
}

func (s *haproxySocket) do(command string) string {
	s.t.Helper()
	conn, err := net.Dial("unix", s.path)
	require.NoError(s.t, err)
	defer func() { _ = conn.Close() }()
	_, err = io.WriteString(conn, command+"\n")
	require.NoError(s.t, err)
	answer, err := io.ReadAll(conn)
	require.NoError(s.t, err)
	return string(answer)
}

// status is what HAProxy's statistics say of a node.
func (s *haproxySocket) status(node string) string {
	s.t.Helper()
	rows, err := csv.NewReader(strings.NewReader(strings.TrimSpace(s.do("show stat")))).ReadAll()
	require.NoError(s.t, err)
	for _, row := range rows {
		if row[0] == "idp" && row[1] == node {
			return row[17]
		}
	}
	s.t.Fatalf("HAProxy knows no %s", node)
	return ""
}

func (s *haproxySocket) becomes(node, status string) {
	s.t.Helper()
	eventually(s.t, 40*time.Second, func() error {
		if got := s.status(node); got != status {
			return fmt.Errorf("%s is %q, want %q", node, got, status)
		}
		return nil
	})
}

// answers is what an agent says of three nodes, with a clock set by hand.
type answers struct {
	mu    sync.Mutex
	is    map[string]balancer.Answer
	asked map[string]int
	ahead time.Duration
}

func newAnswers() *answers {
	up := balancer.Answer{Known: true, OK: true}
	return &answers{is: map[string]balancer.Answer{"n1": up, "n2": up, "n3": up}, asked: map[string]int{}}
}

func (a *answers) answer(node string) balancer.Answer {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.asked[node]++
	return a.is[node]
}

func (a *answers) set(node string, is balancer.Answer) {
	a.mu.Lock()
	defer a.mu.Unlock()
	is.Known = true
	a.is[node] = is
}

func (a *answers) now() time.Time {
	a.mu.Lock()
	defer a.mu.Unlock()
	return time.Now().Add(a.ahead)
}

func (a *answers) pass(d time.Duration) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.ahead += d
}

// polled waits until HAProxy has had n further answers about a node and acted
// on all but the last.
func (a *answers) polled(t *testing.T, node string, n int) {
	t.Helper()
	count := func() int {
		a.mu.Lock()
		defer a.mu.Unlock()
		return a.asked[node]
	}
	begin := count()
	eventually(t, 60*time.Second, func() error {
		if got := count() - begin; got < n {
			return fmt.Errorf("%s was asked about %d times, want %d", node, got, n)
		}
		return nil
	})
}

// agent serves the answers until the returned function is called.
func (a *answers) agent(t *testing.T, address string) (port string, stop func()) {
	t.Helper()
	b, err := balancer.New(balancer.Options{Agent: []string{address}, Answer: a.answer, Now: a.now, Logger: slog.New(slog.DiscardHandler)})
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- b.Run(ctx) }()
	stop = sync.OnceFunc(func() {
		cancel()
		require.NoError(t, <-ended)
	})
	t.Cleanup(stop)
	_, port, err = net.SplitHostPort(b.Addresses()[0].String())
	require.NoError(t, err)
	return port, stop
}

// behindAgent puts a real haproxy, with the agent-check example, before three
// nodes of which the answers speak.
func behindAgent(t *testing.T, a *answers) (nodes [3]*node, l *load, h *haproxySocket, port string, stop func()) {
	t.Helper()
	counterpart(t, "haproxy")
	port, stop = a.agent(t, "127.0.0.1:0")
	listen := "127.0.0.1:" + freePort(t)
	env := map[string]string{"IDP_LISTEN": listen, "IDP_EXPORTER_ADDRESS": "127.0.0.1", "IDP_AGENT_PORT": port}
	for i := range nodes {
		nodes[i] = newNode(t, fmt.Sprintf("n%d", i+1))
		env[fmt.Sprintf("IDP_N%d", i+1)] = nodes[i].address()
	}
	h = haproxy(t, "../examples/load-balancers/haproxy/haproxy-agent.cfg", env)
	l = startLoad(t, listen)
	l.becomes(t, "n1", "n2", "n3")
	l.fresh()
	return nodes, l, h, port, stop
}

// begun starts requests for /slow until one is under way on a node, and returns
// how the ones there ended, one for each.
func begun(t *testing.T, l *load, n *node) <-chan error {
	t.Helper()
	ended := make(chan error, 100)
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	for range cap(ended) {
		go func() {
			resp, err := client.Get("http://" + l.address + "/slow")
			if err != nil {
				ended <- err
				return
			}
			_, err = io.Copy(io.Discard, resp.Body)
			_ = resp.Body.Close()
			ended <- err
		}()
		for range 20 {
			if n.slow.Load() > 0 {
				return ended
			}
			time.Sleep(10 * time.Millisecond) // the interval of a poll
		}
	}
	t.Fatalf("no request reached %s", n.name)
	return nil
}

func TestHAProxyDrainsANodeAndTakesItBack(t *testing.T) {
	t.Parallel()
	a := newAnswers()
	nodes, l, h, _, _ := behindAgent(t, a)
	ended := begun(t, l, nodes[1])
	a.set("n2", balancer.Answer{OK: true, Drained: true})
	l.becomes(t, "n1", "n3")
	h.becomes("n2", "DRAIN (agent)")
	a.set("n2", balancer.Answer{Drained: true}) // it fails, too: sessions go on
	a.polled(t, "n2", 3)
	require.Positive(t, nodes[1].slow.Load(), "the request under way was cut off")
	for _, n := range nodes {
		close(n.release)
	}
	require.NoError(t, <-ended, "a request under way is finished")
	a.set("n2", balancer.Answer{OK: true, Returned: a.now()})
	l.becomes(t, "n1", "n2", "n3")
	h.becomes("n2", "UP")
	l.noneLost(t, "drain of n2 and its end")
}

func TestHAProxyStopsANodeUnderMaintenance(t *testing.T) {
	t.Parallel()
	a := newAnswers()
	nodes, l, h, _, _ := behindAgent(t, a)
	ended := begun(t, l, nodes[1])
	a.set("n2", balancer.Answer{OK: true, Drained: true})
	h.becomes("n2", "DRAIN (agent)")
	a.set("n2", balancer.Answer{Drained: true, Maintenance: true})
	h.becomes("n2", "MAINT")
	require.Error(t, <-ended, "on-marked-down shutdown-sessions closes what is still under way")
	close(nodes[0].release)
	close(nodes[2].release)
	l.becomes(t, "n1", "n3")
	a.set("n2", balancer.Answer{Drained: true}) // the window has closed before the drain
	h.becomes("n2", "DRAIN (agent)")
	a.set("n2", balancer.Answer{OK: true, Returned: a.now()})
	l.becomes(t, "n1", "n2", "n3")
	l.noneLost(t, "maintenance of n2 and its end")
}

func TestHAProxyKeepsWhatItsAdministratorSet(t *testing.T) {
	t.Parallel()
	a := newAnswers()
	_, l, h, _, _ := behindAgent(t, a)
	for state, status := range map[string]string{"maint": "MAINT", "drain": "DRAIN (agent)"} {
		require.Empty(t, strings.TrimSpace(h.do("set server idp/n2 state "+state)))
		a.polled(t, "n2", 3)
		require.Equal(t, status, h.status("n2"), "set by hand, kept through the agent's `up`")
	}
	// A drain of the exporter takes over, ends what was set, and leaves what is
	// set a minute later.
	a.set("n2", balancer.Answer{OK: true, Drained: true})
	a.polled(t, "n2", 2)
	a.set("n2", balancer.Answer{OK: true, Returned: a.now()})
	h.becomes("n2", "UP")
	a.pass(2 * time.Minute)
	a.polled(t, "n2", 2)
	require.Empty(t, strings.TrimSpace(h.do("set server idp/n2 state maint")))
	a.polled(t, "n2", 3)
	require.Equal(t, "MAINT", h.status("n2"))
	h.do("set server idp/n2 state ready")
	l.becomes(t, "n1", "n2", "n3")
	l.noneLost(t, "what an administrator set")
}

func TestHAProxyTakesBackWhatEndedUnheard(t *testing.T) {
	t.Parallel()
	a := newAnswers()
	_, l, h, port, stop := behindAgent(t, a)
	a.set("n2", balancer.Answer{OK: true, Drained: true})
	h.becomes("n2", "DRAIN (agent)")
	stop() // the drain lapses while nobody answers
	a.set("n2", balancer.Answer{OK: true, Returned: a.now()})
	_, _ = a.agent(t, "127.0.0.1:"+port)
	l.becomes(t, "n1", "n2", "n3")

	// A node comes back failing, recovers much later, and is in again.
	a.set("n2", balancer.Answer{Drained: true})
	h.becomes("n2", "DRAIN (agent)")
	a.set("n2", balancer.Answer{Returned: a.now()})
	h.becomes("n2", "DOWN (agent)")
	a.pass(time.Hour)
	a.polled(t, "n2", 2)
	a.set("n2", balancer.Answer{OK: true})
	h.becomes("n2", "UP")
	l.becomes(t, "n1", "n2", "n3")
	l.noneLost(t, "drains that ended unheard, or failing")
}
