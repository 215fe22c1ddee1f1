package tcp

import (
	"bufio"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
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
	"github.com/idp-exporter/idp_exporter/internal/secret"
	"github.com/idp-exporter/idp_exporter/probes"
	"github.com/idp-exporter/idp_exporter/probes/internal/dial"
	"github.com/idp-exporter/idp_exporter/probes/internal/probetest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func options(address string, change func(*Options)) *Options {
	o := Kind().NewOptions().(*Options)
	o.Address = address
	if change != nil {
		change(o)
	}
	return o
}

func says(turns ...Turn) func(*Options) { return func(o *Options) { o.Dialog = turns } }

func TestDialogs(t *testing.T) {
	t.Parallel()
	expect := func(s string) Turn { return Turn{Expect: s} }
	send := func(s string) Turn { return Turn{Send: s} }
	for _, c := range []struct {
		name    string
		address string
		change  func(*Options)
		timeout time.Duration
		want    probes.Reason
		step    string
	}{
		{"just a port", probetest.Silent(t), nil, 0, "", ""},
		{"nobody", probetest.Closed(t), nil, 0, probes.ReasonConnect, dial.StepConnect},
		{"no name", "no.invalid:1", nil, 0, probes.ReasonDNS, dial.StepDNS},
		{"greeting", probetest.Script(t, "220 hello", "..."), says(expect("^220 ")), 0, "", ""},
		{"the third line", probetest.Script(t, "a", "b", "c", "..."), says(expect("^c$")), 0, "", ""},
		{"question and answer", probetest.Script(t, "<PING", "+PONG", "..."), says(send("PING"), expect(`^\+PONG`)), 0, "", ""},
		{"other answer", probetest.Script(t, "<PING", "-ERR", "..."), says(send("PING"), Turn{Expect: `^\+PONG`, Refuse: "^-"}), 0, probes.ReasonAnswerMismatch, stepDialog},
		{"hangs up", probetest.Script(t, "hello"), says(expect("^220")), 0, probes.ReasonAnswerMismatch, stepDialog},
		{"a last line without an end", probetest.Say(t, []byte("ready")), says(expect("ready")), 2 * time.Second, probes.ReasonTimeout, stepDialog},
		{"silent", probetest.Silent(t), says(expect("x")), 2 * time.Second, probes.ReasonTimeout, stepDialog},
		{"slow drip", probetest.Drip(t, "abc\n"), says(expect("x")), 2 * time.Second, probes.ReasonTimeout, stepDialog},
		{"endless line", probetest.Endless(t, "abc"), says(expect("x")), 0, probes.ReasonTooLarge, stepDialog},
		{"endless lines", probetest.Endless(t, "abc\n"), says(expect("x")), 0, probes.ReasonTooLarge, stepDialog},
		{"reset", probetest.Reset(t), says(send("x"), expect("x")), 0, probes.ReasonConnect, stepDialog},
		{"slow", probetest.Drip(t, "abcdefghij\n"), func(o *Options) { says(expect("j"))(o); o.WarnSlowerThan = time.Millisecond }, 0, probes.ReasonSlow, stepDialog},
		{"the wrong IP version", "127.0.0.1:1", func(o *Options) { o.IPVersion = dial.Only6 }, 0, probes.ReasonDNS, dial.StepDNS},
		{"through a proxy", probetest.Script(t, "220 hello", "..."), func(o *Options) {
			says(expect("^220 "))(o)
			o.Proxy = "http://" + fetchtest.NewProxy(t, "", "", 0, "").Address
		}, 0, "", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			if c.timeout == 0 {
				c.timeout = probetest.Limit
			}
			got := probetest.Run(t, options(c.address, c.change), probes.Target{}, c.timeout)
			require.Equal(t, c.want, got.Reason, got.Detail)
			require.Equal(t, c.step, got.FailedStep)
			require.Less(t, got.Duration, probetest.Limit/2)
			if c.want == probes.ReasonSlow {
				require.Equal(t, probes.Warn, got.Outcome)
			}
		})
	}
}

