package test

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/idp-exporter/idp_exporter/internal/web/access"
)

// marker is in everything that a hostile request brings and that must show up
// nowhere: in no answer, log or audit record.
const marker = "hostile7f3a"

// Further tokens of the exporter under attack; all look alike.
const (
	metricsToken = "a-token-of-the-tests-for-metrics-alone"
	expiredToken = "a-token-of-the-tests-that-has-expired-"
	futureToken  = "a-token-of-the-tests-of-the-far-future"
	removedToken = "a-token-of-the-tests-that-was-removed-"
)

// hostileRequest is what is sent, as it goes over the wire, and how it is to be
// answered.
type hostileRequest struct {
	name string
	// to is one of "" (the listener with credentials), "health" and "local" (an
	// exporter without an access section).
	to  string
	raw string
	// want are the status codes, in order, separated by spaces. Where it is
	// empty the connection is closed without an answer.
	want string
	// cut marks what ends in the middle: the sender then says that nothing more
	// will come.
	cut bool
	// echo marks an administrator's request whose answer says, in quotes and as
	// plain text, which name is wrong.
	echo bool
}

// target is where hostile requests go.
type target struct {
	addresses map[string]string
	logs      []func() string
}

func startTarget(t *testing.T) (*target, []*exporter) {
	t.Helper()
	dir := t.TempDir()
	good := newNode(t, "n1")
	probes := "probes: [{name: page, kind: http, url: '" + good.URL + "', every: 1s}]\n"
	hash := access.HashToken
	tokens := fmt.Sprintf(`
access:
  guess_limit: 0
  open: [testall]
  open_to: [10.0.0.0/8]
  tokens:
    - {name: all, hash: %q, scopes: [all]}
    - {name: metrics, hash: %q, scopes: [metrics]}
    - {name: expired, hash: %q, scopes: [all], not_after: 2020-01-01}
    - {name: future, hash: %q, scopes: [all], not_before: 2999-01-01}
`, hash(testToken), hash(metricsToken), hash(expiredToken), hash(futureToken))
	audit := filepath.Join(dir, "audit.jsonl")
	base := probes + "audit: {file: {path: " + audit + "}}\n" + tokens
	removed := fmt.Sprintf("    - {name: removed, hash: %q, scopes: [all]}\n", hash(removedToken))
	file := writeFile(t, dir, "idp_exporter.yml", base+removed)
	health := "127.0.0.1:" + freePort(t)
	e := serveFile(t, file, "--log.level=debug", "--health.listen-address="+health)
	code, _, err := e.try(http.MethodGet, "/metrics", map[string]string{"Authorization": "Bearer " + removedToken})
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, code, "the token that is to be removed works")
	writeFile(t, dir, "idp_exporter.yml", base)
	code, body := e.request(http.MethodPost, "/-/reload", "")
	require.Equal(t, http.StatusOK, code, body)
	e.waitTestall("OK", 30*time.Second)

	local := serveFile(t, writeFile(t, dir, "local.yml", probes), "--log.level=debug")
	at := func(e *exporter) string { return strings.TrimPrefix(e.url, "http://") }
	return &target{
		addresses: map[string]string{"": at(e), "health": health, "local": at(local)},
		logs: []func() string{e.output, local.output, func() string {
			trail, err := os.ReadFile(audit)
			require.NoError(t, err)
			require.NotEmpty(t, trail)
			return string(trail)
		}},
	}, []*exporter{e, local}
}

// exchange sends a request and returns the status codes and the bytes of all
// that comes back. When as many answers have come as are wanted it says that
// nothing more will be sent, and goes on reading until the other side closes.
func exchange(t *testing.T, address string, c hostileRequest) (codes string, answer []byte) {
	t.Helper()
	conn, err := net.Dial("tcp", address)
	require.NoError(t, err)
	defer func() { _ = conn.Close() }()
	require.NoError(t, conn.SetDeadline(time.Now().Add(60*time.Second)))
	_, _ = io.WriteString(conn, c.raw) // what is refused early need not be taken to the end
	want := len(strings.Fields(c.want))
	end := func(n int) {
		if n == want {
			_ = conn.(*net.TCPConn).CloseWrite()
		}
	}
	if c.cut {
		_ = conn.(*net.TCPConn).CloseWrite()
	}
	end(0)
	request := &http.Request{Method: http.MethodGet}
	if strings.HasPrefix(c.raw, "HEAD ") {
		request.Method = http.MethodHead
	}
	var (
		wire bytes.Buffer
		all  []string
	)
	for r := bufio.NewReader(io.TeeReader(io.LimitReader(conn, 4<<20), &wire)); ; {
		if _, err := r.Peek(1); err != nil {
			// What was sent and not read is cut off with a reset.
			require.True(t, errors.Is(err, io.EOF) || errors.Is(err, syscall.ECONNRESET), "the connection was not closed: %v, after %q", err, all)
			return strings.Join(all, " "), wire.Bytes()
		}
		resp, err := http.ReadResponse(r, request)
		require.NoError(t, err, "%.600q", wire.Bytes())
		_, err = io.Copy(io.Discard, resp.Body)
		require.NoError(t, err, "%.600q", wire.Bytes())
		all = append(all, fmt.Sprint(resp.StatusCode))
		end(len(all))
	}
}

