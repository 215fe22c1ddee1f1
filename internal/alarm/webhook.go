package alarm

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/idp-exporter/idp_exporter/bridges"
)

// ErrTooMany tells that there are more alarms than allowed. Those that fit were
// taken.
var ErrTooMany = errors.New("there are more alarms than alarms.max_alarms allows")

// Outcome tells what became of a webhook.
type Outcome struct {
	// Firing and Resolved count the alerts that were taken, whether or not they
	// said anything new; Late those that came too late to mean anything;
	// Malformed those left out since they could not be understood, Problem why
	// the first was.
	Firing, Resolved, Late, Malformed int
	Problem                           string
	// Truncated is how many alerts Alertmanager left out.
	Truncated int
}

// Handle takes the body of a webhook of Alertmanager, version 4. When it
// returns nil, everything in it is on disk. The errors are ErrTooLarge, to be
// answered with 413, ErrMalformed with 400, and ErrStorage and ErrTooMany with
// 503, upon which Alertmanager sends again. What could be understood is
// delivered from memory even if the disk failed. The caller has bounded the
// time that the body may take.
func (e *Engine) Handle(ctx context.Context, body io.Reader) (Outcome, error) {
	o, err := e.handle(ctx, body)
	e.mu.Lock()
	defer e.mu.Unlock()
	switch {
	case err == nil:
		e.counts.webhooks["ok"]++
	case errors.Is(err, ErrTooLarge):
		e.counts.webhooks["too_large"]++
	case errors.Is(err, ErrMalformed):
		e.counts.webhooks["malformed"]++
	case errors.Is(err, ErrTooMany):
		e.counts.webhooks["too_many"]++
	default:
		e.counts.webhooks["storage"]++
	}
	e.counts.malformedAlerts += uint64(o.Malformed)
	e.counts.truncatedAlerts += uint64(o.Truncated)
	switch {
	case err != nil:
		e.log.Warn("a webhook of Alertmanager was refused", "err", err)
	case o.Malformed > 0:
		e.log.Warn("alerts of a webhook were left out", "alerts", o.Malformed, "first", o.Problem)
	case o.Truncated > 0:
		e.log.Warn("Alertmanager left alerts out of a webhook; raise max_alerts in its webhook_config", "alerts", o.Truncated)
	}
	return o, err
}

func (e *Engine) handle(ctx context.Context, body io.Reader) (Outcome, error) {
	e.mu.Lock()
	limit := e.config.WebhookMaxBytes
	e.mu.Unlock()
	content, err := read(body, limit)
	if err != nil {
		return Outcome{}, err
	}
	o, w, err := e.takeIn(ctx, content)
	if w == nil {
		return o, err
	}
	return o, errors.Join(e.onDisk(ctx, w), err)
}

