package alarm

import (
	"context"
	"strconv"

	"github.com/idp-exporter/idp_exporter/bridges"
	"github.com/idp-exporter/idp_exporter/probes"
)

// load takes up what the store has kept. Where that is not known, the sequence
// goes on from the number of seconds since 1970, which no exporter has reached
// that had fewer events than seconds; it fits into 32 bits until 2106.
func (e *Engine) load(ctx context.Context) {
	e.sequence = uint64(max(e.started.Unix(), 0))
	if e.store == nil {
		return
	}
	saved, err := e.store.LoadAlarms(ctx)
	if err != nil {
		e.log.Error("alarms of before the start could not all be read", "err", err)
		e.lastStorageError = err
	}
	e.sequence = max(e.sequence, saved.Sequence)
	for _, r := range saved.Alarms {
		if n, err := strconv.ParseUint(r.Key, 16, 64); err == nil {
			e.keys = max(e.keys, n)
		}
	}
	for _, r := range saved.Alarms {
		e.loadAlarm(r)
	}
	for _, ev := range saved.Journal {
		e.sequence = max(e.sequence, ev.Sequence)
	}
	for _, d := range saved.DeadLetters {
		e.dead[d.ID] = d
	}
	for _, t := range saved.Told {
		for _, l := range t.Lines {
			e.sequence = max(e.sequence, l.Sequence)
			if l.Raised && e.alarms[l.ID] == nil {
				e.loadLost(l)
			}
		}
	}
	e.saved = &saved
}

func (e *Engine) loadAlarm(r Record) {
	ev := r.Event
	if other := e.alarms[ev.Alarm.ID]; other != nil { // no two records are ever made of one alarm
		e.log.Error("there are two records of an alarm; the second is left out", "id", ev.Alarm.ID)
		e.pending.DropAlarms = append(e.pending.DropAlarms, r.Key)
		return
	}
	a := e.get(ev.Alarm.ID)
	if n, err := strconv.ParseUint(r.Key, 16, 64); err == nil {
		a.key = n
	}
	for key, s := range r.Sources {
		a.sources[key] = &s
		if s.Kind == SourceProbe {
			e.byProbe[probeKey{s.Probe, s.Node}] = a
		}
		if s.Kind == SourceLost && s.Firing {
			e.lost[a.id] = a
		}
		if !s.Firing && s.End != "" {
			a.ended = s.End
		}
	}
	if ev.Sequence == 0 {
		return
	}
	a.event = &ev
	e.sequence = max(e.sequence, ev.Sequence)
	if a.active = ev.Kind == bridges.Raise; a.active {
		e.active++
	}
}

const lostSource = "lost"

// loadLost makes an alarm of what a console was told, where there is no other
// trace of it.
func (e *Engine) loadLost(l ToldLine) {
	e.log.Error("the record of an alarm is damaged that a console was told of; it is cleared unless something still raises it", "id", l.ID, "alarm", l.Name)
	a := e.get(l.ID)
	a.sources[lostSource] = &Source{Kind: SourceLost, Firing: true, Name: l.Name, Starts: l.At, Seen: e.started}
	a.event = &bridges.Event{
		Kind: bridges.Raise, Sequence: l.Sequence, Time: l.At,
		Alarm: bridges.Alarm{
			ID: l.ID, Name: l.Name, Severity: probes.Indeterminate, Text: "what is known of this alarm was damaged in the exporter's storage",
			Raised: l.At, Changed: l.At,
		},
	}
	a.active = true
	e.active++
	e.lost[l.ID] = a
	e.touch(a)
}

// found forgets that an alarm's record was lost. It needs mu.
func (e *Engine) found(a *alarm) {
	if e.lost[a.id] == a {
		delete(e.lost, a.id)
		delete(a.sources, lostSource)
	}
}

// resume lets the consoles of the first configuration go on where those of an
// earlier process ended. It needs mu.
func (e *Engine) resume() {
	if e.saved == nil {
		return
	}
	saved := e.saved
	e.saved = nil
	registered, changed := map[*console]bool{}, map[*console]bool{}
	gone := map[consoleKey]bool{}
	for _, t := range saved.Told {
		c := e.console(t.Bridge, t.Destination)
		if c == nil {
			gone[consoleKey{t.Bridge, t.Destination}] = true
			continue
		}
		registered[c] = true
		changed[c] = changed[c] || t.Fingerprint != c.fingerprint
		for _, l := range t.Lines {
			if e.alarms[l.ID] != nil {
				c.restore(l)
			}
		}
	}
	for _, d := range saved.DeadLetters {
		if e.console(d.Bridge, d.Destination) == nil {
			gone[consoleKey{d.Bridge, d.Destination}] = true
		}
	}
	for key := range gone {
		e.gone(key)
	}
	for c := range registered {
		e.suspect(c)
		if changed[c] {
			c.tellAgain()
		}
	}
	e.replay(saved.Journal)
}

// suspect assumes of every alarm of which it is not certain what a console was
// told that it may stand there: an attempt may have been made just before the
// end.
func (e *Engine) suspect(c *console) {
	for id, a := range e.alarms {
		if a.event == nil {
			continue
		}
		l := c.line(id)
		if l.sequence < a.event.Sequence && !l.raised {
			l.maybe = true
		}
	}
}

// replay lets consoles wait for the transitions that they have not been told.
func (e *Engine) replay(journal []bridges.Event) {
	for i := range journal {
		ev := &journal[i]
		for _, c := range e.consoles {
			if c.all() && c.line(ev.Alarm.ID).sequence < ev.Sequence {
				c.tell(ev)
			}
		}
		if e.journal[ev.Sequence] == nil {
			e.dropJournal(ev.Sequence)
		}
	}
}
