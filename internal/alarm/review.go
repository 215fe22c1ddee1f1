package alarm

import (
	"time"
)

// inherit takes over what the former console of the same name has been told.
func (c *console) inherit(old *console) {
	for _, bucket := range old.lines {
		for _, l := range bucket {
			c.restore(ToldLine{l.id, l.name, l.sequence, l.raised, l.refused, l.at}).maybe = l.maybe
		}
	}
	if c.fingerprint != old.fingerprint {
		c.tellAgain()
	}
}

// restore takes up what the console has been told.
func (c *console) restore(t ToldLine) *line {
	l := c.line(t.ID)
	l.name, l.sequence, l.raised, l.refused, l.at = t.Name, t.Sequence, t.Raised, t.Refused, t.At
	return l
}

// tellAgain lets the console be told anew what stands, since it may have become
// another.
func (c *console) tellAgain() {
	for bucket, lines := range c.lines {
		for _, l := range lines {
			l.sequence, l.refused = 0, false
		}
		if len(lines) > 0 {
			c.markBucket(bucket)
		}
	}
	c.markBucket(registration)
}

// abandon lets go of what waits.
func (c *console) abandon() {
	for _, bucket := range c.lines {
		for _, l := range bucket {
			c.forget(l)
		}
	}
}

// review compares how an alarm stands with what the console has been told, and
// tells it the difference.
func (c *console) review(a *alarm) {
	l := c.line(a.id)
	told := l.sequence
	if l.inflight != nil {
		told = max(told, l.inflight.Sequence)
	}
	if n := len(l.events); n > 0 {
		told = max(told, l.events[n-1].Sequence)
	}
	raise := a.active && c.wants(&a.event.Alarm)
	switch {
	case told < a.event.Sequence:
		c.tell(a.event)
	case raise != l.standing() && !l.refused:
		// What the console is told of has changed, not the alarm.
		ev := *a.event
		ev.Sequence = c.engine.next()
		c.tell(&ev)
	default:
		c.rest(l, time.Now())
	}
}
