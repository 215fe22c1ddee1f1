package alarm

import (
	"time"

	"github.com/idp-exporter/idp_exporter/probes"
)

// VerdictInput is the verdict of one probe on one node.
type VerdictInput struct {
	Probe, Node string
	Severity    probes.Severity
	// Failing is the damped verdict. It says nothing unless Known tells that it
	// rests on a result of this process or on one restored from the last.
	Failing, Known bool
	// Suppressed is why the verdict begins no alarm for now, empty if it may.
	Suppressed string
	// Step and Reason are where and why the probe failed.
	Step   string
	Reason string
	// Text tells people more. A console is not told again for a change of it
	// alone.
	Text string
	// Target is what is ill, Runbook a link for it.
	Target, Runbook string
	// Page names the page of Config.RunbookURL that says what to do, empty if
	// there is none.
	Page string
	// Since is when the verdict fell, zero if that is not known.
	Since time.Time
}

const probeSource = "probe"

// Verdicts brings the alarms of probes in line with the verdicts, which are all
// that there are: the alarm of a probe or a node that is not among them is
// cleared. It neither waits for the disk nor for a console, and where nothing
// has changed it costs little: call it on every change, and every few seconds.
func (e *Engine) Verdicts(all []VerdictInput) {
	e.mu.Lock()
	defer e.mu.Unlock()
	now := time.Now()
	e.round++
	for i := range all {
		v := &all[i]
		key := probeKey{v.Probe, v.Node}
		a := e.byProbe[key]
		if a != nil {
			a.round = e.round
		}
		switch {
		case !v.Known:
		case v.Failing:
			e.fails(a, key, v, now)
		default:
			e.passes(a, key, v, now)
		}
	}
	for _, a := range e.byProbe {
		if s := a.sources[probeSource]; a.round != e.round && s.Firing {
			a.end(s, "the probe is no longer configured, or its node is gone")
			e.settle(a, now)
		}
	}
}

func (e *Engine) fails(a *alarm, key probeKey, v *VerdictInput, now time.Time) {
	s := Source{
		Kind: SourceProbe, Firing: true, Severity: v.Severity, Name: v.Probe, Target: v.Target, Text: v.text(), Probe: v.Probe, Node: v.Node,
		Step: v.Step, Reason: v.Reason, Runbook: webLink(v.Runbook), Page: v.Page, Starts: v.Since, Seen: now, suppressed: v.Suppressed != "",
	}
	if !known(s.Severity) {
		s.Severity = e.config.UnknownSeverity
	}
	if a == nil {
		a = e.lost[ProbeID(e.exporter, v.Probe, v.Node)]
	}
	if a == nil && (s.suppressed || !e.room()) {
		return
	}
	if a == nil {
		a = e.get(ProbeID(e.exporter, v.Probe, v.Node))
	}
	old := a.sources[probeSource]
	if old != nil && old.Firing {
		s.Starts = old.Starts
		if old.equal(&s) {
			return
		}
	}
	if (old == nil || !old.Firing) && s.Starts.IsZero() {
		s.Starts = now
	}
	if !a.active && (s.suppressed || !e.room()) {
		return
	}
	a.sources[probeSource] = &s
	a.round = e.round
	e.byProbe[key] = a
	e.found(a)
	e.settle(a, now)
}

func (e *Engine) passes(a *alarm, key probeKey, v *VerdictInput, now time.Time) {
	const why = "the probe passes again"
	if a == nil && len(e.lost) > 0 {
		if a = e.lost[ProbeID(e.exporter, v.Probe, v.Node)]; a != nil {
			e.found(a)
			a.ended = why
			e.settle(a, now)
			return
		}
	}
	if a != nil {
		if s := a.sources[probeSource]; s.Firing {
			a.end(s, why)
			e.settle(a, now)
		}
	} else if e.resync && !e.resynced[key] {
		e.disown(&Source{Kind: SourceProbe, Name: v.Probe, Target: v.Target, Probe: v.Probe, Node: v.Node}, ProbeID(e.exporter, v.Probe, v.Node),
			"the probe passes; what the console was told before is not known", now)
	}
	if e.resync {
		e.resynced[key] = true
	}
}

// room tells whether there may be one more active alarm, and counts if not. It
// needs mu.
func (e *Engine) room() bool {
	if e.active < e.config.MaxAlarms {
		return true
	}
	e.counts.refused++
	return false
}

// equal tells whether two verdicts say the same, whenever they were seen and
// whatever the detail of the last run was.
func (s *Source) equal(o *Source) bool {
	return s.Severity == o.Severity && s.Name == o.Name && s.Target == o.Target && s.Step == o.Step && s.Reason == o.Reason &&
		s.Runbook == o.Runbook && s.Page == o.Page && s.suppressed == o.suppressed
}

// text says where and why a probe failed, and what is known besides.
func (v *VerdictInput) text() string {
	text := v.Probe
	if v.Node != "" {
		text += " on node " + v.Node
	}
	text += " fails"
	if v.Step != "" {
		text += " at step " + v.Step
	}
	if v.Reason != "" {
		text += ": " + v.Reason
	}
	if v.Text != "" {
		text += " (" + v.Text + ")"
	}
	return text
}