func TestTheEndOfTheConnectionEndsALine(t *testing.T) {
	t.Parallel()
	address := fetchtest.Raw(t, func(c net.Conn) { _, _ = c.Write([]byte("ready")) })
	require.Equal(t, probes.Pass, probetest.Run(t, options(address, says(Turn{Expect: "^ready$"})), probes.Target{}, probetest.Limit).Outcome)
}

func TestStartTLSThenADialog(t *testing.T) {
	t.Parallel()
	ca := fetchtest.NewCA(t)
	end := time.Now().Add(12 * time.Hour)
	conf := &tls.Config{Certificates: []tls.Certificate{ca.Issue(t, end, "mail.example.com")}}
	address := fetchtest.Raw(t, func(c net.Conn) {
		in := bufio.NewReader(c)
		_, _ = c.Write([]byte("* OK ready\r\n"))
		if line, _ := in.ReadString('\n'); !strings.Contains(line, "STARTTLS") {
			return
		}
		_, _ = c.Write([]byte("a OK go\r\n"))
		secured := tls.Server(c, conf)
		in = bufio.NewReader(secured)
		line, _ := in.ReadString('\n')
		_, _ = secured.Write([]byte("* BAD what is " + line))
		_, _ = in.ReadString('\n')
	})
	_, port, _ := net.SplitHostPort(address)
	provider := &probes.Provider{Issuer: "https://mail.example.com"}
	o := options("mail.example.com:"+port, func(o *Options) {
		o.StartTLS, o.TLS = "imap", fetch.TLS{CAFile: ca.File}
		o.Dialog = []Turn{{Secret: secret.New("hunter22")}, {Expect: "^OK", Refuse: "BAD"}}
	})
	require.True(t, o.UsesNodes(probes.Setting{Provider: provider}))
	target := probes.Target{Provider: provider, Node: probes.Node{Name: "n1", Address: "127.0.0.1"}}
	got := probetest.Run(t, o, target, probetest.Limit)
	require.Equal(t, probes.ReasonAnswerMismatch, got.Reason, got.Detail)
	require.Equal(t, []string{"connect", "starttls", "tls", "dialog"}, probetest.StepNames(got))
	require.WithinDuration(t, end, got.Facts.CertificateNotAfter, time.Second)
	require.Contains(t, got.Detail, "what is <secret>", "a server may repeat what it was told")
	require.NotContains(t, got.Detail, "hunter22")

	o.TLS = fetch.TLS{}
	got = probetest.Run(t, o, target, probetest.Limit)
	require.Equal(t, probes.ReasonTLS, got.Reason)
	require.WithinDuration(t, end, got.Facts.CertificateNotAfter, time.Second)
}

// With TLS 1.3 a server refuses a client without a certificate only after the
// handshake.
func TestClientCertificates(t *testing.T) {
	t.Parallel()
	ca := fetchtest.NewCA(t)
	serve := func(t *testing.T, version uint16, auth tls.ClientAuthType) string {
		conf := &tls.Config{Certificates: []tls.Certificate{ca.Issue(t, time.Now().Add(time.Hour), "127.0.0.1")}, MaxVersion: version, ClientAuth: auth}
		return fetchtest.Raw(t, func(c net.Conn) {
			s := tls.Server(c, conf)
			if s.Handshake() == nil {
				_, _ = s.Read(make([]byte, 1))
			}
		})
	}
	client := ca.Issue(t, time.Now().Add(time.Hour), "monitor")
	key, err := x509.MarshalPKCS8PrivateKey(client.PrivateKey)
	require.NoError(t, err)
	dir := t.TempDir()
	own := fetch.TLS{CAFile: ca.File, CertFile: filepath.Join(dir, "c.pem"), KeyFile: filepath.Join(dir, "k.pem")}
	require.NoError(t, os.WriteFile(own.CertFile, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: client.Certificate[0]}), 0o600))
	require.NoError(t, os.WriteFile(own.KeyFile, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: key}), 0o600))
	for _, c := range []struct {
		name       string
		version    uint16
		auth       tls.ClientAuthType
		tls        fetch.TLS
		reason     probes.Reason
		unverified bool
	}{
		{"none asked for", tls.VersionTLS13, tls.NoClientCert, fetch.TLS{CAFile: ca.File}, "", false},
		{"required", tls.VersionTLS13, tls.RequireAnyClientCert, fetch.TLS{CAFile: ca.File}, probes.ReasonTLS, false},
		{"required, TLS 1.2", tls.VersionTLS12, tls.RequireAnyClientCert, fetch.TLS{CAFile: ca.File}, probes.ReasonTLS, false},
		{"required and shown", tls.VersionTLS13, tls.RequireAnyClientCert, own, "", true},
		{"required and shown, TLS 1.2", tls.VersionTLS12, tls.RequireAnyClientCert, own, "", false},
		{"welcome, but not required", tls.VersionTLS13, tls.RequestClientCert, fetch.TLS{CAFile: ca.File}, "", true},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			address := serve(t, c.version, c.auth)
			for _, dialog := range [][]Turn{nil, {{Send: "hello"}}} {
				got := probetest.Run(t, options(address, func(o *Options) { o.Encrypted, o.TLS, o.Dialog = true, c.tls, dialog }), probes.Target{}, probetest.Limit)
				require.Equal(t, c.reason, got.Reason, got.Detail)
				require.Equal(t, c.unverified, len(got.Unverified) > 0, got.Unverified)
				if c.reason != "" {
					require.Equal(t, dial.StepTLS, got.FailedStep)
					require.Contains(t, got.Detail, "certificate")
				}
			}
		})
	}
}

