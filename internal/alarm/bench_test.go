package alarm_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/idp-exporter/idp_exporter/bridges"
	"github.com/idp-exporter/idp_exporter/internal/alarm"
	"github.com/idp-exporter/idp_exporter/internal/store"
	"github.com/idp-exporter/idp_exporter/probes"
)

// sender does as much as a trap needs at least: it writes a datagram.
type sender struct {
	conn net.Conn
	sent atomic.Int64
}

func (s *sender) Deliver(_ context.Context, ev bridges.Event) error {
	datagram := make([]byte, 0, 512)
	datagram = append(append(append(datagram, ev.Alarm.ID...), ev.Alarm.Text...), ev.Alarm.Name...)
	_, err := s.conn.Write(datagram)
	s.sent.Add(1)
	return err
}

func (s *sender) Close() error { return s.conn.Close() }

func newSender(tb testing.TB) *sender {
	l, err := net.ListenPacket("udp", "127.0.0.1:0")
	require.NoError(tb, err)
	tb.Cleanup(func() { _ = l.Close() })
	conn, err := net.Dial("udp", l.LocalAddr().String())
	require.NoError(tb, err)
	return &sender{conn: conn}
}

func event() bridges.Event {
	return bridges.Event{Kind: bridges.Raise, Alarm: bridges.Alarm{
		ID: alarm.ProbeID("e", "p", "n"), Name: "p", Text: strings.Repeat("x", 60), Severity: probes.Major,
	}}
}

func BenchmarkBareLoop(b *testing.B) {
	s := newSender(b)
	defer func() { _ = s.Close() }()
	ev := event()
	for b.Loop() {
		_ = s.Deliver(b.Context(), ev)
	}
}

// Alarms per second to one destination that acknowledges nothing, each on disk.
func BenchmarkAlarms(b *testing.B) {
	for name, raise := range map[string]func(*testing.B, *alarm.Engine, int){
		"verdicts": func(_ *testing.B, e *alarm.Engine, n int) {
			inputs := make([]alarm.VerdictInput, n)
			for i := range inputs {
				inputs[i] = alarm.VerdictInput{Probe: fmt.Sprint("p", i), Severity: probes.Major, Known: true, Failing: true, Step: "token", Reason: "timeout"}
			}
			e.Verdicts(inputs)
		},
		"webhooks": func(b *testing.B, e *alarm.Engine, n int) {
			for from := 0; from < n; from += 500 {
				_, err := e.Handle(b.Context(), strings.NewReader(webhook(from, min(from+500, n))))
				require.NoError(b, err)
			}
		},
	} {
		for _, destinations := range []int{1, 8} {
			b.Run(fmt.Sprintf("%s/%d", name, destinations), func(b *testing.B) {
				db, err := store.Open(b.Context(), b.TempDir(), nil)
				require.NoError(b, err)
				e := alarm.New(b.Context(), alarm.Options{Store: db})
				c := alarm.NewConfig()
				c.Heartbeat, c.MaxAlarms = 0, 200_000
				senders := make([]*sender, destinations)
				one := alarm.Bridge{Common: c.NewCommon(), New: func() (all []bridges.Destination, err error) {
					for i := range senders {
						senders[i] = newSender(b)
						all = append(all, bridges.Destination{Name: fmt.Sprint(i), Deliverer: senders[i]})
					}
					return all, nil
				}}
				one.Name = "b"
				require.NoError(b, e.Configure(c, []alarm.Bridge{one}))
				ctx, cancel := context.WithCancel(b.Context())
				done := make(chan struct{})
				go func() {
					defer close(done)
					_ = e.Run(ctx)
				}()
				b.ResetTimer()
				raise(b, e, b.N)
				for _, s := range senders {
					for s.sent.Load() < int64(b.N) {
						time.Sleep(time.Millisecond)
					}
				}
				b.StopTimer()
				cancel()
				<-done
				require.NoError(b, db.Close())
			})
		}
	}
}

func webhook(from, to int) string {
	var alerts []map[string]any
	for i := from; i < to; i++ {
		alerts = append(alerts, map[string]any{
			"status": "firing", "labels": map[string]string{"alertname": "A", "instance": fmt.Sprint(i), "severity": "page", "job": "idp"},
			"annotations": map[string]string{"summary": strings.Repeat("x", 60)}, "startsAt": "2026-09-01T10:00:00Z", "fingerprint": "9f2d7c1a00b3e4f5",
		})
	}
	body, _ := json.Marshal(map[string]any{"version": "4", "alerts": alerts})
	return string(body)
}
