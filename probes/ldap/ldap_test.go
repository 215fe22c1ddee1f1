package ldapprobe

import (
	"bufio"
	"context"
	"crypto/tls"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	ber "github.com/go-asn1-ber/asn1-ber"
	"github.com/go-ldap/ldap/v3"
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

// directoryServer answers binds with one result and searches with entries and another.
type directoryServer struct {
	conf    *tls.Config
	implied bool
	bind    int64
	text    string
	entries int
	mail    string
	result  int64
	flood   bool // endless entries
}

func response(id int64, tag ber.Tag, code int64, text string) *ber.Packet {
	p := ber.NewSequence("")
	p.AppendChild(ber.NewInteger(ber.ClassUniversal, ber.TypePrimitive, ber.TagInteger, id, ""))
	op := ber.Encode(ber.ClassApplication, ber.TypeConstructed, tag, nil, "")
	op.AppendChild(ber.NewInteger(ber.ClassUniversal, ber.TypePrimitive, ber.TagEnumerated, code, ""))
	op.AppendChild(ber.NewString(ber.ClassUniversal, ber.TypePrimitive, ber.TagOctetString, "", ""))
	op.AppendChild(ber.NewString(ber.ClassUniversal, ber.TypePrimitive, ber.TagOctetString, text, ""))
	p.AppendChild(op)
	return p
}

func entry(id int64, mail string) *ber.Packet {
	p := ber.NewSequence("")
	p.AppendChild(ber.NewInteger(ber.ClassUniversal, ber.TypePrimitive, ber.TagInteger, id, ""))
	op := ber.Encode(ber.ClassApplication, ber.TypeConstructed, ldap.ApplicationSearchResultEntry, nil, "")
	op.AppendChild(ber.NewString(ber.ClassUniversal, ber.TypePrimitive, ber.TagOctetString, "uid=a,dc=example", ""))
	attributes := ber.NewSequence("")
	if mail != "" {
		attribute := ber.NewSequence("")
		attribute.AppendChild(ber.NewString(ber.ClassUniversal, ber.TypePrimitive, ber.TagOctetString, "Mail", ""))
		values := ber.Encode(ber.ClassUniversal, ber.TypeConstructed, ber.TagSet, nil, "")
		values.AppendChild(ber.NewString(ber.ClassUniversal, ber.TypePrimitive, ber.TagOctetString, mail, ""))
		attribute.AppendChild(values)
		attributes.AppendChild(attribute)
	}
	op.AppendChild(attributes)
	p.AppendChild(op)
	return p
}

func (s directoryServer) start(t testing.TB) string {
	return fetchtest.Raw(t, func(c net.Conn) {
		if s.implied {
			c = tls.Server(c, s.conf)
		}
		in := bufio.NewReader(c)
		for {
			p, err := ber.ReadPacket(in)
			if err != nil || len(p.Children) < 2 {
				return
			}
			id, _ := p.Children[0].Value.(int64)
			send := func(p *ber.Packet) bool {
				_, err := c.Write(p.Bytes())
				return err == nil
			}
			switch p.Children[1].Tag {
			case ldap.ApplicationBindRequest:
				send(response(id, ldap.ApplicationBindResponse, s.bind, s.text))
			case ldap.ApplicationExtendedRequest:
				code := int64(0)
				if s.conf == nil {
					code = 2
				}
				send(response(id, ldap.ApplicationExtendedResponse, code, ""))
				if s.conf != nil {
					c = tls.Server(c, s.conf)
					in = bufio.NewReader(c)
				}
			case ldap.ApplicationSearchRequest:
				for i := 0; i < s.entries || s.flood; i++ {
					if !send(entry(id, s.mail)) {
						return
					}
				}
				send(response(id, ldap.ApplicationSearchResultDone, s.result, s.text))
			}
		}
	})
}

func options(url string, change func(*Options)) *Options {
	o := Kind().NewOptions().(*Options)
	o.URL = url
	if change != nil {
		change(o)
	}
	return o
}

func TestDirectories(t *testing.T) {
	t.Parallel()
	ca := fetchtest.NewCA(t)
	conf := &tls.Config{Certificates: []tls.Certificate{ca.Issue(t, time.Now().Add(time.Hour), "127.0.0.1")}}
	trust := func(o *Options) { o.TLS = fetch.TLS{CAFile: ca.File} }
	bind := func(o *Options) { o.BindDN, o.Password = "cn=probe,dc=example", secret.New("hunter22") }
	find := func(o *Options) { o.BaseDN, o.Filter = "dc=example", "(uid=a)" }
	two := 2
	mail := func(re string) func(*Options) {
		return func(o *Options) { find(o); o.Attributes = map[string]string{"mail": re} }
	}
	for _, c := range []struct {
		name   string
		server directoryServer
		scheme string
		change func(*Options)
		want   probes.Reason
		step   string
	}{
		{"the root", directoryServer{entries: 1}, "ldap", nil, "", ""},
		{"nothing", directoryServer{}, "ldap", nil, probes.ReasonAnswerMismatch, stepSearch},
		{"a user", directoryServer{entries: 1}, "ldap", func(o *Options) { bind(o); find(o) }, "", ""},
		{"by ldaps", directoryServer{entries: 1, conf: conf, implied: true}, "ldaps", trust, "", ""},
		{"untrusted", directoryServer{entries: 1, conf: conf, implied: true}, "ldaps", nil, probes.ReasonTLS, dial.StepTLS},
		{"by StartTLS", directoryServer{entries: 1, conf: conf}, "ldap", func(o *Options) { trust(o); bind(o); o.StartTLS = true }, "", ""},
		{"no StartTLS", directoryServer{entries: 1}, "ldap", func(o *Options) { o.StartTLS = true }, probes.ReasonUnexpectedReply, "starttls"},
		{"a wrong password", directoryServer{bind: 49, text: "no hunter22"}, "ldap", bind, probes.ReasonCredentialsRefused, stepBind},
		{"a locked account", directoryServer{bind: 49, text: "80090308: LdapErr: DSID-0C09041C, comment: AcceptSecurityContext error, data 775, v4563"}, "ldap", bind, probes.ReasonLockedOut, stepBind},
		{"an unwilling server", directoryServer{bind: 53}, "ldap", bind, probes.ReasonUnexpectedReply, stepBind},
		{"busy", directoryServer{result: 51}, "ldap", find, probes.ReasonUnexpectedReply, stepSearch},
		{"no right", directoryServer{result: 50}, "ldap", find, probes.ReasonAccessDenied, stepSearch},
		{"no such base", directoryServer{result: 32}, "ldap", find, probes.ReasonUnexpectedReply, stepSearch},
		{"none wanted", directoryServer{result: 32}, "ldap", func(o *Options) { find(o); o.MinEntries = 0 }, "", ""},
		{"none wanted, and none found", directoryServer{}, "ldap", func(o *Options) { find(o); o.MinEntries = 0 }, "", ""},
		{"none wanted, but an attribute", directoryServer{result: 32}, "ldap", func(o *Options) { mail("x")(o); o.MinEntries = 0 }, probes.ReasonAnswerMismatch, stepSearch},
		{"too few", directoryServer{entries: 2}, "ldap", func(o *Options) { find(o); o.MinEntries = 3 }, probes.ReasonAnswerMismatch, stepSearch},
		{"too many", directoryServer{entries: 3, result: 4}, "ldap", func(o *Options) { find(o); o.MaxEntries = &two }, probes.ReasonAnswerMismatch, stepSearch},
		{"enough, of more", directoryServer{entries: 1, result: 4}, "ldap", find, "", ""},
		{"too few, of more", directoryServer{entries: 1, result: 4}, "ldap", func(o *Options) { find(o); o.MinEntries = 2 }, probes.ReasonUnexpectedReply, stepSearch},
		{"too few to be too many", directoryServer{entries: 1, result: 4}, "ldap", func(o *Options) { find(o); o.MaxEntries = &two }, probes.ReasonUnexpectedReply, stepSearch},
		{"cut short after the attribute", directoryServer{entries: 1, mail: "a@example.com", result: 4}, "ldap", mail("@example.com$"), "", ""},
		{"cut short before the attribute", directoryServer{entries: 1, mail: "a@example.org", result: 4}, "ldap", mail("@example.com$"), probes.ReasonAnswerMismatch, stepSearch},
		{"the attribute", directoryServer{entries: 1, mail: "a@example.com"}, "ldap", mail("@example.com$"), "", ""},
		{"another value", directoryServer{entries: 1, mail: "a@example.org"}, "ldap", mail("@example.com$"), probes.ReasonAnswerMismatch, stepSearch},
		{"no attribute", directoryServer{entries: 1}, "ldap", mail("x"), probes.ReasonAnswerMismatch, stepSearch},
		{"endless entries", directoryServer{flood: true, mail: "a@example.com"}, "ldap", mail("x"), probes.ReasonTooLarge, stepSearch},
		{"the wrong IP version", directoryServer{}, "ldap", func(o *Options) { o.IPVersion = dial.Only6 }, probes.ReasonDNS, dial.StepDNS},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			got := probetest.Run(t, options(c.scheme+"://"+c.server.start(t), c.change), probes.Target{Every: time.Minute}, probetest.Limit)
			require.Equal(t, c.want, got.Reason, got.Detail)
			require.Equal(t, c.step, got.FailedStep)
			require.Equal(t, strings.HasPrefix(c.name, "cut short"), len(got.Unverified) > 0, got.Unverified)
			require.NotContains(t, got.Detail, "hunter22")
			require.NotContains(t, got.Detail, "a@example", "entries are nobody's business")
			if c.want == probes.ReasonCredentialsRefused || c.want == probes.ReasonLockedOut {
				require.True(t, got.Decisive && !got.NotBefore.IsZero(), "no password is tried again and again")
			}
		})
	}
}

