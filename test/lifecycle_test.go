package test

import (
	"fmt"
	"net"
	"net/http"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/idp-exporter/idp_exporter/internal/demo"
)

func TestReloadKeepsWhatHasNotChangedAndRefusesMistakes(t *testing.T) {
	t.Parallel()
	p := provider(t, demo.StartOptions{})
	good := loginConfig(p.Issuer, "  - {name: page, kind: http, every: 2s, status: [200]}\n") + accessFor(testToken)
	file := writeFile(t, t.TempDir(), "c.yml", good)
	e := serveFile(t, file)
	e.waitTestall("OK", 10*time.Second)
	before := e.results()

	// A mistake changes nothing and is told by reply, log and metric.
	require.NoError(t, os.WriteFile(file, []byte(strings.Replace(good, "every: 2s", "every: soon", 1)), 0o600))
	for _, method := range []string{http.MethodPost, http.MethodPut} {
		code, body := e.request(method, "/-/reload", "")
		require.Equal(t, http.StatusInternalServerError, code)
		require.Contains(t, body, `"soon" is not a duration`)
	}
	_, metrics := e.get("/metrics")
	require.Contains(t, metrics, "idp_exporter_config_last_reload_successful 0")
	require.Contains(t, e.output(), "is not a duration")
	code, body := e.get("/testall")
	require.Equal(t, http.StatusOK, code, body)

	// A good file by signal: the unchanged probe keeps its counts, the changed one begins anew.
	require.NoError(t, os.WriteFile(file, []byte(strings.Replace(good, "status: [200]", "status: [404]", 1)), 0o600))
	e.signal(syscall.SIGHUP)
	e.waitResult("page", "fail", "response", "http_status", 10*time.Second)
	after := e.results()
	require.GreaterOrEqual(t, after["login"].Runs["pass"], before["login"].Runs["pass"])
	require.Zero(t, after["page"].Runs["pass"])
	_, metrics = e.get("/metrics")
	require.Contains(t, metrics, "idp_exporter_config_last_reload_successful 1")

	// A probe that is gone takes its series with it.
	require.NoError(t, os.WriteFile(file, []byte(loginConfig(p.Issuer, "")+accessFor(testToken)), 0o600))
	code, body = e.request(http.MethodPost, "/-/reload", "")
	require.Equal(t, http.StatusOK, code, body)
	_, metrics = e.get("/metrics")
	require.NotContains(t, metrics, `probe="page"`)
	e.waitTestall("OK", 10*time.Second)
}

// TestSIGTERMEndsPromptlyEvenWithAHungProbe has a target that accepts and never
// answers.
func TestSIGTERMEndsPromptlyEvenWithAHungProbe(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer func() { _ = l.Close() }()
	e := serve(t, "probes: [{kind: http, url: 'http://"+l.Addr().String()+"/', every: 30s, timeout: 30s}]\n")
	conn, err := l.Accept() // the probe hangs from here on
	require.NoError(t, err)
	defer func() { _ = conn.Close() }()
	took, err := e.end(syscall.SIGTERM)
	require.NoError(t, err, "the exit code is 0")
	require.Less(t, took, 5*time.Second)
	t.Logf("ended %s after SIGTERM", took.Round(time.Millisecond))
}

func TestWithoutAnAccessSectionItStaysAtHome(t *testing.T) {
	t.Parallel()
	p := provider(t, demo.StartOptions{})
	file := writeFile(t, t.TempDir(), "c.yml", loginConfig(p.Issuer, ""))
	_, stderr, code := command(t, "serve", "--config.file="+file, "--storage.path=", "--web.listen-address=0.0.0.0:"+freePort(t))
	require.Equal(t, 1, code)
	require.Contains(t, stderr, "access")

	e := serveFile(t, file)
	for path, want := range map[string]int{"/metrics": 200, "/test": 200, "/": 200, "/probe?probe=login": 403, "/-/reload": 403} {
		got, _, err := e.try(http.MethodGet, path, nil)
		require.NoError(t, err)
		if path == "/-/reload" {
			got, _, err = e.try(http.MethodPost, path, nil)
			require.NoError(t, err)
		}
		require.Equal(t, want, got, path)
	}
	// A page that was lured here under a foreign name (DNS rebinding) gets nothing.
	conn, err := net.Dial("tcp", strings.TrimPrefix(e.url, "http://"))
	require.NoError(t, err)
	defer func() { _ = conn.Close() }()
	_, err = conn.Write([]byte("GET /metrics HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n"))
	require.NoError(t, err)
	answer := make([]byte, 64)
	n, err := conn.Read(answer)
	require.NoError(t, err)
	require.Contains(t, string(answer[:n]), " 403 ")
}

// TestARotatedPasswordIsTriedAtOnce writes the right password into its file
// while the account pauses for a long time.
func TestARotatedPasswordIsTriedAtOnce(t *testing.T) {
	t.Parallel()
	p := provider(t, demo.StartOptions{})
	dir := t.TempDir()
	writeFile(t, dir, "password", "an-old-password\n")
	config := strings.Replace(loginConfig(p.Issuer, ""), "password: "+demo.Password, "password_file: password\n    refused_backoff: {initial: 10m}", 1)
	e := serveFile(t, writeFile(t, dir, "c.yml", config+accessFor(testToken)))
	e.waitResult("login", "fail", "credentials", "credentials_refused", 10*time.Second)
	_, verbose := e.get("/testall?verbose")
	require.Contains(t, verbose, "paused until")
	require.Contains(t, verbose, "not locked")
	eventually(t, 10*time.Second, func() error {
		if n := e.results()["login"].Skipped["backoff"]; n < 2 {
			return fmt.Errorf("skipped %d times", n)
		}
		return nil
	})
	require.EqualValues(t, 1, p.Provider.Stats().RefusedPasswords[demo.Username])
	writeFile(t, dir, "password", demo.Password+"\n")
	e.waitTestall("OK", 10*time.Second)
}
