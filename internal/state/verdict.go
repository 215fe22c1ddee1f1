package state

import (
	"time"

	"github.com/idp-exporter/idp_exporter/probes"
)

// cachedVerdict is the verdict of the whole and the time at which the clock
// alone may change it, zero for never.
type cachedVerdict struct {
	Verdict
	until time.Time
}

// NoProbeGates is the reason of a verdict that depends on nothing: what was
// not seen is never called good.
const NoProbeGates = "no probe gates"

// Verdict returns the verdict of the whole. As long as nothing changes it
// takes no lock. The caller must not change Reasons.
func (s *State) Verdict() Verdict {
	if c := s.whole.Load(); c != nil && (c.until.IsZero() || s.now().Before(c.until)) {
		return c.Verdict
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	c := s.combine(nil)
	s.whole.Store(&c)
	return c.Verdict
}

// VerdictOf returns the verdict of the gating entries that filter accepts. With
// none of them it fails: see NoProbeGates.
func (s *State) VerdictOf(filter func(Spec) bool) Verdict {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.combine(filter).Verdict
}

// combine needs mu.
func (s *State) combine(filter func(Spec) bool) cachedVerdict {
	now := s.now()
	c := cachedVerdict{Verdict: Verdict{Outcome: probes.Pass}}
	gates := false
	for _, e := range s.order {
		if !e.Gates || (filter != nil && !filter(e.Spec)) {
			continue
		}
		gates = true
		j := e.judge(now, s.rules)
		if earlier(j.until, c.until) {
			c.until = j.until
		}
		if j.verdict == probes.Pass {
			continue
		}
		c.Outcome = max(c.Outcome, j.verdict)
		c.Reasons = append(c.Reasons, e.why(j, s.rules))
	}
	if !gates {
		c.Outcome, c.Reasons = probes.Fail, []string{NoProbeGates}
	}
	c.OK = c.Outcome.OK()
	return c
}

// earlier compares times of which zero means never.
func earlier(a, b time.Time) bool {
	return !a.IsZero() && (b.IsZero() || a.Before(b))
}
