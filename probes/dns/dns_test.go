package dnsprobe

import (
	"context"
	"crypto/tls"
	"net"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/miekg/dns"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/idp-exporter/idp_exporter/internal/fetch"
	"github.com/idp-exporter/idp_exporter/internal/fetch/fetchtest"
	"github.com/idp-exporter/idp_exporter/probes"
	"github.com/idp-exporter/idp_exporter/probes/internal/dial"
	"github.com/idp-exporter/idp_exporter/probes/internal/probetest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// zone answers questions; what starts with serial N. has that serial.
type zone struct{ serial string }

func rr(s string) dns.RR {
	r, err := dns.NewRR(s)
	if err != nil {
		panic(err)
	}
	return r
}

func (z zone) ServeDNS(w dns.ResponseWriter, q *dns.Msg) {
	m := new(dns.Msg)
	m.SetReply(q)
	name := q.Question[0].Name
	add := func(records ...string) {
		for _, r := range records {
			m.Answer = append(m.Answer, rr(name+" 60 IN "+r))
		}
	}
	_, udp := w.RemoteAddr().(*net.UDPAddr)
	switch strings.ToLower(strings.SplitN(name, ".", 2)[0]) {
	case "none":
	case "gone":
		m.Rcode = dns.RcodeNameError
	case "broken":
		m.Rcode = dns.RcodeServerFailure
	case "alias":
		add("CNAME www.example.com.")
		m.Answer = append(m.Answer, rr("www.example.com. 60 IN A 192.0.2.1"))
	case "chain": // in no order, and in whatever case
		m.Answer = append(m.Answer, rr("c.example.com. 60 IN A 192.0.2.1"), rr("B.example.com. 60 IN CNAME C.example.com."))
		add("CNAME b.example.com.")
	case "cut":
		add("CNAME b.example.com.")
		m.Answer = append(m.Answer, rr("c.example.com. 60 IN A 192.0.2.1"))
	case "loop":
		add("CNAME b.example.com.")
		m.Answer = append(m.Answer, rr("b.example.com. 60 IN CNAME "+name))
	case "elses":
		m.Answer = append(m.Answer, rr("evil.test. 60 IN A 6.6.6.6"))
	case "signed":
		m.AuthenticatedData = true
		add("A 192.0.2.1")
	case "large":
		if m.Truncated = udp; !udp {
			add("A 192.0.2.1")
		}
	case "foreign":
		m.Question[0].Name = "other.example.com."
		add("A 192.0.2.1")
	case "silent":
		return
	default:
		switch q.Question[0].Qtype {
		case dns.TypeSOA:
			add("SOA ns.example.com. root.example.com. " + z.serial + " 1 1 1 1")
			m.Authoritative = true
		case dns.TypeMX:
			add("MX 10 Mail.example.com.")
		case dns.TypeTXT:
			add(`TXT "v=spf1 -all"`)
		default:
			add("A 192.0.2.1", "A 192.0.2.2")
		}
	}
	_ = w.WriteMsg(m)
}

// serve starts a DNS server by UDP and TCP, or by TLS, and returns its address.
func serve(t testing.TB, z dns.Handler, conf *tls.Config) string {
	t.Helper()
	l, err := (&net.ListenConfig{}).Listen(context.Background(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	address := l.Addr().String()
	servers := []*dns.Server{{Listener: l, Handler: z}}
	if conf != nil {
		servers[0].Listener = tls.NewListener(l, conf)
	} else {
		p, err := net.ListenPacket("udp", address)
		require.NoError(t, err)
		servers = append(servers, &dns.Server{PacketConn: p, Handler: z})
	}
	for _, s := range servers {
		started, ended := make(chan struct{}), make(chan struct{})
		s.NotifyStartedFunc = func() { close(started) }
		go func() {
			defer close(ended)
			_ = s.ActivateAndServe()
		}()
		<-started
		t.Cleanup(func() {
			_ = s.Shutdown()
			<-ended
		})
	}
	return address
}

func options(query string, change func(*Options), servers ...string) *Options {
	o := Kind().NewOptions().(*Options)
	o.Query, o.Servers = query, servers
	if change != nil {
		change(o)
	}
	return o
}

func TestAnswers(t *testing.T) {
	t.Parallel()
	address := serve(t, zone{"1"}, nil)
	answers := func(match string, want ...string) func(*Options) {
		return func(o *Options) { o.Match, o.Answers = match, want }
	}
	for _, c := range []struct {
		name, query string
		change      func(*Options)
		reason      probes.Reason
		step        string
	}{
		{"an address", "www.example.com", nil, "", ""},
		{"by tcp", "www.example.com", func(o *Options) { o.Transport = TCP }, "", ""},
		{"an alias", "alias.example.com", answers(Exact, "192.0.2.1"), "", ""},
		{"aliases", "chain.example.com", answers(Exact, "192.0.2.1"), "", ""},
		{"the alias itself", "chain.example.com", func(o *Options) { o.Type = "CNAME"; answers(Exact, "b.example.com")(o) }, "", ""},
		{"an alias that leads elsewhere", "cut.example.com", nil, probes.ReasonAnswerMismatch, stepAnswer},
		{"aliases in a circle", "loop.example.com", nil, probes.ReasonAnswerMismatch, stepAnswer},
		{"somebody else's address", "elses.example.com", nil, probes.ReasonAnswerMismatch, stepAnswer},
		{"all", "www.example.com", answers(All, "192.0.2.2"), "", ""},
		{"not all", "www.example.com", answers(All, "192.0.2.2", "192.0.2.3"), probes.ReasonAnswerMismatch, stepAnswer},
		{"any", "www.example.com", answers(Any, "192.0.2.2", "192.0.2.3"), "", ""},
		{"none of any", "www.example.com", answers(Any, "192.0.2.3"), probes.ReasonAnswerMismatch, stepAnswer},
		{"exact", "www.example.com", answers(Exact, "192.0.2.2", "192.0.2.1"), "", ""},
		{"not exact", "www.example.com", answers(Exact, "192.0.2.2"), probes.ReasonAnswerMismatch, stepAnswer},
		{"mail, whatever the case", "example.com", func(o *Options) { o.Type = "mx"; answers(Exact, "10 mail.EXAMPLE.com")(o) }, "", ""},
		{"text", "example.com", func(o *Options) { o.Type = "TXT"; answers(All, `"v=spf1 -all"`)(o) }, "", ""},
		{"nothing", "none.example.com", nil, probes.ReasonAnswerMismatch, stepAnswer},
		{"no such name", "gone.example.com", nil, probes.ReasonDNS, stepAnswer},
		{"no such name, as it should be", "gone.example.com", func(o *Options) { o.Rcode = "NXDOMAIN" }, "", ""},
		{"a name that should not be", "www.example.com", func(o *Options) { o.Rcode = "NXDOMAIN" }, probes.ReasonRcode, stepAnswer},
		{"broken", "broken.example.com", nil, probes.ReasonRcode, stepAnswer},
		{"authenticated", "signed.example.com", func(o *Options) { o.Authenticated = true }, "", ""},
		{"not authenticated", "www.example.com", func(o *Options) { o.Authenticated = true }, probes.ReasonNotAuthenticated, stepAnswer},
		{"authoritative", "example.com", func(o *Options) { o.Authoritative, o.Type = true, "SOA" }, "", ""},
		{"not authoritative", "www.example.com", func(o *Options) { o.Authoritative = true }, probes.ReasonAnswerMismatch, stepAnswer},
		{"too large for a datagram", "large.example.com", nil, "", ""},
		{"the answer to another question", "foreign.example.com", func(o *Options) { o.Transport = TCP }, probes.ReasonBadResponse, stepQuery},
		{"the wrong IP version", "www.example.com", func(o *Options) { o.IPVersion = dial.Only6 }, probes.ReasonDNS, dial.StepDNS},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			got := probetest.Run(t, options(c.query, c.change, address), probes.Target{}, probetest.Limit)
			require.Equal(t, c.reason, got.Reason, got.Detail)
			require.Equal(t, c.step, got.FailedStep)
		})
	}
}

func TestSeveralServers(t *testing.T) {
	t.Parallel()
	a, b, late := serve(t, zone{"4294967295"}, nil), serve(t, zone{"2"}, nil), serve(t, zone{"4294967290"}, nil)
	soa := func(lag int) func(*Options) {
		return func(o *Options) { o.Type, o.SameSerial, o.MaxSerialLag = "SOA", true, lag }
	}
	got := probetest.Run(t, options("example.com", soa(3), a, b), probes.Target{}, probetest.Limit)
	require.Equal(t, probes.Pass, got.Outcome, "serials wrap around: %s", got.Detail)
	got = probetest.Run(t, options("example.com", soa(3), a, b, late), probes.Target{}, probetest.Limit)
	require.Equal(t, probes.ReasonDisagreement, got.Reason)
	require.Equal(t, stepAnswer, got.FailedStep)
	require.Contains(t, got.Detail, late+" has serial 4294967290")
	require.NotContains(t, got.Detail, a+" has")

	// One that is down hides no disagreement among the others.
	closed := probetest.Closed(t)
	for _, c := range []struct {
		quorum  int
		servers []string
		outcome probes.Outcome
		reason  probes.Reason
		step    string
		compare bool
	}{
		{2, []string{a, closed, late}, probes.Fail, probes.ReasonDisagreement, stepAnswer, true},
		{2, []string{a, closed, b}, probes.Warn, probes.ReasonConnect, stepQuery, true},
		{1, []string{a, closed}, probes.Warn, probes.ReasonConnect, stepQuery, false},
		{3, []string{a, closed, late}, probes.Fail, probes.ReasonConnect, stepQuery, false},
	} {
		got = probetest.Run(t, options("example.com", func(o *Options) { soa(3)(o); o.Quorum = c.quorum }, c.servers...), probes.Target{}, probetest.Limit)
		require.Equal(t, c.outcome, got.Outcome, got.Detail)
		require.Equal(t, c.reason, got.Reason, got.Detail)
		require.Equal(t, c.step, got.FailedStep)
		held := slices.IndexFunc(got.Assertions, func(a probes.Assertion) bool { return a.Name == "same serial" })
		require.Equal(t, c.compare, held >= 0)
		require.Equal(t, !c.compare && c.outcome == probes.Warn, len(got.Unverified) > 0, "that nothing was compared is told")
	}

	got = probetest.Run(t, options("www.example.com", nil, a, closed), probes.Target{}, probetest.Limit)
	require.Equal(t, probes.Fail, got.Outcome)
	require.Equal(t, probes.ReasonConnect, got.Reason)
	require.Equal(t, stepQuery, got.FailedStep, "a closed port shows when a datagram comes back")
	require.Equal(t, []string{a, closed}, []string{got.Assertions[0].Name, got.Assertions[1].Name})
	require.Equal(t, []bool{true, false}, []bool{got.Assertions[0].Pass, got.Assertions[1].Pass})
	got = probetest.Run(t, options("www.example.com", func(o *Options) { o.Quorum = 1 }, a, closed), probes.Target{}, probetest.Limit)
	require.Equal(t, probes.Warn, got.Outcome)
	require.Equal(t, []string{"connect", "query", "answer"}, probetest.StepNames(got))
}

func TestOverTLS(t *testing.T) {
	t.Parallel()
	ca := fetchtest.NewCA(t)
	end := time.Now().Add(time.Hour)
	address := serve(t, zone{"1"}, &tls.Config{Certificates: []tls.Certificate{ca.Issue(t, end, "127.0.0.1")}})
	o := options("www.example.com", func(o *Options) { o.Transport, o.TLS = TLS, fetch.TLS{CAFile: ca.File} }, address)
	got := probetest.Run(t, o, probes.Target{}, probetest.Limit)
	require.Equal(t, probes.Pass, got.Outcome, got.Detail)
	require.Equal(t, []string{"connect", "tls", "query", "answer"}, probetest.StepNames(got))
	require.WithinDuration(t, end, got.Facts.CertificateNotAfter, time.Second)
	o.TLS = fetch.TLS{}
	got = probetest.Run(t, o, probes.Target{}, probetest.Limit)
	require.Equal(t, probes.ReasonTLS, got.Reason)
	require.WithinDuration(t, end, got.Facts.CertificateNotAfter, time.Second)
}

// TestALostDatagramIsSentAgain loses the first question.
func TestALostDatagramIsSentAgain(t *testing.T) {
	t.Parallel()
	var asked atomic.Int32
	address := serve(t, dns.HandlerFunc(func(w dns.ResponseWriter, q *dns.Msg) {
		if asked.Add(1) > 1 {
			zone{"1"}.ServeDNS(w, q)
		}
	}), nil)
	got := probetest.Run(t, options("www.example.com", nil, address), probes.Target{}, probetest.Limit)
	require.Equal(t, probes.Pass, got.Outcome, got.Detail)
	require.GreaterOrEqual(t, got.Duration, dial.Patience)
}

func TestHostileServers(t *testing.T) {
	t.Parallel()
	tcp := func(o *Options) { o.Transport = TCP }
	for _, c := range []struct {
		name, address string
		timeout       time.Duration
		want          probes.Reason
	}{
		{"silent", probetest.Silent(t), 2 * time.Second, probes.ReasonTimeout},
		{"drip", probetest.Drip(t, "\xff"), 2 * time.Second, probes.ReasonTimeout},
		{"endless", probetest.Endless(t, "\xff"), probetest.Limit, probes.ReasonBadResponse},
		{"too short", probetest.Say(t, []byte{0, 2, 1, 2}), probetest.Limit, probes.ReasonBadResponse},
		{"reset", probetest.Reset(t), probetest.Limit, probes.ReasonConnect},
	} {
		got := probetest.Run(t, options("www.example.com", tcp, c.address), probes.Target{}, c.timeout)
		require.Equal(t, c.want, got.Reason, "%s: %s", c.name, got.Detail)
		require.Equal(t, stepQuery, got.FailedStep, c.name)
	}
	got := probetest.Run(t, options("silent.example.com", nil, serve(t, zone{"1"}, nil)), probes.Target{}, 2*time.Second)
	require.Equal(t, probes.ReasonTimeout, got.Reason, got.Detail)
}

func TestCheck(t *testing.T) {
	t.Parallel()
	provider := &probes.Provider{Issuer: "https://login.example.com"}
	require.False(t, options("", nil).UsesNodes(probes.Setting{Provider: provider}))
	require.Empty(t, probetest.Problems(options("", nil, "192.0.2.1"), provider))
	for path, o := range map[string]*Options{
		"query":          options("", nil, "a"),
		"type":           options("x", func(o *Options) { o.Type = "B" }, "a"),
		"rcode":          options("x", func(o *Options) { o.Rcode = "OK" }, "a"),
		"transport":      options("x", func(o *Options) { o.Transport = "quic" }, "a"),
		"match":          options("x", func(o *Options) { o.Match = "most" }, "a"),
		"servers":        options("x", func(o *Options) { o.Transport = TLS }),
		"servers[1]":     options("x", nil, "a", "a"),
		"quorum":         options("x", func(o *Options) { o.Quorum = 3 }, "a", "b"),
		"tls":            options("x", func(o *Options) { o.TLS.ServerName = "x" }, "a"),
		"answers[0]":     options("x", func(o *Options) { o.Answers = []string{"nonsense"} }, "a"),
		"answers":        options("x", func(o *Options) { o.Answers, o.Rcode = []string{"192.0.2.1"}, "NXDOMAIN" }, "a"),
		"same_serial":    options("x", func(o *Options) { o.SameSerial = true }, "a", "b"),
		"max_serial_lag": options("x", func(o *Options) { o.MaxSerialLag = 1 }, "a"),
	} {
		require.Equal(t, []string{path}, probetest.Problems(o, nil))
	}
	for _, name := range []string{"https://login.example.com/", "login.example.com/x", "login.example.com:53", "login example.com", "me@example.com", "a..b"} {
		require.Equal(t, []string{"query"}, probetest.Problems(options(name, nil, "a"), nil), name)
	}
	for _, name := range []string{"_ldap._tcp.example.com.", "*.example.com", "1.0/25.2.0.192.in-addr.arpa", `Printer\032One._ipp._tcp.example.com`} {
		require.Empty(t, probetest.Problems(options(name, nil, "a"), nil), name)
	}
	pl, _ := options("Bücher.example", nil, "a").compile(probes.Setting{})
	require.Equal(t, "xn--bcher-kva.example.", pl.name)
	require.Equal(t, []string{"quorum"}, probetest.Problems(options("x", func(o *Options) { o.Quorum = 5 }), nil), "of the operating system's servers")
	for _, text := range []string{"192.0.2.1\n$INCLUDE /etc/passwd", "$INCLUDE x"} {
		require.NotEmpty(t, probetest.Problems(options("x", func(o *Options) { o.Answers = []string{text} }, "a"), nil))
	}
}

func FuzzParse(f *testing.F) {
	pl, _ := options("www.example.com", func(o *Options) { o.Match, o.Answers = Exact, []string{"192.0.2.1"} }, "a").compile(probes.Setting{})
	p := &probe{pl}
	q := p.question()
	q.Id = 7
	good := new(dns.Msg)
	good.SetReply(q)
	good.Answer = []dns.RR{rr("www.example.com. 60 IN A 192.0.2.1")}
	raw, err := good.Pack()
	require.NoError(f, err)
	f.Add(raw)
	f.Add([]byte{0, 7, 0x80, 0, 0, 0})
	f.Fuzz(func(t *testing.T, raw []byte) {
		m, err := parse(raw, q)
		if m == nil || err != nil {
			return
		}
		require.Equal(t, q.Id, m.Id)
		_ = p.judge(m)
		if len(p.records(m)) > 0 {
			_ = p.agree(probes.NewRun(nil), []dial.Part{{Name: "a"}, {Name: "b"}}, []*dns.Msg{m, m})
		}
	})
}
