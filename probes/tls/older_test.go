package tlsprobe

import (
	"bytes"
	"crypto/tls"
	"io"
	"net"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/idp-exporter/idp_exporter/internal/fetch/fetchtest"
	"github.com/idp-exporter/idp_exporter/probes"
	"github.com/idp-exporter/idp_exporter/probes/internal/dial"
	"github.com/idp-exporter/idp_exporter/probes/internal/probetest"
)

// changing starts a server whose connections, the first, the second and so on,
// are served each in its way; nil shakes hands, and so do further ones.
func changing(t *testing.T, pair tls.Certificate, ways ...func(net.Conn)) string {
	t.Helper()
	var n atomic.Int64
	return fetchtest.Raw(t, func(c net.Conn) {
		if i := int(n.Add(1)) - 1; i < len(ways) && ways[i] != nil {
			ways[i](c)
			return
		}
		s := tls.Server(c, &tls.Config{Certificates: []tls.Certificate{pair}})
		if s.Handshake() == nil {
			_, _ = s.Read(make([]byte, 1))
		}
	})
}

// after reads the client's offer, which comes in one piece, before it answers.
func after(answer func(net.Conn)) func(net.Conn) {
	return func(c net.Conn) {
		_, _ = c.Read(make([]byte, 4096))
		answer(c)
	}
}

func says(b ...byte) func(net.Conn) {
	return after(func(c net.Conn) {
		_, _ = c.Write(b)
		_, _ = io.Copy(io.Discard, c)
	})
}

func TestOnlyARefusalIsOne(t *testing.T) {
	t.Parallel()
	root := (*maker)(nil).make(t, "root", -day, 1000*day, authority)
	leaf := root.make(t, "leaf", -day, 90*day, server)
	pair := tls.Certificate{Certificate: [][]byte{leaf.cert.Raw}, PrivateKey: leaf.key}
	fatal := func(code byte) func(net.Conn) { return says(21, 3, 1, 0, 2, 2, code) }
	hangsUp := after(func(net.Conn) {})
	resets := after(func(c net.Conn) { _ = c.(*net.TCPConn).SetLinger(0) })
	greets := []byte{22, 3, 1, 0, 6, 2, 0, 0, 2, 3, 1}
	for _, c := range []struct {
		name    string
		ways    []func(net.Conn)
		timeout time.Duration
		outcome probes.Outcome
		reason  probes.Reason
		detail  string
	}{
		{"protocol_version", []func(net.Conn){nil, fatal(70), hangsUp}, 0, probes.Pass, "", ""},
		{"handshake_failure", []func(net.Conn){nil, fatal(40), hangsUp}, 0, probes.Pass, "", ""},
		{"insufficient_security", []func(net.Conn){nil, fatal(71), hangsUp}, 0, probes.Pass, "", ""},
		{"a warning before it", []func(net.Conn){nil, says(21, 3, 1, 0, 2, 1, 112, 21, 3, 1, 0, 2, 2, 70), hangsUp}, 0, probes.Pass, "", ""},
		{"internal_error, and well", []func(net.Conn){nil, fatal(80)}, 0, probes.Pass, "", ""},
		{"internal_error, and not well", []func(net.Conn){nil, fatal(80), hangsUp}, 0, probes.Unknown, probes.ReasonTLS, "internal error"},
		{"hangs up, and is well", []func(net.Conn){nil, hangsUp}, 0, probes.Pass, "", ""},
		{"hangs up, and is not well", []func(net.Conn){nil, hangsUp, hangsUp}, 0, probes.Unknown, probes.ReasonConnect, "EOF"},
		{"resets, and is well", []func(net.Conn){nil, resets}, 0, probes.Pass, "", ""},
		{"resets, and is not well", []func(net.Conn){nil, resets, resets}, 0, probes.Unknown, probes.ReasonConnect, "reset"},
		{"silent", []func(net.Conn){nil, says()}, 2 * time.Second, probes.Unknown, probes.ReasonTimeout, "timeout"},
		{"not TLS", []func(net.Conn){nil, says([]byte("HTTP/1.1 400 Bad Request\r\n\r\n")...)}, 0, probes.Unknown, probes.ReasonBadResponse, "not that of a TLS server"},
		{"agrees and says goodbye", []func(net.Conn){nil, after(func(c net.Conn) { _, _ = c.Write(greets) })}, 0, probes.Unknown, probes.ReasonConnect, "EOF"},
		{"agrees on what was not offered", []func(net.Conn){nil, says(22, 3, 3, 0, 10, 2, 0, 0, 2, 3, 3, 14, 0, 0, 0)}, 0, probes.Unknown, probes.ReasonBadResponse, "not offered"},
		{"agrees", []func(net.Conn){nil, says(append(slices.Clone(greets), 22, 3, 1, 0, 4, 14, 0, 0, 0)...)}, 0, probes.Fail, probes.ReasonTLSVersion, "agrees on TLS 1.0"},
		{"agrees on SSL", []func(net.Conn){nil, says(22, 3, 0, 0, 10, 2, 0, 0, 2, 3, 0, 14, 0, 0, 0)}, 0, probes.Fail, probes.ReasonTLSVersion, "agrees on SSLv3"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			o := options(changing(t, pair, c.ways...), func(o *Options) { o.TLS.CAFile, o.RefusesOlder = root.file(t), true })
			if c.timeout == 0 {
				c.timeout = probetest.Limit
			}
			got := probetest.Run(t, o, probes.Target{}, c.timeout)
			require.Equal(t, c.outcome, got.Outcome, got.Detail)
			require.Equal(t, c.reason, got.Reason, got.Detail)
			require.Contains(t, got.Detail, c.detail)
			held := slices.IndexFunc(got.Assertions, func(a probes.Assertion) bool { return a.Name == "refuses older" })
			require.Equal(t, c.outcome != probes.Unknown, held >= 0, "of what is not known nothing is asserted")
			if held >= 0 {
				require.Equal(t, c.outcome == probes.Pass, got.Assertions[held].Pass)
			}
			require.False(t, got.Facts.CertificateNotAfter.IsZero())
		})
	}
}

