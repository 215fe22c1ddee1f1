package web

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/idp-exporter/idp_exporter/internal/state"
	"github.com/idp-exporter/idp_exporter/internal/web/access"
	"github.com/idp-exporter/idp_exporter/probes"
)

func TestListenAddresses(t *testing.T) {
	t.Parallel()
	config, _ := withToken(t, "metrics")
	for _, c := range []struct {
		name      string
		addresses []string
		health    []string
		access    *access.Config
		err       string
	}{
		{"loopback", []string{"127.0.0.1:0", "localhost:0"}, []string{"127.0.0.1:0"}, nil, ""},
		{"everywhere without access", []string{":0"}, nil, nil, "reachable from other machines"},
		{"second one", []string{"127.0.0.1:0", "0.0.0.0:0"}, nil, nil, "reachable from other machines"},
		{"health listener", []string{"127.0.0.1:0"}, []string{"0.0.0.0:0"}, nil, "add one with a token from `idp_exporter token create`"},
		{"vsock", []string{"vsock://:1"}, nil, config, "not supported"},
		{"no port", []string{"127.0.0.1"}, nil, config, `listen address "127.0.0.1"`},
		{"none", nil, nil, config, "--web.listen-address"},
		{"wrong access", []string{"127.0.0.1:0"}, nil, &access.Config{Tokens: []access.Token{{}}}, "access.tokens[0].hash"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			o := options()
			o.Addresses, o.HealthAddresses, o.Access = c.addresses, c.health, c.access
			s, err := New(o)
			if c.err != "" {
				require.ErrorContains(t, err, c.err)
				return
			}
			require.NoError(t, err)
			require.Len(t, s.Addresses(), len(c.addresses)+len(c.health))
			s.Close()
		})
	}
}

func TestAddressInUse(t *testing.T) {
	t.Parallel()
	s := start(t, options())
	o := options()
	o.Addresses = []string{"127.0.0.1:0", s.Addresses()[0].String()}
	_, err := New(o)
	require.ErrorContains(t, err, "address already in use")
}

func TestHealthListener(t *testing.T) {
	t.Parallel()
	config, bearer := withToken(t, access.All)
	o := options()
	o.Access, o.HealthAddresses = config, []string{"127.0.0.1:0"}
	s := start(t, o)
	require.Equal(t, 401, s.get(t, "/testall").code)
	health := *s
	health.url = "http://" + s.Addresses()[1].String()
	for _, path := range []string{"/test", "/testall", "/testall?node=n1", "/-/healthy", "/-/ready"} {
		require.Equal(t, 200, health.get(t, path).code, path)
	}
	require.Equal(t, "OK", health.get(t, "/testall?verbose", "Authorization", bearer, "Accept", "application/json").body)
	require.Equal(t, 401, health.get(t, "/testall?probe=login", "Authorization", bearer).code)
	for _, path := range []string{"/", "/metrics", "/api/v1/results", "/probe?probe=login", "/nothing"} {
		require.Equal(t, 404, health.get(t, path, "Authorization", bearer).code, path)
	}
	require.NoError(t, s.SetAccess(nil))
	require.Equal(t, 403, health.get(t, "/testall", "Host", "evil.example").code)
}

func TestSetAccessWhileServing(t *testing.T) {
	t.Parallel()
	first, old := withToken(t, "metrics")
	second, young := withToken(t, "metrics")
	o := options()
	o.Access = first
	s := start(t, o)
	both := &access.Config{RateLimit: first.RateLimit, GuessLimit: first.GuessLimit, Tokens: append(append([]access.Token{}, first.Tokens...), access.Token{Name: "young", Hash: second.Tokens[0].Hash, Scopes: []string{"metrics"}})}
	both.Tokens[0].Name = "old"

	var wg sync.WaitGroup
	stop := make(chan struct{})
	for range 4 {
		wg.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				if code := s.get(t, "/metrics", "Authorization", old).code; code != 200 {
					t.Errorf("the old token got %d while both were live", code)
					return
				}
			}
		})
	}
	for range 50 {
		require.NoError(t, s.SetAccess(both))
		require.Equal(t, 200, s.get(t, "/metrics", "Authorization", young).code)
		require.NoError(t, s.SetAccess(first))
		require.Equal(t, 401, s.get(t, "/metrics", "Authorization", young).code)
	}
	close(stop)
	wg.Wait()
	require.NoError(t, s.SetAccess(second))
	require.Equal(t, 401, s.get(t, "/metrics", "Authorization", old).code)
	require.Error(t, s.SetAccess(&access.Config{Open: []string{"metrics"}}))
	require.Equal(t, 200, s.get(t, "/metrics", "Authorization", young).code, "what was in force stays")
}

