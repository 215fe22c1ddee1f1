package discover

import (
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"
	"github.com/stretchr/testify/require"
)

func TestDNS(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name    string
		options DNS
		records []string
		want    []string
		problem string
	}{
		{"A", DNS{}, []string{"nodes.example.test. 0 A 10.0.0.2", "nodes.example.test. 0 A 10.0.0.1"}, []string{"10.0.0.1=10.0.0.1", "10.0.0.2=10.0.0.2"}, ""},
		{"A with a port", DNS{Type: "A", Port: 8443}, []string{"NODES.example.TEST. 0 A 10.0.0.1"}, []string{"10.0.0.1:8443=10.0.0.1:8443"}, ""},
		{"AAAA", DNS{Type: "AAAA", Port: 443}, []string{"nodes.example.test. 0 AAAA 2001:db8::1"}, []string{"[2001:db8::1]:443=[2001:db8::1]:443"}, ""},
		{"AAAA, no port", DNS{Type: "AAAA"}, []string{"nodes.example.test. 0 AAAA 2001:db8::1"}, []string{"2001:db8::1=2001:db8::1"}, ""},
		{"SRV", DNS{Type: "SRV", Name: "_https._tcp.example.test."},
			[]string{"_https._tcp.example.test. 0 SRV 1 1 443 B.example.test.", "_https._tcp.example.test. 0 SRV 0 1 8443 a.example.test."},
			[]string{"a.example.test:8443=a.example.test:8443", "b.example.test:443=b.example.test:443"}, ""},
		{"twice the same", DNS{}, []string{"nodes.example.test. 0 A 10.0.0.1", "nodes.example.test. 9 A 10.0.0.1"}, []string{"10.0.0.1=10.0.0.1"}, ""},
		{"an alias", DNS{}, []string{"nodes.example.test. 0 CNAME x.example.test.", "X.example.test. 0 CNAME y.example.test.", "y.example.test. 0 A 10.0.0.1"}, []string{"10.0.0.1=10.0.0.1"}, ""},
		{"others' records", DNS{}, []string{"nodes.example.test. 0 A 10.0.0.1", "evil.test. 0 A 10.6.6.6", "nodes.example.test. 0 AAAA ::1", "nodes.example.test. 0 TXT x"}, []string{"10.0.0.1=10.0.0.1"}, ""},
		{"aliases in a ring", DNS{}, []string{"nodes.example.test. 0 CNAME x.test.", "x.test. 0 CNAME nodes.example.test.", "z.test. 0 A 10.0.0.1"}, nil, "no node"},
		{"empty", DNS{}, nil, nil, "no node"},
		{"no service", DNS{Type: "SRV"}, []string{"nodes.example.test. 0 SRV 0 0 0 ."}, nil, "no node"},
		{"no address", DNS{}, []string{"nodes.example.test. 0 A 0.0.0.0"}, nil, "cannot be a node's"},
		{"multicast", DNS{Type: "AAAA"}, []string{"nodes.example.test. 0 AAAA ff02::1"}, nil, "cannot be a node's"},
		{"a target of odd bytes", DNS{Type: "SRV"}, []string{`nodes.example.test. 0 SRV 0 0 443 a\010b\044c.example.test.`}, nil, "no place for a node"},
		{"port 0", DNS{Type: "SRV"}, []string{"nodes.example.test. 0 SRV 0 0 0 a.example.test."}, nil, "no place for a node"},
		{"one bad record spoils the answer", DNS{}, []string{"nodes.example.test. 0 A 10.0.0.1", "nodes.example.test. 0 A 224.0.0.1"}, nil, "cannot be a node's"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w := watch(t, c.options, serve(t, answers(parse(t, c.records...))))
			nodes, err := w.Lookup(t.Context())
			if c.problem != "" {
				require.ErrorContains(t, err, c.problem)
				require.Empty(t, nodes)
				require.EqualValues(t, 1, w.Status().Failures)
				return
			}
			require.NoError(t, err)
			require.Equal(t, c.want, addresses(nodes))
			require.Equal(t, len(c.want), w.Status().Nodes)
		})
	}
}

func many(t *testing.T, n int) []dns.RR {
	t.Helper()
	records := make([]string, n)
	for i := range records {
		records[i] = fmt.Sprintf("nodes.example.test. 0 A 10.%d.%d.%d", i>>16, i>>8&255, i&255)
	}
	return parse(t, records...)
}

