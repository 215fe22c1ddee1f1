package webhook

import (
	"context"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/idp-exporter/idp_exporter/bridges"
	"github.com/idp-exporter/idp_exporter/internal/fetch/fetchtest"
	"github.com/idp-exporter/idp_exporter/internal/secret"
)

// TestAnswers: which answers are deliveries, which are sent again and when, and
// which are dead letters.
func TestAnswers(t *testing.T) {
	t.Parallel()
	const (
		delivered = iota
		again
		dead
	)
	for name, c := range map[string]struct {
		answer http.HandlerFunc
		change func(*Options)
		want   int
		after  time.Duration
		says   string
	}{
		"200":           {answer: status(200), want: delivered},
		"202":           {answer: status(202), want: delivered},
		"204":           {answer: status(204), want: delivered},
		"429":           {answer: status(429, "Retry-After", "120"), want: again, after: 2 * time.Minute},
		"503":           {answer: status(503, "Retry-After", "Tue, 01 Sep 2026 10:05:00 GMT", "Date", "Tue, 01 Sep 2026 10:00:00 GMT"), want: again, after: 5 * time.Minute},
		"hostile wait":  {answer: status(429, "Retry-After", "99999999999999"), want: again, after: time.Hour},
		"500":           {answer: status(500), want: again, says: "answered 500 Internal Server Error: no luck"},
		"408":           {answer: status(408), want: again},
		"401":           {answer: status(401), want: again},
		"400":           {answer: status(400), want: dead, says: "answered 400 Bad Request: no luck"},
		"404":           {answer: status(404), want: dead},
		"413":           {answer: status(413), want: dead},
		"redirect":      {answer: status(302, "Location", "https://elsewhere.example/secret"), want: again, says: "which is not followed"},
		"own retry":     {answer: status(404), change: func(o *Options) { o.Retry = []Status{"404"} }, want: again},
		"own accept":    {answer: status(409), change: func(o *Options) { o.Accept = []Status{"2xx", "409"} }, want: delivered},
		"only 202":      {answer: status(200), change: func(o *Options) { o.Accept = []Status{"202"} }, want: dead},
		"more closely":  {answer: status(204), change: func(o *Options) { o.Retry = []Status{"204"} }, want: again},
		"huge answer":   {answer: huge(200), want: delivered},
		"huge error":    {answer: huge(500), want: again},
		"broken answer": {answer: broken, want: delivered},
		"hang":          {answer: hang, change: func(o *Options) { o.Timeout = 200 * time.Millisecond }, want: again, says: "deadline exceeded"},
		"closed":        {answer: func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, want: again, says: "EOF"},
		"huge headers":  {answer: func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("X", strings.Repeat("x", 1<<20)) }, want: again, says: "headers"},
		"text of a foe": {answer: func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusBadRequest)
			_, _ = io.WriteString(w, "a\x1b[2J\n\xff")
		}, want: dead, says: "a [2J \ufffd"},
		"switching": {answer: status(101), want: again},
		"early hints": {answer: func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusEarlyHints)
			w.WriteHeader(http.StatusOK)
		}, want: delivered},
		"no such status": {answer: status(999), want: dead},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := httptest.NewUnstartedServer(c.answer)
			s.Config.ErrorLog = fetchtest.Quiet()
			s.Start()
			t.Cleanup(s.Close)
			o := optionsFor("cloudevents", s.URL+"/hook")
			if c.change != nil {
				c.change(o)
			}
			d := open(t, o)
			err := deliver(t, d, raise("a1b2", "text"))
			if c.want == delivered {
				require.NoError(t, err)
				return
			}
			require.ErrorContains(t, err, c.says)
			require.Equal(t, c.want == dead, bridges.IsPermanent(err), "%v", err)
			require.Equal(t, c.after, bridges.RetryAfter(err))
			require.LessOrEqual(t, len(err.Error()), shown)
		})
	}
}

func status(code int, header ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if code == http.StatusSwitchingProtocols {
			c, _, _ := w.(http.Hijacker).Hijack()
			_, _ = io.WriteString(c, "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n")
			_, _ = io.Copy(io.Discard, c)
			_ = c.Close()
			return
		}
		for i := 0; i+1 < len(header); i += 2 {
			w.Header().Set(header[i], header[i+1])
		}
		w.WriteHeader(code)
		if code != http.StatusNoContent {
			_, _ = io.WriteString(w, "no luck\n")
		}
	}
}

