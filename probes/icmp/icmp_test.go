package icmpprobe

import (
	"context"
	"encoding/binary"
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
	"golang.org/x/net/icmp"
	"golang.org/x/net/ipv4"

	"github.com/idp-exporter/idp_exporter/probes"
	"github.com/idp-exporter/idp_exporter/probes/internal/dial"
	"github.com/idp-exporter/idp_exporter/probes/internal/probetest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func options(host string, change func(*Options)) *Options {
	o := Kind().NewOptions().(*Options)
	o.Host, o.Interval = host, 10*time.Millisecond
	if change != nil {
		change(o)
	}
	return o
}

// permitted skips where no socket can be had, after seeing that this is told as
// it should be.
func permitted(t *testing.T) {
	t.Helper()
	got := probetest.Run(t, options("127.0.0.1", nil), probes.Target{}, probetest.Limit)
	if got.Reason == probes.ReasonNotPermitted {
		require.Equal(t, probes.Unknown, got.Outcome, "that we may not says nothing about the host")
		require.Contains(t, got.Detail, "ping_group_range")
		t.Skip("the kernel gives us no socket for ICMP: neither net.ipv4.ping_group_range nor cap_net_raw allows it")
	}
	require.Equal(t, probes.Pass, got.Outcome, got.Detail)
}

func TestLoopbackAnswers(t *testing.T) {
	t.Parallel()
	permitted(t)
	got := probetest.Run(t, options("localhost", func(o *Options) { o.IPVersion, o.Size = dial.Only4, 1400 }), probes.Target{}, probetest.Limit)
	require.Equal(t, probes.Pass, got.Outcome, got.Detail)
	require.Equal(t, []string{"dns", "socket", "echo"}, probetest.StepNames(got))
	require.Contains(t, got.Assertions[0].Detail, "0 of 5")

	provider := &probes.Provider{Issuer: "https://login.example.invalid"}
	o := options("", nil)
	require.True(t, o.UsesNodes(probes.Setting{Provider: provider}))
	got = probetest.Run(t, o, probes.Target{Provider: provider, Node: probes.Node{Name: "n1", Address: "127.0.0.1:8443"}}, probetest.Limit)
	require.Equal(t, probes.Pass, got.Outcome, got.Detail)

	got = probetest.Run(t, options("127.0.0.1", func(o *Options) { o.WarnSlowerThan = 1 }), probes.Target{}, probetest.Limit)
	require.Equal(t, probes.ReasonSlow, got.Reason)
	require.Equal(t, "echo", got.FailedStep)

	got = probetest.Run(t, options("no.invalid", nil), probes.Target{}, probetest.Limit)
	require.Equal(t, probes.ReasonDNS, got.Reason)

	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	p, err := options("127.0.0.1", nil).New(probes.Target{})
	require.NoError(t, err)
	require.Equal(t, probes.Unknown, p.Run(ctx).Outcome, "a run that is called off")
}

// many probes at once must each know their own answers.
func TestAnswersAreTheirOwn(t *testing.T) {
	t.Parallel()
	permitted(t)
	results := make(chan probes.Result)
	for range 20 {
		go func() {
			o := options("127.0.0.1", nil)
			p, _ := o.New(probes.Target{})
			results <- p.Run(context.Background())
		}()
	}
	for range 20 {
		got := <-results
		require.Equal(t, probes.Pass, got.Outcome, got.Detail)
	}
}

// fresh returns requests that were just sent.
func fresh(n int) *echoes {
	e := &echoes{socket: &socket{addr: netip.MustParseAddr("192.0.2.1"), proto: protoICMP}, mark: []byte("0123456789abcdefXYZ"), sent: make([]time.Time, n), trips: make([]time.Duration, n)}
	for i := range e.sent {
		e.sent[i] = time.Now().Add(-time.Millisecond)
	}
	e.ended = time.Now().Add(time.Minute)
	return e
}

func message(t testing.TB, kind icmp.Type, body icmp.MessageBody) []byte {
	b, err := (&icmp.Message{Type: kind, Body: body}).Marshal(nil)
	require.NoError(t, err)
	return b
}

func TestTake(t *testing.T) {
	t.Parallel()
	from := netip.MustParseAddr("192.0.2.1")
	mark := fresh(1).mark
	for _, c := range []struct {
		name    string
		message []byte
		from    netip.Addr
		back    int
		refused bool
	}{
		{"answer", message(t, ipv4.ICMPTypeEchoReply, &icmp.Echo{Seq: 1, Data: mark}), from, 1, false},
		{"request, as raw sockets see", message(t, ipv4.ICMPTypeEcho, &icmp.Echo{Seq: 1, Data: mark}), from, 0, false},
		{"somebody else's", message(t, ipv4.ICMPTypeEchoReply, &icmp.Echo{Seq: 1, Data: []byte("else")}), from, 0, false},
		{"from elsewhere", message(t, ipv4.ICMPTypeEchoReply, &icmp.Echo{Seq: 1, Data: mark}), netip.MustParseAddr("192.0.2.2"), 0, false},
		{"never sent", message(t, ipv4.ICMPTypeEchoReply, &icmp.Echo{Seq: 9, Data: mark}), from, 0, false},
		{"unreachable", message(t, ipv4.ICMPTypeDestinationUnreachable, &icmp.DstUnreach{Data: append(make([]byte, 28), mark...)}), netip.MustParseAddr("192.0.2.9"), 0, true},
		{"unreachable for others", message(t, ipv4.ICMPTypeDestinationUnreachable, &icmp.DstUnreach{Data: make([]byte, 64)}), from, 0, false},
		{"nothing", nil, from, 0, false},
	} {
		e := fresh(3)
		e.take(c.message, c.from, time.Now())
		e.take(c.message, c.from, time.Now()) // duplicates count once
		require.Equal(t, c.back, e.back, c.name)
		require.Equal(t, c.refused, e.refused != nil, c.name)
	}
}

