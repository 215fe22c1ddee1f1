package alarm

import (
	"container/heap"
	"context"
	"fmt"
	"time"

	"github.com/idp-exporter/idp_exporter/bridges"
)

const (
	// attemptTimeout bounds one delivery.
	attemptTimeout = 30 * time.Second
	// firstBackoff is the pause after a failure, which doubles with every further
	// one: up to maxBackoff where a destination takes nothing, and up to
	// maxLineBackoff for an alarm that it does not take.
	firstBackoff   = time.Second
	maxBackoff     = 30 * time.Second
	maxLineBackoff = 5 * time.Minute
	// maxRetryAfter is how long a destination may ask to be left alone.
	maxRetryAfter = time.Hour
	maxErrorText  = 500
)

// heartbeat tells a destination that the exporter lives.
type heartbeat struct {
	due      time.Time
	attempts int
}

// job is one attempt.
type job struct {
	event *bridges.Event
	line  *line // nil for a heartbeat
	// again tells that the event was delivered before, and is repeated since
	// nothing acknowledged it.
	again bool
	// maybe is what line.maybe was before the attempt.
	maybe bool
}

// start begins the worker. It needs life.
func (c *console) start(ctx context.Context) {
	ctx, c.cancel = context.WithCancel(ctx)
	c.done = make(chan struct{})
	go func() {
		defer close(c.done)
		c.work(ctx)
	}()
}

// stop ends the worker, if there is one, and the Deliverer.
func (c *console) stop() {
	if c.cancel != nil {
		c.cancel()
		<-c.done
	}
	c.slot <- struct{}{} // a test may be under way
	defer func() { <-c.slot }()
	if err := c.destination.Deliverer.Close(); err != nil {
		c.engine.log.Warn("a bridge was not closed cleanly", "bridge", c.common.Name, "destination", c.destination.Name, "err", err)
	}
}

// work delivers until ctx ends.
func (c *console) work(ctx context.Context) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	e := c.engine
	for ctx.Err() == nil {
		e.mu.Lock()
		j, wait := c.next(time.Now())
		e.mu.Unlock()
		if j.event == nil {
			timer.Reset(wait)
			select {
			case <-ctx.Done():
			case <-c.wake:
			case <-timer.C:
			}
			continue
		}
		err := c.deliver(ctx, *j.event)
		e.mu.Lock()
		c.finish(j, err, ctx.Err() != nil)
		e.mu.Unlock()
	}
}

// deliver makes one attempt. A Deliverer that panics has failed.
func (c *console) deliver(ctx context.Context, ev bridges.Event) (err error) {
	select {
	case c.slot <- struct{}{}:
		defer func() { <-c.slot }()
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("the bridge panicked: %v", r)
		}
	}()
	ctx, cancel := context.WithTimeout(ctx, attemptTimeout)
	defer cancel()
	return c.destination.Deliverer.Deliver(ctx, ev)
}

// next returns what to deliver now, or how long to wait. It needs mu.
func (c *console) next(now time.Time) (job, time.Duration) {
	if c.notBefore.After(now) {
		return job{}, c.notBefore.Sub(now)
	}
	wait := time.Hour
	if c.common.Heartbeat > 0 {
		if !c.heartbeat.due.After(now) {
			return job{event: c.beat(now)}, 0
		}
		wait = min(wait, c.heartbeat.due.Sub(now))
	}
	for len(c.due.lines) > 0 {
		l := c.due.lines[0]
		if l.when.After(now) {
			return job{}, min(wait, l.when.Sub(now))
		}
		heap.Pop(&c.due)
		if len(l.events) > 0 {
			j := job{event: l.events[0], line: l, maybe: l.maybe}
			l.events = l.events[1:]
			l.inflight = j.event
			l.maybe = l.maybe || j.event.Kind == bridges.Raise
			return j, 0
		}
		if ev := c.repeat(l); ev != nil {
			l.inflight = ev
			return job{event: ev, line: l, again: true, maybe: l.maybe}, 0
		}
	}
	return job{}, wait
}

// repeat returns what an alarm's console was told last, nil if that is not to
// be told again.
func (c *console) repeat(l *line) *bridges.Event {
	a := c.engine.alarms[l.id]
	if a == nil || a.event == nil {
		return nil
	}
	if a.event.Sequence > l.sequence {
		return nil // something newer is on its way
	}
	ev := *a.event
	ev.Sequence = l.sequence
	if !l.raised && ev.Kind == bridges.Raise {
		return unwanted(&ev)
	}
	return &ev
}

func (c *console) beat(now time.Time) *bridges.Event {
	e := c.engine
	return &bridges.Event{
		Kind: bridges.Heartbeat, Sequence: e.next(), Time: now,
		Alarm: bridges.Alarm{
			Name: "heartbeat", Severity: bridges.Cleared, Target: e.exporter, Text: "idp_exporter is alive", Raised: e.started, Changed: now,
		},
	}
}