func TestAccessCannotGoWhileOthersReachUs(t *testing.T) {
	t.Parallel()
	config, _ := withToken(t, "metrics")
	o := options()
	o.Access = config
	s, err := New(o)
	require.NoError(t, err)
	defer s.Close()
	s.listeners = append(s.listeners, &listener{connections: limitConnections(elsewhere{s.listeners[0]}, 1)})
	require.ErrorContains(t, s.SetAccess(nil), "reachable from other machines")
	require.False(t, s.guard.Load().Local())
}

// elsewhere is a listener that claims an address beyond loopback, since tests open none.
type elsewhere struct{ net.Listener }

func (elsewhere) Addr() net.Addr { return &net.TCPAddr{IP: net.IPv4(192, 0, 2, 1), Port: 9110} }

func TestSlowClientsAreCutOff(t *testing.T) {
	t.Parallel()
	s := start(t, options(), func(s *Server) { s.times.header, s.times.read = 300*time.Millisecond, 300*time.Millisecond })
	for _, text := range []string{"", "G", "GET /testall HTTP/1.1\r\nHost: localhost\r\nX-Slow: "} {
		c := dial(t, s)
		_, err := io.WriteString(c, text)
		require.NoError(t, err)
		require.NoError(t, c.SetReadDeadline(time.Now().Add(10*time.Second)))
		_, err = io.Copy(io.Discard, c)
		require.NoError(t, err, "the server closes it")
	}
}

func TestSilentConnectionsDoNotLockOut(t *testing.T) {
	t.Parallel()
	o := options()
	o.MaxConnections = 8
	s := start(t, o)
	var idle []net.Conn
	for i := range 50 {
		c := dial(t, s)
		if i%2 == 0 {
			_, err := io.WriteString(c, "GET /testall HTTP/1.1\r\nHost: localhost\r\nX-Slow: ")
			require.NoError(t, err)
		}
		idle = append(idle, c)
	}
	require.Equal(t, 200, s.get(t, "/testall").code)
	l := s.listeners[0]
	l.mu.Lock()
	open := len(l.open)
	l.mu.Unlock()
	require.LessOrEqual(t, open, 8)
	require.NoError(t, idle[0].SetReadDeadline(time.Now().Add(10*time.Second)))
	_, err := idle[0].Read(make([]byte, 1))
	require.Error(t, err)
	require.NotErrorIs(t, err, os.ErrDeadlineExceeded, "the oldest was closed")
}

func TestBusyConnectionsStay(t *testing.T) {
	t.Parallel()
	release, entered := make(chan struct{}), make(chan struct{}, 2)
	config, bearer := withToken(t, "probe")
	o := options()
	o.Access, o.MaxConnections = config, 2
	o.Runner = fakeRunner(func(context.Context, state.Key) (probes.Result, error) {
		entered <- struct{}{}
		<-release
		return probes.Result{Outcome: probes.Pass}, nil
	})
	s := start(t, o)
	codes := make(chan int, 2)
	for range 2 {
		go func() { codes <- s.get(t, "/probe?probe=login", "Authorization", bearer).code }()
	}
	<-entered
	<-entered
	c := dial(t, s)
	require.NoError(t, c.SetReadDeadline(time.Now().Add(10*time.Second)))
	_, err := c.Read(make([]byte, 1))
	require.ErrorIs(t, err, io.EOF, "there is no room for the newcomer")
	close(release)
	require.Equal(t, 200, <-codes)
	require.Equal(t, 200, <-codes)
}

func TestHugeHeadersAndBodies(t *testing.T) {
	t.Parallel()
	config, bearer := withToken(t, access.All)
	o := options()
	o.Access = config
	s := start(t, o)

	c := dial(t, s)
	go func() {
		_, _ = io.WriteString(c, "GET / HTTP/1.1\r\nHost: localhost\r\nX-Big: ")
		_, _ = io.Copy(c, io.LimitReader(endless{}, 10<<20))
	}()
	res, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err == nil { // else the connection was reset before the answer was read
		require.Equal(t, http.StatusRequestHeaderFieldsTooLarge, res.StatusCode)
	}

	for _, length := range []int64{maxBody + 1, -1} {
		r, err := http.NewRequest(http.MethodPost, s.url+"/-/reload", io.LimitReader(endless{}, 10<<20))
		require.NoError(t, err)
		r.ContentLength = length
		if length > 0 {
			r.Body = io.NopCloser(io.LimitReader(endless{}, length))
		}
		r.Header.Set("Authorization", bearer)
		res, err := s.client.Do(r)
		if err != nil {
			continue // cut off in the middle of the body
		}
		_ = res.Body.Close()
		if length > 0 {
			require.Equal(t, http.StatusRequestEntityTooLarge, res.StatusCode)
		}
	}
	require.Equal(t, 200, s.get(t, "/testall", "Authorization", bearer).code)
}

