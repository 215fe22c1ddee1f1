package state

import (
	"time"

	"github.com/idp-exporter/idp_exporter/probes"
)

// Saved is what outlives a restart of one probe on one node. It has the fields
// of store.VerdictRecord, so that one converts into the other.
type Saved struct {
	Key         Key
	Fingerprint string
	// Verdict is the damped outcome and Since when it last changed.
	Verdict probes.Outcome
	Since   time.Time
	// LastConclusive is the latest run whose outcome is not unknown.
	LastConclusive *probes.Result
	// LastPass is when the latest run that passed started, Seen when the latest
	// run of all ended.
	LastPass, Seen time.Time
	// UnknownSince is when inconclusive runs began, zero if the last was conclusive.
	UnknownSince time.Time
	// NotBefore is when a deliberate back-off ends, zero if there is none.
	NotBefore time.Time
	// PassRow and FailRow count the conclusive runs in a row, of which one is 0.
	PassRow, FailRow int
}

// Export returns what is to be stored of the entries that changed since a time,
// the zero time for all. Entries without a conclusive run have nothing to
// store, and neither have those without a fingerprint.
func (s *State) Export(changedSince time.Time) []Saved {
	s.mu.RLock()
	defer s.mu.RUnlock()
	var all []Saved
	for _, e := range s.order {
		if e.touched.Before(changedSince) || e.LastConclusive == nil || e.settled == probes.Unknown || e.Fingerprint == "" {
			continue
		}
		all = append(all, Saved{
			Key: e.Key, Fingerprint: e.Fingerprint, Verdict: e.settled, Since: e.settledAt, LastConclusive: e.LastConclusive,
			LastPass: e.LastPass, Seen: e.seen, UnknownSince: e.unknownSince, NotBefore: e.NotBefore,
			PassRow: e.passRow, FailRow: e.failRow,
		})
	}
	return all
}

// Restore takes up what an earlier process stored, after Configure and before
// the first run, and returns the keys of the entries it restored. Left to the
// start rule are entries that have run meanwhile, whose fingerprint is another,
// or whose verdict is not fresh any more: it would be stale, or held by
// inconclusive runs for too long, or it is from a time still to come.
func (s *State) Restore(records []Saved) []Key {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.now()
	var restored []Key
	for _, r := range records {
		e := s.entries[r.Key]
		if e == nil || !e.seen.IsZero() || e.Fingerprint == "" || e.Fingerprint != r.Fingerprint {
			continue
		}
		if old := r.entry(e, now); old != nil && s.fresh(old, now) {
			*e = *old
			restored = append(restored, r.Key)
		}
	}
	s.cached.Store(nil)
	return restored
}

func (s *State) fresh(e *entry, now time.Time) bool {
	c := e.judge(now, s.rules).cause
	return c != byStaleness && c != byUnknownLimit && now.Before(e.freshUntil(s.rules))
}

// entry returns the entry as it was, nil if the record makes no sense for it.
func (r Saved) entry(e *entry, now time.Time) *entry {
	if r.LastConclusive == nil || !r.LastConclusive.Outcome.Conclusive() || !r.Verdict.Conclusive() || r.Seen.IsZero() ||
		r.Seen.After(now.Add(e.Every)) {
		return nil
	}
	past := func(t time.Time) time.Time {
		if t = monotonic(t, now); t.After(now) {
			return now
		}
		return t
	}
	old := *e
	old.settled, old.settledAt = r.Verdict, past(r.Since)
	old.LastConclusive, old.Facts, old.marks = r.LastConclusive, r.LastConclusive.Facts, marksOf(r.LastConclusive.Facts)
	old.LastPass, old.seen, old.unknownSince = r.LastPass, past(r.Seen), past(r.UnknownSince)
	old.NotBefore = monotonic(r.NotBefore, now)
	old.passRow, old.failRow = max(r.PassRow, 0), max(r.FailRow, 0)
	if old.failRow > 0 {
		// When the row began is not stored: with its only run, or else some time
		// before the verdict fell.
		old.failSince = past(r.LastConclusive.Start)
		if old.failRow > 1 && r.Verdict == probes.Fail {
			old.failSince = old.settledAt
		}
	}
	old.Restored = true
	return &old
}
