package fetch

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/idp-exporter/idp_exporter/internal/fetch/fetchtest"
)

var tomorrow = time.Now().Add(24 * time.Hour).Truncate(time.Second)

// counted starts a server that counts its connections.
func counted(t *testing.T, start func(*httptest.Server), h http.Handler) (*httptest.Server, *atomic.Int64) {
	var n atomic.Int64
	s := httptest.NewUnstartedServer(h)
	s.Config.ErrorLog = fetchtest.Quiet()
	s.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			n.Add(1)
		}
	}
	start(s)
	t.Cleanup(s.Close)
	return s, &n
}

func TestOneConnectionForOneRun(t *testing.T) {
	t.Parallel()
	ca := fetchtest.NewCA(t)
	cert := ca.Issue(t, tomorrow, "127.0.0.1")
	for name, c := range map[string]struct {
		proto int
		start func(*httptest.Server)
	}{
		"http":           {1, func(s *httptest.Server) { s.Start() }},
		"https HTTP/1.1": {1, func(s *httptest.Server) { s.TLS = &tls.Config{Certificates: []tls.Certificate{cert}}; s.StartTLS() }},
		"https HTTP/2": {2, func(s *httptest.Server) {
			s.TLS = &tls.Config{Certificates: []tls.Certificate{cert}}
			s.EnableHTTP2 = true
			s.StartTLS()
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server, conns := counted(t, c.start, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Path == "/away" {
					http.Redirect(w, r, "/", http.StatusFound)
					return
				}
				_, _ = w.Write(make([]byte, 300_000))
			}))
			o := Options{TLS: TLS{CAFile: ca.File}}
			s := open(t, o, server.URL, "")
			for i := range 20 {
				path := "/"
				if i%3 == 0 {
					path = "/away"
				}
				resp, err := get(t, within(t, 10*time.Second), s, server.URL+path)
				require.NoError(t, err)
				require.Equal(t, c.proto, resp.ProtoMajor)
				require.Equal(t, i > 0, s.Last.Reused)
				require.Equal(t, i > 0, s.Last.ConnectStart.IsZero())
				require.False(t, s.Last.GotConn.IsZero() || s.Last.FirstByte.IsZero() || s.Last.End.IsZero())
			}
			require.EqualValues(t, 1, conns.Load())
			s.Close()
			_, err := get(t, within(t, time.Second), s, server.URL)
			require.Error(t, err, "a closed session connects no more")
		})
	}
}

// Close must end whatever a run that was given up has left: a handshake or an
// answer that never comes.
func TestCloseLeavesNothing(t *testing.T) {
	ca := fetchtest.NewCA(t)
	release := make(chan struct{})
	hung := http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		select {
		case <-release:
		case <-r.Context().Done():
		}
	})
	silent := fetchtest.Raw(t, func(c net.Conn) { _, _ = io.Copy(io.Discard, c) })
	h1 := httptest.NewServer(hung)
	h2 := fetchtest.Server(t, ca.Issue(t, tomorrow, "127.0.0.1"), hung)
	t.Cleanup(h1.Close)
	t.Cleanup(func() { close(release) })
	for _, target := range []string{"http://" + silent, "https://" + silent, h1.URL, h2.URL, "http://192.0.2.1:9"} {
		before := goleak.IgnoreCurrent()
		u, err := url.Parse(target)
		require.NoError(t, err)
		c, err := New(Options{TLS: TLS{CAFile: ca.File}}, Target{Public: u})
		require.NoError(t, err)
		s := c.Session()
		_, err = get(t, within(t, 150*time.Millisecond), s, target)
		require.Error(t, err)
		s.Close()
		s.mu.Lock()
		require.Empty(t, s.conns)
		s.mu.Unlock()
		goleak.VerifyNone(t, before, goleak.IgnoreAnyFunction("net/http.(*conn).serve"), goleak.IgnoreAnyFunction("net/http.(*http2serverConn).serve"),
			goleak.IgnoreAnyFunction("net/http.(*http2serverConn).readFrames"), goleak.IgnoreAnyFunction("net/http.(*http2serverConn).runHandler"),
			goleak.IgnoreAnyFunction("net/http.(*connReader).backgroundRead"), goleak.IgnoreAnyFunction("io.Copy"))
	}
}

// Sessions of one client share its TLS settings.
func TestSessionsAtOnce(t *testing.T) {
	t.Parallel()
	ca := fetchtest.NewCA(t)
	server := fetchtest.Server(t, ca.Issue(t, tomorrow, "127.0.0.1"), http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "ok") }))
	u, _ := url.Parse(server.URL)
	client, err := New(Options{TLS: TLS{CAFile: ca.File}}, Target{Public: u})
	require.NoError(t, err)
	ctx := within(t, 20*time.Second)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 5 {
				s := client.Session()
				req, _ := http.NewRequest(http.MethodGet, server.URL, nil)
				_, err := s.Do(ctx, req)
				s.Close()
				if err != nil || !s.Seen.CertificateNotAfter.Equal(tomorrow) {
					t.Error(err, s.Seen.CertificateNotAfter)
				}
			}
		})
	}
	wg.Wait()
}