func TestHostileServers(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, address string
		timeout       time.Duration
		want          probes.Reason
		step          string
	}{
		{"nobody", probetest.Closed(t), probetest.Limit, probes.ReasonConnect, dial.StepConnect},
		{"silent", probetest.Silent(t), 2 * time.Second, probes.ReasonTimeout, stepSearch},
		{"drip", probetest.Drip(t, "\x30\x84\x00\x00\xff\xff\x02\x01\x02"), 2 * time.Second, probes.ReasonTimeout, stepSearch},
		{"a length of gigabytes", probetest.Endless(t, "\x04\x84\x7f\xff\xff\xff"), probetest.Limit, probes.ReasonTooLarge, stepSearch},
		{"nested without end", probetest.Endless(t, "\x30\x80"), probetest.Limit, probes.ReasonBadResponse, stepSearch},
		{"unasked messages", probetest.Endless(t, string(response(99, ldap.ApplicationBindResponse, 0, "x").Bytes())), probetest.Limit, probes.ReasonTooLarge, stepSearch},
		{"reset", probetest.Reset(t), probetest.Limit, probes.ReasonConnect, stepSearch},
		{"speaks HTTP", probetest.Script(t, "HTTP/1.1 400 Bad Request", ""), probetest.Limit, probes.ReasonConnect, stepSearch},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			got := probetest.Run(t, options("ldap://"+c.address, nil), probes.Target{}, c.timeout)
			require.Equal(t, c.want, got.Reason, got.Detail)
			require.Equal(t, c.step, got.FailedStep)
		})
	}
}

