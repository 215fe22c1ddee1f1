package tlsprobe

import (
	"bufio"
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
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/idp-exporter/idp_exporter/internal/fetch"
	"github.com/idp-exporter/idp_exporter/internal/fetch/fetchtest"
	"github.com/idp-exporter/idp_exporter/probes"
	"github.com/idp-exporter/idp_exporter/probes/internal/dial"
	"github.com/idp-exporter/idp_exporter/probes/internal/probetest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const day = 24 * time.Hour

// maker makes certificates; its parent signs them, or they sign themselves.
type maker struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

func (m *maker) make(t testing.TB, name string, from, to time.Duration, change func(*x509.Certificate)) *maker {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	return m.sign(t, key, name, from, to, change)
}

// sign makes a certificate for a key; of one that has a certificate already,
// under the same name, it is a cross-signature.
func (m *maker) sign(t testing.TB, key *ecdsa.PrivateKey, name string, from, to time.Duration, change func(*x509.Certificate)) *maker {
	t.Helper()
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: name},
		NotBefore: time.Now().Add(from), NotAfter: time.Now().Add(to),
	}
	if change != nil {
		change(template)
	}
	parent, signer := template, key
	if m != nil {
		parent, signer = m.cert, m.key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, &key.PublicKey, signer)
	require.NoError(t, err)
	cert, err := x509.ParseCertificate(der)
	require.NoError(t, err)
	return &maker{cert, key}
}

func authority(c *x509.Certificate) {
	c.IsCA, c.BasicConstraintsValid, c.KeyUsage = true, true, x509.KeyUsageCertSign
}

func server(c *x509.Certificate) {
	c.DNSNames, c.IPAddresses = []string{"login.example.com"}, []net.IP{net.IPv4(127, 0, 0, 1)}
}

func (m *maker) file(t testing.TB) string {
	t.Helper()
	return file(t, m)
}

func file(t testing.TB, all ...*maker) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "ca.pem")
	var text []byte
	for _, m := range all {
		text = append(text, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: m.cert.Raw})...)
	}
	require.NoError(t, os.WriteFile(path, text, 0o600))
	return path
}

// shows starts a server that shows a chain, the server's own certificate first.
func shows(t testing.TB, change func(*tls.Config), chain ...*maker) string {
	t.Helper()
	pair := tls.Certificate{PrivateKey: chain[0].key}
	for _, m := range chain {
		pair.Certificate = append(pair.Certificate, m.cert.Raw)
	}
	conf := &tls.Config{Certificates: []tls.Certificate{pair}}
	if change != nil {
		change(conf)
	}
	return fetchtest.Raw(t, func(c net.Conn) {
		s := tls.Server(c, conf)
		if s.Handshake() == nil {
			_, _ = s.Read(make([]byte, 1))
		}
	})
}

func options(address string, change func(*Options)) *Options {
	o := Kind().NewOptions().(*Options)
	o.Address = address
	if change != nil {
		change(o)
	}
	return o
}

