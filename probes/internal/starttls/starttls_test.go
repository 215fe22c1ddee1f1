package starttls

import (
	"context"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/idp-exporter/idp_exporter/probes"
	"github.com/idp-exporter/idp_exporter/probes/internal/dial"
	"github.com/idp-exporter/idp_exporter/probes/internal/probetest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// ldapAnswer is an ExtendedResponse with a result code and message.
func ldapAnswer(code byte, text string) string {
	return "\x30" + string(rune(12+len(text))) + "\x02\x01\x01\x78" + string(rune(7+len(text))) + "\x0a\x01" + string(rune(code)) + "\x04\x00\x04" + string(rune(len(text))) + text
}

// adAnswer is one as Active Directory spells lengths: long form, four bytes.
const adAnswer = "\x30\x84\x00\x00\x00\x10\x02\x01\x01\x78\x84\x00\x00\x00\x07\x0a\x01\x00\x04\x00\x04\x00"

const features = "<?xml version='1.0'?><stream:stream xmlns:stream='http://etherx.jabber.org/streams' version='1.0'><stream:features>%</stream:features>"

func TestProtocols(t *testing.T) {
	t.Parallel()
	tls := probes.ReasonTLS
	no, bad, large := probes.ReasonUnexpectedReply, probes.ReasonBadResponse, probes.ReasonTooLarge
	for _, c := range []struct {
		protocol, name, server string
		want                   probes.Reason
	}{
		{"smtp", "good", "220-a\r\n220 b\r\n250-x\r\n250-starttls\r\n250 y\r\n220 go\r\n", ""},
		{"smtp", "busy", "421 no\r\n", no},
		{"smtp", "not offered", "220 b\r\n250 x\r\n", tls},
		{"smtp", "refused", "220 b\r\n250 STARTTLS\r\n454 not now\r\n", no},
		{"smtp", "garbage", "hello\r\n", bad},
		{"smtp", "long line", "220 " + strings.Repeat("x", 5000) + "\r\n", large},
		{"smtp", "many lines", strings.Repeat("220-x\r\n", 200), large},
		{"smtp", "speaks on", "220 b\r\n250 STARTTLS\r\n220 go\r\n250 more\r\n", bad},
		{"smtp", "hangs up", "220 b\r\n", probes.ReasonConnect},
		{"ftp", "good", "220 b\r\n234 go\r\n", ""},
		{"ftp", "refused", "220 b\r\n502 no\r\n", no},
		{"imap", "good", "* OK hi\r\n* CAPABILITY x\r\na OK go\r\n", ""},
		{"imap", "refused", "* OK hi\r\na NO\r\n", no},
		{"imap", "bye", "* BYE\r\n", no},
		{"imap", "endless", "* OK hi\r\n" + strings.Repeat("* x\r\n", 200), large},
		{"pop3", "good", "+OK hi\r\n+OK go\r\n", ""},
		{"pop3", "refused", "+OK hi\r\n-ERR\r\n", no},
		{"postgres", "good", "S", ""},
		{"postgres", "without", "N", tls},
		{"postgres", "old", "E", bad},
		{"postgres", "speaks on", "Sx", bad},
		{"ldap", "good", ldapAnswer(0, ""), ""},
		{"ldap", "active directory", adAnswer, ""},
		{"ldap", "refused", ldapAnswer(2, "no TLS here"), no},
		{"ldap", "garbage", "HTTP/1.1 400 Bad Request\r\n", bad},
		{"ldap", "hangs up", "\x30", probes.ReasonConnect},
		{"xmpp", "good", strings.Replace(features, "%", "<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'><required/></starttls>", 1) + "<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>", ""},
		{"xmpp-server", "good", strings.Replace(features, "%", "<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>", 1) + "<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>", ""},
		{"xmpp", "not offered", strings.Replace(features, "%", "<mechanisms/>", 1), tls},
		{"xmpp", "refused", strings.Replace(features, "%", "<starttls/>", 1) + "<failure xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>", no},
		{"xmpp", "endless", strings.Repeat("<features>", 2000), large},
	} {
		t.Run(c.protocol+" "+c.name, func(t *testing.T) {
			t.Parallel()
			r := probes.NewRun(nil)
			err := Ask(context.Background(), r, &pipe{in: strings.NewReader(c.server)}, c.protocol, "x'<host>")
			got := r.Finish(err)
			require.Equal(t, c.want, got.Reason, got.Detail)
			require.Equal(t, []string{Step}, probetest.StepNames(got))
			require.NotEmpty(t, Port(c.protocol))
		})
	}
}

func TestASilentServerEndsWithTheRun(t *testing.T) {
	t.Parallel()
	for _, protocol := range Protocols() {
		ctx, cancel := context.WithTimeout(context.Background(), 100*time.Millisecond)
		host, port, err := dial.Split(probetest.Silent(t), "")
		require.NoError(t, err)
		r := probes.NewRun(nil)
		conn, err := (&dial.Dialer{Endpoint: dial.At(host, port, probes.Target{})}).Open(ctx, r)
		require.NoError(t, err)
		got := r.Finish(Ask(ctx, r, conn, protocol, "host"))
		require.Equal(t, probes.ReasonTimeout, got.Reason, protocol)
		require.NoError(t, conn.Close())
		cancel()
	}
}

// pipe is a server that has said everything already.
type pipe struct{ in io.Reader }

func (p *pipe) Read(b []byte) (int, error)  { return p.in.Read(b) }
func (p *pipe) Write(b []byte) (int, error) { return len(b), nil }

func FuzzAsk(f *testing.F) {
	for _, s := range []string{"220 b\r\n250 STARTTLS\r\n220 go\r\n", "* OK\r\na OK\r\n", "S", adAnswer, ldapAnswer(2, "no"), features + "<proceed/>"} {
		for i := range Protocols() {
			f.Add(byte(i), []byte(s))
		}
	}
	f.Fuzz(func(t *testing.T, which byte, server []byte) {
		names := Protocols()
		r := probes.NewRun(nil)
		err := Ask(context.Background(), r, &pipe{in: strings.NewReader(string(server))}, names[int(which)%len(names)], "host")
		require.NotEqual(t, probes.ReasonInternal, r.Finish(err).Reason)
	})
}
