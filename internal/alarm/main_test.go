package alarm

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/idp-exporter/idp_exporter/bridges"
	"github.com/idp-exporter/idp_exporter/probes"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// console under test: it keeps what it was told, and can be made to fail.
type receiver struct {
	mu     sync.Mutex
	events []bridges.Event
	beats  int
	tries  int
	// answer decides what an event is answered with; nil takes everything.
	answer func(bridges.Event) error
	delay  time.Duration
	closed bool
}

func (r *receiver) Deliver(ctx context.Context, ev bridges.Event) error {
	if r.delay > 0 {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(r.delay):
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.tries++
	if r.answer != nil {
		if err := r.answer(ev); err != nil {
			return err
		}
	}
	if ev.Kind == bridges.Heartbeat {
		r.beats++
		return nil
	}
	r.events = append(r.events, ev)
	return nil
}

func (r *receiver) Close() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.closed = true
	return nil
}

func (r *receiver) answers(f func(bridges.Event) error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.answer = f
}

// told spells what was received, such as "raise login critical".
func (r *receiver) told() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	all := []string{}
	for _, ev := range r.events {
		s := string(ev.Kind) + " " + ev.Alarm.Name
		if ev.Kind == bridges.Raise {
			s += " " + string(ev.Alarm.Severity)
		}
		all = append(all, s)
	}
	return all
}

func (r *receiver) last() bridges.Event {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.events[len(r.events)-1]
}

func (r *receiver) first() bridges.Event {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.events[0]
}

func (r *receiver) tried() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.tries
}

func (r *receiver) beating() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.beats
}

func (r *receiver) count() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.events)
}

var errAway = errors.New("connection refused")

func away(bridges.Event) error { return errAway }

// memory is a Store without a disk.
type memory struct {
	mu    sync.Mutex
	err   error
	block chan struct{}
	saves int

	sequence uint64
	alarms   map[string]Record
	told     map[string]Told
	journal  map[uint64]bridges.Event
	dead     map[string]DeadLetter
}

func newMemory() *memory {
	return &memory{alarms: map[string]Record{}, told: map[string]Told{}, journal: map[uint64]bridges.Event{}, dead: map[string]DeadLetter{}}
}

func (m *memory) breaks(err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.err = err
}

func (m *memory) hangs(block chan struct{}) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.block = block
}

func (m *memory) LoadAlarms(context.Context) (Saved, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	s := Saved{Sequence: m.sequence}
	for _, r := range m.alarms {
		s.Alarms = append(s.Alarms, r)
	}
	for _, r := range m.told {
		s.Told = append(s.Told, r)
	}
	for n := range m.journal {
		s.Journal = append(s.Journal, m.journal[n])
	}
	for i := range s.Journal {
		for j := range s.Journal[i+1:] {
			if k := i + 1 + j; s.Journal[k].Sequence < s.Journal[i].Sequence {
				s.Journal[i], s.Journal[k] = s.Journal[k], s.Journal[i]
			}
		}
	}
	for _, r := range m.dead {
		s.DeadLetters = append(s.DeadLetters, r)
	}
	return s, m.err
}

func (m *memory) SaveAlarms(_ context.Context, c Changes) error {
	m.mu.Lock()
	block := m.block
	m.mu.Unlock()
	if block != nil {
		<-block
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.err != nil {
		return m.err
	}
	m.saves++
	if c.Sequence > 0 {
		m.sequence = c.Sequence
	}
	for _, id := range c.DropAlarms {
		delete(m.alarms, id)
	}
	for _, key := range c.DropTold {
		delete(m.told, key)
	}
	for _, n := range c.DropJournal {
		delete(m.journal, n)
	}
	for _, id := range c.DropDeadLetters {
		delete(m.dead, id)
	}
	for _, r := range c.Alarms {
		m.alarms[r.Key] = r
	}
	for _, r := range c.Told {
		m.told[r.Key()] = r
	}
	for _, ev := range c.Journal {
		m.journal[ev.Sequence] = ev
	}
	for _, d := range c.DeadLetters {
		m.dead[d.ID] = d
	}
	return nil
}

func (m *memory) size() (alarms, told, journal, dead int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.alarms), len(m.told), len(m.journal), len(m.dead)
}

// config has no heartbeat, so that tests see only what they cause.
func config() Config {
	c := NewConfig()
	c.Heartbeat = 0
	return c
}

// bridge is one with a single destination.
func bridge(c Config, name string, r *receiver, acknowledged bool, change ...func(*Common)) Bridge {
	b := Bridge{Common: c.NewCommon(), Fingerprint: "1", New: func() ([]bridges.Destination, error) {
		return []bridges.Destination{{Name: "one", Acknowledged: acknowledged, Proof: "it said so", Deliverer: r}}, nil
	}}
	b.Name, b.Kind = name, "fake"
	for _, f := range change {
		f(&b.Common)
	}
	return b
}

// running starts an Engine; stop ends it as the end of the process would.
func running(t *testing.T, o Options, c Config, all ...Bridge) (e *Engine, stop func()) {
	t.Helper()
	e = New(t.Context(), o)
	require.NoError(t, e.Configure(c, all))
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = e.Run(ctx)
	}()
	stop = sync.OnceFunc(func() {
		cancel()
		<-done
	})
	t.Cleanup(stop)
	return e, stop
}

func failing(probe string, s probes.Severity) VerdictInput {
	return VerdictInput{Probe: probe, Severity: s, Failing: true, Known: true, Step: "token", Reason: "timeout", Target: "acme"}
}

func passing(probe string) VerdictInput {
	return VerdictInput{Probe: probe, Known: true, Severity: probes.Critical}
}

// hook is the body of a webhook with the given alerts.
func hook(alerts ...string) string {
	return `{"version":"4","groupKey":"g","receiver":"r","status":"firing","truncatedAlerts":0,"alerts":[` + strings.Join(alerts, ",") + `]}`
}

func alertJSON(status, labels, starts, ends string) string {
	return `{"status":"` + status + `","labels":{` + labels + `},"annotations":{"summary":"sum","description":"desc"},"startsAt":"` + starts + `","endsAt":"` + ends + `"}`
}
