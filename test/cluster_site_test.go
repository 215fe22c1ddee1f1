package test

import (
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/idp-exporter/idp_exporter/internal/demo"
)

// site is a provider of three nodes behind real balancers, under constant load.
// The balancers ask one exporter; another one, its peer, watches the same nodes.
type site struct {
	*exporter
	peer      *exporter
	t         *testing.T
	cluster   *demo.Cluster
	balancers []*balancerInFront
	table     []string

	dir           string
	health, agent string // ports
	own, other    string // addresses of the exporters
}

// balancerInFront is one balancer with its load.
type balancerInFront struct {
	name string
	*clientLoad
	row  *loadWindow          // what was counted for the line of the table
	gone map[string]time.Time // the last requests before a node was gone, as in loadWindow.last
}

// steadyPort returns a free port that the system hands out to nobody, so that a
// server can be stopped and started on it.
func steadyPort(t *testing.T) string {
	t.Helper()
	for range 100 {
		port := strconv.Itoa(10000 + rand.IntN(20000)) // below the ephemeral ports
		if l, err := net.Listen("tcp", "127.0.0.1:"+port); err == nil {
			require.NoError(t, l.Close())
			return port
		}
	}
	t.Fatal("no free port")
	return ""
}

// newSite starts everything and waits until every node has its share of every
// balancer's requests.
func newSite(t *testing.T) *site {
	t.Helper()
	counterpart(t, "haproxy")
	binary(t)
	s := &site{
		t: t, dir: t.TempDir(), health: steadyPort(t), agent: steadyPort(t),
		own: "127.0.0.1:" + steadyPort(t), other: "127.0.0.1:" + steadyPort(t),
	}
	front := map[string]string{"haproxy http": "127.0.0.1:" + freePort(t), "haproxy agent": "127.0.0.1:" + freePort(t)}
	var err error
	s.cluster, err = demo.StartCluster(t.Context(), demo.ClusterOptions{
		Issuer: "http://" + front["haproxy http"], SigningAlg: "ES256",
		Addrs: []string{"127.0.0.1:" + steadyPort(t), "127.0.0.1:" + steadyPort(t), "127.0.0.1:" + steadyPort(t)},
	})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.cluster.Close()) })
	peer := s.writeConfig("peer", s.own, "")
	s.writeConfig("exporter", s.other, "")
	s.startExporter()
	s.peer = s.serveAt(s.other, peer, filepath.Join(s.dir, "peer-data"))
	s.waitTestall("OK", 60*time.Second)
	s.peer.waitTestall("OK", 60*time.Second)
	s.startHAProxy("haproxy.cfg", front["haproxy http"])
	s.startHAProxy("haproxy-agent.cfg", front["haproxy agent"])
	s.startNginx(front)
	every := 20 * time.Millisecond
	if soak() {
		every = 5 * time.Millisecond
	}
	for _, name := range []string{"haproxy http", "haproxy agent", "nginx"} {
		if address := front[name]; address != "" {
			l := startClientLoad(t, "http://"+address, s.cluster.Issuer, every)
			s.balancers = append(s.balancers, &balancerInFront{name: name, clientLoad: l, row: newLoadWindow()})
		}
	}
	return s
}

// writeConfig writes a configuration of an exporter with a peer, and with
// further settings of the logins on the nodes, and returns its file.
func (s *site) writeConfig(name, peer, login string) string {
	s.t.Helper()
	nodes := ""
	for _, n := range s.cluster.Nodes {
		nodes += fmt.Sprintf("      - {name: %s, address: %q}\n", n.Name, n.Address)
	}
	return writeFile(s.t, s.dir, name+".yml", fmt.Sprintf(`providers:
  - name: acme
    issuer: %s
    min_up: 1
    quorum: 2
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
  - {name: login, kind: login, nodes: [n1, n2, n3], <<: *login%s}
  - {name: login-public, kind: login, nodes: [public], gates: false, <<: *login}
  - {name: directory, kind: http, nodes: [public], url: %q, every: 1s, timeout: 900ms}
peers: {every: 1s, members: [{name: other, url: "http://%s", token: %s}]}
audit: {file: {path: %s.jsonl}}
`, s.cluster.Issuer, nodes, demo.ClientID, demo.ClientSecret, demo.Username, demo.Password, login, s.cluster.DirectoryURL, peer, testToken, name)+accessFor(testToken))
}