// endless is a body without end.
type endless struct{}

func (endless) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = 'x'
	}
	return len(p), nil
}

func dial(t testing.TB, s *server) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", s.Addresses()[0].String())
	require.NoError(t, err)
	t.Cleanup(func() { _ = c.Close() })
	return c
}

func TestShutdownIsPrompt(t *testing.T) {
	t.Parallel()
	s := start(t, options())
	for range 5 {
		_, err := io.WriteString(dial(t, s), "GET / HTTP/1.1\r\n")
		require.NoError(t, err)
	}
	require.Equal(t, 200, s.get(t, "/testall").code)
	begin := time.Now()
	s.stop()
	require.Less(t, time.Since(begin), s.times.drain, "half-sent requests do not hold it up")
	_, err := net.Dial("tcp", s.Addresses()[0].String())
	require.Error(t, err)
}

func TestShutdownLetsRequestsFinish(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name  string
		drain time.Duration
		code  int
	}{{"in time", 10 * time.Second, 200}, {"cut off", 50 * time.Millisecond, 0}} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			entered := make(chan struct{})
			config, bearer := withToken(t, "probe")
			o := options()
			o.Access = config
			o.Runner = fakeRunner(func(ctx context.Context, _ state.Key) (probes.Result, error) {
				close(entered)
				wait := 300 * time.Millisecond
				if c.code == 0 {
					wait = time.Hour
				}
				select {
				case <-time.After(wait):
					return probes.Result{Outcome: probes.Pass}, nil
				case <-ctx.Done():
					return probes.Result{}, ctx.Err()
				}
			})
			s := start(t, o, func(s *Server) { s.times.drain = c.drain })
			code := make(chan int, 1)
			go func() {
				r, _ := http.NewRequest(http.MethodGet, s.url+"/probe?probe=login", nil)
				r.Header.Set("Authorization", bearer)
				res, err := s.client.Do(r)
				if err != nil {
					code <- 0
					return
				}
				_ = res.Body.Close()
				code <- res.StatusCode
			}()
			<-entered
			s.stop()
			if c.code == 0 {
				// Told that it was cut off, or not even that.
				require.Contains(t, []int{0, http.StatusServiceUnavailable}, <-code)
				return
			}
			require.Equal(t, c.code, <-code)
		})
	}
}

func TestSystemdSocketsMissing(t *testing.T) {
	t.Parallel()
	if os.Getenv("LISTEN_FDS") != "" {
		t.Skip("started by systemd")
	}
	o := options()
	o.SystemdSocket = true
	_, err := New(o)
	require.ErrorContains(t, err, ".socket unit")
}

func TestNothingSecretIsLogged(t *testing.T) {
	t.Parallel()
	const canary = "c4n4ry-in-a-request"
	log, logger := debugLog()
	token, e := tokenFor(t, "testall")
	o := options()
	o.Access, o.Logger = &access.Config{Tokens: []access.Token{e}}, logger
	s := start(t, o)
	var outputs strings.Builder
	for _, path := range []string{"/testall", "/metrics?token=" + canary, "/" + canary, "/probe?probe=" + canary, "/testall?node=" + canary} {
		for _, header := range [][]string{nil, {"Authorization", "Bearer " + canary}, {"X-API-Key", canary}, {"Authorization", basic(canary, canary)},
			{"Authorization", "Bearer " + token}, {"Cookie", canary}, {"Authorization", canary}} {
			got := s.get(t, path, header...)
			_, _ = fmt.Fprintln(&outputs, got.code, got.header, got.body)
		}
	}
	s.do(t, canary, "/testall")
	c := dial(t, s)
	_, _ = io.WriteString(c, "GET /"+canary+" HTTP/1.1\r\n"+canary+"\r\n\r\n")
	_, _ = io.Copy(&outputs, c)
	s.stop()
	require.Contains(t, log.String(), "msg=request", "there is something to search")
	require.Contains(t, log.String(), `credential="holder of testall"`)
	for _, secret := range []string{canary, token, e.Hash, basic(canary, canary)[6:]} {
		require.NotContains(t, log.String(), secret)
		require.NotContains(t, outputs.String(), secret)
	}
}
