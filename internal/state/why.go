package state

import (
	"fmt"
	"strings"
	"time"

	"github.com/idp-exporter/idp_exporter/probes"
)

// why explains a judgement that is not a pass in one line for people, such as
// "login on node n2: fail at step token: credentials_refused (2 runs in a row,
// since 12:03:11Z)".
func (e *entry) why(j judgement, o Options) string {
	name := e.String() + ": "
	if e.Restored {
		name += "restored after a restart: "
	}
	switch j.cause {
	case byStart:
		if e.Last == nil {
			return name + "no result yet"
		}
		return name + "no conclusive result yet: " + place(e.Last)
	case byUnknown:
		return fmt.Sprintf("%s%s (last verdict %s is held from %s to %s)", name, place(e.Last), e.settled,
			e.clock(e.unknownSince), e.clock(e.unknownSince.Add(o.UnknownMax)))
	case byUnknownLimit:
		return fmt.Sprintf("%sfail: %s for more than %v, since %s", name, place(e.Last), o.UnknownMax, e.clock(e.unknownSince))
	case byStaleness:
		return name + e.stale()
	case byRuns:
	}
	switch {
	case j.verdict == probes.Warn:
		return name + place(e.LastConclusive)
	case e.failRow > 0:
		s := fmt.Sprintf("%s%s (%s, since %s)", name, place(e.LastConclusive), inRow(e.failRow), e.clock(e.failSince))
		if !e.unknownSince.IsZero() {
			s += "; the last run was " + place(e.Last)
		}
		if j.stale {
			s += "; " + e.stale()
		}
		return s
	case j.stale:
		return name + e.stale()
	case e.passRow > 0:
		return fmt.Sprintf("%sfail: passes again, %d of %d runs needed (fail since %s)", name, e.passRow, e.PassAfter, e.clock(j.since))
	case e.unknownSince.IsZero():
		return fmt.Sprintf("%sfail: results stopped coming at %s", name, e.clock(e.seen))
	default:
		return fmt.Sprintf("%sfail: %s (fail since %s)", name, place(e.Last), e.clock(j.since))
	}
}

func (e *entry) stale() string {
	if e.seen.IsZero() {
		return "stale: no run since the start at " + e.clock(e.added)
	}
	if e.NotBefore.After(e.seen) {
		return fmt.Sprintf("stale: no run since %s; the next is put off until %s", e.clock(e.seen), e.clock(e.NotBefore))
	}
	return fmt.Sprintf("stale: no run since %s, though one is due every %v", e.clock(e.seen), e.Every)
}

// place tells outcome, step and reason of a run: "fail at step token: timeout".
// Of an inconclusive run before a restart nothing more is known.
func place(r *probes.Result) string {
	if r == nil {
		return probes.Unknown.String()
	}
	var b strings.Builder
	b.WriteString(r.Outcome.String())
	if r.FailedStep != "" {
		b.WriteString(" at step " + r.FailedStep)
	}
	if r.Reason != "" {
		b.WriteString(": " + string(r.Reason))
	}
	return b.String()
}

func inRow(n int) string {
	if n == 1 {
		return "1 run"
	}
	return fmt.Sprintf("%d runs in a row", n)
}

// clock writes t as a time of day, with the date if that is not the day of the
// last run.
func (e *entry) clock(t time.Time) string { return clockOn(e.seen, t) }

// clockOn writes t as a time of day, with the date if that is not the given day.
func clockOn(day, t time.Time) string {
	t, day = t.UTC(), day.UTC()
	if t.YearDay() == day.YearDay() && t.Year() == day.Year() {
		return t.Format("15:04:05Z")
	}
	return t.Format("2006-01-02 15:04:05Z")
}