// reload makes the exporter read another configuration.
func (s *site) reload(login string) {
	s.t.Helper()
	s.writeConfig("exporter", s.other, login)
	code, body := s.request(http.MethodPost, "/-/reload", "")
	require.Equal(s.t, http.StatusOK, code, body)
}

// clients makes the clients wait that long for an answer.
func (s *site) clients(patience time.Duration) {
	for _, b := range s.balancers {
		b.patience.Store(int64(patience))
	}
}

// startExporter starts the exporter that the balancers ask, at the addresses
// and with the storage it had before.
func (s *site) startExporter() {
	s.t.Helper()
	s.exporter = s.serveAt(s.own, filepath.Join(s.dir, "exporter.yml"), filepath.Join(s.dir, "data"),
		"--health.listen-address=127.0.0.1:"+s.health, "--health.agent-listen-address=127.0.0.1:"+s.agent)
}

func (s *site) serveAt(address, config, storage string, args ...string) *exporter {
	s.t.Helper()
	args = append([]string{"serve", "--config.file=" + config, "--web.listen-address=" + address, "--storage.path=" + storage}, args...)
	e := &exporter{process: start(s.t, binary(s.t), args...), url: "http://" + address, token: testToken}
	e.waitHealthy()
	return e
}

// restart ends the exporter by SIGTERM and starts it again.
func (s *site) restart() {
	s.t.Helper()
	_, err := s.end(syscall.SIGTERM)
	require.NoError(s.t, err)
	s.startExporter()
}

// quickHAProxy shortens the intervals of the examples as much as every: 1s
// shortens that of the logins.
var quickHAProxy = strings.NewReplacer("inter 2s", "inter 300ms", "timeout check 2s", "timeout check 1s")

func (s *site) startHAProxy(example, listen string) {
	s.t.Helper()
	content, err := os.ReadFile(filepath.Join("../examples/load-balancers/haproxy", example))
	require.NoError(s.t, err)
	env := map[string]string{
		"IDP_LISTEN": listen, "IDP_NODE_TLS": "", "IDP_EXPORTER_ADDRESS": "127.0.0.1", "IDP_EXPORTER_PORT": s.health, "IDP_AGENT_PORT": s.agent,
	}
	for _, n := range s.cluster.Nodes {
		env["IDP_"+strings.ToUpper(n.Name)] = n.Address
	}
	haproxy(s.t, writeFile(s.t, s.dir, example, quickHAProxy.Replace(string(content))), env)
}

// startNginx starts nginx where it is installed.
func (s *site) startNginx(front map[string]string) {
	s.t.Helper()
	if !installed("nginx") {
		s.t.Log("nginx is not here: run test/setup; measured with haproxy alone")
		return
	}
	var nodes [3]*node
	for i, n := range s.cluster.Nodes {
		nodes[i] = &node{Server: &httptest.Server{URL: "http://" + n.Address}, name: n.Name} // for its address
	}
	front["nginx"] = nginx(s.t, "127.0.0.1:"+s.health, nodes)
}

func installed(name string) bool {
	for _, dir := range []string{"../.cache/debian/usr/sbin/", "/usr/sbin/"} {
		if _, err := os.Stat(dir + name); err == nil {
			return true
		}
	}
	return false
}

// settle cuts the load of every balancer, from now on, into windows until one in
// each has the answers of these nodes and of no other and, if clean, no failure.
func (s *site) settle(what string, clean bool, nodes ...string) {
	s.t.Helper()
	for _, b := range s.balancers {
		b.row.add(b.cut())
	}
	for _, b := range s.balancers {
		eventually(s.t, 60*time.Second, func() error {
			time.Sleep(300 * time.Millisecond) // the length of a window
			w := b.cut()
			b.row.add(w)
			for _, n := range s.cluster.Nodes {
				want := false
				for _, name := range nodes {
					want = want || name == n.Name
				}
				if want != (w.by[n.Name] > 0) {
					return fmt.Errorf("%s, %s: answered by %v, want %v", what, b.name, w.by, nodes)
				}
			}
			if clean && w.failures() > 0 {
				return fmt.Errorf("%s, %s: failed: %s", what, b.name, w.causes())
			}
			return nil
		})
	}
}

// outlived lets the balancers go on without the exporter for some time.
func (r *row) outlived(d time.Duration) {
	r.t.Helper()
	for end := time.Now().Add(d); time.Now().Before(end); {
		r.settle(r.fault, false, "n1", "n2", "n3")
	}
}