// An answer that does not fit UDP comes by TCP.
func TestTruncated(t *testing.T) {
	t.Parallel()
	all := answers(many(t, MaxNodes))
	s := serve(t, func(w dns.ResponseWriter, q *dns.Msg, network string) {
		if network == "tcp" {
			all(w, q, network)
			return
		}
		m := new(dns.Msg).SetReply(q)
		m.Answer, m.Truncated = parse(t, "nodes.example.test. 0 A 10.9.9.9"), true
		_ = w.WriteMsg(m)
	})
	w := watch(t, DNS{}, s)
	nodes, err := w.Lookup(t.Context())
	require.NoError(t, err)
	require.Len(t, nodes, MaxNodes)
	require.Equal(t, []string{"udp", "tcp"}, s.networks())

	// A server that cuts it short again is no help.
	s.does(func(w dns.ResponseWriter, q *dns.Msg, _ string) {
		m := new(dns.Msg).SetReply(q)
		m.Truncated = true
		_ = w.WriteMsg(m)
	})
	again, err := w.Lookup(t.Context())
	require.ErrorContains(t, err, "cut short even by TCP")
	require.Equal(t, nodes, again)
}

// Whatever goes wrong, the nodes known before stay.
func TestDNSFails(t *testing.T) {
	t.Parallel()
	good := answers(parse(t, "nodes.example.test. 0 A 10.0.0.1"))
	raw := func(change func(q *dns.Msg, b []byte) []byte) func(dns.ResponseWriter, *dns.Msg, string) {
		return func(w dns.ResponseWriter, q *dns.Msg, _ string) {
			m := new(dns.Msg).SetReply(q)
			b, err := m.Pack()
			if err == nil {
				_, _ = w.Write(change(q, b))
			}
		}
	}
	for name, c := range map[string]struct {
		handler func(dns.ResponseWriter, *dns.Msg, string)
		problem string
		asked   int
	}{
		"no such name": {code(dns.RcodeNameError), "no such name", 1},
		"server fails": {code(dns.RcodeServerFailure), "SERVFAIL", 2},
		"refused":      {code(dns.RcodeRefused), "REFUSED", 2},
		"silent":       {silent, "timeout", 2},
		"empty":        {answers(nil), "no node", 1},
		"too many": {func(w dns.ResponseWriter, q *dns.Msg, network string) {
			if network == "udp" {
				m := new(dns.Msg).SetReply(q)
				m.Truncated = true
				_ = w.WriteMsg(m)
				return
			}
			answers(many(t, 4000))(w, q, network) // about 64 KiB, the most TCP carries
		}, "names 4000 nodes; 100 is the most", 2},
		"10,000 claimed, none there": {raw(func(_ *dns.Msg, b []byte) []byte {
			binary.BigEndian.PutUint16(b[6:], 10_000)
			return b
		}), "no node", 1},
		"another question": {func(w dns.ResponseWriter, q *dns.Msg, _ string) {
			m := new(dns.Msg).SetReply(q)
			m.Question[0].Name = "evil.test."
			m.Answer = parse(t, "nodes.example.test. 0 A 10.6.6.6")
			_ = w.WriteMsg(m)
		}, "another question", 2},
		"another type": {func(w dns.ResponseWriter, q *dns.Msg, _ string) {
			m := new(dns.Msg).SetReply(q)
			m.Question[0].Qtype = dns.TypeAAAA
			m.Answer = parse(t, "nodes.example.test. 0 A 10.6.6.6")
			_ = w.WriteMsg(m)
		}, "another question", 2},
		"no question": {func(w dns.ResponseWriter, q *dns.Msg, _ string) {
			m := new(dns.Msg).SetReply(q)
			m.Question = nil
			m.Answer = parse(t, "nodes.example.test. 0 A 10.6.6.6")
			_ = w.WriteMsg(m)
		}, "another question", 2},
		"another id": {raw(func(_ *dns.Msg, b []byte) []byte { b[0]++; return b }), "timeout", 2},
		"a question for an answer": {func(w dns.ResponseWriter, q *dns.Msg, _ string) {
			m := new(dns.Msg).SetReply(q)
			m.Response = false
			m.Answer = parse(t, "nodes.example.test. 0 A 10.6.6.6")
			_ = w.WriteMsg(m)
		}, "another question", 2},
		"a pointer to itself": {raw(func(q *dns.Msg, b []byte) []byte {
			binary.BigEndian.PutUint16(b[6:], 1)
			at := uint16(len(b)) //nolint:gosec // short
			return append(b, 0xc0|byte(at>>8), byte(at), 0, 1, 0, 1, 0, 0, 0, 0, 0, 4, 10, 6, 6, 6)
		}), "", 2},
		"pointers upon pointers": {raw(bomb), "", 2},
		"cut off":                {raw(func(_ *dns.Msg, b []byte) []byte { return b[:14] }), "", 2},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := serve(t, good)
			w := watch(t, DNS{}, s)
			before, err := w.Lookup(t.Context())
			require.NoError(t, err)
			success := w.Status().LastSuccess
			s.does(c.handler)
			begin := time.Now()
			nodes, err := w.Lookup(t.Context())
			require.Error(t, err)
			require.ErrorContains(t, err, c.problem)
			require.Less(t, time.Since(begin), lookupTime)
			require.Equal(t, before, nodes)
			require.Equal(t, success, w.Status().LastSuccess)
			require.EqualValues(t, 1, w.Status().Failures)
			require.Equal(t, 1, w.Status().Nodes)
			require.NotEmpty(t, w.Status().Problem)
			require.Less(t, len(err.Error()), 500)
			require.Len(t, s.networks(), c.asked)

			s.does(good)
			_, err = w.Lookup(t.Context())
			require.NoError(t, err)
			require.Empty(t, w.Status().Problem)
		})
	}
}