func TestDoLeavesTheRequestAlone(t *testing.T) {
	t.Parallel()
	var cookies []string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		cookies = append(cookies, r.Header.Get("Cookie"))
		require.Equal(t, UserAgent, r.UserAgent())
		http.SetCookie(w, &http.Cookie{Name: "session", Value: "s1"})
	}))
	t.Cleanup(server.Close)
	s := open(t, Options{}, server.URL, "")
	req, err := http.NewRequest(http.MethodGet, server.URL, nil)
	require.NoError(t, err)
	for range 3 {
		_, err = s.Do(within(t, 5*time.Second), req)
		require.NoError(t, err)
	}
	require.Equal(t, []string{"", "session=s1", "session=s1"}, cookies)
	require.Empty(t, req.Header)
	_, err = s.Do(within(t, 5*time.Second), &http.Request{Method: http.MethodGet, URL: req.URL})
	require.NoError(t, err, "a request without headers")
}

func TestBodies(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n := 0
		_, _ = fmt.Sscan(r.URL.Query().Get("n"), &n)
		if r.Method == http.MethodHead {
			w.Header().Set("Content-Length", "99999999999")
			return
		}
		if r.URL.Query().Has("chunked") {
			w.(http.Flusher).Flush()
		}
		_, _ = w.Write(make([]byte, n))
	}))
	t.Cleanup(server.Close)
	for _, c := range []struct {
		method, query string
		large         bool
	}{
		{"GET", "n=100", false}, {"GET", "n=101", true}, {"GET", "n=100&chunked", false}, {"GET", "n=101&chunked", true}, {"HEAD", "", false},
	} {
		s := open(t, Options{}, server.URL, "")
		s.MaxBody = 100
		req, err := http.NewRequest(c.method, server.URL+"?"+c.query, nil)
		require.NoError(t, err)
		_, err = s.Do(within(t, 5*time.Second), req)
		require.Equal(t, c.large, err != nil, "%v: %v", c, err)
		if c.large {
			require.Equal(t, PartTooLarge, Classify(err))
			var e *TooLargeError
			require.ErrorAs(t, err, &e)
			require.Equal(t, TooLargeError{"body", 100}, *e)
		}
	}
}

func TestClockOffset(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		header http.Header
		want   time.Duration
		known  bool
	}{
		"right":      {http.Header{"Date": {time.Now().UTC().Format(http.TimeFormat)}}, 0, true},
		"an hour on": {http.Header{"Date": {time.Now().Add(time.Hour).UTC().Format(http.TimeFormat)}}, time.Hour, true},
		"from cache": {http.Header{"Date": {time.Now().Add(-time.Hour).UTC().Format(http.TimeFormat)}, "Age": {"3600"}}, 0, false},
		"nonsense":   {http.Header{"Date": {"today"}}, 0, false},
		"none":       {http.Header{"Date": nil}, 0, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				for k, v := range c.header {
					w.Header()[k] = v
				}
			}))
			t.Cleanup(server.Close)
			s := open(t, Options{}, server.URL, "")
			_, err := get(t, within(t, 5*time.Second), s, server.URL)
			require.NoError(t, err)
			require.Equal(t, c.known, s.Seen.ClockOffset != nil)
			if c.known {
				require.InDelta(t, c.want.Seconds(), s.Seen.ClockOffset.Seconds(), 3)
			}
		})
	}
}

// Whoever dials knows when the exchange has to be over, so that each address of
// a host gets its share of the time, and is told the address that stands for it.
func TestDial(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(ok)
	t.Cleanup(server.Close)
	public, err := url.Parse("http://login.example.invalid/")
	require.NoError(t, err)
	var deadline time.Time
	var dialed string
	c, err := New(Options{}, Target{Public: public, Node: "node.example.invalid:8080", Dial: func(ctx context.Context, network, address string) (net.Conn, error) {
		deadline, _ = ctx.Deadline()
		dialed = network + " " + address
		return (&net.Dialer{}).DialContext(ctx, network, server.Listener.Addr().String())
	}})
	require.NoError(t, err)
	s := c.Session()
	t.Cleanup(s.Close)
	ctx := within(t, 10*time.Second)
	resp, err := get(t, ctx, s, public.String())
	require.NoError(t, err)
	require.Equal(t, "login.example.invalid", string(resp.Content))
	require.Equal(t, "tcp node.example.invalid:8080", dialed)
	want, _ := ctx.Deadline()
	require.True(t, want.Equal(deadline))
}