// A server that agrees on nothing browsers offer is down for them, but what its
// certificate says is known.
func TestObsoleteSuites(t *testing.T) {
	t.Parallel()
	root := (*maker)(nil).make(t, "root", -day, 1000*day, authority)
	leaf := root.make(t, "leaf", -day, 90*day, server)
	o := options(shows(t, func(c *tls.Config) {
		c.MaxVersion, c.CipherSuites = tls.VersionTLS12, []uint16{tls.TLS_ECDHE_ECDSA_WITH_RC4_128_SHA}
	}, leaf), func(o *Options) { o.TLS.CAFile = root.file(t) })
	got := probetest.Run(t, o, probes.Target{}, probetest.Limit)
	require.Equal(t, probes.Fail, got.Outcome)
	require.Equal(t, probes.ReasonTLS, got.Reason)
	require.Equal(t, dial.StepTLS, got.FailedStep)
	require.Contains(t, got.Detail, "TLS_ECDHE_ECDSA_WITH_RC4_128_SHA, which browsers no longer offer")
	require.True(t, leaf.cert.NotAfter.Equal(got.Facts.CertificateNotAfter))
	require.Len(t, got.Facts.Certificates, 1)
}

// crypto/tls reads the offer as it is meant.
func TestHello(t *testing.T) {
	t.Parallel()
	for _, version := range []uint16{tls.VersionTLS10, tls.VersionTLS11, tls.VersionTLS12} {
		offer, err := hello(version, "login.example.com")
		require.NoError(t, err)
		client, other := net.Pipe()
		var seen *tls.ClientHelloInfo
		go func() {
			_, _ = client.Write(offer)
			_, _ = io.Copy(io.Discard, client)
		}()
		conf := &tls.Config{MinVersion: tls.VersionTLS10, GetConfigForClient: func(h *tls.ClientHelloInfo) (*tls.Config, error) {
			seen = h
			return nil, io.EOF
		}}
		require.ErrorIs(t, tls.Server(other, conf).HandshakeContext(t.Context()), io.EOF)
		_ = other.Close()
		_ = client.Close()
		require.Equal(t, "login.example.com", seen.ServerName)
		require.Equal(t, version, slices.Max(seen.SupportedVersions))
		require.Less(t, len(seen.CipherSuites), 128)
		for _, known := range append(tls.CipherSuites(), tls.InsecureCipherSuites()...) {
			if known.SupportedVersions[0] < tls.VersionTLS13 {
				require.Contains(t, seen.CipherSuites, known.ID, known.Name)
			}
		}
	}
}

// endless repeats a record.
type endless struct {
	record []byte
	at     int
}

func (e *endless) Read(p []byte) (int, error) {
	n := copy(p, e.record[e.at:])
	e.at = (e.at + n) % len(e.record)
	return n, nil
}

// An answer without end takes up no more than its bounds.
func TestEndlessAnswers(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		repeated []byte
		most     int64
	}{
		"empty messages": {[]byte{22, 3, 1, 0, 4, 0, 0, 0, 0}, maxRecords * 9},
		"warnings":       {[]byte{21, 3, 1, 0, 2, 1, 112}, maxRecords * 7},
		"a message that never ends": {
			append([]byte{22, 3, 1, 0x40, 0, 2, 0xff, 0xff, 0xff}, make([]byte, 1<<14-4)...), maxFlight + maxRecord + 5,
		},
	} {
		counted := &io.LimitedReader{R: &endless{record: c.repeated}, N: 1 << 40}
		_, err := answer(counted)
		require.ErrorIs(t, err, errNotTLS, name)
		require.LessOrEqual(t, 1<<40-counted.N, c.most, name)
	}
}

func FuzzAnswer(f *testing.F) {
	f.Add([]byte{21, 3, 1, 0, 2, 2, 70})
	f.Add([]byte{22, 3, 1, 0, 10, 2, 0, 0, 2, 3, 1, 14, 0, 0, 0})
	f.Add([]byte{22, 3, 1, 0, 4, 2, 0, 0, 2, 22, 3, 1, 0, 6, 3, 1, 14, 0, 0, 0})
	f.Fuzz(func(t *testing.T, b []byte) {
		in := bytes.NewReader(b)
		version, err := answer(in)
		if err == nil {
			require.NotZero(t, version)
		}
		require.LessOrEqual(t, len(b)-in.Len(), maxRecords*(maxRecord+5))
	})
}
