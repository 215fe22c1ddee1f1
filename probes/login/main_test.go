package login

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/idp-exporter/idp_exporter/internal/demo"
	"github.com/idp-exporter/idp_exporter/internal/fetch"
	"github.com/idp-exporter/idp_exporter/internal/secret"
	"github.com/idp-exporter/idp_exporter/probes"
)

func TestMain(m *testing.M) {
	if os.Getenv(benchServer) != "" {
		serveBenchmark()
		return
	}
	goleak.VerifyTestMain(m)
}

// fixture is a demo provider and settings that sign in to it.
type fixture struct {
	*demo.Running
	dial     fetch.Options
	accounts *Accounts
}

func started(t testing.TB, o demo.StartOptions) *fixture {
	t.Helper()
	r, err := demo.Start(t.Context(), o)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, r.Close()) })
	return &fixture{Running: r, accounts: NewAccounts()}
}

// startedTLS is a provider with a certificate of its own authority.
func startedTLS(t testing.TB) *fixture {
	t.Helper()
	conf, ca := certificate(t)
	f := started(t, demo.StartOptions{TLS: conf})
	f.dial.TLS.CAFile = ca
	return f
}

func certificate(t testing.TB) (*tls.Config, string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test"}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, DNSNames: []string{"localhost"},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	require.NoError(t, err)
	file := filepath.Join(t.TempDir(), "ca.pem")
	require.NoError(t, os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600))
	return &tls.Config{MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}, file
}

func (f *fixture) options(change func(*Options)) Options {
	o := Defaults(f.accounts)
	o.ClientID, o.ClientSecret = demo.ClientID, secret.New(demo.ClientSecret)
	o.Username, o.Password = demo.Username, secret.New(demo.Password)
	o.Audience = demo.Audience
	o.Budget.PerMinute = 0
	if change != nil {
		change(&o)
	}
	return o
}

func (f *fixture) provider() *probes.Provider {
	return &probes.Provider{Name: "demo", Issuer: f.Issuer, Dial: f.dial}
}

func (f *fixture) login(t testing.TB, change func(*Options)) *Login {
	t.Helper()
	o := f.options(change)
	for _, p := range o.Check(probes.Setting{Provider: f.provider()}) {
		require.True(t, p.Warning, "%s: %s", p.Path, p.Message)
	}
	l, err := New(o, probes.Target{Probe: "test", Provider: f.provider()})
	require.NoError(t, err)
	return l
}

func stepNames(r probes.Result) []string {
	var names []string
	for _, s := range r.Steps {
		names = append(names, s.Name)
	}
	return names
}

func byPassword(o *Options) { o.Flow = FlowPassword }

func byRealm(o *Options) { o.Flow, o.Realm = FlowPasswordRealm, demo.Realm }

func byClient(o *Options) {
	o.Flow, o.Username, o.Password = FlowClientCredentials, "", secret.Secret{}
	o.ClientID, o.ClientSecret = demo.MachineClientID, secret.New(demo.MachineClientSecret)
	o.Scopes, o.Audience = []string{demo.ScopeStatus}, ""
}

func opaqueClient(o *Options) {
	o.ClientID, o.ClientSecret, o.ClientAuth = demo.OpaqueClientID, secret.New(demo.OpaqueClientSecret), AuthPost
}

func publicClient(o *Options) {
	o.ClientID, o.ClientSecret = demo.PublicClientID, secret.Secret{}
}
