package state

import (
	"time"

	"github.com/idp-exporter/idp_exporter/probes"
)

// cause says what a judgement rests on.
type cause uint8

const (
	byRuns         cause = iota // the damped outcome of runs
	byStart                     // no conclusive run yet
	byUnknown                   // inconclusive runs hold the last verdict
	byUnknownLimit              // they held it for too long
	byStaleness                 // no run for too long
)

// judgement is the verdict of an entry at one moment.
type judgement struct {
	verdict probes.Outcome
	since   time.Time
	cause   cause
	// stale and pending are as in Entry.
	stale, pending bool
	// until is when the clock alone may change the judgement; zero for never.
	until time.Time
}

// fails tells whether the entry is known to fail, not merely unknown to pass.
func (j judgement) fails() bool { return j.verdict == probes.Fail && !j.pending }

// judge applies the clock to what runs have settled. It changes nothing.
func (e *entry) judge(now time.Time, o Options) judgement {
	fresh := e.freshUntil(o)
	j := judgement{verdict: e.settled, since: e.settledAt, pending: e.settled == probes.Unknown, stale: !now.Before(fresh)}
	if !j.stale {
		j.until = fresh
	}
	if j.pending {
		j.verdict, j.since, j.cause = probes.Fail, e.added, byStart
		if (o.StartOpen || e.grace) && !e.shut {
			j.verdict = probes.Warn
		}
	}
	if !j.verdict.OK() {
		return j
	}
	if !e.unknownSince.IsZero() {
		limit := e.unknownSince.Add(o.UnknownMax)
		if now.Before(limit) {
			if j.verdict == probes.Pass {
				j.since = e.unknownSince
			}
			if !j.pending {
				j.cause = byUnknown
			}
			j.verdict = probes.Warn
			if earlier(limit, j.until) {
				j.until = limit
			}
		} else {
			j.verdict, j.since, j.cause = probes.Fail, limit, byUnknownLimit
		}
	}
	if j.stale {
		if j.verdict != probes.Fail || fresh.Before(j.since) {
			j.since = fresh
		}
		j.verdict, j.cause = probes.Fail, byStaleness
	}
	return j
}

// freshUntil is when the entry is stale unless a run ends before: three
// intervals after the last, or one interval after a deliberate back-off ends,
// which leaves the run that is due then its time; a back-off counts no further
// than UnknownMax.
func (e *entry) freshUntil(o Options) time.Time {
	from := e.seen
	if from.IsZero() {
		from = e.added
	}
	fresh := from.Add(staleAfter * e.Every)
	if e.NotBefore.IsZero() {
		return fresh
	}
	paused, limit := e.NotBefore.Add(e.Every), from.Add(o.UnknownMax)
	if paused.After(limit) {
		paused = limit
	}
	if paused.After(fresh) {
		return paused
	}
	return fresh
}
