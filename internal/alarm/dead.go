package alarm

import (
	"context"
	"errors"
	"fmt"
	"hash/crc32"
	"time"

	"github.com/idp-exporter/idp_exporter/bridges"
)

// maxDeadLetters is how many are kept of all destinations; beyond it the oldest
// goes.
const maxDeadLetters = 1000

// ErrNoDeadLetter tells that there is no dead letter of an ID.
var ErrNoDeadLetter = errors.New("there is no such dead letter")

// bury keeps an event that a destination has refused for good. It needs mu.
func (e *Engine) bury(c *console, ev bridges.Event, why string, now time.Time) {
	d := DeadLetter{
		ID:     fmt.Sprintf("%d-%08x", ev.Sequence, crc32.ChecksumIEEE([]byte(c.common.Name+"\x00"+c.destination.Name))),
		Bridge: c.common.Name, Destination: c.destination.Name, Event: ev, Error: why, Time: now.Round(0),
	}
	e.log.Error("a destination has refused an alarm for good; see the dead letters", "bridge", d.Bridge, "destination", d.Destination,
		"event", string(ev.Kind), "id", ev.Alarm.ID, "alarm", ev.Alarm.Name, "err", why, "dead_letter", d.ID)
	if _, again := e.dead[d.ID]; !again && len(e.dead) >= maxDeadLetters {
		oldest := d
		for _, other := range e.dead {
			if other.Time.Before(oldest.Time) {
				oldest = other
			}
		}
		e.exhume(oldest.ID)
		e.counts.deadLettersDropped++
	}
	e.dead[d.ID] = d
	e.pending.DeadLetters = append(e.pending.DeadLetters, d)
	e.rouse()
}

// exhume removes a dead letter. It needs mu.
func (e *Engine) exhume(id string) {
	if _, is := e.dead[id]; is {
		delete(e.dead, id)
		e.pending.DropDeadLetters = append(e.pending.DropDeadLetters, id)
		e.rouse()
	}
}

// Replay has a destination told anew of the alarm of a dead letter, as the
// alarm stands now, and removes the letter. It does not wait for the delivery.
// The error is ErrNoDeadLetter if there is none of that ID.
func (e *Engine) Replay(_ context.Context, id string) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	d, is := e.dead[id]
	if !is {
		return fmt.Errorf("%w: %q", ErrNoDeadLetter, id)
	}
	e.replayLetter(d)
	return nil
}

// ReplayAll is Replay of all dead letters. It returns how many there were.
func (e *Engine) ReplayAll(context.Context) int {
	e.mu.Lock()
	defer e.mu.Unlock()
	n := len(e.dead)
	for _, d := range e.dead {
		e.replayLetter(d)
	}
	return n
}

func (e *Engine) replayLetter(d DeadLetter) {
	e.exhume(d.ID)
	c := e.console(d.Bridge, d.Destination)
	if c == nil {
		return
	}
	ev := d.Event
	l := c.line(ev.Alarm.ID)
	l.refused = false
	if a := e.alarms[ev.Alarm.ID]; a != nil && a.event != nil {
		ev = *a.event
		l.sequence = min(l.sequence, ev.Sequence-1) // so that a restart has not forgotten it
		c.mark(l)
	} else if ev.Kind == bridges.Raise {
		// The alarm is over, and nothing else is known of it.
		ev.Kind, ev.Alarm.Severity, ev.Alarm.Text = bridges.Clear, bridges.Cleared, "over"
	}
	ev.Sequence, ev.Time = e.next(), time.Now()
	l.maybe = l.maybe || ev.Kind == bridges.Clear
	c.tell(&ev)
}
