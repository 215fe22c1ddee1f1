package ntpprobe

import (
	"encoding/binary"
	"net"
	"testing"
	"time"

	"github.com/beevik/ntp"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/idp-exporter/idp_exporter/probes"
	"github.com/idp-exporter/idp_exporter/probes/internal/dial"
	"github.com/idp-exporter/idp_exporter/probes/internal/probetest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// clock is a time server.
type clock struct {
	offset  time.Duration
	stratum byte
	leap    byte
	kiss    string
	lose    int // so many requests go unanswered
	reply   func(request []byte) []byte
}

func stamp(b []byte, t time.Time) {
	const era = 2208988800 // seconds from 1900 to 1970
	binary.BigEndian.PutUint32(b, uint32(t.Unix()+era))
	binary.BigEndian.PutUint32(b[4:], uint32((uint64(t.Nanosecond())<<32)/1e9))
}

// start serves until the end of the test and returns the address.
func (c clock) start(t testing.TB) string {
	t.Helper()
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	require.NoError(t, err)
	done := make(chan struct{})
	go func() {
		defer close(done)
		b := make([]byte, 1024)
		for asked := 0; ; asked++ {
			n, from, err := conn.ReadFrom(b)
			if err != nil {
				return
			}
			if asked < c.lose {
				continue
			}
			if c.reply != nil {
				_, _ = conn.WriteTo(c.reply(b[:n]), from)
				continue
			}
			now := time.Now().Add(c.offset)
			a := make([]byte, 48)
			a[0], a[1], a[2], a[3] = c.leap<<6|4<<3|4, c.stratum, 6, 0xec
			copy(a[12:16], c.kiss)
			stamp(a[16:], now.Add(-time.Second))
			copy(a[24:32], b[40:48])
			stamp(a[32:], now)
			stamp(a[40:], now)
			_, _ = conn.WriteTo(a, from)
		}
	}()
	t.Cleanup(func() {
		_ = conn.Close()
		<-done
	})
	return conn.LocalAddr().String()
}

func options(change func(*Options), servers ...string) *Options {
	o := Kind().NewOptions().(*Options)
	o.Servers = servers
	if change != nil {
		change(o)
	}
	return o
}

func TestOneServer(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name    string
		clock   clock
		change  func(*Options)
		outcome probes.Outcome
		reason  probes.Reason
		step    string
	}{
		{"right", clock{stratum: 2}, nil, probes.Pass, "", ""},
		{"a leap second to come", clock{stratum: 2, leap: 1}, nil, probes.Pass, "", ""},
		{"a lost request", clock{stratum: 2, lose: 1}, nil, probes.Pass, "", ""},
		{"a little off", clock{stratum: 2, offset: time.Second}, nil, probes.Warn, probes.ReasonClockOffset, stepJudge},
		{"far off", clock{stratum: 2, offset: -time.Hour}, nil, probes.Fail, probes.ReasonClockOffset, stepJudge},
		{"leap unknown", clock{stratum: 2, leap: 3}, nil, probes.Fail, probes.ReasonUnsynchronized, stepJudge},
		{"stratum 16", clock{stratum: 16}, nil, probes.Fail, probes.ReasonUnsynchronized, stepJudge},
		{"too far from the source", clock{stratum: 5}, func(o *Options) { o.MaxStratum = 4 }, probes.Fail, probes.ReasonUnsynchronized, stepJudge},
		{"asked too often", clock{kiss: "RATE"}, nil, probes.Unknown, probes.ReasonRateLimited, stepJudge},
		{"refused", clock{kiss: "DENY"}, nil, probes.Fail, probes.ReasonUnexpectedReply, stepJudge},
		{"starting", clock{kiss: "INIT", leap: 3}, nil, probes.Fail, probes.ReasonUnsynchronized, stepJudge},
		{"without a source", clock{leap: 3}, nil, probes.Fail, probes.ReasonUnsynchronized, stepJudge},
		{"garbage", clock{reply: func([]byte) []byte { return []byte("what?") }}, nil, probes.Fail, probes.ReasonBadResponse, stepQuery},
		{"an answer to somebody else", clock{reply: func([]byte) []byte { return append([]byte{0x24, 2}, make([]byte, 46)...) }}, nil, probes.Fail, probes.ReasonBadResponse, stepQuery},
		{"a precision that breaks the arithmetic", clock{reply: func(b []byte) []byte {
			a := append([]byte{0x24, 2, 6, 0x80}, make([]byte, 44)...)
			copy(a[24:32], b[40:48])
			stamp(a[32:], time.Now())
			stamp(a[40:], time.Now())
			return a
		}}, nil, probes.Fail, probes.ReasonBadResponse, stepQuery},
		{"an echo", clock{reply: func(b []byte) []byte { return b }}, nil, probes.Fail, probes.ReasonBadResponse, stepQuery},
		{"the wrong IP version", clock{stratum: 2}, func(o *Options) { o.IPVersion = dial.Only6 }, probes.Fail, probes.ReasonDNS, dial.StepDNS},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			got := probetest.Run(t, options(c.change, c.clock.start(t)), probes.Target{}, probetest.Limit)
			require.Equal(t, c.outcome, got.Outcome, got.Detail)
			require.Equal(t, c.reason, got.Reason)
			require.Equal(t, c.step, got.FailedStep)
			if got.Outcome.OK() || c.reason == probes.ReasonClockOffset {
				require.InDelta(t, c.clock.offset.Seconds(), got.Facts.ClockOffset.Seconds(), 0.3, "the server's clock minus ours")
			}
		})
	}
}

