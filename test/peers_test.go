package test

import (
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// TestACluster has three exporters that ask each other, each with a target of its
// own.
func TestACluster(t *testing.T) {
	t.Parallel()
	var down [3]atomic.Bool
	var addresses [3]string
	for i := range addresses {
		addresses[i] = "127.0.0.1:" + freePort(t)
	}
	members := make([]*exporter, 3)
	for i := range members {
		target := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			if down[i].Load() {
				w.WriteHeader(http.StatusBadGateway)
			}
		}))
		t.Cleanup(target.Close)
		config := "probes: [{name: page, kind: http, url: '" + target.URL + "/', every: 1s}]\npeers:\n  every: 1s\n  members:\n"
		for j, a := range addresses {
			if j != i {
				config += fmt.Sprintf("    - {name: e%d, url: 'http://%s', token: %s}\n", j, a, testToken)
			}
		}
		file := writeFile(t, t.TempDir(), "c.yml", config+accessFor(testToken))
		p := start(t, binary(t), "serve", "--config.file="+file, "--storage.path=", "--web.listen-address="+addresses[i])
		members[i] = &exporter{process: p, url: "http://" + addresses[i], token: testToken}
	}
	says := func(i int, path, want string) {
		t.Helper()
		eventually(t, 15*time.Second, func() error {
			if _, body := members[i].get(path); strings.TrimSpace(body) != want {
				return fmt.Errorf("exporter %d says %q to %s, not %s", i, body, path, want)
			}
			return nil
		})
	}
	for i, m := range members {
		m.waitHealthy()
		says(i, "/testall", "OK")
		says(i, "/testall?scope=cluster", "OK")
	}

	// One target fails: its own exporter says so, the cluster still passes.
	down[0].Store(true)
	says(0, "/testall", "FAIL")
	says(0, "/testall?scope=cluster", "OK")
	says(1, "/testall?scope=cluster", "OK")
	eventually(t, 15*time.Second, func() error {
		if _, body := members[1].get("/testall?scope=cluster&verbose"); !strings.Contains(body, "e0") {
			return fmt.Errorf("the members are not listed: %s", body)
		}
		return nil
	})

	// A second one is killed: the third is alone, and answers for itself as before.
	members[1].signal(syscall.SIGKILL)
	says(2, "/testall?scope=cluster", "FAIL")
	says(2, "/testall", "OK")
	_, metrics := members[2].get("/metrics")
	require.Contains(t, metrics, "idp_cluster_pass 0")
	require.Contains(t, metrics, `idp_peer_up{peer="e1"} 0`)

	down[0].Store(false)
	says(2, "/testall?scope=cluster", "OK")

	// A frozen one is as good as dead, and holds nobody up.
	members[0].signal(syscall.SIGSTOP)
	says(2, "/testall?scope=cluster", "FAIL")
	says(2, "/testall", "OK")
	members[0].signal(syscall.SIGCONT)
	says(2, "/testall?scope=cluster", "OK")
}

// TestSystemdIsNotified stands in for systemd's socket (sd_notify(3)).
func TestSystemdIsNotified(t *testing.T) {
	t.Parallel()
	socket := filepath.Join(t.TempDir(), "notify")
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: socket, Net: "unixgram"})
	require.NoError(t, err)
	defer func() { _ = conn.Close() }()

	file := writeFile(t, t.TempDir(), "c.yml", "probes: [{name: page, kind: http, url: 'http://127.0.0.1:9/', every: 1s}]\n")
	cmd := exec.Command(binary(t), "serve", "--config.file="+file, "--storage.path=", "--web.listen-address=127.0.0.1:"+freePort(t))
	cmd.Env = append(os.Environ(), "NOTIFY_SOCKET="+socket, "WATCHDOG_USEC=1000000")
	p := startCommand(t, cmd)
	seen := func(want string) {
		t.Helper()
		buffer := make([]byte, 4096)
		require.NoError(t, conn.SetReadDeadline(time.Now().Add(40*time.Second)))
		for {
			n, err := conn.Read(buffer)
			require.NoError(t, err, "no %s", want)
			if strings.Contains(string(buffer[:n]), want) {
				return
			}
		}
	}
	seen("READY=1")
	seen("WATCHDOG=1")
	seen("STATUS=FAIL")
	p.signal(syscall.SIGHUP)
	seen("RELOADING=1")
	seen("READY=1")
	p.signal(syscall.SIGTERM)
	seen("STOPPING=1")
}
