package fetch

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/idp-exporter/idp_exporter/internal/fetch/fetchtest"
)

var ok = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(w, r.Host) })

// The dates of a certificate are known whether it is accepted or not, and it is
// judged by name, address, authority and time.
func TestCertificates(t *testing.T) {
	t.Parallel()
	ca, foreign := fetchtest.NewCA(t), fetchtest.NewCA(t)
	expired := time.Now().Add(-time.Hour).Truncate(time.Second)
	for _, c := range []struct {
		name    string
		cert    tls.Certificate
		tls     TLS
		refused bool
		until   time.Time
	}{
		{"right", ca.Issue(t, tomorrow, "127.0.0.1"), TLS{CAFile: ca.File}, false, tomorrow},
		{"expired", ca.Issue(t, expired, "127.0.0.1"), TLS{CAFile: ca.File}, true, expired},
		{"wrong name for an address", ca.Issue(t, tomorrow, "login.example.com"), TLS{CAFile: ca.File}, true, tomorrow},
		{"wrong address", ca.Issue(t, tomorrow, "127.0.0.2"), TLS{CAFile: ca.File}, true, tomorrow},
		{"foreign authority", foreign.Issue(t, tomorrow, "127.0.0.1"), TLS{CAFile: ca.File}, true, tomorrow},
		{"unknown to the system", ca.Issue(t, tomorrow, "127.0.0.1"), TLS{}, true, tomorrow},
		{"other server name", ca.Issue(t, tomorrow, "login.example.com"), TLS{CAFile: ca.File, ServerName: "login.example.com"}, false, tomorrow},
		{"wrong server name", ca.Issue(t, tomorrow, "127.0.0.1"), TLS{CAFile: ca.File, ServerName: "login.example.com"}, true, tomorrow},
		{"anything goes", foreign.Issue(t, expired, "x.example"), TLS{InsecureSkipVerify: true}, false, expired},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			server := fetchtest.Server(t, c.cert, ok)
			s := open(t, Options{TLS: c.tls}, server.URL, "")
			_, err := get(t, within(t, 10*time.Second), s, server.URL)
			require.Equal(t, c.refused, err != nil, "%v", err)
			if c.refused {
				require.Equal(t, PartTLS, Classify(err), "%v", err)
				require.False(t, s.Last.TLSStart.IsZero())
				require.True(t, s.Last.TLSDone.IsZero())
			}
			require.True(t, c.until.Equal(s.Seen.CertificateNotAfter), s.Seen.CertificateNotAfter)
		})
	}
}

func TestClientCertificate(t *testing.T) {
	t.Parallel()
	ca := fetchtest.NewCA(t)
	client := ca.Issue(t, tomorrow, "monitor")
	key, err := x509.MarshalPKCS8PrivateKey(client.PrivateKey)
	require.NoError(t, err)
	dir := t.TempDir()
	certFile, keyFile := filepath.Join(dir, "c.pem"), filepath.Join(dir, "k.pem")
	require.NoError(t, os.WriteFile(certFile, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: client.Certificate[0]}), 0o600))
	require.NoError(t, os.WriteFile(keyFile, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: key}), 0o600))
	pool := x509.NewCertPool()
	pem, err := os.ReadFile(ca.File)
	require.NoError(t, err)
	pool.AppendCertsFromPEM(pem)
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		server := fetchtest.Server(t, ca.Issue(t, tomorrow, "127.0.0.1"), ok, func(c *tls.Config) {
			c.ClientCAs, c.ClientAuth, c.MaxVersion = pool, tls.RequireAndVerifyClientCert, version
		})

		s := open(t, Options{TLS: TLS{CAFile: ca.File, CertFile: certFile, KeyFile: keyFile}}, server.URL, "")
		_, err = get(t, within(t, 5*time.Second), s, server.URL)
		require.NoError(t, err)

		// TLS 1.3 tells of the refusal only after the handshake.
		s = open(t, Options{TLS: TLS{CAFile: ca.File}}, server.URL, "")
		_, err = get(t, within(t, 5*time.Second), s, server.URL)
		require.Error(t, err)
		require.Contains(t, []Part{PartTLS, PartConnect}, Classify(err), "%v", err)
		require.True(t, tomorrow.Equal(s.Seen.CertificateNotAfter))
	}
}

