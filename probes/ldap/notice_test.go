package ldapprobe

import (
	"net"
	"strings"
	"testing"

	ber "github.com/go-asn1-ber/asn1-ber"
	"github.com/go-ldap/ldap/v3"
	"github.com/stretchr/testify/require"

	"github.com/idp-exporter/idp_exporter/internal/fetch/fetchtest"
	"github.com/idp-exporter/idp_exporter/internal/secret"
	"github.com/idp-exporter/idp_exporter/probes"
	"github.com/idp-exporter/idp_exporter/probes/internal/probetest"
)

func notice(code int64, text string) []byte {
	p := response(0, ldap.ApplicationExtendedResponse, code, text)
	op := p.Children[1]
	op.AppendChild(ber.NewString(ber.ClassContext, ber.TypePrimitive, 10, noticeOID, ""))
	whole := ber.NewSequence("")
	whole.AppendChild(p.Children[0])
	whole.AppendChild(op)
	return whole.Bytes()
}

func TestNoticesOfDisconnection(t *testing.T) {
	t.Parallel()
	bind := func(o *Options) { o.BindDN, o.Password = "cn=probe,dc=example", secret.New("hunter22") }
	entries := strings.Repeat(string(entry(99, "a@example.com").Bytes()), 200)
	for _, c := range []struct {
		name   string
		sends  string
		want   probes.Reason
		detail string
	}{
		{"with a reason", string(notice(52, "the server hunter22 is shutting down")), probes.ReasonUnexpectedReply, `52, Unavailable: the server <secret> is shutting down`},
		{"without a text", string(notice(8, "")), probes.ReasonUnexpectedReply, "8, Strong Auth Required"},
		{"no credential is refused by it", string(notice(49, "x")), probes.ReasonUnexpectedReply, "49"},
		{"after much else", entries + string(notice(52, "going down")), probes.ReasonUnexpectedReply, "going down"},
		{"too long", string(notice(52, strings.Repeat("x", maxNotice))), probes.ReasonConnect, "EOF"},
		{"another message", string(response(0, ldap.ApplicationExtendedResponse, 52, "going down").Bytes()), probes.ReasonConnect, "EOF"},
		{"broken", string(notice(52, "going down")[:30]), probes.ReasonConnect, "EOF"},
		{"none", "", probes.ReasonConnect, "EOF"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			address := fetchtest.Raw(t, func(conn net.Conn) {
				_, _ = ber.ReadPacket(conn)
				_, _ = conn.Write([]byte(c.sends))
			})
			got := probetest.Run(t, options("ldap://"+address, bind), probes.Target{}, probetest.Limit)
			require.Equal(t, c.want, got.Reason, got.Detail)
			require.Equal(t, stepBind, got.FailedStep)
			require.Contains(t, got.Detail, c.detail)
			require.False(t, got.Decisive)
		})
	}
}
