package alarm

import (
	"context"
	"encoding/json"
	"hash/crc32"
	"math/rand/v2"
	"time"

	"github.com/prometheus/alertmanager/pkg/labels"
	"github.com/prometheus/common/model"

	"github.com/idp-exporter/idp_exporter/bridges"
)

const (
	// buckets is how many records hold what a destination has been told.
	buckets = 256
	// registration is the bucket of the record that tells that a destination is known.
	registration = -1
)

type consoleKey struct{ bridge, destination string }

// Key names the record. No choice of names can make it ambiguous.
func (t Told) Key() string {
	b, _ := json.Marshal([]any{t.Bridge, t.Destination, t.Bucket}) // always marshals
	return string(b)
}

// console is one destination: what it has been told, and what it is to be told.
// All of it is guarded by the Engine's mu, but for what its worker owns.
type console struct {
	engine      *Engine
	common      Common
	matchers    labels.Matchers
	fingerprint string
	destination bridges.Destination
	counters    *bridgeCounts

	lines [buckets]map[string]*line
	// dirty are the buckets that wait to be written.
	dirty map[int]bool
	// due are the lines with something to deliver, now or later.
	due queue
	// waiting counts the events of all lines, backlog is their order; both only
	// where all transitions are told.
	waiting int
	backlog []entry

	heartbeat heartbeat
	// failures counts failed deliveries in a row, notBefore is when the next
	// attempt may be made.
	failures  int
	notBefore time.Time
	lastError string
	errorAt   time.Time

	// wake tells the worker that something is due; slot is held while the
	// destination's Deliverer is used.
	wake, slot chan struct{}
	cancel     context.CancelFunc
	done       chan struct{}
}

// line is what one console knows of one alarm.
type line struct {
	id, name string
	// sequence is that of the last event dealt with, at when it was delivered.
	sequence uint64
	at       time.Time
	// raised tells that the console has the alarm standing, maybe that it may,
	// since an attempt failed whose outcome is not known.
	raised, maybe, refused bool
	// events are to be delivered, the oldest first; inflight is being delivered,
	// and is not among them.
	events   []*bridges.Event
	inflight *bridges.Event
	// since is when the first of events came.
	since    time.Time
	attempts int
	// when the line is due, its place in the queue, and its turn among those
	// that are due at the same time.
	when  time.Time
	turn  uint64
	index int
}

func newConsole(e *Engine, b Bridge, d bridges.Destination) (*console, error) {
	c := &console{
		engine: e, fingerprint: b.Fingerprint, destination: d, dirty: map[int]bool{},
		wake: make(chan struct{}, 1), slot: make(chan struct{}, 1),
	}
	return c, c.configure(b.Common)
}

// configure sets the keys that all bridges have.
func (c *console) configure(common Common) error {
	var all labels.Matchers
	for _, text := range common.Matchers {
		m, err := labels.ParseMatcher(text)
		if err != nil {
			return err
		}
		all = append(all, m)
	}
	c.common, c.matchers = common, all
	return nil
}

func (c *console) key() consoleKey { return consoleKey{c.common.Name, c.destination.Name} }

func (c *console) all() bool { return c.common.Transitions == All }

// wants tells whether an alarm is meant for the console.
func (c *console) wants(a *bridges.Alarm) bool {
	if rank(a.Severity) < rank(c.common.MinSeverity) {
		return false
	}
	if len(c.matchers) == 0 {
		return true
	}
	set := make(model.LabelSet, len(a.Labels)+6)
	for name, value := range a.Labels {
		set[model.LabelName(name)] = model.LabelValue(value)
	}
	for name, value := range map[model.LabelName]string{
		"alarm": a.Name, "severity": string(a.Severity), "target": a.Target, "probe": a.Probe, "node": a.Node, "reason": a.Reason,
	} {
		set[name] = model.LabelValue(value)
	}
	return c.matchers.Matches(set)
}

func bucketOf(id string) int { return int(crc32.ChecksumIEEE([]byte(id)) % buckets) }