func TestCheck(t *testing.T) {
	t.Parallel()
	provider := &probes.Provider{Issuer: "https://login.example.com"}
	require.Empty(t, probetest.Problems(options("", nil), provider), "the issuer's own port")
	require.Empty(t, probetest.Problems(options("db.example.com", func(o *Options) { o.StartTLS = "postgres" }), nil))
	for path, o := range map[string]*Options{
		"address":          options("", nil),
		"starttls":         options("a:1", func(o *Options) { o.StartTLS = "gopher" }),
		"encrypted":        options("a:1", func(o *Options) { o.StartTLS, o.Encrypted = "smtp", true }),
		"tls":              options("a:1", func(o *Options) { o.TLS.ServerName = "x" }),
		"ip_version":       options("a:1", func(o *Options) { o.IPVersion = "5" }),
		"line_end":         options("a:1", func(o *Options) { o.LineEnd = "cr" }),
		"max_read":         options("a:1", func(o *Options) { o.MaxRead = 0 }),
		"proxy":            options("a:1", func(o *Options) { o.Proxy = "ftp://x" }),
		"warn_slower_than": options("a:1", func(o *Options) { o.WarnSlowerThan = time.Hour }),
		"dialog[0]":        options("a:1", says(Turn{Send: "a", Expect: "b"})),
		"dialog[0].expect": options("a:1", says(Turn{Expect: "("})),
		"dialog[0].refuse": options("a:1", says(Turn{Expect: "x", Refuse: "("})),
	} {
		require.Equal(t, []string{path}, probetest.Problems(o, nil))
		_, err := o.New(probes.Target{Probe: "p"})
		if path != "warn_slower_than" { // New does not know the timeout
			require.ErrorContains(t, err, path)
		}
	}
}

func FuzzAwait(f *testing.F) {
	f.Add([]byte("220 hello\r\n"))
	f.Add([]byte("a\nb\nc"))
	pl, _ := options("a:1", says(Turn{Expect: "^c$", Refuse: "^no"})).compile(probes.Setting{})
	f.Fuzz(func(t *testing.T, server []byte) {
		err := await(bufio.NewReaderSize(strings.NewReader(string(server)), maxLine), 0, pl.turns[0])
		if err == nil {
			require.Contains(t, string(server), "c")
		}
	})
}

func TestNoPartOfTheSecretIsShown(t *testing.T) {
	t.Parallel()
	const canary = "kzqxvw-0123456789-canary-of-the-test"
	for before := 160; before < 205; before++ {
		got := probetest.Run(t, options(probetest.Script(t, "<"+canary, "-ERR "+strings.Repeat("=", before)+canary, "..."), func(o *Options) {
			o.Dialog = []Turn{{Secret: secret.New(canary)}, {Expect: `^\+`, Refuse: "^-"}}
		}), probes.Target{}, probetest.Limit)
		require.Equal(t, probes.ReasonAnswerMismatch, got.Reason)
		require.NotContains(t, got.Detail, canary[:4])
	}
}
