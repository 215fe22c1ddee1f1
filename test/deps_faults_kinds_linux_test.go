package test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"
	"github.com/stretchr/testify/require"

	"github.com/idp-exporter/idp_exporter/internal/demo"
	"github.com/idp-exporter/idp_exporter/internal/fetch/fetchtest"
	"github.com/idp-exporter/idp_exporter/probes"
)

// TestFaultsOfEveryKind breaks the network under every kind of probe that has
// one.
func TestFaultsOfEveryKind(t *testing.T) { inNamespace(t, "TestKindsInsideTheNamespace") }

// watched is a server and a probe of it. Host stands in its texts for where the
// server is, HOST:PORT being the address.
type watched struct {
	kind, text string
	port       string
	udp        bool
	// node has the probe go to the server as a node of the issuer.
	issuer string
	// first is the step in which it connects, talk that in which it first waits
	// for an answer, and said that in which it first says something.
	first, talk, said string
}

// run runs the probe against the server on a host.
func (w watched) run(t *testing.T, host, more string, timeout time.Duration) probes.Result {
	t.Helper()
	target := probes.Target{}
	if w.issuer != "" {
		target.Provider = &probes.Provider{Issuer: w.issuer}
		target.Node = probes.Node{Name: "n1", Address: net.JoinHostPort(host, w.port)}
	}
	text := strings.NewReplacer("HOST:PORT", net.JoinHostPort(host, w.port), "HOST", host).Replace(w.text)
	return runProbeAt(t, "kind: "+w.kind+"\n"+text+more, target, timeout)
}

// mailServer says yes to everything in SMTP.
func mailServer(t *testing.T) string {
	t.Helper()
	return fetchtest.Raw(t, func(c net.Conn) {
		_, _ = io.WriteString(c, "220 ready\r\n")
		for in := bufio.NewReader(c); ; {
			line, err := in.ReadString('\n')
			if err != nil {
				return
			}
			if strings.HasPrefix(line, "QUIT") {
				_, _ = io.WriteString(c, "221 bye\r\n")
				return
			}
			_, _ = io.WriteString(c, "250 yes\r\n")
		}
	})
}

// nameServer answers every question with an address.
func nameServer(t *testing.T) string {
	t.Helper()
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	require.NoError(t, err)
	s := &dns.Server{PacketConn: conn, Handler: dns.HandlerFunc(func(w dns.ResponseWriter, q *dns.Msg) {
		m := new(dns.Msg).SetReply(q)
		m.Answer = []dns.RR{&dns.A{Hdr: dns.RR_Header{Name: q.Question[0].Name, Rrtype: dns.TypeA, Class: dns.ClassINET, Ttl: 1}, A: net.IPv4(192, 0, 2, 1)}}
		_ = w.WriteMsg(m)
	})}
	ended := make(chan error, 1)
	go func() { ended <- s.ActivateAndServe() }()
	t.Cleanup(func() {
		_ = conn.Close()
		<-ended
	})
	return conn.LocalAddr().String()
}

// everyKind starts a server for every kind of probe that goes to one, on
// 127.0.0.1.
func everyKind(t *testing.T) []watched {
	t.Helper()
	port := func(address string) string {
		_, port, err := net.SplitHostPort(strings.TrimPrefix(address, "http://"))
		require.NoError(t, err)
		return port
	}
	ca := fetchtest.NewCA(t)
	ok := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "OK") })
	secure := fetchtest.Server(t, ca.Issue(t, time.Now().Add(12*time.Hour), "127.0.0.1", "two.example.test", "six.example.test"), ok)
	plain := httptest.NewServer(ok)
	t.Cleanup(plain.Close)
	_, directory, _, _ := slapd(t)
	_, clock := chronyd(t, "local stratum 3\n")
	eventuallyPasses(t, "kind: ntp\nservers: ["+clock+"]\n")
	idp := provider(t, demo.StartOptions{})
	trust := fmt.Sprintf("tls: {ca_file: %q}\n", ca.File)
	login := "client_id: " + demo.ClientID + "\nclient_secret: " + demo.ClientSecret + "\nredirect_uri: " + demo.RedirectURI +
		"\nusername: " + demo.Username + "\npassword: " + demo.Password + "\nbudget: {per_minute: 0}\n"
	return []watched{
		{kind: "tcp", text: "address: HOST:PORT\ndialog: [{expect: ^220}, {send: hello}, {expect: ^hello}]\n", port: echo(t), first: "connect", talk: "dialog", said: "dialog"},
		{kind: "tls", text: "address: HOST:PORT\nwarn_days: 0\nfail_days: 0\n" + trust, port: port(secure.Listener.Addr().String()), first: "connect", talk: "tls", said: "tls"},
		{kind: "smtp", text: "address: HOST:PORT\n", port: port(mailServer(t)), first: "connect", talk: "banner", said: "ehlo"},
		{kind: "ldap", text: "url: ldap://HOST:PORT\n", port: port(directory), first: "connect", talk: "search", said: "search"},
		{kind: "ntp", text: "servers: ['HOST:PORT']\n", port: port(clock), udp: true, first: "query", talk: "query"},
		{kind: "dns", text: "query: a.example\nservers: ['HOST:PORT']\n", port: port(nameServer(t)), udp: true, first: "query", talk: "query"},
		{kind: "oidc", issuer: idp.Issuer, port: port(idp.Issuer), first: "discovery", talk: "discovery", said: "discovery"},
		{kind: "login", text: login, issuer: idp.Issuer, port: port(idp.Issuer), first: "discovery", talk: "discovery", said: "discovery"},
		{kind: "testall", text: "url: http://HOST:PORT/testall\n", port: port(plain.URL), first: "connect", talk: "request", said: "request"},
		{kind: "http", text: "url: http://HOST:PORT/\n", port: port(plain.URL), first: "connect", talk: "request", said: "request"},
		{kind: "egress", text: "targets: ['https://HOST:PORT/']\n" + trust, port: port(secure.Listener.Addr().String()), first: "connect", talk: "tls", said: "tls"},
	}
}

