package alarm

import (
	"slices"
	"time"

	"github.com/idp-exporter/idp_exporter/bridges"
)

// batch is what is written in one go.
type batch struct {
	Changes
	alarms   []*alarm
	events   []announcement
	consoles []*console // with changes in Told
	gone     []consoleKey
}

// take collects what is to be written now. It needs mu.
func (e *Engine) take(final bool) *batch {
	p, b, now := &e.pending, &batch{}, time.Now()
	again := final || !p.retry.After(now)
	if again && !p.retry.IsZero() {
		p.retry = time.Time{}
		for _, a := range p.unsaved {
			a.unsaved = false
			if e.alarms[a.id] == a {
				e.touch(a)
			}
		}
		p.unsaved = nil
	}
	n := min(len(p.alarms), chunk)
	b.alarms = p.alarms[:n:n]
	p.alarms = p.alarms[n:]
	p.taken += uint64(n)
	for _, a := range b.alarms {
		a.dirty, a.writing = false, true
		b.Alarms = append(b.Alarms, a.record())
		b.events = append(b.events, a.fresh...)
		a.fresh = nil
	}
	if e.keepsAll() {
		for _, n := range b.events {
			b.Journal = append(b.Journal, *n.event)
		}
	}
	if again {
		if e.sequence+ahead/2 > e.reserved {
			b.Sequence = e.sequence + ahead
		}
		e.takeRest(b)
	}
	if again && !p.toldSince.IsZero() && (final || !p.toldSince.Add(p.linger).After(now)) {
		p.toldSince = time.Time{}
		for _, c := range e.consoles {
			if told := c.takeTold(); len(told) > 0 {
				b.consoles = append(b.consoles, c)
				b.Told = append(b.Told, told...)
			}
		}
	}
	return b
}

// takeRest collects what is neither an alarm nor told. What has changed since a
// failed attempt is left out. It needs mu.
func (e *Engine) takeRest(b *batch) {
	p := &e.pending
	b.DeadLetters = slices.DeleteFunc(p.DeadLetters, func(d DeadLetter) bool { _, is := e.dead[d.ID]; return !is })
	b.DropDeadLetters = slices.DeleteFunc(p.DropDeadLetters, func(id string) bool { _, is := e.dead[id]; return is })
	b.DropAlarms = p.DropAlarms // no other alarm ever gets their keys
	b.DropJournal = p.DropJournal
	b.Journal = append(b.Journal, slices.DeleteFunc(p.Journal, func(ev bridges.Event) bool { return e.journal[ev.Sequence] == nil })...)
	p.Changes = Changes{}
	for _, gone := range p.gone {
		if e.console(gone.bridge, gone.destination) != nil {
			continue // it is back
		}
		b.gone = append(b.gone, gone)
		for bucket := registration; bucket < buckets; bucket++ {
			b.DropTold = append(b.DropTold, Told{Bridge: gone.bridge, Destination: gone.destination, Bucket: bucket}.Key())
		}
	}
	p.gone = nil
}

// record returns the alarm as it is to be kept. It needs mu.
func (a *alarm) record() Record {
	r := Record{Key: recordKey(a.key), Sources: make(map[string]Source, len(a.sources))}
	if a.event != nil {
		r.Event = *a.event
	}
	r.Event.Alarm.ID = a.id
	for key, s := range a.sources {
		r.Sources[key] = *s
	}
	return r
}