// line returns what the console knows of an alarm, and makes it if need be.
func (c *console) line(id string) *line {
	b := bucketOf(id)
	l := c.lines[b][id]
	if l == nil {
		l = &line{id: id, index: -1}
		if c.lines[b] == nil {
			c.lines[b] = map[string]*line{}
		}
		c.lines[b][id] = l
	}
	return l
}

// tell lets the console know of a transition, or of how an alarm stands.
func (c *console) tell(ev *bridges.Event) {
	l := c.line(ev.Alarm.ID)
	l.name = ev.Alarm.Name
	if ev.Kind == bridges.Raise && !c.wants(&ev.Alarm) {
		ev = unwanted(ev)
	}
	now := time.Now()
	if ev.Kind == bridges.Clear && !c.stands(l) {
		// The console was never told, and need not be.
		c.forget(l)
		if ev.Sequence > l.sequence {
			l.sequence, l.refused = ev.Sequence, false
			c.mark(l)
		}
		c.rest(l, now)
		return
	}
	if len(l.events) == 0 {
		l.since = now
	}
	if c.all() {
		c.queue(l, ev)
	} else {
		l.events = []*bridges.Event{ev}
	}
	if l.inflight == nil && (l.index < 0 || l.attempts == 0 && l.when.After(now)) {
		c.schedule(l, now)
	}
}

// stands tells whether the console has the alarm standing, or may, or will once
// it has been told what waits.
func (c *console) stands(l *line) bool {
	return l.raised || l.maybe || l.inflight != nil && l.inflight.Kind == bridges.Raise || c.all() && len(l.events) > 0
}

// standing tells whether the alarm will stand at the console, as far as that is
// known, once it has been told what waits.
func (l *line) standing() bool {
	last := l.inflight
	if n := len(l.events); n > 0 {
		last = l.events[n-1]
	}
	if last != nil {
		return last.Kind == bridges.Raise
	}
	return l.raised || l.maybe
}

// unwanted is what a console is told of an alarm that is no longer meant for it.
func unwanted(ev *bridges.Event) *bridges.Event {
	over := *ev
	over.Kind = bridges.Clear
	over.Alarm.Severity = bridges.Cleared
	over.Alarm.Text = bridges.Cut("now "+string(ev.Alarm.Severity)+", which this console is not told of: "+ev.Alarm.Text, maxText)
	return &over
}

// forget drops what waits for a line.
func (c *console) forget(l *line) {
	for _, ev := range l.events {
		c.release(ev)
	}
	l.events = nil
	if l.inflight == nil {
		l.attempts = 0
	}
}

// mark lets what the console knows of an alarm be written.
func (c *console) mark(l *line) { c.markBucket(bucketOf(l.id)) }

func (c *console) markBucket(bucket int) {
	c.dirty[bucket] = true
	p := &c.engine.pending
	if p.toldSince.IsZero() {
		p.toldSince = time.Now()
		c.engine.rouse()
	}
}

// takeTold returns the records that have changed.
func (c *console) takeTold() []Told {
	all := make([]Told, 0, len(c.dirty))
	for bucket := range c.dirty {
		t := Told{Bridge: c.common.Name, Destination: c.destination.Name, Bucket: bucket, Fingerprint: c.fingerprint}
		if bucket != registration {
			t.Lines = make([]ToldLine, 0, len(c.lines[bucket]))
			for _, l := range c.lines[bucket] {
				t.Lines = append(t.Lines, ToldLine{
					ID: l.id, Name: l.name, Sequence: l.sequence, Raised: l.raised || l.maybe, Refused: l.refused, At: l.at.Round(0),
				})
			}
		}
		all = append(all, t)
	}
	clear(c.dirty)
	return all
}

// jitter returns a random time of at least half of d, so that what failed
// together is not tried again together.
func jitter(d time.Duration) time.Duration {
	return d/2 + time.Duration(rand.Int64N(int64(d/2)+1))
}
