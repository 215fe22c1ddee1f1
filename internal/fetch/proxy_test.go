package fetch

import (
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/idp-exporter/idp_exporter/internal/fetch/fetchtest"
	"github.com/idp-exporter/idp_exporter/internal/secret"
)

func TestProxy(t *testing.T) {
	t.Parallel()
	ca := fetchtest.NewCA(t)
	secure := fetchtest.Server(t, ca.Issue(t, tomorrow, "login.example.invalid"), ok)
	plain := httptest.NewServer(ok)
	t.Cleanup(plain.Close)
	closed := fetchtest.Raw(t, func(net.Conn) {})
	silent := fetchtest.Raw(t, func(c net.Conn) { _, _ = io.Copy(io.Discard, c) })
	garbage := fetchtest.Raw(t, func(c net.Conn) {
		_, _ = c.Read(make([]byte, 1000))
		_, _ = io.WriteString(c, "SSH-2.0-x\r\n\r\n")
	})
	password := secret.New("pr0xy-pw")
	for _, c := range []struct {
		name     string
		proxy    func(t *testing.T, route string) string
		password secret.Secret
		want     Part // empty: it works
	}{
		{"open", func(t *testing.T, route string) string {
			return "http://" + fetchtest.NewProxy(t, "", "", 0, route).Address
		}, secret.Secret{}, ""},
		{"password", func(t *testing.T, route string) string {
			return "http://monitor@" + fetchtest.NewProxy(t, "monitor", "pr0xy-pw", 0, route).Address
		}, password, ""},
		{"wrong password", func(t *testing.T, route string) string {
			return "http://monitor@" + fetchtest.NewProxy(t, "monitor", "other", 0, route).Address
		}, password, PartProxy},
		{"no password", func(t *testing.T, route string) string {
			return "http://" + fetchtest.NewProxy(t, "monitor", "other", 0, route).Address
		}, secret.Secret{}, PartProxy},
		{"hangs up", func(*testing.T, string) string { return "http://" + closed }, secret.Secret{}, PartProxy},
		{"garbage", func(*testing.T, string) string { return "http://" + garbage }, secret.Secret{}, PartProxy},
		{"not there", func(*testing.T, string) string { return "http://127.0.0.1:1" }, secret.Secret{}, PartProxy},
		{"no such name", func(*testing.T, string) string { return "http://proxy.invalid:3128" }, secret.Secret{}, PartProxy},
		{"silent", func(*testing.T, string) string { return "http://" + silent }, secret.Secret{}, PartTimeout},
		{"silent socks", func(*testing.T, string) string { return "socks5://" + silent }, secret.Secret{}, PartTimeout},
		{"garbage socks", func(*testing.T, string) string { return "socks5://" + garbage }, secret.Secret{}, PartProxy},
		{"no tls", func(*testing.T, string) string { return "https://" + garbage }, secret.Secret{}, PartProxy},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			o := Options{TLS: TLS{CAFile: ca.File}, Proxy: c.proxy(t, secure.Listener.Addr().String()), ProxyPassword: c.password}
			s := open(t, o, "https://login.example.invalid/", "")
			_, err := get(t, within(t, time.Second), s, "https://login.example.invalid/")
			if c.want == "" {
				require.NoError(t, err)
				require.True(t, tomorrow.Equal(s.Seen.CertificateNotAfter))
				require.True(t, s.Last.TLSStart.After(s.Last.ConnectDone))
				return
			}
			require.Error(t, err)
			require.Equal(t, c.want, Classify(err), "%v", err)
			require.NotContains(t, err.Error(), "pr0xy-pw")
			require.True(t, s.Last.TLSStart.IsZero(), "no handshake with the server")
		})
	}
	t.Run("plain http", func(t *testing.T) {
		t.Parallel()
		o := Options{Proxy: "http://monitor@" + fetchtest.NewProxy(t, "monitor", "pr0xy-pw", 0, plain.Listener.Addr().String()).Address, ProxyPassword: password}
		s := open(t, o, "http://login.example.invalid/", "")
		resp, err := get(t, within(t, 5*time.Second), s, "http://login.example.invalid/")
		require.NoError(t, err)
		require.Equal(t, "login.example.invalid", string(resp.Content))

		o.ProxyPassword = secret.New("wrong")
		s = open(t, o, "http://login.example.invalid/", "")
		_, err = get(t, within(t, 5*time.Second), s, "http://login.example.invalid/")
		require.Equal(t, PartProxy, Classify(err), "%v", err)
	})
	// The second request over a kept tunnel fails at the server, not at the proxy.
	t.Run("kept tunnel", func(t *testing.T) {
		t.Parallel()
		var n atomic.Int64
		once := fetchtest.Server(t, ca.Issue(t, tomorrow, "login.example.invalid"), http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			if n.Add(1) > 1 {
				panic(http.ErrAbortHandler)
			}
			_, _ = io.WriteString(w, "hi")
		}))
		p := fetchtest.NewProxy(t, "", "", 0, once.Listener.Addr().String())
		s := open(t, Options{TLS: TLS{CAFile: ca.File}, Proxy: "http://" + p.Address}, "https://login.example.invalid/", "")
		_, err := get(t, within(t, 5*time.Second), s, "https://login.example.invalid/")
		require.NoError(t, err)
		req, err := http.NewRequestWithContext(within(t, 5*time.Second), http.MethodPost, "https://login.example.invalid/", strings.NewReader("x"))
		require.NoError(t, err)
		_, err = s.Do(req.Context(), req)
		require.True(t, s.Last.Reused)
		require.Contains(t, []Part{PartConnect, PartResponse}, Classify(err), "%v", err)
		require.EqualValues(t, 1, p.Served.Load())
	})
	// A proxy that is reached by TLS itself: its handshake is part of connecting,
	// its chain none of the server's.
	t.Run("plain http by https", func(t *testing.T) {
		t.Parallel()
		relay := &httputil.ReverseProxy{ErrorLog: fetchtest.Quiet(), Rewrite: func(r *httputil.ProxyRequest) {
			r.Out.URL.Scheme, r.Out.URL.Host = "http", plain.Listener.Addr().String()
		}}
		for name, c := range map[string]struct {
			until time.Time
			want  Part
		}{"good": {tomorrow, ""}, "expired": {time.Now().Add(-time.Hour), PartProxy}} {
			p := fetchtest.Server(t, ca.Issue(t, c.until, "127.0.0.1"), relay)
			s := open(t, Options{TLS: TLS{CAFile: ca.File}, Proxy: p.URL}, "http://login.example.invalid/", "")
			_, err := get(t, within(t, 5*time.Second), s, "http://login.example.invalid/")
			if c.want == "" {
				require.NoError(t, err, name)
				require.True(t, s.Last.Forwarded)
			} else {
				require.Equal(t, c.want, Classify(err), "%v", err)
			}
			require.True(t, s.Last.TLSStart.IsZero(), name)
			require.True(t, s.Seen.CertificateNotAfter.IsZero(), name)
		}
	})
	t.Run("refusal", func(t *testing.T) {
		t.Parallel()
		p := fetchtest.NewProxy(t, "", "", http.StatusForbidden, "")
		s := open(t, Options{Proxy: "http://" + p.Address}, "https://login.example.invalid/", "")
		_, err := get(t, within(t, 5*time.Second), s, "https://login.example.invalid/")
		var e *ProxyError
		require.ErrorAs(t, err, &e)
		require.Equal(t, http.StatusForbidden, e.Status)
	})
	t.Run("past the proxy to a node", func(t *testing.T) {
		t.Parallel()
		p := fetchtest.NewProxy(t, "", "", http.StatusForbidden, "")
		s := open(t, Options{TLS: TLS{CAFile: ca.File}, Proxy: "http://" + p.Address}, "https://login.example.invalid/", secure.Listener.Addr().String())
		_, err := get(t, within(t, 5*time.Second), s, "https://login.example.invalid/")
		require.NoError(t, err)
		require.Zero(t, p.Refused.Load())
	})
	t.Run("unreadable password", func(t *testing.T) {
		t.Parallel()
		o := Options{Proxy: "http://m@127.0.0.1:1", ProxyPassword: secret.FromFile(filepath.Join(t.TempDir(), "none"))}
		s := open(t, o, "https://login.example.invalid/", "")
		_, err := get(t, within(t, 5*time.Second), s, "https://login.example.invalid/")
		var e *secret.Error
		require.ErrorAs(t, err, &e)
	})
}
