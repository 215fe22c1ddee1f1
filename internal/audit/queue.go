package audit

import (
	"net/netip"
	"strings"
	"sync"
	"time"
	"unicode/utf8"
)

// class decides what may wait in the queue when there is pressure.
type class uint8

const (
	light   class = iota // accesses and refusals: dropped first
	weighty              // verdict changes and the like: have as much room again
	admin                // somebody waits for the answer
)

const (
	defaultBuffer = 16 << 10 // lines
	meanText      = 256      // bytes of text a line may have on average
	maxAdmins     = 1024     // waiting at once
)

// fields are a record's texts: actor, kind, method, route, target, detail.
type fields [6]string

var limits = [len(fields{})]int{maxActor, maxKind, maxMethod, maxRoute, maxTarget, maxDetail}

// entry is a record in the queue; its texts stand in the batch's text.
type entry struct {
	at      time.Time
	event   Event
	outcome Outcome
	lens    [len(fields{})]uint16
	from    netip.Addr
	done    chan<- error
}

// batch is what the queue holds. All texts share one buffer, so that a record
// neither allocates nor keeps a request's memory alive.
type batch struct {
	entries []entry
	text    []byte
	admins  int
	lost    uint64 // turned away since the batch before
}

func (b *batch) reset() {
	clear(b.entries)
	*b = batch{entries: b.entries[:0], text: b.text[:0]}
}

// queue is bounded and is emptied as a whole by one reader.
type queue struct {
	limit  int           // lines of class light
	wake   chan struct{} // something came
	urgent chan struct{} // and cannot wait

	mu     sync.Mutex
	batch  batch
	lost   uint64 // ever
	closed bool
}

func newQueue(limit int) *queue {
	if limit <= 0 {
		limit = defaultBuffer
	}
	return &queue{limit: limit, wake: make(chan struct{}, 1), urgent: make(chan struct{}, 1)}
}

func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// put takes an entry, or tells why not.
func (q *queue) put(e entry, f *fields, c class) error {
	size := 0
	for i, s := range f {
		e.lens[i] = uint16(len(s)) //nolint:gosec // fields are cut to less than 64 KiB
		size += len(s)
	}
	q.mu.Lock()
	b := &q.batch
	if err := q.admit(size, c); err != nil {
		b.lost++
		q.lost++
		q.mu.Unlock()
		return err
	}
	for _, s := range f {
		b.text = append(b.text, s...)
	}
	b.entries = append(b.entries, e)
	n := len(b.entries)
	q.mu.Unlock()
	switch {
	case c == admin || n == q.limit/2:
		signal(q.urgent)
	case n == 1:
		signal(q.wake)
	}
	return nil
}

func (q *queue) admit(size int, c class) error {
	b := &q.batch
	factor := 1
	switch {
	case q.closed:
		return ErrClosed
	case c == admin:
		if b.admins >= maxAdmins {
			return errBusy
		}
		b.admins++
		return nil
	case c == weighty:
		factor = 2
	}
	if len(b.entries) >= factor*q.limit || len(b.text)+size > factor*q.limit*meanText {
		return errBusy
	}
	return nil
}

// take empties the queue, leaving spare in its place, and tells whether it is
// still open.
func (q *queue) take(spare batch) (batch, bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	b := q.batch
	q.batch = spare
	return b, !q.closed
}

func (q *queue) close() {
	q.mu.Lock()
	q.closed = true
	q.mu.Unlock()
	signal(q.urgent)
}

// turnedAway is how many lines were never taken.
func (q *queue) turnedAway() uint64 {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.lost
}

// bounded returns the record's texts, cut to their limits. What is cut is
// redacted first: half a secret would not be found any more.
func bounded(r *Record, redact func(string) string) fields {
	f := fields{r.Actor.Name, r.Actor.Kind, r.Method, r.Route, r.Target, r.Detail}
	for i, s := range f {
		if len(s) > limits[i] {
			f[i] = cut(redact(s[:min(len(s), limits[i]+8<<10)]), limits[i])
		}
	}
	return f
}

// cut shortens a text to max bytes, at a character's edge.
func cut(s string, max int) string {
	const mark = "..."
	if len(s) <= max {
		return s
	}
	n := max - len(mark)
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return strings.Clone(s[:n]) + mark
}