// A node is dialed in place of the public host, whose name stays in the URL,
// the Host header and the handshake.
func TestNode(t *testing.T) {
	t.Parallel()
	ca := fetchtest.NewCA(t)
	names := make(chan string, 10)
	server := fetchtest.Server(t, ca.Issue(t, tomorrow, "login.example.invalid"), ok, func(c *tls.Config) {
		c.GetConfigForClient = func(h *tls.ClientHelloInfo) (*tls.Config, error) { names <- h.ServerName; return nil, nil }
	})
	address := server.Listener.Addr().String()
	o := Options{TLS: TLS{CAFile: ca.File}}

	s := open(t, o, "https://login.example.invalid/", address)
	resp, err := get(t, within(t, 5*time.Second), s, "https://LOGIN.example.invalid/x")
	require.NoError(t, err)
	require.Equal(t, "LOGIN.example.invalid", string(resp.Content))
	require.True(t, strings.EqualFold("login.example.invalid", <-names))
	require.True(t, s.Last.DNSStart.IsZero(), "the public name is not resolved")

	// Another host, or another port of the same, is not the node's.
	for _, other := range []string{"https://other.example.invalid/", "https://login.example.invalid:8443/"} {
		_, err = get(t, within(t, 5*time.Second), s, other)
		require.Equal(t, PartDNS, Classify(err), "%v", err)
	}

	// A bare address stands for the host at every port.
	host, port, _ := net.SplitHostPort(address)
	s = open(t, o, "https://login.example.invalid/", host)
	_, err = get(t, within(t, 5*time.Second), s, "https://login.example.invalid:"+port+"/")
	require.NoError(t, err)
}

func TestRoute(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ public, node, addr, want string }{
		{"https://a.example/", "10.0.0.1:8443", "a.example:443", "10.0.0.1:8443"},
		{"https://a.example/", "10.0.0.1:8443", "A.EXAMPLE:443", "10.0.0.1:8443"},
		{"https://a.example/", "10.0.0.1:8443", "a.example:444", "a.example:444"},
		{"https://a.example/", "10.0.0.1", "a.example:444", "10.0.0.1:444"},
		{"http://a.example/", "node-1", "a.example:80", "node-1:80"},
		{"https://a.example:9443/", "node-1", "a.example:9443", "node-1:9443"},
		{"https://a.example/", "[2001:db8::1]:8443", "a.example:443", "[2001:db8::1]:8443"},
		{"https://a.example/", "[2001:db8::1]", "a.example:443", "[2001:db8::1]:443"},
		{"https://a.example/", "2001:db8::1", "a.example:443", "[2001:db8::1]:443"},
		{"https://bücher.example/", "10.0.0.1", "xn--bcher-kva.example:443", "10.0.0.1:443"},
		{"https://a.example/", "", "a.example:443", "a.example:443"},
		{"https://a.example/", "10.0.0.1", "b.example:443", "b.example:443"},
		{"https://a.example/", "10.0.0.1", "no port", "no port"},
	} {
		s := open(t, Options{}, c.public, c.node)
		got, diverted := s.client.route.divert(c.addr)
		require.Equal(t, c.want, got)
		require.Equal(t, c.want != c.addr, diverted)
	}
	require.Equal(t, "10.0.0.1", HostOf("10.0.0.1:80"))
	require.Equal(t, "2001:db8::1", HostOf("[2001:db8::1]"))
}

func TestOptionsCheck(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	junk := filepath.Join(dir, "junk.pem")
	require.NoError(t, os.WriteFile(junk, []byte("junk"), 0o600))
	for _, c := range []struct {
		o    Options
		want string
	}{
		{Options{}, ""},
		{Options{TLS: TLS{MinVersion: "1.3"}, Proxy: "env"}, ""},
		{Options{Proxy: "socks5://127.0.0.1:1080"}, ""},
		{Options{TLS: TLS{MinVersion: "2"}}, "min_version"},
		{Options{TLS: TLS{CAFile: filepath.Join(dir, "none")}}, "ca_file"},
		{Options{TLS: TLS{CAFile: junk}}, "no certificate"},
		{Options{TLS: TLS{CertFile: junk}}, "go together"},
		{Options{TLS: TLS{CertFile: junk, KeyFile: junk}}, "client certificate"},
		{Options{Proxy: "127.0.0.1:3128"}, "proxy"},
		{Options{Proxy: "ftp://127.0.0.1"}, "scheme"},
		{Options{Proxy: "http://u:hunter2@127.0.0.1"}, "proxy_password_file"},
		{Options{Proxy: "http://u:hun%ter2@127.0.0.1"}, "proxy"},
	} {
		err := c.o.Check()
		if c.want == "" {
			require.NoError(t, err)
			continue
		}
		require.ErrorContains(t, err, c.want)
		require.NotContains(t, err.Error(), "ter2")
		_, err = New(c.o, Target{})
		require.Error(t, err)
	}
}