func huge(code int) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(code)
		for block := make([]byte, 1<<20); r.Context().Err() == nil; {
			if _, err := w.Write(block); err != nil {
				return
			}
		}
	}
}

func broken(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Length", "100")
	_, _ = io.WriteString(w, "x")
	_ = http.NewResponseController(w).Flush()
	panic(http.ErrAbortHandler)
}

func hang(_ http.ResponseWriter, r *http.Request) {
	_, _ = io.Copy(io.Discard, r.Body)
	<-r.Context().Done()
}

func TestNobodyListens(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	address := l.Addr().String()
	require.NoError(t, l.Close())
	d := open(t, optionsFor("cloudevents", "http://"+address+"/hook?key=abcdef"))
	require.Equal(t, address, d.Name)
	err = deliver(t, d, raise("a", ""))
	require.ErrorContains(t, err, "http://"+address+": ")
	require.NotContains(t, err.Error(), "abcdef")
	require.False(t, bridges.IsPermanent(err))

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	require.ErrorIs(t, d.Deliverer.Deliver(ctx, raise("a", "")), context.Canceled)
}

// TestRequest: what is sent besides the body, and that connections are kept.
func TestRequest(t *testing.T) {
	t.Parallel()
	var (
		mu    sync.Mutex
		seen  []*http.Request
		body  string
		conns atomic.Int64
	)
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		mu.Lock()
		defer mu.Unlock()
		seen, body = append(seen, r), string(b)
	}))
	s.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			conns.Add(1)
		}
	}
	s.Start()
	t.Cleanup(s.Close)
	o := own(`{"id": {{json .ID}}}`)
	o.URL, o.Method = NewURL(s.URL+"/a%2Fb?x=1#fragment"), http.MethodPut
	o.Headers = map[string]string{"X-Own": "1"}
	o.SecretHeaders = map[string]secret.Secret{"X-Api-Key": secret.New("api-key")}
	o.Basic = &Basic{"user", secret.New("pass")}
	o.HMAC = &HMAC{Secret: secret.New("It's a Secret to Everybody")}
	require.Empty(t, o.Check(setting))
	d := open(t, o)
	for range 5 {
		require.NoError(t, deliver(t, d, raise("a", "")))
	}
	mu.Lock()
	defer mu.Unlock()
	require.EqualValues(t, 1, conns.Load())
	require.Len(t, seen, 5)
	r := seen[4]
	require.Equal(t, "/a%2Fb?x=1", r.RequestURI)
	require.Equal(t, http.MethodPut, r.Method)
	require.Equal(t, `{"id": "a"}`, body)
	require.Equal(t, "1", r.Header.Get("X-Own"))
	require.Equal(t, "api-key", r.Header.Get("X-Api-Key"))
	user, password, _ := r.BasicAuth()
	require.Equal(t, "user pass", user+" "+password)
	// echo -n '{"id": "a"}' | openssl dgst -sha256 -hmac "It's a Secret to Everybody"
	require.Equal(t, "sha256=01633ea79015162bf9e2f49b75f360ec2f277919ae12d9f503bc70afd7dc0b79", r.Header.Get("X-Signature-256"))
	require.Equal(t, "application/json", r.Header.Get("Content-Type"))
	require.Empty(t, r.Header.Values("Idempotency-Key"))
}

// TestClosedConnection: a kept connection that its server has closed costs no
// failure.
func TestClosedConnection(t *testing.T) {
	t.Parallel()
	s := httptest.NewUnstartedServer(status(200))
	s.Start()
	t.Cleanup(s.Close)
	d := open(t, optionsFor("cloudevents", s.URL))
	for range 50 {
		require.NoError(t, deliver(t, d, raise("a", "")))
		s.CloseClientConnections()
	}
}