func TestCheck(t *testing.T) {
	t.Parallel()
	two := 2
	for path, o := range map[string]*Options{
		"url":             options("ldap.example.com", nil),
		"starttls":        options("ldaps://a", func(o *Options) { o.StartTLS = true }),
		"tls":             options("ldap://a", func(o *Options) { o.TLS.ServerName = "x" }),
		"bind_dn":         options("ldaps://a", func(o *Options) { o.Password = secret.New("x") }),
		"password":        options("ldaps://a", func(o *Options) { o.BindDN = "cn=x" }),
		"scope":           options("ldap://a", func(o *Options) { o.Scope = "all" }),
		"base_dn":         options("ldap://a", func(o *Options) { o.Scope = Sub }),
		"filter":          options("ldap://a", func(o *Options) { o.Filter = "uid=x" }),
		"min_entries":     options("ldap://a", func(o *Options) { o.MinEntries, o.MaxEntries = 3, &two }),
		"attributes.mail": options("ldap://a", func(o *Options) { o.Attributes = map[string]string{"mail": "("} }),
	} {
		require.Equal(t, []string{path}, probetest.Problems(o, nil))
	}
}

// said is a connection on which the server has said everything already.
type said struct {
	net.Conn
	in io.Reader
}

func (s *said) Read(b []byte) (int, error)  { return s.in.Read(b) }
func (s *said) Write(b []byte) (int, error) { return len(b), nil }
func (s *said) Close() error                { return nil }
func (s *said) SetDeadline(time.Time) error { return nil }

func FuzzSearch(f *testing.F) {
	good := append(entry(1, "a@example.com").Bytes(), response(1, ldap.ApplicationSearchResultDone, 0, "").Bytes()...)
	f.Add(good)
	f.Add(response(1, ldap.ApplicationSearchResultDone, 32, "no").Bytes())
	f.Add([]byte{0x30, 0x80, 0x02, 0x01, 0x01})
	f.Add(notice(52, "going down"))
	pl, _ := options("ldap://a", func(o *Options) { o.Attributes = map[string]string{"mail": "x"} }).compile(probes.Setting{})
	f.Fuzz(func(t *testing.T, server []byte) {
		ctx, cancel := context.WithCancel(context.Background())
		defer cancel()
		in, out := io.Pipe()
		go func() {
			_, _ = out.Write(server)
			_ = out.Close()
		}()
		conn := &heard{Conn: dial.Bound(ctx, &said{in: in}, maxRead)}
		d := &directory{plan: pl, wire: conn, conn: ldap.NewConn(conn, false)}
		d.conn.Start()
		r := probes.NewRun(nil)
		got := r.Finish(r.Step(stepSearch, func() error { return d.search(ctx, r) }))
		_ = in.Close()
		d.close()
		require.NotEqual(t, probes.ReasonInternal, got.Reason, got.Detail)
	})
}
