package smtpprobe

import (
	"bufio"
	"crypto/tls"
	"net"
	"strings"
	"sync"
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

// mail is a mail server. Its answers can be replaced, by the first word of the command.
type mail struct {
	conf    *tls.Config
	implied bool // TLS from the start
	answers map[string]string

	mu    sync.Mutex
	heard []string
}

func (m *mail) start(t testing.TB) string {
	return fetchtest.Raw(t, func(c net.Conn) {
		if m.implied {
			c = tls.Server(c, m.conf)
		}
		in := bufio.NewReader(c)
		say := func(s string) { _, _ = c.Write([]byte(s + "\r\n")) }
		answer := func(word, usual string) string {
			if a, ok := m.answers[word]; ok {
				return a
			}
			return usual
		}
		say(answer("", "220 mail.example.com ESMTP"))
		secured, data := m.implied, false
		for {
			line, err := in.ReadString('\n')
			if err != nil {
				return
			}
			line = strings.TrimRight(line, "\r\n")
			m.mu.Lock()
			m.heard = append(m.heard, line)
			m.mu.Unlock()
			word, _, _ := strings.Cut(strings.ToUpper(line), " ")
			switch {
			case data:
				if line == "." {
					data = false
					say("250 queued")
				}
			case word == "EHLO":
				lines := []string{"mail.example.com", "SIZE 1000"}
				if m.conf != nil && !secured {
					lines = append(lines, "STARTTLS")
				}
				lines = append(lines, answer("AUTHS", "AUTH LOGIN PLAIN"))
				for i, l := range lines {
					if i < len(lines)-1 {
						say("250-" + l)
					} else {
						say("250 " + l)
					}
				}
			case word == "STARTTLS":
				say(answer(word, "220 go"))
				c = tls.Server(c, m.conf)
				in, secured = bufio.NewReader(c), true
			case word == "AUTH" && strings.HasSuffix(line, "LOGIN"):
				say("334 VXNlcm5hbWU6")
				_, _ = in.ReadString('\n')
				say("334 UGFzc3dvcmQ6")
				_, _ = in.ReadString('\n')
				say("235 in")
			case word == "AUTH":
				say(answer(word, "235 in"))
			case word == "DATA":
				data = true
				say("354 go on")
			case word == "QUIT":
				say(answer(word, "221 bye"))
				return
			default:
				say(answer(word, "250 ok"))
			}
		}
	})
}

func TestConversations(t *testing.T) {
	t.Parallel()
	ca := fetchtest.NewCA(t)
	conf := &tls.Config{Certificates: []tls.Certificate{ca.Issue(t, time.Now().Add(time.Hour), "127.0.0.1")}}
	trust := func(o *Options) { o.TLS = fetch.TLS{CAFile: ca.File} }
	login := func(o *Options) { trust(o); o.Username, o.Password = "probe", secret.New("hunter22") }
	envelope := func(o *Options) {
		trust(o)
		o.From, o.To = "probe@example.com", []string{"a@example.com", "b@example.com"}
	}
	for _, c := range []struct {
		name   string
		server *mail
		change func(*Options)
		want   probes.Reason
		step   string
		steps  string
	}{
		{"two lines", &mail{}, nil, "", "", "connect banner ehlo quit"},
		{"with STARTTLS", &mail{conf: conf}, trust, "", "", "connect banner ehlo starttls tls quit"},
		{"not wanted", &mail{conf: conf}, func(o *Options) { o.StartTLS = Never }, "", "", "connect banner ehlo quit"},
		{"required", &mail{}, func(o *Options) { o.StartTLS = Required }, probes.ReasonTLS, stepStartTLS, ""},
		{"encrypted", &mail{conf: conf, implied: true}, func(o *Options) { trust(o); o.Encrypted = true }, "", "", "connect tls banner ehlo quit"},
		{"untrusted", &mail{conf: conf}, nil, probes.ReasonTLS, dial.StepTLS, ""},
		{"STARTTLS refused", &mail{conf: conf, answers: map[string]string{"STARTTLS": "454 later"}}, trust, probes.ReasonUnexpectedReply, stepStartTLS, ""},
		{"speaks on after STARTTLS", &mail{conf: conf, answers: map[string]string{"STARTTLS": "220 go\r\n250 evil"}}, trust, probes.ReasonBadResponse, stepStartTLS, ""},
		{"busy", &mail{answers: map[string]string{"": "421 too many"}}, nil, probes.ReasonUnexpectedReply, stepBanner, ""},
		{"garbage", &mail{answers: map[string]string{"": "SSH-2.0-x"}}, nil, probes.ReasonBadResponse, stepBanner, ""},
		{"codes change", &mail{answers: map[string]string{"": "220-a\r\n250 b"}}, nil, probes.ReasonBadResponse, stepBanner, ""},
		{"a user", &mail{conf: conf}, login, "", "", "connect banner ehlo starttls tls auth quit"},
		{"a user by LOGIN", &mail{conf: conf, answers: map[string]string{"AUTHS": "AUTH LOGIN"}}, login, "", "", ""},
		{"no mechanism", &mail{conf: conf, answers: map[string]string{"AUTHS": "AUTH GSSAPI"}}, login, probes.ReasonUnexpectedReply, stepAuth, ""},
		{"a wrong password", &mail{conf: conf, answers: map[string]string{"AUTH": "535 5.7.8 no"}}, login, probes.ReasonCredentialsRefused, stepAuth, ""},
		{"authentication is down", &mail{conf: conf, answers: map[string]string{"AUTH": "454 4.7.0 later"}}, login, probes.ReasonUnexpectedReply, stepAuth, ""},
		{"an envelope", &mail{}, envelope, "", "", "connect banner ehlo mail rcpt quit"},
		{"an unknown recipient", &mail{answers: map[string]string{"RCPT": "550 5.1.1 nobody"}}, envelope, probes.ReasonUnexpectedReply, stepRcpt, ""},
		{"no sender", &mail{answers: map[string]string{"MAIL": "452 full"}}, envelope, probes.ReasonUnexpectedReply, stepMail, ""},
		{"hangs up at the end", &mail{answers: map[string]string{"QUIT": "221"}}, nil, "", "", ""},
		{"a message", &mail{}, func(o *Options) { envelope(o); o.Send = true }, "", "", "connect banner ehlo mail rcpt data quit"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			server := c.server
			got := probetest.Run(t, options(server.start(t), c.change), probes.Target{Every: time.Minute}, probetest.Limit)
			require.Equal(t, c.want, got.Reason, got.Detail)
			require.Equal(t, c.step, got.FailedStep)
			if c.steps != "" {
				require.Equal(t, c.steps, strings.Join(probetest.StepNames(got), " "))
			}
			require.Equal(t, c.want == probes.ReasonCredentialsRefused, !got.NotBefore.IsZero(), "no password is tried again and again")
			server.mu.Lock()
			defer server.mu.Unlock()
			require.Equal(t, c.name == "a message", strings.Contains(strings.Join(server.heard, "\n"), "DATA"), "nothing is queued unless asked for")
		})
	}
}