func TestJudge(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		back    int
		refused bool
		outcome probes.Outcome
		reason  probes.Reason
	}{
		{5, false, probes.Pass, ""},
		{4, false, probes.Pass, ""},
		{3, false, probes.Warn, probes.ReasonPacketLoss},
		{1, false, probes.Fail, probes.ReasonPacketLoss},
		{0, false, probes.Fail, probes.ReasonTimeout},
		{0, true, probes.Fail, probes.ReasonConnect},
		{5, true, probes.Pass, ""},
	} {
		e := fresh(5)
		for i := range c.back {
			e.trips[i], e.back = time.Millisecond, e.back+1
		}
		if c.refused {
			e.refused = context.Canceled
		}
		r := probes.NewRun(nil)
		got := r.Finish((&probe{Options: options("a", nil)}).judge(r, e))
		require.Equal(t, c.outcome, got.Outcome, got.Detail)
		if c.outcome != probes.Pass {
			require.Equal(t, c.reason, got.Reason)
		}
	}
}

// What had no time to come back was not lost, as when another address took it.
func TestLost(t *testing.T) {
	t.Parallel()
	now := time.Now()
	for _, c := range []struct {
		name     string
		sent     []time.Duration // ago
		answered int
		lost, of int
	}{
		{"all in time", []time.Duration{3 * time.Second, 2 * time.Second}, 1, 1, 2},
		{"one too late", []time.Duration{3 * time.Second, 2 * time.Second, 10 * time.Millisecond}, 1, 1, 2},
		{"too late, but nothing at all came back", []time.Duration{10 * time.Millisecond}, 0, 1, 1},
	} {
		e := fresh(5)
		e.sent, e.ended = make([]time.Time, 5), now
		for i, ago := range c.sent {
			e.sent[i] = now.Add(-ago)
		}
		for i := range c.answered {
			e.trips[i], e.back = time.Millisecond, e.back+1
		}
		lost, of := e.lost(2 * time.Second)
		require.Equal(t, []int{c.lost, c.of}, []int{lost, of}, c.name)
	}
}

// An address from which nothing comes is given up, one that answers never.
func TestHopeless(t *testing.T) {
	t.Parallel()
	e := fresh(3)
	require.False(t, e.hopeless(), "the last address has all the time")
	e.giveUp = time.Now().Add(time.Minute)
	require.False(t, e.hopeless())
	e.refused = context.Canceled
	require.True(t, e.hopeless())
	e.refused, e.giveUp = nil, time.Now()
	require.True(t, e.hopeless())
	e.back = 1
	require.False(t, e.hopeless())
}

func TestCheck(t *testing.T) {
	t.Parallel()
	for path, o := range map[string]*Options{
		"host":      options("", nil),
		"count":     options("a", func(o *Options) { o.Count = 0 }),
		"size":      options("a", func(o *Options) { o.Size = 3 }),
		"warn_loss": options("a", func(o *Options) { o.WarnLoss = 80 }),
		"max_loss":  options("a", func(o *Options) { o.MaxLoss = 101 }),
		"interval":  options("a", func(o *Options) { o.Interval = time.Millisecond }),
		"wait":      options("a", func(o *Options) { o.Wait = 0 }),
	} {
		require.Equal(t, []string{path}, probetest.Problems(o, nil))
	}
	require.Equal(t, []string{"count"}, probetest.Problems(options("a", func(o *Options) { o.Interval = 20 * time.Second }), nil))
	require.Equal(t, []string{"host"}, probetest.Problems(options("a:443", nil), nil))
}

func FuzzTake(f *testing.F) {
	e := fresh(3)
	f.Add(message(f, ipv4.ICMPTypeEchoReply, &icmp.Echo{Seq: 1, Data: e.mark}), true)
	f.Add(message(f, ipv4.ICMPTypeDestinationUnreachable, &icmp.DstUnreach{Data: e.mark}), false)
	f.Add(binary.BigEndian.AppendUint64(nil, 1), true)
	f.Fuzz(func(t *testing.T, b []byte, v4 bool) {
		e := fresh(3)
		if !v4 {
			e.proto = protoICMPv6
		}
		e.take(b, e.addr, time.Now())
		require.LessOrEqual(t, e.back, 1)
	})
}
