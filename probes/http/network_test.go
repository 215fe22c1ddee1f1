package httpprobe

import (
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/idp-exporter/idp_exporter/internal/fetch"
	"github.com/idp-exporter/idp_exporter/internal/fetch/fetchtest"
	"github.com/idp-exporter/idp_exporter/internal/secret"
	"github.com/idp-exporter/idp_exporter/probes"
	"github.com/idp-exporter/idp_exporter/probes/internal/dial"
)

var (
	tomorrow  = time.Now().Add(24 * time.Hour).Truncate(time.Second)
	yesterday = time.Now().Add(-24 * time.Hour).Truncate(time.Second)
	echoHost  = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(w, r.Host) })
)

func TestCertificates(t *testing.T) {
	t.Parallel()
	ca, foreign := fetchtest.NewCA(t), fetchtest.NewCA(t)
	for _, c := range []struct {
		name  string
		cert  tls.Certificate
		until time.Time
		pass  bool
	}{
		{"right", ca.Issue(t, tomorrow, "127.0.0.1"), tomorrow, true},
		{"expired", ca.Issue(t, yesterday, "127.0.0.1"), yesterday, false},
		{"wrong name", ca.Issue(t, tomorrow, "login.example.com"), tomorrow, false},
		{"self-signed", foreign.Issue(t, tomorrow, "127.0.0.1"), tomorrow, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			server := fetchtest.Server(t, c.cert, echoHost)
			r := runOnce(t, server.URL, func(o *Options) { o.TLS.CAFile = ca.File })
			require.True(t, c.until.Equal(r.Facts.CertificateNotAfter), "the dates are recorded, whatever became of it")
			if c.pass {
				require.Equal(t, probes.Pass, r.Outcome, r.Detail)
				require.Equal(t, "connect tls request response", steps(r))
				return
			}
			requireFailure(t, r, probes.Fail, "tls", probes.ReasonTLS)
			require.Equal(t, "connect tls", steps(r))
		})
	}
}

func TestUnreachable(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	refused := l.Addr().String()
	require.NoError(t, l.Close())

	r := runOnce(t, "http://"+refused, nil)
	requireFailure(t, r, probes.Fail, "connect", probes.ReasonConnect)
	require.Equal(t, "connect", steps(r))

	r = runOnce(t, "https://no-such-host.invalid/", nil)
	requireFailure(t, r, probes.Fail, "dns", probes.ReasonDNS)
	require.Equal(t, "dns", steps(r))

	_, port, _ := net.SplitHostPort(refused)
	r = runOnce(t, "http://localhost:"+port, nil)
	requireFailure(t, r, probes.Fail, "connect", probes.ReasonConnect)
	require.Equal(t, "dns connect", steps(r))
}

// Each way to hang ends with the run's time, in the step it hung in.
func TestHung(t *testing.T) {
	t.Parallel()
	swallow := func(c net.Conn) { _, _ = io.Copy(io.Discard, c) }
	after := func(say string) func(net.Conn) {
		return func(c net.Conn) {
			_, _ = c.Read(make([]byte, 4096))
			_, _ = io.WriteString(c, say)
			swallow(c)
		}
	}
	for _, c := range []struct {
		name, scheme, step string
		serve              func(net.Conn)
	}{
		{"handshake", "https://", "tls", swallow},
		{"request", "http://", "request", swallow},
		{"status line", "http://", "response", after("HTT")},
		{"headers", "http://", "response", after("HTTP/1.1 200 OK\r\nX: y\r\n")},
		{"body", "http://", "response", after("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhal")},
		{"only 1xx", "http://", "response", after("HTTP/1.1 103 Early Hints\r\n\r\n")},
		{"drip", "http://", "response", func(c net.Conn) {
			_, _ = c.Read(make([]byte, 4096))
			_, err := io.WriteString(c, "HTTP/1.1 200 OK\r\n\r\n")
			for ; err == nil; _, err = c.Write([]byte("x")) {
				time.Sleep(5 * time.Millisecond)
			}
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			o := NewOptions()
			o.URL = c.scheme + fetchtest.Raw(t, c.serve)
			const limit = 300 * time.Millisecond
			r := runTarget(t, o, probes.Target{}, limit)
			requireFailure(t, r, probes.Fail, c.step, probes.ReasonTimeout)
			require.GreaterOrEqual(t, r.Duration, limit)
			require.Less(t, r.Duration, limit+5*time.Second)
		})
	}
}