// takeIn parses and takes in a webhook, one at a time, so that many of them need
// no more memory than one.
func (e *Engine) takeIn(ctx context.Context, content []byte) (Outcome, *waiter, error) {
	select {
	case e.parsing <- struct{}{}:
		defer func() { <-e.parsing }()
	case <-ctx.Done():
		return Outcome{}, nil, fmt.Errorf("%w: %w", ErrStorage, context.Cause(ctx))
	}
	p, err := parse(content)
	if err != nil {
		return Outcome{}, nil, err
	}
	o := Outcome{Malformed: p.malformed, Truncated: max(p.truncated, 0)}
	if p.problem != nil {
		o.Problem = bridges.Line(p.problem.Error(), maxErrorText)
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.closed {
		return o, nil, fmt.Errorf("%w: the exporter is ending", ErrStorage)
	}
	now, full := time.Now(), false
	// What fires comes first, so that an alarm whose severity changes does not
	// end in between.
	for _, firing := range []bool{true, false} {
		for i := range p.alerts {
			in := &p.alerts[i]
			if in.firing != firing {
				continue
			}
			switch e.alert(in, p.group, now) {
			case taken:
				o.Firing += truth(firing)
				o.Resolved += truth(!firing)
			case late:
				o.Late++
			case refused:
				full = true
			}
		}
	}
	e.counts.lateAlerts += uint64(o.Late)
	if o.Truncated > 0 {
		e.refresh(p.group, now)
	}
	w := e.wait()
	if full {
		return o, w, ErrTooMany
	}
	return o, w, nil
}

func truth(b bool) int {
	if b {
		return 1
	}
	return 0
}

// fate is what became of an alert.
type fate int

const (
	taken fate = iota
	late
	refused
)

// alert takes in one alert. It needs mu.
func (e *Engine) alert(in *alert, group string, now time.Time) fate {
	id := AlertID(in.Labels.all, e.config.SeverityLabel, e.config.ReplicaLabels)
	key := sourceID(in.Labels.all)
	a := e.alarms[id]
	var old *Source
	if a != nil {
		old = a.sources[key]
	}
	if old != nil && isLate(in, old, now) {
		return late
	}
	s := e.source(in, old, group, now)
	if a == nil || !a.active {
		begins := s.Firing && !s.suppressed
		if begins && !e.room() || len(e.alarms) >= 2*e.config.MaxAlarms+maxRecent {
			return refused
		}
	}
	unheardOf := a == nil || a.event == nil && old == nil
	if unheardOf && !s.Firing && e.resync {
		e.disown(s, id, "the alert is resolved; what the console was told before is not known", now)
	}
	a = e.get(id)
	a.sources[key] = s
	e.found(a)
	if !s.Firing {
		a.end(s, "Alertmanager says that the alert is resolved")
	}
	e.settle(a, now)
	return taken
}

// isLate tells whether an alert says less than is known already: it ended before
// the one that fires began, or it is a copy of one that has ended, come to us by
// another way.
func isLate(in *alert, old *Source, now time.Time) bool {
	if !in.firing {
		return old.Firing && !in.ends.IsZero() && in.ends.Before(old.Starts)
	}
	if old.Firing {
		return in.starts.Before(old.Starts) && in.starts.Before(old.Ends)
	}
	// Alertmanager leaves at least its group_interval between a resolve and what
	// follows, so that what comes right after it and began before is a copy.
	return !in.starts.IsZero() && !in.starts.After(old.Ends) && now.Sub(old.Seen) <= reorder
}

// source describes an alert. It needs mu.
func (e *Engine) source(in *alert, old *Source, group string, now time.Time) *Source {
	labels, notes := in.Labels.all, in.Annotations.all
	s := &Source{
		Kind: SourceAlert, Firing: in.firing, Name: cmp.Or(labels["alertname"], "alert"), Labels: labels,
		Probe: labels["probe"], Node: labels["node"], Reason: labels["reason"],
		Target: cmp.Or(notes["target"], labels["instance"], labels["node"], labels["provider"], labels["probe"], labels["job"], labels["alertname"]),
		Text:   bridges.Cut(alertText(labels, notes), maxText), Runbook: webLink(cmp.Or(notes["runbook_url"], notes["runbook"])),
		Starts: in.starts, Ends: in.ends, Seen: now, Group: group,
	}
	var ok bool
	if s.Severity, ok = e.severities.of(labels[e.config.SeverityLabel]); !ok {
		e.counts.unknownSeverities++
		if !e.counts.warnedSeverity {
			e.counts.warnedSeverity = true
			e.log.Warn("an alert has a severity that is not known, or none; list it in alarms.severities",
				"alert", s.Name, "severity", bridges.Line(labels[e.config.SeverityLabel], 64), "taken_for", string(s.Severity))
		}
	}
	if s.Firing {
		// A resolve before this is what late copies are told by.
		s.Ends = time.Time{}
		if old != nil {
			s.Ends = old.Ends
		}
		s.suppressed = e.suppresses(s, now)
	} else {
		if s.Ends.IsZero() {
			s.Ends = now.UTC()
		}
		if old != nil && old.Ends.After(s.Ends) {
			s.Ends = old.Ends
		}
	}
	return s
}

// alertText is what an alert's annotations say.
func alertText(labels, notes map[string]string) string {
	summary := cmp.Or(notes["summary"], notes["title"])
	description := cmp.Or(notes["description"], notes["message"])
	switch {
	case summary == "" && description == "":
		return cmp.Or(labels["alertname"], "alert") + " fires"
	case summary == "" || description == "" || summary == description:
		return cmp.Or(summary, description)
	default:
		return summary + ": " + description
	}
}

// refresh notes that a group was heard of, some of whose alerts were left out:
// those it is not known which. It needs mu.
func (e *Engine) refresh(group string, now time.Time) {
	for _, a := range e.alarms {
		for _, s := range a.sources {
			if s.Kind == SourceAlert && s.Firing && s.Group == group && s.Seen.Before(now) {
				s.Seen = now
				e.touch(a)
			}
		}
	}
}