func TestNoPasswordWithoutTLS(t *testing.T) {
	t.Parallel()
	server := &mail{}
	_, port, _ := net.SplitHostPort(server.start(t))
	o := options("mail.example.com:"+port, func(o *Options) { o.Username, o.Password = "probe", secret.New("hunter22") })
	target := probes.Target{Provider: &probes.Provider{Issuer: "https://mail.example.com"}, Node: probes.Node{Name: "n", Address: "127.0.0.1"}}
	got := probetest.Run(t, o, target, probetest.Limit)
	require.Equal(t, probes.ReasonTLS, got.Reason, got.Detail)
	require.Equal(t, stepAuth, got.FailedStep)
	server.mu.Lock()
	defer server.mu.Unlock()
	require.NotContains(t, strings.Join(server.heard, "\n"), "AUTH")
}

func TestSecretsAreNotShown(t *testing.T) {
	t.Parallel()
	server := &mail{answers: map[string]string{"AUTH": "535 no hunter22 AGh1bnRlcjIy AHByb2JlAGh1bnRlcjIy"}}
	got := probetest.Run(t, options(server.start(t), func(o *Options) { o.Username, o.Password = "probe", secret.New("hunter22") }), probes.Target{}, probetest.Limit)
	require.Equal(t, probes.ReasonCredentialsRefused, got.Reason)
	require.NotContains(t, got.Detail, "hunter22")
	require.NotContains(t, got.Detail, "AHByb2JlAGh1bnRlcjIy")
	got = probetest.Run(t, options(server.start(t), func(o *Options) { o.Username, o.Password = "probe", secret.FromFile("/does/not/exist") }), probes.Target{}, probetest.Limit)
	require.Equal(t, probes.Unknown, got.Outcome)
	require.Equal(t, probes.ReasonSecretUnavailable, got.Reason)
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
		{"silent", probetest.Silent(t), 2 * time.Second, probes.ReasonTimeout, stepBanner},
		{"drip", probetest.Drip(t, "220-"+strings.Repeat("x", 3500)+"\r\n"), 2 * time.Second, probes.ReasonTimeout, stepBanner},
		{"endless line", probetest.Endless(t, "220 x"), probetest.Limit, probes.ReasonTooLarge, stepBanner},
		{"endless lines", probetest.Endless(t, "220-x\r\n"), probetest.Limit, probes.ReasonTooLarge, stepBanner},
		{"hangs up", probetest.Script(t, "220 hi", "<EHLO"), probetest.Limit, probes.ReasonConnect, stepEHLO},
	} {
		got := probetest.Run(t, options(c.address, nil), probes.Target{}, c.timeout)
		require.Equal(t, c.want, got.Reason, "%s: %s", c.name, got.Detail)
		require.Equal(t, c.step, got.FailedStep, c.name)
	}
}

