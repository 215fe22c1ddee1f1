// Package line is where those stand in line who share what may not be used too
// often: an account's logins, a node's requests. First come, first served: whose
// turn is too far off keeps a place and is told when to come back.
package line

import (
	"context"
	"slices"
	"sync"
	"time"
)

// lateMost is how late somebody may come to a place that is kept.
const lateMost = time.Second

// Line is one line; the zero Line is empty. Its owner guards it by a lock.
type Line struct {
	last   *Place // that started last
	places []*Place
}

// Place is somebody's place in a line: it starts no earlier than At, which may
// move while somebody else starts late.
type Place struct {
	At time.Time

	who        string
	lead, tail time.Duration
	waits      bool // a run stands here; otherwise its place is kept
}

// after is when p may start behind o.
func (p *Place) after(o *Place) time.Time { return o.At.Add(max(o.tail, p.lead)) }

// Join returns the place that is kept for who, or the first free one. It starts
// no earlier than lead after whoever is before it, and whoever is behind it no
// earlier than tail after it. No other place is put off by it.
func (l *Line) Join(who string, lead, tail time.Duration, now time.Time) *Place {
	l.drop(now)
	for _, p := range l.places {
		if p.who == who && !p.waits {
			p.waits, p.lead, p.tail = true, lead, tail
			return p
		}
	}
	p := &Place{At: now, who: who, lead: lead, tail: tail, waits: true}
	if l.last != nil {
		p.At = latest(p.At, p.after(l.last))
	}
	i := 0
	for ; i < len(l.places); i++ {
		next := l.places[i]
		if !next.after(p).After(next.At) {
			break
		}
		p.At = latest(p.At, p.after(next))
	}
	l.places = slices.Insert(l.places, i, p)
	return p
}

// Wait waits for the turn of a place, and starts it. It returns false where the
// turn is more than patience away, or the context ends before: the place is then
// kept. The lock is that of the line, held by the caller; it is free meanwhile.
func (l *Line) Wait(ctx context.Context, lock *sync.Mutex, p *Place, patience time.Duration) bool {
	now := time.Now()
	for until := now.Add(patience); ; now = time.Now() {
		if !p.At.After(now) {
			l.start(p, now)
			return true
		}
		if p.At.After(until) || ctx.Err() != nil {
			p.waits = false
			return false
		}
		wait := p.At.Sub(now)
		lock.Unlock()
		sleep(ctx, wait)
		lock.Lock() // p.At may have moved
	}
}

func sleep(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

// Push starts somebody who does not wait.
func (l *Line) Push(gap time.Duration, now time.Time) {
	l.start(&Place{lead: gap, tail: gap}, now)
}

// start takes a place out of the line. Those that are too close behind are put
// off, as by one that was late or did not wait.
func (l *Line) start(p *Place, now time.Time) {
	p.At = now
	l.last = p
	l.places = slices.DeleteFunc(l.places, func(o *Place) bool { return o == p })
	l.drop(now)
	before := p
	for _, next := range l.places {
		next.At = latest(next.At, next.after(before))
		before = next
	}
}

// End gives back what is left of a place that started: whoever joins from now on
// may follow at once, but for the lead.
func (l *Line) End(p *Place, now time.Time) {
	if l.last == p {
		p.tail = min(p.tail, now.Sub(p.At))
	}
}

// drop gives up the places that were kept for one that did not come.
func (l *Line) drop(now time.Time) {
	l.places = slices.DeleteFunc(l.places, func(p *Place) bool {
		return !p.waits && !p.At.Add(max(p.tail, lateMost)).After(now)
	})
}

// Idle tells that nothing in the line matters any more.
func (l *Line) Idle(now time.Time) bool {
	l.drop(now)
	return len(l.places) == 0 && (l.last == nil || !l.last.At.Add(max(l.last.tail, time.Minute)).After(now))
}

func latest(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