func TestHeartbeats(t *testing.T) {
	t.Parallel()
	for template, want := range map[string]int64{"alertmanager": 1, "obm": 1, "servicenow": 1, "cloudevents": 1, "pagerduty": 0, "slack": 0, "teams": 0} {
		var posts atomic.Int64
		s := serve(t, func(w http.ResponseWriter, r *http.Request) {
			if r.Method == http.MethodPost {
				posts.Add(1)
			}
			http.SetCookie(w, &http.Cookie{Name: obmCookie, Value: "token"})
		})
		require.NoError(t, deliver(t, open(t, optionsFor(template, s.URL)), heartbeat()))
		require.Equal(t, want, posts.Load(), template)
		o := optionsFor(template, s.URL)
		o.SendHeartbeats = new(bool)
		*o.SendHeartbeats = want == 0
		if template == "pagerduty" {
			require.Equal(t, "send_heartbeats", o.Check(setting)[0].Path)
			continue
		}
		require.NoError(t, deliver(t, open(t, o), heartbeat()))
		require.EqualValues(t, 1, posts.Load(), template)
	}
}

func TestTLS(t *testing.T) {
	t.Parallel()
	ca, other := fetchtest.NewCA(t), fetchtest.NewCA(t)
	var names []string
	server := fetchtest.Server(t, ca.Issue(t, time.Now().Add(time.Hour), "127.0.0.1"), http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		names = append(names, r.Proto)
	}), func(c *tls.Config) { c.ClientAuth = tls.RequireAnyClientCert })
	o := optionsFor("cloudevents", server.URL)
	o.TLS.CAFile = ca.File
	err := deliver(t, open(t, o), raise("a", ""))
	require.Error(t, err, "no client certificate")
	require.False(t, bridges.IsPermanent(err))
	o.TLS.CertFile, o.TLS.KeyFile = writePair(t, ca.Issue(t, time.Now().Add(time.Hour), "client.example"))
	require.Empty(t, o.Check(setting))
	require.NoError(t, deliver(t, open(t, o), raise("a", "")))
	require.Equal(t, []string{"HTTP/2.0"}, names)
	o.TLS.CAFile = other.File
	err = deliver(t, open(t, o), raise("a", ""))
	require.ErrorContains(t, err, "certificate")
	require.False(t, bridges.IsPermanent(err))
	o.TLS.CAFile = "missing.pem"
	require.Equal(t, "tls", o.Check(setting)[0].Path)
}

func TestProxy(t *testing.T) {
	t.Parallel()
	var asked atomic.Value
	proxy := serve(t, func(w http.ResponseWriter, r *http.Request) {
		asked.Store(r.URL.String() + " " + r.Header.Get("Proxy-Authorization"))
	})
	o := optionsFor("cloudevents", "http://receiver.invalid/hook")
	u, err := url.Parse(proxy.URL)
	require.NoError(t, err)
	o.Proxy, o.ProxyPassword = "http://me@"+u.Host, secret.New("pass")
	require.NoError(t, deliver(t, open(t, o), raise("a", "")))
	require.Equal(t, "http://receiver.invalid/hook Basic bWU6cGFzcw==", asked.Load())
}

// TestURLFromFile: the file is read anew, and what it says is never told.
func TestURLFromFile(t *testing.T) {
	t.Parallel()
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/services/T000/B000/right" {
			w.WriteHeader(http.StatusNotFound)
			_, _ = io.WriteString(w, "no service at "+r.URL.Path)
		}
	})
	file := filepath.Join(t.TempDir(), "url")
	write := func(path string) { require.NoError(t, os.WriteFile(file, []byte(s.URL+path+"\n"), 0o600)) }
	write("/services/T000/B000/wrong-key")
	o := optionsFor("slack", "")
	o.URLFile = file
	require.Empty(t, o.Check(setting))
	d := open(t, o)
	err := deliver(t, d, raise("a", ""))
	require.True(t, bridges.IsPermanent(err))
	require.NotContains(t, err.Error(), "wrong-key")
	require.NotContains(t, err.Error(), "services")
	write("/services/T000/B000/right")
	require.NoError(t, deliver(t, d, raise("a", "")))
	require.NoError(t, os.Remove(file))
	err = deliver(t, d, raise("a", ""))
	require.Error(t, err)
	require.False(t, bridges.IsPermanent(err))
}