func TestChains(t *testing.T) {
	t.Parallel()
	root := (*maker)(nil).make(t, "root", -99*day, 1000*day, authority)
	inter := root.make(t, "intermediate", -99*day, 500*day, authority)
	tired := root.make(t, "tired intermediate", -day, 10*day, authority)
	gone := root.make(t, "expired intermediate", -20*day, -day, authority)
	older := (*maker)(nil).make(t, "older root", -900*day, 900*day, authority)
	crossed := older.sign(t, root.key, "root", -20*day, -5*day, authority)
	ending := older.sign(t, root.key, "root", -20*day, 5*day, authority)
	both := func(o *Options) { o.TLS.CAFile = file(t, root, older) }
	unverified := func(o *Options) { o.TLS.InsecureSkipVerify = true }
	leaf := inter.make(t, "leaf", -day, 90*day, server)
	old := func(c *tls.Config) { c.MaxVersion = tls.VersionTLS11; c.MinVersion = tls.VersionTLS10 }
	for _, c := range []struct {
		name    string
		chain   []*maker
		serve   func(*tls.Config)
		change  func(*Options)
		outcome probes.Outcome
		reason  probes.Reason
		detail  string
	}{
		{"good", []*maker{leaf, inter}, nil, nil, probes.Pass, "", ""},
		{"expiring", []*maker{inter.make(t, "leaf", -day, 15*day, server), inter}, nil, nil, probes.Warn, probes.ReasonCertificateExpiring, "in 14 days; fewer than 21 days"},
		{"nearly expired", []*maker{inter.make(t, "leaf", -day, 3*day, server), inter}, nil, nil, probes.Fail, probes.ReasonCertificateExpiring, "fewer than 7 days"},
		{"expired", []*maker{inter.make(t, "leaf", -30*day, -3*day, server), inter}, nil, nil, probes.Fail, probes.ReasonCertificateExpired, "ended on"},
		{"not yet valid", []*maker{inter.make(t, "leaf", day, 30*day, server), inter}, nil, nil, probes.Fail, probes.ReasonCertificateExpired, "not valid before"},
		{"the intermediate expires", []*maker{tired.make(t, "leaf", -day, 90*day, server), tired}, nil, nil, probes.Warn, probes.ReasonCertificateExpiring, "certificate 2 of the chain"},
		{"the intermediate expired", []*maker{gone.make(t, "leaf", -day, 90*day, server), gone}, nil, nil, probes.Fail, probes.ReasonCertificateExpired, "certificate 2 of the chain"},
		{"an expired one nobody needs", []*maker{leaf, inter, gone}, nil, nil, probes.Warn, probes.ReasonCertificateExpired, "the chain lasts without it"},
		{"an expired cross-signature", []*maker{leaf, inter, crossed}, nil, nil, probes.Warn, probes.ReasonCertificateExpired, "the chain lasts without it"},
		{"an expired cross-signature, unverified", []*maker{leaf, inter, crossed}, nil, unverified, probes.Warn, probes.ReasonCertificateExpired, "the chain lasts without it"},
		{"a cross-signature ends, and both roots are trusted", []*maker{leaf, inter, ending}, nil, both, probes.Warn, probes.ReasonCertificateExpiring, "the chain lasts without it"},
		{"a cross-signature ends, unverified", []*maker{leaf, inter, ending}, nil, unverified, probes.Warn, probes.ReasonCertificateExpiring, "the chain lasts without it"},
		{"only an expired way to an authority", []*maker{leaf, inter, crossed}, nil, func(o *Options) { o.TLS.CAFile = older.file(t) }, probes.Fail, probes.ReasonCertificateExpired, "the chain is not valid"},
		{"one nobody needs expires", []*maker{leaf, inter, tired}, nil, nil, probes.Warn, probes.ReasonCertificateExpiring, "the chain lasts without it"},
		{"expired as well as a cross-signature", []*maker{inter.make(t, "leaf", -30*day, -3*day, server), inter, crossed}, nil, nil, probes.Fail, probes.ReasonCertificateExpired, "certificate 1 of the chain"},
		{"intermediate missing", []*maker{leaf}, nil, nil, probes.Fail, probes.ReasonCertificateUntrusted, "every intermediate"},
		{"self-signed", []*maker{(*maker)(nil).make(t, "self", -day, 90*day, server)}, nil, nil, probes.Fail, probes.ReasonCertificateUntrusted, "self-signed"},
		{"self-signed and unverified", []*maker{(*maker)(nil).make(t, "self", -day, 90*day, server)}, nil, unverified, probes.Pass, "", ""},
		{"expired and unverified", []*maker{(*maker)(nil).make(t, "self", -9*day, -day, server)}, nil, unverified, probes.Fail, probes.ReasonCertificateExpired, ""},
		{"wrong name", []*maker{leaf, inter}, nil, func(o *Options) { o.TLS.ServerName = "www.example.com" }, probes.Fail, probes.ReasonCertificateName, "www.example.com"},
		{"another name, too", []*maker{leaf, inter}, nil, func(o *Options) { o.Names = []string{"login.example.com"} }, probes.Pass, "", ""},
		{"lacks another name", []*maker{leaf, inter}, nil, func(o *Options) { o.Names = []string{"www.example.com"} }, probes.Fail, probes.ReasonCertificateName, "www.example.com"},
		{"expected issuer", []*maker{leaf, inter}, nil, func(o *Options) { o.Issuer = "^CN=intermediate$" }, probes.Pass, "", ""},
		{"other issuer", []*maker{leaf, inter}, nil, func(o *Options) { o.Issuer = "Let's Encrypt" }, probes.Fail, probes.ReasonCertificateMismatch, "CN=intermediate"},
		{"pinned", []*maker{leaf, inter}, nil, func(o *Options) { o.Pins = []string{dial.SPKI(leaf.cert)} }, probes.Pass, "", ""},
		{"pinned root", []*maker{leaf, inter}, nil, func(o *Options) { o.Pins = []string{"sha256//" + dial.SPKI(root.cert)} }, probes.Pass, "", ""},
		{"pinned elsewhere", []*maker{leaf, inter, gone}, nil, func(o *Options) { o.Pins = []string{dial.SPKI(gone.cert)} }, probes.Fail, probes.ReasonCertificateMismatch, dial.SPKI(leaf.cert)},
		{"old protocol", []*maker{leaf, inter}, old, nil, probes.Fail, probes.ReasonTLSVersion, "TLS 1.1"},
		{"old protocol allowed", []*maker{leaf, inter}, old, func(o *Options) { o.MinVersion = "1.1" }, probes.Pass, "", ""},
		{"wants TLS 1.3", []*maker{leaf, inter}, func(c *tls.Config) { c.MaxVersion = tls.VersionTLS12 }, func(o *Options) { o.MinVersion = "1.3" }, probes.Fail, probes.ReasonTLSVersion, "TLS 1.2"},
		{"refuses older", []*maker{leaf, inter}, nil, func(o *Options) { o.RefusesOlder = true }, probes.Pass, "", ""},
		{"accepts older", []*maker{leaf, inter}, func(c *tls.Config) { c.MinVersion = tls.VersionTLS10 }, func(o *Options) { o.RefusesOlder = true }, probes.Fail, probes.ReasonTLSVersion, "agrees on TLS 1.1"},
		{"long chain", []*maker{leaf, inter, inter, inter, inter, inter, inter, inter, inter, inter, inter}, nil, nil, probes.Fail, probes.ReasonTooLarge, "11 certificates"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			o := options(shows(t, c.serve, c.chain...), func(o *Options) {
				o.TLS.CAFile = root.file(t)
				if c.change != nil {
					c.change(o)
				}
			})
			got := probetest.Run(t, o, probes.Target{}, probetest.Limit)
			require.Equal(t, c.outcome, got.Outcome, got.Detail)
			require.Equal(t, c.reason, got.Reason, got.Detail)
			require.Contains(t, got.Detail, c.detail)
			end := c.chain[0].cert.NotAfter
			if len(c.chain) > 1 && c.chain[1].cert.NotAfter.Before(end) { // no chain rests on a third
				end = c.chain[1].cert.NotAfter
			}
			require.True(t, end.Equal(got.Facts.CertificateNotAfter), "dates are recorded whatever is wrong")
			require.Len(t, got.Facts.Certificates, min(len(c.chain), maxChain))
			require.Equal(t, dial.SPKI(c.chain[0].cert), got.Facts.Certificates[0].SPKI)
			for _, a := range got.Assertions {
				require.NotContains(t, a.Name, "CN=", "names of assertions are ours")
			}
		})
	}
}

