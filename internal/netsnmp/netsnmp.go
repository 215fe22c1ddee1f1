// Package netsnmp runs the programs of the real net-snmp and libsmi for tests.
// Where they are not installed, a test skips and says why.
package netsnmp

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// Patience is how long tests wait for what a slow machine does late.
const Patience = 60 * time.Second

// root is where test/setup unpacks Debian packages.
func root(t testing.TB) string {
	t.Helper()
	folder, err := os.Getwd()
	require.NoError(t, err)
	for {
		if _, err := os.Stat(filepath.Join(folder, "go.mod")); err == nil {
			return filepath.Join(folder, ".cache", "debian")
		}
		parent := filepath.Dir(folder)
		require.NotEqual(t, parent, folder, "no go.mod above the test")
		folder = parent
	}
}

// Command returns a program of net-snmp or libsmi, in surroundings of its own:
// it reads none of the host's configuration and writes below a folder of the test.
func Command(t testing.TB, program string, args ...string) *exec.Cmd {
	t.Helper()
	base := root(t)
	path := ""
	for _, folder := range []string{"usr/bin", "usr/sbin"} {
		if p := filepath.Join(base, folder, program); exists(p) {
			path = p
		}
	}
	persistent := t.TempDir()
	require.NoError(t, os.Mkdir(filepath.Join(persistent, "cert_indexes"), 0o700)) // else it says that it made it
	environment := []string{"PATH=" + os.Getenv("PATH"), "SNMPCONFPATH=/nowhere", "SNMP_PERSISTENT_DIR=" + persistent, "MIBS=", "LC_ALL=C.UTF-8", "TZ=UTC"}
	if path != "" {
		libraries, err := filepath.Glob(filepath.Join(base, "usr/lib/*-linux-gnu*"))
		require.NoError(t, err)
		more, err := filepath.Glob(filepath.Join(base, "lib/*-linux-gnu*"))
		require.NoError(t, err)
		environment = append(environment, "LD_LIBRARY_PATH="+strings.Join(append(libraries, more...), ":"))
	} else {
		found, err := exec.LookPath(program)
		if err != nil {
			t.Skipf("%s is not here; run test/setup on Debian", program)
		}
		path = found
	}
	c := exec.CommandContext(t.Context(), path, args...)
	c.Env = environment
	return c
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// MIBs returns a folder with the modules that the exporter's imports, taken
// from Debian's erlang-snmp, and with the given ones.
func MIBs(t testing.TB, modules map[string][]byte) string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(root(t), "usr/lib/erlang/lib/snmp-*/mibs/*.mib"))
	require.NoError(t, err)
	if len(files) == 0 {
		t.Skip("the base MIBs of Debian's erlang-snmp are not here; run test/setup on Debian")
	}
	folder := t.TempDir()
	for _, f := range files {
		b, err := os.ReadFile(f)
		require.NoError(t, err)
		modules[strings.TrimSuffix(filepath.Base(f), ".mib")] = b
	}
	for name, text := range modules {
		require.NoError(t, os.WriteFile(filepath.Join(folder, name), text, 0o600))
	}
	return folder
}

// Output runs a command that has to succeed and returns what it printed.
func Output(t testing.TB, c *exec.Cmd) string {
	t.Helper()
	out, err := c.CombinedOutput()
	require.NoError(t, err, "%s: %s", c, out)
	return string(out)
}

// Daemon is a program that runs until the test ends or Stop is called.
type Daemon struct {
	t    testing.TB
	cmd  *exec.Cmd
	log  string
	done chan struct{}
}

// Start starts a program that writes its log to a file.
func Start(t testing.TB, c *exec.Cmd, log string) *Daemon {
	t.Helper()
	var output bytes.Buffer
	c.Stdout, c.Stderr = &output, &output
	require.NoError(t, c.Start())
	d := &Daemon{t, c, log, make(chan struct{})}
	go func() {
		defer close(d.done)
		_ = c.Wait()
	}()
	t.Cleanup(func() {
		d.Stop()
		if t.Failed() {
			t.Logf("%s printed:\n%s\nand logged:\n%s", c, output.String(), d.Log())
		}
	})
	return d
}

// Stop asks the program to end, so that it writes what it keeps, and waits.
func (d *Daemon) Stop() {
	_ = d.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-d.done:
	case <-time.After(Patience):
		_ = d.cmd.Process.Kill()
		<-d.done
	}
}

// Log returns what the program has logged so far.
func (d *Daemon) Log() string {
	b, _ := os.ReadFile(d.log)
	return string(b)
}

// Wait waits until the log contains every one of the texts.
func (d *Daemon) Wait(texts ...string) string {
	d.t.Helper()
	require.Eventually(d.t, func() bool {
		log := d.Log()
		for _, text := range texts {
			if !strings.Contains(log, text) {
				return false
			}
		}
		return true
	}, Patience, 5*time.Millisecond, "the log has not all of %q", texts)
	return d.Log()
}

// Port returns a port of the loopback that nobody listens on, by UDP or TCP. It
// is none of those that systems give to clients, which could take it meanwhile.
func Port(t testing.TB) string {
	t.Helper()
	for range 1000 {
		address := fmt.Sprintf("127.0.0.1:%d", 10_000+rand.N(22_000)) //nolint:gosec // no secret
		u, err := new(net.ListenConfig).ListenPacket(t.Context(), "udp", address)
		if err != nil {
			continue
		}
		require.NoError(t, u.Close())
		l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", address)
		if err != nil {
			continue
		}
		require.NoError(t, l.Close())
		_, port, err := net.SplitHostPort(address)
		require.NoError(t, err)
		return port
	}
	t.Fatal("no port is free")
	return ""
}

// Receiver is a running snmptrapd.
type Receiver struct {
	*Daemon
	Address string
	// Folder keeps its engine over restarts.
	Folder string
}

// Trapd starts snmptrapd with a configuration. Folder keeps its engine and may
// be that of an earlier one; mibs is a folder with modules.
func Trapd(t testing.TB, configuration, folder, port, mibs, module string) *Receiver {
	t.Helper()
	work := t.TempDir()
	file, log := filepath.Join(work, "snmptrapd.conf"), filepath.Join(work, "log")
	require.NoError(t, os.WriteFile(file, []byte(configuration), 0o600))
	c := Command(t, "snmptrapd", "-f", "-Lf", log, "-n", "-c", file, "-M", mibs, "-m", module+":SNMPv2-MIB", "-x", "/nowhere/agentx",
		"-p", filepath.Join(work, "pid"), "udp:127.0.0.1:"+port)
	if folder != "" {
		c.Env = append(c.Env, "SNMP_PERSISTENT_DIR="+folder, "SNMPCONFPATH="+folder)
	}
	r := &Receiver{Start(t, c, log), net.JoinHostPort("127.0.0.1", port), folder}
	r.Wait("NET-SNMP version")
	return r
}
