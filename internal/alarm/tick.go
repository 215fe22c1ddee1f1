package alarm

import (
	"context"
	"slices"
	"time"
)

const (
	// tickEvery is how often what depends on the clock is looked at.
	tickEvery = 5 * time.Second
	// reorder is for how long a resolved alert is remembered: within it, an alert
	// that began no later than it ended is a late copy, not a new one.
	reorder = time.Minute
	// keepRecent is how long an alarm that is over is kept to be looked at, and
	// maxRecent how many are.
	keepRecent = 24 * time.Hour
	maxRecent  = 1000
)

func (e *Engine) tick(ctx context.Context) {
	ticker := time.NewTicker(tickEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case now := <-ticker.C:
			e.mu.Lock()
			e.look(now)
			e.mu.Unlock()
		}
	}
}

// look does what the clock makes due. It needs mu.
func (e *Engine) look(now time.Time) {
	var over []*alarm
	for _, a := range e.alarms {
		e.lookAt(a, now)
		if !a.active && !a.dirty && !a.writing && !a.unsaved && e.done(a, now) {
			over = append(over, a)
		}
	}
	slices.SortFunc(over, func(a, b *alarm) int { return b.overSince().Compare(a.overSince()) })
	for i, a := range over {
		if i >= maxRecent || a.event == nil || now.Sub(a.overSince()) > keepRecent {
			e.forget(a)
		}
	}
}

// lookAt ends what Alertmanager has not repeated, and begins what is not
// suppressed any more.
func (e *Engine) lookAt(a *alarm, now time.Time) {
	changed := false
	for key, s := range a.sources {
		switch {
		case s.Kind == SourceProbe:
		case !s.Firing:
			if now.Sub(s.Seen) > reorder {
				delete(a.sources, key)
				e.touch(a)
			}
		default:
			changed = e.silent(a, s, now) || changed
		}
	}
	if changed {
		e.settle(a, now)
	}
}

// silent applies the clock to an alert that fires, and tells whether that
// changed anything.
func (e *Engine) silent(a *alarm, s *Source, now time.Time) bool {
	// Time in which the exporter did not run is not held against Alertmanager.
	since := s.Seen
	if since.Before(e.started) {
		since = e.started
	}
	silence := now.Sub(since)
	if silence >= 2*e.config.StaleAfter {
		why := "Alertmanager has not repeated this alert since " + clock(s.Seen) + ": silenced, inhibited, or forgotten"
		if s.Kind == SourceLost {
			why = "what was known of this alarm is lost, and nothing has raised it since"
		}
		a.end(s, why)
		if s.Kind == SourceLost {
			e.found(a)
		}
		return true
	}
	stale := silence >= e.config.StaleAfter && s.Kind == SourceAlert
	suppressed := e.suppresses(s, now)
	if stale == s.stale && suppressed == s.suppressed {
		return false
	}
	s.stale, s.suppressed = stale, suppressed
	return true
}

// suppresses tells whether an alert is to begin no alarm for now.
func (e *Engine) suppresses(s *Source, now time.Time) bool {
	return e.suppressed != nil && s.Kind == SourceAlert && s.Probe+s.Node != "" && e.suppressed(s.Probe, s.Node, now) != ""
}

// done tells whether nothing keeps an alarm that is over: no source, and no
// console that is still to be told.
func (e *Engine) done(a *alarm, now time.Time) bool {
	for _, s := range a.sources {
		if s.Firing || s.Kind == SourceAlert && now.Sub(s.Seen) <= reorder {
			return false
		}
	}
	for _, c := range e.consoles {
		l := c.lines[bucketOf(a.id)][a.id]
		if l != nil && (l.index >= 0 || l.inflight != nil || len(l.events) > 0) {
			return false
		}
	}
	return true
}

// overSince is when an alarm ended.
func (a *alarm) overSince() time.Time {
	if a.event == nil {
		return time.Time{}
	}
	return a.event.Time
}

// forget removes every trace of an alarm but its dead letters. It needs mu.
func (e *Engine) forget(a *alarm) {
	delete(e.alarms, a.id)
	delete(e.lost, a.id)
	for _, s := range a.sources {
		if s.Kind == SourceProbe {
			delete(e.byProbe, probeKey{s.Probe, s.Node})
		}
	}
	for _, c := range e.consoles {
		b := bucketOf(a.id)
		if c.lines[b][a.id] != nil {
			delete(c.lines[b], a.id)
			c.markBucket(b)
		}
	}
	e.pending.DropAlarms = append(e.pending.DropAlarms, recordKey(a.key))
	e.rouse()
}