func TestHostileServers(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name    string
		address string
		change  func(*Options)
		timeout time.Duration
		want    probes.Reason
		step    string
	}{
		{"nobody", probetest.Closed(t), nil, probetest.Limit, probes.ReasonConnect, dial.StepConnect},
		{"not TLS", probetest.Say(t, []byte("HTTP/1.1 400 Bad Request\r\n\r\n")), nil, probetest.Limit, probes.ReasonTLS, dial.StepTLS},
		{"reset", probetest.Reset(t), nil, probetest.Limit, probes.ReasonTLS, dial.StepTLS},
		{"endless", probetest.Endless(t, "\x16\x03\x03\x40\x00"), nil, probetest.Limit, probes.ReasonTLS, dial.StepTLS},
		{"silent", probetest.Silent(t), nil, 2 * time.Second, probes.ReasonTimeout, dial.StepTLS},
		{"drip", probetest.Drip(t, "\x16\x03\x03\x40\x00\x00"), nil, 2 * time.Second, probes.ReasonTimeout, dial.StepTLS},
		{"no STARTTLS", probetest.Script(t, "220 hi", "<EHLO", "250 x", "..."), func(o *Options) { o.StartTLS = "smtp" }, probetest.Limit, probes.ReasonTLS, "starttls"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			got := probetest.Run(t, options(c.address, c.change), probes.Target{}, c.timeout)
			require.Equal(t, c.want, got.Reason, got.Detail)
			require.Equal(t, c.step, got.FailedStep)
		})
	}
}