func TestHostileRequestsAreAnsweredRightly(t *testing.T) {
	t.Parallel()
	to, exporters := startTarget(t)
	table := hostileRequests()
	require.GreaterOrEqual(t, len(table), 60)
	seen := map[string]bool{}
	for _, c := range table {
		t.Run(c.name, func(t *testing.T) {
			require.False(t, seen[c.name], "the name is taken")
			seen[c.name] = true
			codes, answer := exchange(t, to.addresses[c.to], c)
			require.Equal(t, c.want, codes, "%.600q\nwas answered by\n%.600q", c.raw, answer)
			if c.echo {
				head, body, _ := strings.Cut(string(answer), "\r\n\r\n")
				require.NotContains(t, head, marker)
				require.Contains(t, head, "Content-Type: text/plain; charset=utf-8\r\n")
				require.Contains(t, head, "X-Content-Type-Options: nosniff")
				require.NotContains(t, strings.TrimSuffix(body, "\n"), "\n")
				require.NotContains(t, body, "\x1b")
			} else {
				require.NotContains(t, strings.ToLower(string(answer)), marker, "what was sent comes back")
			}
			noSecrets(t, string(answer))
		})
	}
	t.Logf("%d hostile requests", len(table))
	for _, e := range exporters {
		e.waitHealthy()
	}
	exporters[0].waitTestall("OK", 30*time.Second)
	code, _ := exporters[0].get("/metrics")
	require.Equal(t, http.StatusOK, code)
	for _, log := range to.logs {
		text := log()
		require.NotContains(t, strings.ToLower(text), marker)
		require.NotContains(t, text, "panic")
		noSecrets(t, text)
		for line := range strings.Lines(text) {
			for _, r := range strings.TrimSuffix(line, "\n") {
				require.True(t, r >= ' ' && r != 0x7f && r != '\ufffd', "a control character in the log: %q", line)
			}
		}
	}
}

func noSecrets(t *testing.T, text string) {
	t.Helper()
	for _, secret := range []string{testToken, metricsToken, expiredToken, futureToken, removedToken} {
		require.NotContains(t, text, secret)
	}
}

// TestEndlessRequestsAreCutOff sends parts of a request that never end.
func TestEndlessRequestsAreCutOff(t *testing.T) {
	t.Parallel()
	to, exporters := startTarget(t)
	const most = 64 << 20 // the kernel's buffers take some, the exporter must not
	for name, c := range map[string][2]string{
		"request line":    {"GET /", strings.Repeat("a", 4<<10)},
		"header value":    {"GET / HTTP/1.1\r\nHost: a\r\nX-A: ", strings.Repeat("a", 4<<10)},
		"header name":     {"GET / HTTP/1.1\r\nHost: a\r\n", strings.Repeat("a", 4<<10)},
		"headers":         {"GET / HTTP/1.1\r\nHost: a\r\n", strings.Repeat("X-A: b\r\n", 512)},
		"folded header":   {"GET / HTTP/1.1\r\nHost: a\r\nX-A: b\r\n", strings.Repeat(" c\r\n", 1024)},
		"blank lines":     {"", strings.Repeat("\r\n", 2048)},
		"chunks":          {bearer("POST /-/reload") + "Transfer-Encoding: chunked\r\n\r\n", strings.Repeat("4\r\naaaa\r\n", 512)},
		"chunk size":      {bearer("POST /-/drain") + "Transfer-Encoding: chunked\r\n\r\n", strings.Repeat("0", 4<<10)},
		"chunk extension": {bearer("POST /-/drain") + "Transfer-Encoding: chunked\r\n\r\n1;", strings.Repeat("a", 4<<10)},
		"trailers":        {bearer("POST /-/drain") + "Transfer-Encoding: chunked\r\n\r\n0\r\n", strings.Repeat("X-A: b\r\n", 512)},
		"body":            {bearer("POST /-/drain") + "Content-Length: 65000\r\n\r\n", strings.Repeat("a", 4<<10)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			conn, err := net.Dial("tcp", to.addresses[""])
			require.NoError(t, err)
			defer func() { _ = conn.Close() }()
			require.NoError(t, conn.SetDeadline(time.Now().Add(60*time.Second)))
			go func() { _, _ = io.Copy(io.Discard, conn) }() // ends with the connection
			_, err = io.WriteString(conn, c[0])
			sent := 0
			for err == nil && sent < most {
				_, err = io.WriteString(conn, c[1])
				sent += len(c[1])
			}
			require.Error(t, err, "%d bytes were taken", sent)
			require.False(t, errors.Is(err, os.ErrDeadlineExceeded), "the connection stayed open after %d bytes", sent)
		})
	}
	t.Cleanup(func() {
		for _, e := range exporters {
			e.waitHealthy()
		}
	})
}
