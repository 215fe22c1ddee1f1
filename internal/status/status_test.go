package status

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/idp-exporter/idp_exporter/internal/demo"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var dateLine = regexp.MustCompile(`(?m)^Date: .*\r\n`)

// exchange sends one request and returns the whole answer, byte for byte but for
// the date.
func exchange(t *testing.T, address, method, path string) string {
	t.Helper()
	conn, err := net.Dial("tcp", address)
	require.NoError(t, err)
	defer func() { _ = conn.Close() }()
	require.NoError(t, conn.SetDeadline(time.Now().Add(time.Minute)))
	req, err := http.NewRequestWithContext(t.Context(), method, "http://"+address+path, nil)
	require.NoError(t, err)
	req.SetBasicAuth(User, demo.ApplianceKey)
	req.Close = true
	require.NoError(t, req.Write(conn))
	raw, err := io.ReadAll(bufio.NewReader(conn))
	require.NoError(t, err)
	return strings.Replace(dateLine.ReplaceAllString(string(raw), ""), "Connection: close\r\n", "", 1)
}

func serve(t *testing.T, h http.Handler) string {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return s.Listener.Addr().String()
}

// answers is a source that can be changed.
type answers struct {
	mu sync.Mutex
	m  map[string]Answer
}

func (a *answers) set(resource string, v Answer) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.m[resource] = v
}

func (a *answers) source(resource string) Answer {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.m[resource]
}

// The reference, spelled out: see the same in internal/demo of the emulator.
const (
	wellText    = "HTTP/1.1 204 No Content\r\nETag: W/\"a-oQDOV50e1MN2H/N8GYi+8w\"\r\nX-Auth0-Host: a0-1\r\nX-Powered-By: Express\r\n\r\n"
	warningText = "HTTP/1.1 520 status code 520\r\nContent-Length: 0\r\nX-Auth0-Host: a0-1\r\nX-Powered-By: Express\r\n\r\n"
	limitedText = "HTTP/1.1 429 Too Many Requests\r\nContent-Length: 0\r\nX-Auth0-Host: a0-1\r\nX-Powered-By: Express\r\n\r\n"
	absentText  = "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nX-Auth0-Host: a0-1\r\nX-Powered-By: Express\r\n\r\n"
)

// Handler, emulator and reference agree byte for byte, on every path, in every
// state, up to the limit and beyond.
func TestAgreesWithTheAppliance(t *testing.T) {
	t.Parallel()
	require.Equal(t, demo.ApplianceResources(), Resources())
	require.Equal(t, demo.ApplianceUser, User)
	for _, prefix := range []string{Path, HealthPath} {
		for _, resource := range Resources() {
			t.Run(prefix+resource, func(t *testing.T) {
				t.Parallel()
				now := time.Unix(1e9, 0)
				clock := func() time.Time { return now }
				emulator := demo.NewAppliance(demo.ApplianceOptions{Now: clock})
				ours, source := New(clock), &answers{m: map[string]Answer{}}
				ours.Set(demo.ApplianceHost, source.source)
				here, there := serve(t, ours), serve(t, emulator)
				both := func(want, method string) {
					t.Helper()
					require.Equal(t, want, exchange(t, there, method, prefix+resource), "the emulator")
					require.Equal(t, want, exchange(t, here, method, prefix+resource), "this exporter")
				}
				for range 2 {
					source.set(resource, Good)
					require.NoError(t, emulator.SetBroken(resource, false))
					both(wellText, "GET")
					both(wellText, "HEAD")
					source.set(resource, Bad)
					require.NoError(t, emulator.SetBroken(resource, true))
					both(warningText, "GET")
					both(warningText, "HEAD")
				}
				both(warningText, "GET")
				both(warningText, "GET") // the tenth
				both(limitedText, "GET")
				both(limitedText, "HEAD")
				now = now.Add(100 * time.Millisecond) // room for one
				both(warningText, "GET")
				both(limitedText, "GET")
			})
		}
	}
}

func TestNothingCovers(t *testing.T) {
	t.Parallel()
	h := New(nil)
	address := serve(t, h)
	require.Equal(t, strings.Replace(absentText, "X-Auth0-Host: a0-1\r\n", "", 1), exchange(t, address, "GET", "/status/cpu"))
	h.Set("a0-1", func(string) Answer { return Good })
	require.Equal(t, wellText, exchange(t, address, "GET", "/status/cpu"))
	for _, path := range []string{"/status/", "/status/none", "/status/cpu/", "/status/cpu/x", "/health/status/", "/health/cpu", "/status/../status/x", "/health/health/status/cpu"} {
		require.Equal(t, absentText, exchange(t, address, "GET", path), path)
	}
}

// The limit is one for all paths and all who ask.
func TestLimitIsShared(t *testing.T) {
	t.Parallel()
	now := time.Unix(1e9, 0)
	h := New(func() time.Time { return now })
	h.Set("", func(string) Answer { return Good })
	codes := map[int]int{}
	var mu sync.Mutex
	var group sync.WaitGroup
	for i := range 50 {
		group.Go(func() {
			w := httptest.NewRecorder()
			h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, Path+Resources()[i%len(Resources())], nil))
			mu.Lock()
			defer mu.Unlock()
			codes[w.Code]++
		})
	}
	group.Wait()
	require.Equal(t, map[int]int{204: PerSecond, 429: 40}, codes)
}

// Answers carry no type, and headers that were set before stay.
func TestBodyless(t *testing.T) {
	t.Parallel()
	address := serve(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("WWW-Authenticate", `Basic realm="x"`)
		w.Header().Set("Content-Type", "text/plain")
		Bodyless(w, http.StatusUnauthorized)
	}))
	require.Equal(t, "HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\nWww-Authenticate: Basic realm=\"x\"\r\n\r\n", exchange(t, address, "GET", "/status/cpu"))
}