func TestNodesByStartTLS(t *testing.T) {
	t.Parallel()
	root := (*maker)(nil).make(t, "root", -day, 1000*day, authority)
	leaf := root.make(t, "leaf", -day, 90*day, server)
	pair := tls.Certificate{Certificate: [][]byte{leaf.cert.Raw}, PrivateKey: leaf.key}
	address := fetchtest.Raw(t, func(c net.Conn) {
		in := bufio.NewReader(c)
		_, _ = c.Write([]byte("+OK\r\n"))
		if line, _ := in.ReadString('\n'); strings.HasPrefix(line, "STLS") {
			_, _ = c.Write([]byte("+OK\r\n"))
			_ = tls.Server(c, &tls.Config{Certificates: []tls.Certificate{pair}}).Handshake()
		}
	})
	provider := &probes.Provider{Issuer: "https://login.example.com", Dial: fetch.Options{TLS: fetch.TLS{CAFile: root.file(t)}}}
	o := options("login.example.com:443", func(o *Options) { o.StartTLS = "pop3" })
	require.True(t, o.UsesNodes(probes.Setting{Provider: provider}))
	got := probetest.Run(t, o, probes.Target{Provider: provider, Node: probes.Node{Name: "n1", Address: address}}, probetest.Limit)
	require.Equal(t, probes.Pass, got.Outcome, got.Detail)
	require.Equal(t, []string{"connect", "starttls", "tls", "certificates"}, probetest.StepNames(got))
}

func TestCheck(t *testing.T) {
	t.Parallel()
	provider := &probes.Provider{Issuer: "https://login.example.com"}
	require.Empty(t, probetest.Problems(options("", nil), provider))
	require.False(t, options("www.example.com", nil).UsesNodes(probes.Setting{Provider: provider}))
	for path, o := range map[string]*Options{
		"address":       options("", nil),
		"starttls":      options("a", func(o *Options) { o.StartTLS = "gopher" }),
		"warn_days":     options("a", func(o *Options) { o.WarnDays = -1 }),
		"fail_days":     options("a", func(o *Options) { o.FailDays = 30 }),
		"min_version":   options("a", func(o *Options) { o.MinVersion = "2.0" }),
		"refuses_older": options("a", func(o *Options) { o.RefusesOlder, o.MinVersion = true, "1.0" }),
		"issuer":        options("a", func(o *Options) { o.Issuer = "(" }),
		"pins[0]":       options("a", func(o *Options) { o.Pins = []string{"abc"} }),
		"names[0]":      options("a", func(o *Options) { o.Names = []string{"https://x"} }),
		"tls":           options("a", func(o *Options) { o.TLS.CAFile = "/does/not/exist" }),
	} {
		require.Equal(t, []string{path}, probetest.Problems(o, nil))
	}
	require.Equal(t, []string{"address"}, probetest.Problems(options("https://login.example.com/", nil), nil))
}
