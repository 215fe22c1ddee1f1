package test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"regexp"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// nginx starts Debian's nginx with the example file, in which addresses and
// certificates are replaced, and returns where it listens.
func nginx(t *testing.T, exporterHealth string, nodes [3]*node) string {
	t.Helper()
	path := counterpart(t, "nginx")
	dir := t.TempDir()
	listen := "127.0.0.1:" + freePort(t)
	replace := map[string]string{
		"listen 443 ssl;":          "listen " + listen + ";",
		"10.0.0.20:9109":           exporterHealth,
		"/var/cache/nginx-idp":     filepath.Join(dir, "cache"),
		"proxy_pass https://idp_$": "proxy_pass http://idp_$",
		"9200":                     freePort(t),
	}
	for i, n := range nodes {
		replace[fmt.Sprintf("10.0.0.1%d:443", i+1)] = n.address()
		replace[fmt.Sprintf("920%d", i+1)] = freePort(t)
	}
	example, err := os.ReadFile("../examples/load-balancers/nginx/idp.conf")
	require.NoError(t, err)
	var pairs []string
	for from, to := range replace {
		require.Contains(t, string(example), from)
		pairs = append(pairs, from, to)
	}
	config := strings.NewReplacer(pairs...).Replace(string(example))
	config = regexp.MustCompile(`(?m)^ *(ssl_certificate|ssl_certificate_key|proxy_ssl_\w+) .*;\n`).ReplaceAllString(config, "")
	writeFile(t, dir, "idp.conf", config)
	me, err := user.Current()
	require.NoError(t, err)
	var paths strings.Builder
	for _, name := range []string{"client_body", "proxy", "fastcgi", "uwsgi", "scgi"} {
		fmt.Fprintf(&paths, "    %s_temp_path %s;\n", name, filepath.Join(dir, name))
	}
	main := fmt.Sprintf("daemon off;\nuser %s;\nworker_processes 2;\npid %s;\nevents {}\nhttp {\n    access_log off;\n%s    include idp.conf;\n}\n",
		me.Username, filepath.Join(dir, "pid"), paths.String())
	cmd := exec.Command(path, "-e", "stderr", "-p", dir, "-c", writeFile(t, dir, "nginx.conf", main))
	libs, err := filepath.Abs("../.cache/debian/usr/lib/x86_64-linux-gnu")
	require.NoError(t, err)
	cmd.Env = append(os.Environ(), "LD_LIBRARY_PATH="+libs)
	startCommand(t, cmd)
	return listen
}

// postedOnce requires that no login was posted to two nodes, or to one twice.
func postedOnce(t *testing.T, nodes [3]*node) {
	t.Helper()
	seen := map[any]string{}
	for _, n := range nodes {
		require.Zero(t, n.twice.Load(), "logins posted to %s twice", n.name)
		n.posts.Range(func(id, _ any) bool {
			require.Empty(t, seen[id], "%v was posted to %s too", id, n.name)
			seen[id] = n.name
			return true
		})
	}
	require.NotEmpty(t, seen)
}

// TestNginxFollowsTheVerdictOfEachNode puts a real, open-source nginx before
// three nodes. Every fault here is one that clients need not notice at all.
func TestNginxFollowsTheVerdictOfEachNode(t *testing.T) {
	t.Parallel()
	counterpart(t, "nginx")
	health := "127.0.0.1:" + freePort(t)
	nodes, e := threeNodes(t, "--health.listen-address="+health)
	l := startLoad(t, nginx(t, health, nodes))
	l.becomes(t, "n1", "n2", "n3")
	l.fresh()

	begin := time.Now()
	nodes[1].broken.Store(true)
	l.becomes(t, "n1", "n3")
	t.Logf("n2 left within %s", time.Since(begin).Round(time.Second))
	l.noneLost(t, "sign-in fails on n2")

	e.signal(syscall.SIGSTOP)
	l.becomes(t, "n1", "n3")
	l.noneLost(t, "exporter frozen")
	e.signal(syscall.SIGCONT)

	nodes[1].broken.Store(false)
	l.becomes(t, "n1", "n2", "n3")
	l.noneLost(t, "n2 is back")
	require.NoError(t, nodes[0].Config.Shutdown(t.Context()))
	l.fresh()
	l.becomes(t, "n2", "n3")
	l.noneLost(t, "n1 stopped")
	postedOnce(t, nodes)
}

// TestNginxOutlivesTheExporter kills the exporter while a node is out and
// starts another in its place.
func TestNginxOutlivesTheExporter(t *testing.T) {
	t.Parallel()
	counterpart(t, "nginx")
	health := "127.0.0.1:" + freePort(t)
	nodes, e := threeNodes(t, "--health.listen-address="+health)
	l := startLoad(t, nginx(t, health, nodes))
	nodes[1].broken.Store(true)
	l.becomes(t, "n1", "n3")
	l.fresh()
	_, err := e.end(syscall.SIGKILL)
	require.Error(t, err)
	for range 3 {
		l.becomes(t, "n1", "n3")
	}
	l.noneLost(t, "exporter killed; its last answers hold")
	nodes[1].broken.Store(false)
	again := serve(t, nodesConfig(nodes), "--health.listen-address="+health)
	l.becomes(t, "n1", "n2", "n3")
	l.noneLost(t, "exporter restarted")
	code, body := again.get("/testall?node=n2")
	require.Equal(t, http.StatusOK, code, body)
	postedOnce(t, nodes)
}

// TestNginxGoesOnWhereAllAreRefused has an exporter that refuses every node, as
// one does that has just been started.
func TestNginxGoesOnWhereAllAreRefused(t *testing.T) {
	t.Parallel()
	counterpart(t, "nginx")
	var asked atomic.Int32
	exporter := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		asked.Add(1)
		w.Header().Set("Cache-Control", "no-store")
		w.WriteHeader(http.StatusServiceUnavailable)
	}))
	t.Cleanup(exporter.Close)
	nodes := [3]*node{newNode(t, "n1"), newNode(t, "n2"), newNode(t, "n3")}
	l := startLoad(t, nginx(t, strings.TrimPrefix(exporter.URL, "http://"), nodes))
	l.becomes(t, "n1", "n2", "n3")
	l.fresh()
	l.becomes(t, "n1", "n2", "n3")
	require.Positive(t, asked.Load())
	require.Less(t, int(asked.Load()), l.total(), "an answer is remembered for a second")
	l.noneLost(t, "all nodes refused")
	postedOnce(t, nodes)
}