// bomb makes names of pointers to names of pointers, which grow with each step.
func bomb(_ *dns.Msg, b []byte) []byte {
	label := append([]byte{63}, strings.Repeat("x", 63)...)
	start := len(b)
	count := uint16(0)
	for len(b) < 1100 {
		at := len(b)
		b = append(b, label...)
		if count == 0 {
			b = append(b, 0)
		} else {
			b = append(b, 0xc0|byte(start>>8), byte(start))
		}
		b = append(b, 0, 1, 0, 1, 0, 0, 0, 0, 0, 4, 10, 6, 6, 6)
		start = at
		count++
	}
	binary.BigEndian.PutUint16(b[6:], count)
	return b
}

// The servers of the system are asked in turn, and read anew each time.
func TestSystemServers(t *testing.T) {
	t.Parallel()
	conf := filepath.Join(t.TempDir(), "resolv.conf")
	r := resolver{DNS: DNS{Name: "nodes.example.test", Type: "A"}, conf: conf, try: time.Second}
	_, err := r.nodes(t.Context())
	require.ErrorContains(t, err, "name one with dns.server")
	require.NoError(t, os.WriteFile(conf, []byte("# none\n"), 0o600))
	_, err = r.nodes(t.Context())
	require.ErrorContains(t, err, "names no server")
	require.NoError(t, os.WriteFile(conf, []byte("search x.test\nnameserver 127.0.0.1\nnameserver ::1\nnameserver 192.0.2.1\nnameserver 192.0.2.2\n"), 0o600))
	servers, err := r.servers()
	require.NoError(t, err)
	require.Equal(t, []string{"127.0.0.1:53", "[::1]:53", "192.0.2.1:53"}, servers)
	r.Server = "192.0.2.7"
	servers, err = r.servers()
	require.NoError(t, err)
	require.Equal(t, []string{"192.0.2.7:53"}, servers)
}

func FuzzAnswer(f *testing.F) {
	q := new(dns.Msg).SetQuestion("nodes.example.test.", dns.TypeA)
	m := new(dns.Msg).SetReply(q)
	for _, s := range []string{"nodes.example.test. 0 A 10.0.0.1", "nodes.example.test. 0 SRV 1 1 443 a.example.test.", "nodes.example.test. 0 CNAME x.test."} {
		rr, err := dns.NewRR(s)
		require.NoError(f, err)
		m.Answer = append(m.Answer, rr)
		b, err := m.Pack()
		require.NoError(f, err)
		f.Add(b)
		m.Compress = true
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		m := new(dns.Msg)
		if m.Unpack(b) != nil {
			return
		}
		for name, kind := range queryTypes {
			r := resolver{DNS: DNS{Name: "nodes.example.test", Type: name, Port: 443}}
			nodes, err := r.read(m)
			if err != nil {
				continue
			}
			for _, n := range nodes {
				if !validAddress(n.Address) || checkName(n.Name) != nil {
					t.Fatalf("%v of kind %d", n, kind)
				}
			}
		}
	})
}
