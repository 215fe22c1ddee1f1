package discover

import (
	"context"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/miekg/dns"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/idp-exporter/idp_exporter/probes"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// server is a DNS server on 127.0.0.1, by UDP and TCP on one port.
type server struct {
	addr string

	mu      sync.Mutex
	asked   []string // networks
	handler func(w dns.ResponseWriter, q *dns.Msg, network string)
}

func (s *server) ServeDNS(w dns.ResponseWriter, q *dns.Msg) {
	network := w.RemoteAddr().Network()
	s.mu.Lock()
	s.asked = append(s.asked, network)
	h := s.handler
	s.mu.Unlock()
	h(w, q, network)
}

func (s *server) does(h func(dns.ResponseWriter, *dns.Msg, string)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.handler, s.asked = h, nil
}

func (s *server) networks() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]string(nil), s.asked...)
}

// serve starts a server.
func serve(t testing.TB, h func(dns.ResponseWriter, *dns.Msg, string)) *server {
	t.Helper()
	s := &server{handler: h}
	var conf net.ListenConfig
	var packets net.PacketConn
	var streams net.Listener
	require.Eventually(t, func() bool {
		var err error
		packets, err = conf.ListenPacket(context.Background(), "udp", "127.0.0.1:0")
		require.NoError(t, err)
		streams, err = conf.Listen(context.Background(), "tcp", packets.LocalAddr().String())
		if err != nil {
			_ = packets.Close() // its port is taken by TCP
		}
		return err == nil
	}, 5*time.Second, time.Millisecond)
	s.addr = packets.LocalAddr().String()
	var all sync.WaitGroup
	t.Cleanup(all.Wait) // runs last
	for _, d := range []*dns.Server{{PacketConn: packets, Handler: s}, {Listener: streams, Handler: s}} {
		started := make(chan struct{})
		d.NotifyStartedFunc = func() { close(started) }
		all.Go(func() { _ = d.ActivateAndServe() })
		<-started
		t.Cleanup(func() { _ = d.Shutdown() })
	}
	return s
}

func parse(t testing.TB, records ...string) []dns.RR {
	t.Helper()
	rrs := make([]dns.RR, len(records))
	for i, r := range records {
		rr, err := dns.NewRR(r)
		require.NoError(t, err)
		rrs[i] = rr
	}
	return rrs
}

// answers answers every question with the records.
func answers(rrs []dns.RR) func(dns.ResponseWriter, *dns.Msg, string) {
	return func(w dns.ResponseWriter, q *dns.Msg, _ string) {
		m := new(dns.Msg).SetReply(q)
		m.Answer = rrs
		m.Compress = true
		_ = w.WriteMsg(m)
	}
}

func code(rcode int) func(dns.ResponseWriter, *dns.Msg, string) {
	return func(w dns.ResponseWriter, q *dns.Msg, _ string) { _ = w.WriteMsg(new(dns.Msg).SetRcode(q, rcode)) }
}

func silent(dns.ResponseWriter, *dns.Msg, string) {}

// watch returns a watcher that asks the server, with little patience.
func watch(t testing.TB, d DNS, s *server) *Watcher {
	t.Helper()
	if d.Name == "" {
		d.Name = "nodes.example.test"
	}
	d.Server = s.addr
	w, err := New(Options{DNS: &d}, nil)
	require.NoError(t, err)
	r, ok := w.source.(resolver)
	require.True(t, ok)
	r.try = 200 * time.Millisecond
	w.source = r
	return w
}

func addresses(nodes []probes.Node) []string {
	var all []string
	for _, n := range nodes {
		all = append(all, n.Name+"="+n.Address)
	}
	return all
}