// portsOf lists ports as nftables takes them.
func portsOf(all []watched, udp bool) string {
	var list []string
	for _, w := range all {
		if w.udp == udp {
			list = append(list, w.port)
		}
	}
	return "{" + strings.Join(list, ",") + "}"
}

func TestKindsInsideTheNamespace(t *testing.T) {
	n := enter(t)
	hosts := writeFile(t, t.TempDir(), "hosts", "127.0.0.1 localhost\n127.0.0.2 two.example.test\n127.0.0.1 two.example.test\n::1 six.example.test\n127.0.0.1 six.example.test\n")
	for _, args := range [][]string{{"--make-rprivate", "/"}, {"--bind", hosts, "/etc/hosts"}} { // for this test alone
		out, ok := n.try("mount", args...)
		require.True(t, ok, out)
	}
	n.rules("")
	all := everyKind(t)
	tcp, udp := portsOf(all, false), portsOf(all, true)
	const short = 3 * time.Second

	// each runs every probe at the same time, and looks at how it ended.
	each := func(name, rules, host, more string, timeout time.Duration, look func(t *testing.T, w watched, r probes.Result)) {
		t.Run(name, func(t *testing.T) {
			n.t = t
			n.rules(rules)
			for _, w := range all {
				if more != "" && w.kind == "login" {
					continue // without a choice of the IP version
				}
				t.Run(w.kind, func(t *testing.T) {
					t.Parallel()
					look(t, w, w.run(t, host, more, timeout))
				})
			}
		})
	}
	passes := func(t *testing.T, _ watched, r probes.Result) { requireReason(t, r, "", "") }

	each("nothing", "", "127.0.0.1", "", timeToRun, passes)
	each("blackhole", "tcp dport "+tcp+" drop; udp dport "+udp+" drop", "127.0.0.1", "", short, func(t *testing.T, w watched, r probes.Result) {
		requireReason(t, r, w.first, probes.ReasonTimeout)
	})
	each("refused", "tcp dport "+tcp+" reject with tcp reset; udp dport "+udp+" reject", "127.0.0.1", "", timeToRun, func(t *testing.T, w watched, r probes.Result) {
		requireReason(t, r, w.first, probes.ReasonConnect)
	})
	each("unreachable", "tcp dport "+tcp+" reject with icmp type host-unreachable; udp dport "+udp+" reject with icmp type host-unreachable", "127.0.0.1", "", short,
		func(t *testing.T, w watched, r probes.Result) {
			if w.udp { // a router may be wrong for a moment: the kernel keeps it from a socket that waits
				require.Contains(t, []probes.Reason{probes.ReasonConnect, probes.ReasonTimeout}, r.Reason)
				return
			}
			requireReason(t, r, w.first, probes.ReasonConnect)
		})
	// What a router of IPv6, or the other end's firewall, says of itself looks like
	// what our own would: it is no reason to know nothing.
	each("prohibited over IPv6", "tcp dport "+tcp+" reject with icmpv6 type admin-prohibited; udp dport "+udp+" reject with icmpv6 type admin-prohibited",
		"six.example.test", "ip_version: 6\n", short, func(t *testing.T, w watched, r probes.Result) {
			require.Equal(t, probes.Fail, r.Outcome, r.Detail)
			if w.udp {
				require.Contains(t, []probes.Reason{probes.ReasonConnect, probes.ReasonTimeout}, r.Reason)
				return
			}
			requireReason(t, r, w.first, probes.ReasonConnect)
		})
	each("blackhole after the connection was made", "tcp sport "+tcp+" ct state established tcp flags & psh == psh drop; udp sport "+udp+" drop", "127.0.0.1", "", short,
		func(t *testing.T, w watched, r probes.Result) { requireReason(t, r, w.talk, probes.ReasonTimeout) })
	each("reset", "tcp dport "+tcp+" ct state established tcp flags & psh == psh reject with tcp reset", "127.0.0.1", "", timeToRun, func(t *testing.T, w watched, r probes.Result) {
		switch {
		case w.udp:
			requireReason(t, r, "", "")
		case w.said == "tls":
			requireReason(t, r, "tls", probes.ReasonTLS)
		default:
			requireReason(t, r, w.said, probes.ReasonConnect)
		}
	})
	t.Run("slow beyond the timeout", func(t *testing.T) {
		n.t = t
		n.rules("")
		end := n.delay("2s")
		t.Cleanup(end)
		for _, w := range all {
			t.Run(w.kind, func(t *testing.T) {
				t.Parallel()
				r := w.run(t, "127.0.0.1", "", short)
				require.Equal(t, probes.Fail, r.Outcome)
				require.Equal(t, probes.ReasonTimeout, r.Reason, r.Detail)
			})
		}
	})

	// A dead address of a host gives way to one that lives, whether it is silent
	// or refuses.
	const enough = 8 * time.Second
	for name, rule := range map[string]string{"is silent": "WHERE drop", "refuses": "WHERE meta l4proto tcp reject with tcp reset; WHERE meta l4proto udp reject"} {
		four, six := strings.ReplaceAll(rule, "WHERE", "ip daddr 127.0.0.2"), strings.ReplaceAll(rule, "WHERE", "ip6 daddr ::1")
		each("one of two addresses "+name, four, "two.example.test", "", enough, passes)
		each("one of two IPv4 addresses "+name, four, "two.example.test", "ip_version: 4\n", enough, passes)
		each("the IPv6 address "+name, six, "six.example.test", "ip_version: prefer6\n", enough, passes)
	}
	// What this machine's own firewall keeps back says nothing about the others.
	// Of TCP the kernel tells no more than silence, or what a reject pretends.
	t.Run("our own firewall", func(t *testing.T) {
		n.t = t
		n.own("udp dport " + udp + " drop; icmp type echo-request drop")
		look := func(t *testing.T, r probes.Result, step string) {
			t.Helper()
			require.Equal(t, probes.Unknown, r.Outcome)
			requireReason(t, r, step, probes.ReasonNotPermitted)
		}
		for _, w := range all {
			if w.udp {
				look(t, w.run(t, "127.0.0.1", "", timeToRun), w.talk)
			}
		}
		look(t, runProbe(t, "kind: icmp\nhost: 127.0.0.1\ncount: 3\n"), "echo")
	})
	// However many places are silent, those that are not are reached.
	t.Run("many places are silent", func(t *testing.T) {
		n.t = t
		n.rules("ip daddr 127.0.1.0/24 drop")
		good, targets := all[0].port, ""
		for i := range 20 {
			targets += fmt.Sprintf("'127.0.1.%d:%s', ", i+1, good)
		}
		for i := range 4 {
			targets += fmt.Sprintf("{name: good %d, to: '127.0.0.1:%s'}, ", i, good)
		}
		for more, want := range map[string]probes.Outcome{"": probes.Fail, "quorum: 4\n": probes.Warn, "quorum: 5\n": probes.Fail} {
			r := runProbeAt(t, "kind: egress\ntargets: ["+targets+"]\n"+more, probes.Target{}, short)
			require.Equal(t, want, r.Outcome, r.Detail)
			requireReason(t, r, "connect", probes.ReasonTimeout)
			require.Contains(t, r.Detail, "20 of 24")
			for i, a := range r.Assertions {
				require.Equal(t, i >= 20, a.Pass, a.Name)
			}
		}
	})
	t.Run("ping", func(t *testing.T) {
		n.t = t
		n.rules("ip daddr 127.0.0.2 drop")
		requireReason(t, runProbeAt(t, "kind: icmp\nhost: two.example.test\ncount: 3\nwait: 1s\n", probes.Target{}, 10*time.Second), "", "")
		n.rules("ip6 daddr ::1 icmpv6 type echo-request drop")
		requireReason(t, runProbeAt(t, "kind: icmp\nhost: six.example.test\nip_version: prefer6\ncount: 3\nwait: 1s\n", probes.Target{}, 10*time.Second), "", "")
		requireReason(t, runProbeAt(t, "kind: icmp\nhost: six.example.test\nip_version: 6\ncount: 3\nwait: 1s\n", probes.Target{}, 10*time.Second), "echo", probes.ReasonTimeout)
	})
}