func TestCheck(t *testing.T) {
	t.Parallel()
	for path, o := range map[string]*Options{
		"address":  options("", nil),
		"starttls": options("a", func(o *Options) { o.StartTLS = "maybe" }),
		"ehlo":     options("a", func(o *Options) { o.EHLO = "a\r\nMAIL" }),
		"username": options("a", func(o *Options) { o.Password = secret.New("x") }),
		"password": options("a", func(o *Options) { o.Username = "x" }),
		"from":     options("a", func(o *Options) { o.To = []string{"a@example.com"} }),
		"to[0]":    options("a", func(o *Options) { o.From, o.To = "a@example.com", []string{"a@b>\r\nDATA"} }),
		"to":       options("a", func(o *Options) { o.From, o.Send = "a@example.com", true }),
	} {
		require.Equal(t, []string{path}, probetest.Problems(o, nil))
	}
	plain := options("a", func(o *Options) { o.StartTLS, o.Username, o.Password = Never, "x", secret.New("x") })
	require.Equal(t, []string{"starttls"}, probetest.Problems(plain, nil))
	both := options("a", func(o *Options) { o.StartTLS, o.Encrypted = Required, true })
	require.Equal(t, []string{"starttls"}, probetest.Problems(both, nil))
}

func FuzzReadReply(f *testing.F) {
	f.Add([]byte("250-a\r\n250 b\r\n"))
	f.Add([]byte("220\r\n"))
	f.Fuzz(func(t *testing.T, server []byte) {
		r, err := readReply(bufio.NewReaderSize(strings.NewReader(string(server)), maxLine))
		if err != nil {
			return
		}
		require.Len(t, r.code, 3)
		require.NotEmpty(t, r.lines)
		talk := &talk{extensions: r.lines}
		_ = talk.offers("STARTTLS")
	})
}
