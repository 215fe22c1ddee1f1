package state

import (
	"maps"
	"time"

	"github.com/idp-exporter/idp_exporter/probes"
)

// entry is what is known of one probe on one node. The fields of the embedded
// Entry that depend on the clock are filled in by view.
type entry struct {
	Entry
	family
	// added is when the entry was configured or forgotten, seen when its last
	// run ended.
	added, seen time.Time
	// settled is the damped verdict as runs made it, Unknown before the first
	// conclusive one; the clock may overrule it, see judge.
	settled   probes.Outcome
	settledAt time.Time
	// passRow and failRow count conclusive runs in a row, of which one is 0.
	// failSince is the start of the first of failRow.
	passRow, failRow int
	failSince        time.Time
	// unknownSince is when the first of the inconclusive runs ended that came
	// after the last conclusive one; zero if the last run was conclusive.
	unknownSince time.Time
	// grace lets an entry that came with a reload pass until its first
	// conclusive run; shut ends that, and the grace of start: open.
	grace, shut bool
	// excused is when what the entry needs recovered, zero once a run has told
	// how the entry itself stands; see excuse.
	excused time.Time
	// marks are what the last conclusive run can be compared by.
	marks marks
	// touched is when anything worth storing last changed.
	touched time.Time
}

// record takes in a run that took place.
func (e *entry) record(r *probes.Result, now time.Time) {
	e.seen, e.touched, e.Restored = now, now, false
	if end := r.Start.Add(r.Duration); !r.Start.IsZero() && end.Before(now) {
		e.seen = end
	}
	e.Last = r
	e.Runs[r.Outcome&3]++
	e.NotBefore = monotonic(r.NotBefore, now)
	e.Facts = merge(e.Facts, r.Facts)
	if !r.Outcome.Conclusive() {
		if e.unknownSince.IsZero() {
			e.unknownSince = e.seen
		}
		return
	}
	e.LastConclusive = r
	e.marks = marksOf(r.Facts)
	e.unknownSince = time.Time{}
	e.judgeAgain(r)
	if r.Outcome.OK() {
		e.LastPass = r.Start
		e.passRow++
		e.failRow = 0
	} else {
		e.countFailure(StepReason{r.FailedStep, r.Reason})
		if e.failRow == 0 {
			e.failSince = r.Start
		}
		e.failRow++
		e.passRow = 0
	}
	e.settle(now, r.Decisive)
}

// settle applies the damping to the runs in a row. The first conclusive run
// counts at once: there is nothing to damp from.
func (e *entry) settle(now time.Time, decisive bool) {
	was := e.settled
	switch {
	case e.LastConclusive == nil:
	case was == probes.Unknown:
		e.settled = e.LastConclusive.Outcome
	case e.failRow > 0 && (decisive || e.failRow >= e.FailAfter):
		e.settled = probes.Fail
	case e.passRow > 0 && (was.OK() || e.passRow >= e.PassAfter):
		e.settled = e.LastConclusive.Outcome
	}
	if e.settled != was {
		e.settledAt = now
	}
}

// fold makes a fall that the clock brought about lasting, so that the next run
// meets a failed verdict and has to raise it by the rules. It returns the
// judgement before the coming change.
func (e *entry) fold(now time.Time, o Options) judgement {
	j := e.judge(now, o)
	if j.verdict != probes.Fail || e.settled == probes.Fail {
		return j
	}
	if e.settled == probes.Unknown {
		e.shut = e.shut || o.StartOpen || e.grace
		return j
	}
	e.settled, e.settledAt, e.passRow = probes.Fail, j.since, 0
	return j
}

func (e *entry) skip(cause probes.SkipCause, notBefore, now time.Time) {
	// Snapshots share the map, so it is replaced rather than changed.
	m := maps.Clone(e.Skipped)
	if m == nil {
		m = make(map[probes.SkipCause]uint64, 1)
	}
	m[cause]++
	e.Skipped = m
	if notBefore = monotonic(notBefore, now); notBefore.After(e.NotBefore) {
		e.NotBefore, e.touched = notBefore, now
	}
}

func (e *entry) countFailure(sr StepReason) {
	m := maps.Clone(e.Failures)
	if m == nil {
		m = make(map[StepReason]uint64, 1)
	}
	m[sr]++
	e.Failures = m
}

// view returns the entry as it stands at now.
func (s *State) view(e *entry, now time.Time) Entry {
	st := s.stand(e, now)
	v := e.Entry
	v.Verdict, v.Since, v.Stale, v.Pending = st.verdict, st.since, st.judgement.stale, st.pending
	v.Suppressed, v.SuppressedUntil = st.suppressed, st.end
	if st.verdict != probes.Pass || st.suppressed != "" {
		v.Why = st.line(s.rules)
	}
	if !v.NotBefore.After(now) {
		v.NotBefore = time.Time{}
	}
	return v
}

// merge keeps of each fact the latest that was measured.
func merge(old, latest probes.Facts) probes.Facts {
	if latest.CertificateNotAfter.IsZero() {
		latest.CertificateNotAfter = old.CertificateNotAfter
	}
	if latest.ClockOffset == nil {
		latest.ClockOffset = old.ClockOffset
	}
	if len(latest.TokenLifetimes) == 0 {
		latest.TokenLifetimes = old.TokenLifetimes
	}
	if latest.JWKSKeys == nil {
		latest.JWKSKeys, latest.KeyIDs = old.JWKSKeys, old.KeyIDs
	}
	if latest.DiscoveryDigest == "" {
		latest.DiscoveryDigest = old.DiscoveryDigest
	}
	return latest
}

// monotonic ties a time that came from elsewhere, such as a Retry-After date,
// to our monotonic clock, so that a later step of the wall clock does not move it.
func monotonic(t, now time.Time) time.Time {
	if t.IsZero() {
		return t
	}
	return now.Add(t.Sub(now))
}
