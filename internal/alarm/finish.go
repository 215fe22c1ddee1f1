package alarm

import (
	"slices"
	"time"

	"github.com/idp-exporter/idp_exporter/bridges"
)

// finish takes note of an attempt. It needs mu.
func (c *console) finish(j job, err error, ending bool) {
	now := time.Now()
	if l := j.line; l != nil {
		l.inflight = nil
	}
	switch {
	case err == nil:
		c.succeeded(j, now)
	case ending:
		c.putBack(j)
	case bridges.IsPermanent(err):
		c.note(err, now)
		c.alive()
		c.refused(j, err, now)
	default:
		c.note(err, now)
		c.failed(j, err, now)
	}
}

func (c *console) note(err error, now time.Time) {
	c.lastError, c.errorAt = bridges.Line(err.Error(), maxErrorText), now
}

func (c *console) succeeded(j job, now time.Time) {
	l := j.line
	switch {
	case l == nil:
		c.counters.heartbeats++
		c.heartbeat = heartbeat{due: now.Add(c.common.Heartbeat)}
	case j.again:
		c.counters.resent++
	case c.destination.Acknowledged:
		c.counters.delivered++
	default:
		c.counters.sent++
	}
	if l != nil {
		if !j.again {
			c.release(j.event)
			l.sequence, l.at = max(l.sequence, j.event.Sequence), now
			l.raised, l.maybe, l.refused = j.event.Kind == bridges.Raise, false, false
			c.mark(l)
		}
		c.settle(l, now)
	}
	c.alive()
}

// settle lets a line go on after an attempt that is over.
func (c *console) settle(l *line, now time.Time) {
	l.attempts = 0
	if len(l.events) > 0 {
		c.schedule(l, now)
	} else {
		c.rest(l, now)
	}
}

// alive notes that the destination answers.
func (c *console) alive() {
	if c.failures > 1 {
		c.engine.log.Info("a bridge delivers again", "bridge", c.common.Name, "destination", c.destination.Name)
	}
	c.failures, c.notBefore = 0, time.Time{}
}

// putBack lets an event wait again, unless a newer one takes its place.
func (c *console) putBack(j job) {
	l := j.line
	if l == nil || j.again {
		return
	}
	if c.all() || len(l.events) == 0 {
		l.events = slices.Insert(l.events, 0, j.event)
	}
}

func (c *console) failed(j job, err error, now time.Time) {
	c.failures++
	c.counters.retried++
	pause := backoff(c.failures, maxBackoff)
	if after := bridges.RetryAfter(err); after > 0 {
		pause = min(after, maxRetryAfter)
	}
	c.notBefore = now.Add(pause)
	if c.failures == 2 { // one failure happens
		c.engine.log.Warn("a bridge does not deliver; what is to be told waits",
			"bridge", c.common.Name, "destination", c.destination.Name, "err", c.lastError)
	}
	if j.line == nil {
		// The next heartbeat leaves the alarms their turn.
		c.heartbeat.attempts++
		c.heartbeat.due = now.Add(min(c.common.Heartbeat, backoff(c.heartbeat.attempts, maxLineBackoff)))
		return
	}
	c.putBack(j)
	l := j.line
	l.attempts++
	if c.failures == 1 {
		// The destination takes others: it is this alarm that it does not take.
		pause = max(pause, backoff(l.attempts, maxLineBackoff))
	}
	c.schedule(l, now.Add(pause))
}

func (c *console) refused(j job, err error, now time.Time) {
	c.counters.dead++
	l := j.line
	if l == nil {
		c.heartbeat = heartbeat{due: now.Add(c.common.Heartbeat)}
		c.engine.log.Warn("a heartbeat was refused", "bridge", c.common.Name, "destination", c.destination.Name, "err", c.lastError)
		return
	}
	c.engine.bury(c, *j.event, c.lastError, now)
	if !j.again {
		c.release(j.event)
	}
	l.sequence, l.refused, l.maybe = max(l.sequence, j.event.Sequence), true, j.maybe
	c.mark(l)
	c.settle(l, now)
}

// backoff is the pause after n failures in a row.
func backoff(n int, most time.Duration) time.Duration {
	d := firstBackoff << min(n-1, 20)
	return jitter(min(d, most))
}
