package web

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/idp-exporter/idp_exporter/internal/web/access"
)

// authority signs certificates for one test.
type authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

func newAuthority(t *testing.T) *authority {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test authority"}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), KeyUsage: x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	require.NoError(t, err)
	cert, err := x509.ParseCertificate(der)
	require.NoError(t, err)
	return &authority{cert, key}
}

func (a *authority) issue(t *testing.T, change func(*x509.Certificate)) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(2), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	change(template)
	der, err := x509.CreateCertificate(rand.Reader, template, a.cert, &key.PublicKey, a.key)
	require.NoError(t, err)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

func (a *authority) pem() string {
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: a.cert.Raw}))
}

// webConfig writes a web configuration file with a certificate for 127.0.0.1.
func (a *authority) webConfig(t *testing.T, more string) string {
	t.Helper()
	dir := t.TempDir()
	cert := a.issue(t, func(c *x509.Certificate) { c.IPAddresses = []net.IP{net.IPv4(127, 0, 0, 1)} })
	key, err := x509.MarshalPKCS8PrivateKey(cert.PrivateKey)
	require.NoError(t, err)
	writeFile(t, dir, "cert.pem", string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert.Certificate[0]})))
	writeFile(t, dir, "key.pem", string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: key})))
	writeFile(t, dir, "ca.pem", a.pem())
	return writeFile(t, dir, "web.yml", "tls_server_config:\n  cert_file: cert.pem\n  key_file: key.pem\n"+more)
}

func writeFile(t *testing.T, dir, name, content string) string {
	t.Helper()
	path := filepath.Join(dir, name)
	require.NoError(t, os.WriteFile(path, []byte(content), 0o600))
	return path
}

func (a *authority) client(t *testing.T, certs ...tls.Certificate) *http.Client {
	t.Helper()
	pool := x509.NewCertPool()
	pool.AddCert(a.cert)
	transport := &http.Transport{ForceAttemptHTTP2: true, TLSClientConfig: &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12,
		GetClientCertificate: func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
			if len(certs) == 0 {
				return &tls.Certificate{}, nil
			}
			return &certs[0], nil // even one that the server's list of authorities does not name
		}}}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport}
}