func TestNode(t *testing.T) {
	t.Parallel()
	ca := fetchtest.NewCA(t)
	names := make(chan string, 10)
	server := fetchtest.Server(t, ca.Issue(t, tomorrow, "login.example.invalid"), echoHost, func(c *tls.Config) {
		c.GetConfigForClient = func(h *tls.ClientHelloInfo) (*tls.Config, error) { names <- h.ServerName; return nil, nil }
	})
	address := server.Listener.Addr().String()
	host, port, _ := net.SplitHostPort(address)
	p := &probes.Provider{Issuer: "https://login.example.invalid/", Dial: fetch.Options{TLS: fetch.TLS{CAFile: ca.File}}}

	o := NewOptions()
	o.URL, o.BodyEquals = "/health", "login.example.invalid"
	r := runTarget(t, o, probes.Target{Provider: p, Node: probes.Node{Name: "a", Address: address}}, 5*time.Second)
	require.Equal(t, probes.Pass, r.Outcome, r.Detail)
	require.Equal(t, "connect tls request response", steps(r), "the public name is not resolved")
	require.Equal(t, "login.example.invalid", <-names)

	// The same host at another port, such as a health port, is the node's too.
	o.URL, o.BodyEquals = "https://login.example.invalid:"+port+"/", ""
	r = runTarget(t, o, probes.Target{Provider: p, Node: probes.Node{Name: "a", Address: host + ":1"}}, 5*time.Second)
	require.Equal(t, probes.Pass, r.Outcome, r.Detail)

	// Another host is not.
	o.URL = "https://other.example.invalid/"
	r = runTarget(t, o, probes.Target{Provider: p, Node: probes.Node{Name: "a", Address: address}}, 5*time.Second)
	requireFailure(t, r, probes.Fail, "dns", probes.ReasonDNS)
}

func TestProxy(t *testing.T) {
	t.Parallel()
	ca := fetchtest.NewCA(t)
	server := fetchtest.Server(t, ca.Issue(t, tomorrow, "login.example.invalid"), echoHost)
	proxy := fetchtest.NewProxy(t, "monitor", canary, 0, server.Listener.Addr().String())
	through := func(password secret.Secret) func(*Options) {
		return func(o *Options) {
			o.TLS.CAFile, o.Proxy, o.ProxyPassword = ca.File, "http://monitor@"+proxy.Address, password
			o.BodyEquals = "login.example.invalid"
		}
	}
	const url = "https://login.example.invalid/"
	r := runOnce(t, url, through(secret.New(canary)))
	require.Equal(t, probes.Pass, r.Outcome, r.Detail)
	require.Equal(t, "connect tls request response", steps(r))
	require.EqualValues(t, 1, proxy.Served.Load())

	r = runOnce(t, url, through(secret.New("wrong-"+canary)))
	requireFailure(t, r, probes.Fail, "connect", probes.ReasonProxy)
	require.Contains(t, r.Detail, "proxy_password_file")

	r = runOnce(t, url, through(secret.FromFile(filepath.Join(t.TempDir(), "none"))))
	requireFailure(t, r, probes.Unknown, "connect", probes.ReasonSecretUnavailable)

	forbids := fetchtest.NewProxy(t, "", "", http.StatusForbidden, "")
	r = runOnce(t, url, func(o *Options) { o.Proxy = "http://" + forbids.Address })
	requireFailure(t, r, probes.Fail, "connect", probes.ReasonProxy)
	require.Contains(t, r.Detail, strconv.Itoa(http.StatusForbidden))
}

func TestHTTP2(t *testing.T) {
	t.Parallel()
	ca := fetchtest.NewCA(t)
	server := fetchtest.Server(t, ca.Issue(t, tomorrow, "127.0.0.1"), http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/" {
			http.Redirect(w, r, "/end", http.StatusFound)
			return
		}
		_, _ = io.WriteString(w, r.Proto)
	}))
	r := runOnce(t, server.URL, func(o *Options) { o.TLS.CAFile = ca.File; o.BodyEquals = "HTTP/2.0" })
	require.Equal(t, probes.Pass, r.Outcome, r.Detail)
	require.Equal(t, "connect tls request response", steps(r))
}

func TestIPVersions(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(echoHost)
	t.Cleanup(server.Close)
	_, port, err := net.SplitHostPort(server.Listener.Addr().String())
	require.NoError(t, err)
	for _, c := range []struct {
		host    string
		version dial.IPVersion
		want    probes.Reason
	}{
		{"localhost", dial.Only4, ""},
		{"localhost", dial.Prefer4, ""},
		{"127.0.0.1", dial.Prefer6, ""},
		{"127.0.0.1", dial.Only6, probes.ReasonDNS},
		{"no.invalid", dial.Only4, probes.ReasonDNS}, // asking a DNS server is no connection to the host
	} {
		r := runOnce(t, "http://"+net.JoinHostPort(c.host, port)+"/", func(o *Options) { o.IPVersion = c.version })
		if c.want == "" {
			require.Equal(t, probes.Pass, r.Outcome, r.Detail)
			continue
		}
		requireFailure(t, r, probes.Fail, "dns", c.want)
	}
}
