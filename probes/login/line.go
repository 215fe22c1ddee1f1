package login

import (
	"slices"
	"time"
)

// line is where the logins of one account stand in line, first come, first
// served. Accounts.mu guards it.
type line struct {
	last   *place // that started last
	places []*place
}

// place is one login's place in the line: it starts no earlier than at, and
// further from each neighbor than both their gaps.
type place struct {
	user  string
	at    time.Time
	gap   time.Duration
	waits bool // a run stands here; otherwise its place is kept
}

func (p *place) after(o *place) time.Time { return o.at.Add(max(o.gap, p.gap)) }

// join returns the place that is kept for the user, or the first free one. No
// other login is put off by it.
func (l *line) join(user string, gap time.Duration, now time.Time) *place {
	l.drop(now)
	for _, p := range l.places {
		if p.user == user && !p.waits {
			p.waits, p.gap = true, gap
			return p
		}
	}
	p := &place{user: user, at: now, gap: gap, waits: true}
	if l.last != nil {
		p.at = latest(p.at, p.after(l.last))
	}
	i := 0
	for ; i < len(l.places); i++ {
		next := l.places[i]
		if !next.after(p).After(next.at) {
			break
		}
		p.at = latest(p.at, p.after(next))
	}
	l.places = slices.Insert(l.places, i, p)
	return p
}

// start takes a login out of the line. Those that are too close behind are put
// off, as by a login that was late or did not wait.
func (l *line) start(p *place, now time.Time) {
	p.at = now
	l.last = p
	l.places = slices.DeleteFunc(l.places, func(o *place) bool { return o == p })
	l.drop(now)
	before := p
	for _, next := range l.places {
		next.at = latest(next.at, next.after(before))
		before = next
	}
}

// drop gives up the places that were kept for one that did not come.
func (l *line) drop(now time.Time) {
	l.places = slices.DeleteFunc(l.places, func(p *place) bool {
		return !p.waits && !p.at.Add(p.gap).After(now)
	})
}

// idle tells that nothing in the line matters any more.
func (l *line) idle(now time.Time) bool {
	l.drop(now)
	return len(l.places) == 0 && (l.last == nil || !l.last.at.Add(time.Minute).After(now))
}

func latest(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