func TestClientCertificates(t *testing.T) {
	t.Parallel()
	ca, stranger := newAuthority(t), newAuthority(t)
	config := &access.Config{Clients: []access.Client{
		{Name: "lb", SAN: "lb.example.com", Scopes: []string{"testall"}},
		{Name: "spiffe", SAN: "spiffe://example.com/prometheus", Scopes: []string{"metrics"}},
		{Name: "ip", SAN: "192.0.2.7", Scopes: []string{"page"}},
		{Name: "mail", SAN: "ops@example.com", Scopes: []string{"admin"}},
		{Name: "ip6", SAN: "2001:db8::7", Scopes: []string{"page"}},
		{Name: "near", SAN: "near.example.com", Scopes: []string{"page"}, Bounds: access.Bounds{Networks: []string{"127.0.0.0/8"}}},
		{Name: "far", SAN: "far.example.com", Scopes: []string{"page"}, Bounds: access.Bounds{Networks: []string{"198.51.100.0/24"}}},
		{Name: "ended", SAN: "ended.example.com", Scopes: []string{"page"}, Bounds: access.Bounds{NotAfter: access.At(time.Now().Add(-time.Minute))}},
		{Name: "early", SAN: "early.example.com", Scopes: []string{"page"}, Bounds: access.Bounds{NotBefore: access.At(time.Now().Add(time.Hour))}},
	}}
	dns := func(name string) func(*x509.Certificate) {
		return func(c *x509.Certificate) { c.DNSNames = []string{name} }
	}
	spiffe, err := url.Parse("spiffe://example.com/prometheus")
	require.NoError(t, err)
	type want map[string]int
	for _, c := range []struct {
		name   string
		auth   string
		issuer *authority
		change func(*x509.Certificate)
		want   want
	}{
		{"dns", "VerifyClientCertIfGiven", ca, dns("LB.example.com"), want{"/testall": 200, "/metrics": 403}},
		{"uri", "VerifyClientCertIfGiven", ca, func(c *x509.Certificate) { c.URIs = []*url.URL{spiffe} }, want{"/metrics": 200, "/": 403}},
		{"ip", "RequireAndVerifyClientCert", ca, func(c *x509.Certificate) { c.IPAddresses = []net.IP{net.IPv4(192, 0, 2, 7)} }, want{"/": 200}},
		{"mail", "VerifyClientCertIfGiven", ca, func(c *x509.Certificate) { c.EmailAddresses = []string{"ops@example.com"} }, want{"/": 403}},
		{"common name only", "VerifyClientCertIfGiven", ca, func(c *x509.Certificate) { c.Subject.CommonName = "lb.example.com" }, want{"/testall": 401}},
		{"ip6", "VerifyClientCertIfGiven", ca, func(c *x509.Certificate) { c.IPAddresses = []net.IP{net.ParseIP("2001:db8::7")} }, want{"/": 200, "/metrics": 403}},
		{"two names", "VerifyClientCertIfGiven", ca, func(c *x509.Certificate) {
			c.DNSNames, c.EmailAddresses = []string{"x.example.com", "lb.example.com"}, []string{"ops@EXAMPLE.com"}
		}, want{"/testall": 200, "/demo": 404, "/metrics": 403}},
		{"address as a name", "VerifyClientCertIfGiven", ca, dns("192.0.2.7"), want{"/": 401}},
		{"wildcard", "VerifyClientCertIfGiven", ca, dns("*.example.com"), want{"/testall": 401}},
		{"name below", "VerifyClientCertIfGiven", ca, dns("lb.example.com.evil.example"), want{"/testall": 401}},
		{"mail of another case", "VerifyClientCertIfGiven", ca, func(c *x509.Certificate) { c.EmailAddresses = []string{"OPS@example.com"} }, want{"/": 401}},
		{"near", "VerifyClientCertIfGiven", ca, dns("near.example.com"), want{"/": 200}},
		{"far", "VerifyClientCertIfGiven", ca, dns("far.example.com"), want{"/": 401}},
		{"ended", "VerifyClientCertIfGiven", ca, dns("ended.example.com"), want{"/": 401}},
		{"early", "VerifyClientCertIfGiven", ca, dns("early.example.com"), want{"/": 401}},
		{"expired certificate", "VerifyClientCertIfGiven", ca, func(c *x509.Certificate) {
			c.DNSNames, c.NotAfter = []string{"lb.example.com"}, time.Now().Add(-time.Minute)
		}, want{"/testall": 0}},
		{"for servers only", "VerifyClientCertIfGiven", ca, func(c *x509.Certificate) {
			c.DNSNames, c.ExtKeyUsage = []string{"lb.example.com"}, []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
		}, want{"/testall": 0}},
		{"unknown", "VerifyClientCertIfGiven", ca, dns("other.example.com"), want{"/testall": 401, "/-/healthy": 200}},
		{"not verified", "RequestClientCert", ca, dns("lb.example.com"), want{"/testall": 401}},
		{"stranger's, not verified", "RequireAnyClientCert", stranger, dns("lb.example.com"), want{"/testall": 401}},
		{"stranger's, verified", "VerifyClientCertIfGiven", stranger, dns("lb.example.com"), want{"/testall": 0}},
		{"none", "VerifyClientCertIfGiven", nil, nil, want{"/testall": 401, "/-/ready": 200}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			o := options()
			o.Access = config
			o.WebConfigFile = ca.webConfig(t, "  client_auth_type: "+c.auth+"\n  client_ca_file: ca.pem\n")
			s := start(t, o)
			s.url = strings.Replace(s.url, "http:", "https:", 1)
			s.client = ca.client(t)
			if c.issuer != nil {
				s.client = ca.client(t, c.issuer.issue(t, c.change))
			}
			for path, code := range c.want {
				r, err := http.NewRequest(http.MethodGet, s.url+path, nil)
				require.NoError(t, err)
				res, err := s.client.Do(r)
				if code == 0 {
					require.Error(t, err)
					continue
				}
				require.NoError(t, err)
				require.Equal(t, code, res.StatusCode, path)
				require.Equal(t, 2, res.ProtoMajor)
				_, _ = io.Copy(io.Discard, res.Body)
				_ = res.Body.Close()
			}
		})
	}
}

func TestClientCertificateIsLimited(t *testing.T) {
	t.Parallel()
	ca := newAuthority(t)
	o := options()
	o.Access = &access.Config{Clients: []access.Client{{Name: "slow", SAN: "slow.example.com", Scopes: []string{"metrics", "testall"},
		Bounds: access.Bounds{RateLimit: access.RateLimit{PerSecond: new(1e-9), Burst: new(1)}}}}}
	o.WebConfigFile = ca.webConfig(t, "  client_auth_type: VerifyClientCertIfGiven\n  client_ca_file: ca.pem\n")
	s := start(t, o)
	s.url = strings.Replace(s.url, "http:", "https:", 1)
	s.client = ca.client(t, ca.issue(t, func(c *x509.Certificate) { c.DNSNames = []string{"slow.example.com"} }))
	require.Equal(t, 200, s.get(t, "/metrics").code)
	got := s.get(t, "/metrics")
	require.Equal(t, http.StatusTooManyRequests, got.code)
	require.NotEmpty(t, got.header.Get("Retry-After"))
	for range 20 {
		require.Equal(t, 200, s.get(t, "/testall").code)
	}
}

