package alarm

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"github.com/idp-exporter/idp_exporter/bridges"
	"github.com/idp-exporter/idp_exporter/probes"
)

// The longest texts of an alarm, in bytes.
const (
	maxText   = 2048
	maxTitle  = 256
	maxTarget = 512
)

// severity is that of a source as it counts now.
func (s *Source) severity() probes.Severity {
	if s.stale {
		return probes.Indeterminate
	}
	return s.Severity
}

// settle compares an alarm with its sources and makes the transition that is
// due, if any. Whatever the outcome, the alarm is written. It needs mu.
func (e *Engine) settle(a *alarm, now time.Time) {
	e.touch(a)
	firing := 0
	var worst *Source
	for _, key := range slices.Sorted(maps.Keys(a.sources)) {
		s := a.sources[key]
		if !s.Firing {
			continue
		}
		firing++
		// Suppression keeps an alarm from beginning and from changing, never
		// from ending.
		if !s.suppressed && s.Kind != SourceLost && (worst == nil || worse(s, worst)) {
			worst = s
		}
	}
	switch {
	case firing == 0 && a.active:
		e.clear(a, now)
	case worst != nil:
		e.raise(a, worst, now)
	}
}

// worse orders sources by severity; of two that are as severe, the older one
// speaks for the alarm.
func worse(a, b *Source) bool {
	if c := cmp.Compare(rank(a.severity()), rank(b.severity())); c != 0 {
		return c > 0
	}
	return a.Starts.Before(b.Starts)
}

func (e *Engine) raise(a *alarm, s *Source, now time.Time) {
	want := bridges.Alarm{
		ID: a.id, Name: bridges.Line(s.Name, maxTitle), Severity: s.severity(), Target: bridges.Line(s.Target, maxTarget),
		Text: bridges.Cut(s.Text, maxText), Probe: s.Probe, Node: s.Node, Reason: s.Reason, Runbook: s.Runbook, Labels: s.Labels,
		Raised: s.Starts, Changed: now,
	}
	if s.stale {
		want.Text = bridges.Cut("Alertmanager has not repeated this alert since "+clock(s.Seen)+"; it was: "+s.Text, maxText)
	}
	if want.Raised.IsZero() || want.Raised.After(now) {
		want.Raised = now
	}
	if want.Runbook == "" {
		want.Runbook = e.runbook.link(want, s.Page)
	}
	if a.active {
		want.Raised = a.event.Alarm.Raised
		if same(a.event.Alarm, want) {
			return
		}
	} else {
		e.active++
	}
	a.active, a.ended = true, ""
	e.publish(a, bridges.Raise, want, now)
}

// same tells whether a console would see no difference.
func same(a, b bridges.Alarm) bool {
	return a.Severity == b.Severity && a.Text == b.Text && a.Name == b.Name && a.Target == b.Target && a.Reason == b.Reason &&
		a.Runbook == b.Runbook && a.Probe == b.Probe && a.Node == b.Node
}

func (e *Engine) clear(a *alarm, now time.Time) {
	over := a.event.Alarm
	over.Severity, over.Reason, over.Changed = bridges.Cleared, "", now
	over.Text = cmp.Or(a.ended, "over")
	a.active = false
	e.active--
	e.publish(a, bridges.Clear, over, now)
}

// publish makes a transition known: on disk first, then to the consoles.
func (e *Engine) publish(a *alarm, kind bridges.EventKind, content bridges.Alarm, now time.Time) {
	a.event = &bridges.Event{Kind: kind, Alarm: content, Sequence: e.next(), Time: now}
	a.fresh = append(a.fresh, announcement{event: a.event})
	e.log.Info("alarm", "event", string(kind), "id", content.ID, "alarm", content.Name, "severity", string(content.Severity),
		"target", content.Target, "text", bridges.Line(content.Text, maxTitle), "sequence", a.event.Sequence)
	e.rouse()
}

// disown clears an alarm of which it is not known whether consoles were told of
// it. It needs mu.
func (e *Engine) disown(s *Source, id, why string, now time.Time) {
	a := e.get(id)
	if a.event != nil || len(e.alarms) > e.config.MaxAlarms+maxRecent {
		return
	}
	e.touch(a)
	e.publish(a, bridges.Clear, bridges.Alarm{
		ID: id, Name: bridges.Line(s.Name, maxTitle), Severity: bridges.Cleared, Target: bridges.Line(s.Target, maxTarget), Text: why,
		Probe: s.Probe, Node: s.Node, Labels: s.Labels, Raised: now, Changed: now,
	}, now)
	a.fresh[len(a.fresh)-1].disowned = true
}

// end ends a source, and says why. It needs mu.
func (a *alarm) end(s *Source, why string) {
	s.Firing, s.stale, s.suppressed, s.End = false, false, false, why
	a.ended = why
}

func clock(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05Z") }

// minTime returns the earlier of two times, of which a may be none.
func minTime(a, b time.Time) time.Time {
	if a.IsZero() || b.Before(a) {
		return b
	}
	return a
}
