package tlsprobe

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"regexp"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/idp-exporter/idp_exporter/probes"
)

// ours are the names that assertions of this kind have, whatever a server sends.
var ours = regexp.MustCompile(`^(dates of the server's certificate|dates of certificate \d+|chain|name|name www\.example\.com|issuer|pin|version)$`)

// FuzzJudge judges certificates that anybody may have written: what comes out is
// short and printable, its names are ours, and it can be stored and read again.
// A name and dates, in seconds, take the place of those of the first certificate.
func FuzzJudge(f *testing.F) {
	// The years that a certificate can name (RFC 5280, 4.1.2.5.2).
	first, last := time.Date(0, 1, 1, 0, 0, 0, 0, time.UTC).Unix(), time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC).Unix()
	root := (*maker)(nil).make(f, "root", -day, 1000*day, authority)
	inter := root.make(f, "intermediate", -day, 500*day, authority)
	leaf := inter.make(f, "leaf\n\u202e", -day, 90*day, server)
	f.Add(leaf.cert.Raw, inter.cert.Raw, "", int64(0), int64(0), false)
	f.Add(inter.make(f, "expired", -9*day, -day, nil).cert.Raw, inter.cert.Raw, "", int64(0), int64(0), false)
	f.Add(leaf.cert.Raw, root.make(f, "expired", -9*day, -day, authority).cert.Raw, "", int64(0), int64(0), true)
	f.Add((*maker)(nil).make(f, "self", day, 2*day, server).cert.Raw, []byte{}, "", int64(0), int64(0), true)
	f.Add(leaf.cert.Raw, inter.cert.Raw, "*.example.com\x1b[31m\xff", first, last, false)
	o := options("login.example.com", func(o *Options) {
		o.TLS.CAFile, o.Names, o.Issuer, o.Pins = root.file(f), []string{"www.example.com"}, "^CN=", []string{"47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="}
	})
	plan, c := o.compile(probes.Setting{})
	require.Empty(f, c.Problems)
	f.Fuzz(func(t *testing.T, own, other []byte, name string, from, to int64, unverified bool) {
		var sent []*x509.Certificate
		for _, der := range [][]byte{own, other} {
			if cert, err := x509.ParseCertificate(der); err == nil {
				sent = append(sent, cert)
			}
		}
		if len(sent) > 0 && name != "" {
			c := sent[0]
			c.Subject.CommonName, c.Issuer.Organization, c.DNSNames = name, []string{name}, []string{name, name}
			c.NotBefore, c.NotAfter = time.Unix(min(max(from, first), last), 0), time.Unix(min(max(to, first), last), 0)
		}
		mine := *plan
		mine.tls = plan.tls.Clone()
		mine.tls.InsecureSkipVerify = unverified
		r := probes.NewRun(nil)
		err := (&probe{plan: &mine}).judge(r, &tls.ConnectionState{Version: tls.VersionTLS12, PeerCertificates: sent})
		got := r.Finish(err)

		require.Len(t, got.Facts.Certificates, len(sent))
		require.Equal(t, len(sent) == 0, got.Facts.CertificateNotAfter.IsZero())
		texts := []string{got.Detail}
		for _, a := range got.Assertions {
			require.Regexp(t, ours, a.Name)
			texts = append(texts, a.Detail)
		}
		for _, c := range got.Facts.Certificates {
			texts = append(texts, c.Subject, c.Issuer, c.Serial, c.SPKI)
		}
		for _, text := range texts {
			require.LessOrEqual(t, len(text), 1100)
			require.True(t, utf8.ValidString(text))
			for _, r := range text {
				require.True(t, unicode.IsPrint(r), "%q", text)
			}
		}
		stored, err := json.Marshal(got)
		require.NoError(t, err)
		var again probes.Result
		require.NoError(t, json.Unmarshal(stored, &again))
		require.Equal(t, got.Facts.Certificates, again.Facts.Certificates)
	})
}