// Several listeners with a web configuration file: each has its own
// http.Server, or the toolkit would race (run with -race).
func TestSeveralListenersWithTLS(t *testing.T) {
	t.Parallel()
	ca := newAuthority(t)
	config, bearer := withToken(t, "metrics")
	o := options()
	o.Access, o.WebConfigFile = config, ca.webConfig(t, "")
	o.Addresses = []string{"127.0.0.1:0", "127.0.0.1:0", "127.0.0.1:0", "127.0.0.1:0"}
	o.HealthAddresses = []string{"127.0.0.1:0"}
	s := start(t, o)
	var wg sync.WaitGroup
	for _, a := range s.Addresses()[:4] {
		wg.Go(func() {
			one := *s
			one.url, one.client = "https://"+a.String(), ca.client(t)
			if code := one.get(t, "/metrics", "Authorization", bearer).code; code != 200 {
				t.Errorf("%s: %d", a, code)
			}
		})
	}
	wg.Wait()
	plain := *s
	plain.url = "http://" + s.Addresses()[4].String()
	require.Equal(t, "OK", plain.get(t, "/testall").body)
}

func TestSlowHandshakeIsCutOff(t *testing.T) {
	t.Parallel()
	ca := newAuthority(t)
	o := options()
	o.WebConfigFile = ca.webConfig(t, "")
	s := start(t, o, func(s *Server) { s.times.header = 200 * time.Millisecond })
	c := dial(t, s)
	require.NoError(t, c.SetReadDeadline(time.Now().Add(10*time.Second)))
	_, err := io.Copy(io.Discard, c)
	require.NoError(t, err)
}

func TestCheckWebConfig(t *testing.T) {
	t.Parallel()
	ca := newAuthority(t)
	dir := t.TempDir()
	const hash = "$2y$10$QOauhQNbBCuQDKes6eFzPeMqBSjb7Mr5DUmpZ/VcEd00UAV/LDeSi"
	for _, c := range []struct{ name, path, err string }{
		{"none", "", ""},
		{"good", ca.webConfig(t, ""), ""},
		{"empty", writeFile(t, dir, "empty.yml", ""), ""},
		{"missing", filepath.Join(dir, "missing.yml"), "no such file"},
		{"users", ca.webConfig(t, "basic_auth_users:\n  prometheus: "+hash+"\n"), "access: users:"},
		{"users alone", writeFile(t, dir, "users.yml", "basic_auth_users: {prometheus: "+hash+"}\n"), "access: users:"},
		{"rate limit", writeFile(t, dir, "rate.yml", "rate_limit: {interval: 1s, burst: 5}\n"), "rate_limit would turn away"},
		{"unknown key", writeFile(t, dir, "unknown.yml", "tls_config: {}\n"), "not found in type"},
		{"no such certificate", writeFile(t, dir, "cert.yml", "tls_server_config: {cert_file: a, key_file: b}\n"), "cert_file"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			err := CheckWebConfig(c.path)
			o := options()
			o.WebConfigFile = c.path
			s, startErr := New(o)
			if c.err == "" {
				require.NoError(t, err)
				require.NoError(t, startErr)
				s.Close()
				return
			}
			require.ErrorContains(t, err, c.err)
			require.ErrorContains(t, startErr, c.err)
			require.NotContains(t, err.Error(), hash)
		})
	}
}

// A certificate that vanishes between New and Run ends Run with an error and
// takes the other listeners along.
func TestRunFailsAsAWhole(t *testing.T) {
	t.Parallel()
	ca := newAuthority(t)
	o := options()
	o.WebConfigFile = ca.webConfig(t, "")
	o.HealthAddresses = []string{"127.0.0.1:0"}
	s, err := New(o)
	require.NoError(t, err)
	require.NoError(t, os.Remove(filepath.Join(filepath.Dir(o.WebConfigFile), "cert.pem")))
	require.ErrorContains(t, s.Run(context.Background()), "cert_file")
}