func TestNobodyThere(t *testing.T) {
	t.Parallel()
	got := probetest.Run(t, options(nil, clock{lose: 1 << 30}.start(t)), probes.Target{}, 2*time.Second)
	require.Equal(t, probes.ReasonTimeout, got.Reason, got.Detail)
	require.Equal(t, stepQuery, got.FailedStep)
	got = probetest.Run(t, options(nil, probetest.Closed(t)), probes.Target{}, probetest.Limit)
	require.Equal(t, probes.ReasonConnect, got.Reason, got.Detail)
}

func TestSeveralServers(t *testing.T) {
	t.Parallel()
	good, better := clock{stratum: 2}.start(t), clock{stratum: 1, offset: 100 * time.Millisecond}.start(t)
	wrong, closed := clock{stratum: 2, offset: time.Minute}.start(t), probetest.Closed(t)
	got := probetest.Run(t, options(nil, good, better), probes.Target{}, probetest.Limit)
	require.Equal(t, probes.Pass, got.Outcome, got.Detail)
	got = probetest.Run(t, options(nil, good, better, wrong), probes.Target{}, probetest.Limit)
	require.Equal(t, probes.ReasonDisagreement, got.Reason)
	require.Contains(t, got.Detail, wrong)
	require.InDelta(t, 0.1, got.Facts.ClockOffset.Seconds(), 0.3, "one wrong clock of three does not move the median")
	got = probetest.Run(t, options(nil, good, closed), probes.Target{}, probetest.Limit)
	require.Equal(t, probes.Fail, got.Outcome)
	got = probetest.Run(t, options(func(o *Options) { o.Quorum = 1 }, good, closed), probes.Target{}, probetest.Limit)
	require.Equal(t, probes.Warn, got.Outcome)
	require.Equal(t, probes.ReasonConnect, got.Reason)
	got = probetest.Run(t, options(func(o *Options) { o.Quorum = 1 }, wrong, closed), probes.Target{}, probetest.Limit)
	require.Equal(t, probes.Fail, got.Outcome, "a warning gives way to a failure")
	require.Equal(t, probes.ReasonClockOffset, got.Reason)
	require.Equal(t, stepJudge, got.FailedStep)
}

func TestCheck(t *testing.T) {
	t.Parallel()
	for path, o := range map[string]*Options{
		"servers":     options(nil),
		"servers[1]":  options(nil, "a", "a"),
		"servers[0]":  options(nil, "http://a"),
		"quorum":      options(func(o *Options) { o.Quorum = 2 }, "a"),
		"max_offset":  options(func(o *Options) { o.MaxSpread = 0 }, "a"),
		"warn_offset": options(func(o *Options) { o.WarnOffset = time.Hour }, "a"),
		"max_stratum": options(func(o *Options) { o.MaxStratum = 16 }, "a"),
	} {
		require.Equal(t, []string{path}, probetest.Problems(o, nil))
	}
	require.False(t, options(nil, "a").UsesNodes(probes.Setting{}))
}

// answered is a connection on which one datagram arrives.
type answered struct {
	net.Conn
	datagram []byte
	request  []byte
}

func (a *answered) Write(b []byte) (int, error) {
	a.request = append([]byte(nil), b...)
	return len(b), nil
}

func (a *answered) Read(b []byte) (int, error) {
	n := copy(b, a.datagram)
	if n >= 32 { // as if it were meant for us
		copy(b[24:32], a.request[40:48])
	}
	return n, nil
}
func (a *answered) Close() error                       { return nil }
func (a *answered) SetDeadline(time.Time) error        { return nil }
func (a *answered) LocalAddr() net.Addr                { return &net.UDPAddr{} }
func (a *answered) RemoteAddr() net.Addr               { return &net.UDPAddr{} }
func (a *answered) SetReadDeadline(t time.Time) error  { return nil }
func (a *answered) SetWriteDeadline(t time.Time) error { return nil }

func FuzzAnswer(f *testing.F) {
	f.Add(append([]byte{0x24, 2, 6, 0xec}, make([]byte, 44)...))
	f.Add([]byte{})
	f.Add(append([]byte{0x24, 2, 6, 0x80}, make([]byte, 44)...)) // made beevik/ntp 1.6.0 panic
	p := &probe{Options: options(nil, "a")}
	f.Fuzz(func(t *testing.T, datagram []byte) {
		a, err := exchange(&answered{datagram: datagram}, time.Second)
		if err != nil {
			var failure *probes.Failure
			require.ErrorAs(t, err, &failure)
			return
		}
		_ = p.judge(a)
		r := probes.NewRun(nil)
		parts := []dial.Part{{Name: "a"}}
		offset, trip := p.note(r, parts, []*ntp.Response{a})
		_ = p.together(r, parts, []*ntp.Response{a}, offset, trip, nil)
	})
}
