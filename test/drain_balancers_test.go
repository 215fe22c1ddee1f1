package test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// TestEveryBalancerFollowsADrain puts a real haproxy, in both ways, and a real
// nginx before the same three nodes, drains one through the exporter's API,
// kills the exporter meanwhile, and ends the drain. No client notices.
func TestEveryBalancerFollowsADrain(t *testing.T) {
	t.Parallel()
	counterpart(t, "haproxy")
	counterpart(t, "nginx")
	health, agent, gate := freePort(t), freePort(t), "127.0.0.1:"+freePort(t)
	args := []string{
		"--health.listen-address=127.0.0.1:" + health, "--health.agent-listen-address=127.0.0.1:" + agent, "--health.tcp-listen-address=n2@" + gate,
		"--storage.path=" + t.TempDir(),
	}
	nodes, e := threeNodes(t, args...)
	env := map[string]string{"IDP_NODE_TLS": "", "IDP_EXPORTER_ADDRESS": "127.0.0.1", "IDP_EXPORTER_PORT": health, "IDP_AGENT_PORT": agent}
	for i, n := range nodes {
		env[fmt.Sprintf("IDP_N%d", i+1)] = n.address()
	}
	loads := map[string]*load{"nginx": startLoad(t, nginx(t, "127.0.0.1:"+health, nodes))}
	var agentSocket *haproxySocket
	for _, file := range []string{"haproxy.cfg", "haproxy-agent.cfg"} {
		env["IDP_LISTEN"] = "127.0.0.1:" + freePort(t)
		agentSocket = haproxy(t, "../examples/load-balancers/haproxy/"+file, env)
		loads[file] = startLoad(t, env["IDP_LISTEN"])
	}
	become := func(names ...string) {
		t.Helper()
		for _, l := range loads {
			l.becomes(t, names...)
		}
	}
	noneLost := func(during string) {
		t.Helper()
		for way, l := range loads {
			l.noneLost(t, way+": "+during)
		}
	}
	become("n1", "n2", "n3")
	waitOpen(t, gate, true)
	for _, l := range loads {
		l.fresh()
	}

	code, body := e.request(http.MethodPost, "/-/drain?node=n2&state=on&for=10m", "")
	require.Equal(t, http.StatusOK, code, body)
	become("n1", "n3")
	waitOpen(t, gate, false)
	agentSocket.becomes("n2", "DRAIN (agent)")
	noneLost("n2 drained")

	_, err := e.end(syscall.SIGKILL)
	require.Error(t, err)
	e = serve(t, nodesConfig(nodes), args...)
	e.waitTestall("OK", 30*time.Second)
	become("n1", "n3")
	noneLost("exporter killed and restarted, n2 still drained")

	now := time.Now().UTC()
	e.window(t, map[string]any{"name": "work", "end": now.Add(time.Hour), "nodes": []string{"n2"}})
	agentSocket.becomes("n2", "MAINT")
	code, body = e.request(http.MethodPost, "/-/drain?node=n2&state=off", "")
	require.Equal(t, http.StatusOK, code, body)
	become("n1", "n2", "n3")
	waitOpen(t, gate, true)
	noneLost("n2 is back")

	code, body = e.request(http.MethodPost, "/-/drain?node=n3&for=15s", "")
	require.Equal(t, http.StatusOK, code, body)
	agentSocket.becomes("n3", "DRAIN (agent)")
	become("n1", "n2", "n3")
	noneLost("a drain that ended by itself")
}

func (e *exporter) window(t *testing.T, window map[string]any) {
	t.Helper()
	body, err := json.Marshal(window)
	require.NoError(t, err)
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, e.url+"/-/windows", strings.NewReader(string(body)))
	require.NoError(t, err)
	req.Header.Set("Authorization", "Bearer "+e.token)
	req.Header.Set("Content-Type", "application/json")
	resp, err := (&http.Client{Timeout: 30 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}).Do(req)
	require.NoError(t, err)
	defer func() { _ = resp.Body.Close() }()
	require.Less(t, resp.StatusCode, 300)
}
