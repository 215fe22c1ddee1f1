package state

import (
	"time"

	"github.com/idp-exporter/idp_exporter/probes"
)

// answers are the answers to the usual questions, and the time at which the
// clock alone may change one of them, zero for never.
type answers struct {
	whole         Verdict
	nodes         map[string]Verdict
	disagreements []Disagreement
	until         time.Time
}

// Reasons of a verdict that rests on nothing. What was not seen is never
// called good, unless somebody decided not to look.
const (
	NoProbeGates  = "no probe gates"
	NothingJudged = "nothing is judged: everything that gates is drained, in maintenance or waits for a probe that it needs"
)

// Verdict returns the verdict of the whole. As long as nothing changes it
// takes no lock. The caller must not change Reasons.
//
// Of the entries that gate,
//   - a drained or maintained one does not count;
//   - one that fails below a failing probe that it needs does not count, but
//     that probe does, once, whether it gates or not, unless it is itself
//     drained or in maintenance; one that passes all the same is a warning;
//   - one that fails since an outage of what it needs is a warning until its
//     next run has told;
//   - any other counts with its own verdict.
//
// Failures on a node are a warning while enough nodes of the provider pass, see
// Group. Where nothing is left that counts, the verdict is a warning that says
// so. Nodes that disagree are a warning. A drain of node "" makes it fail.
func (s *State) Verdict() Verdict { return s.answers().whole }

// answers returns the cached answers, or works them out.
func (s *State) answers() *answers {
	if c := s.cached.Load(); c != nil && (c.until.IsZero() || s.now().Before(c.until)) {
		return c
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	now := s.now()
	c := &answers{disagreements: s.disagreements(nil, now)}
	c.whole, c.until = s.combine(nil, c.disagreements, now)
	c.nodes = s.judgeNodes(nil, c.disagreements, now)
	s.cached.Store(c)
	return c
}

// VerdictOf returns the verdict of the gating entries that filter accepts, by
// the rules of Verdict. With none of them it fails: see NoProbeGates.
func (s *State) VerdictOf(filter func(Spec) bool) Verdict {
	s.mu.RLock()
	defer s.mu.RUnlock()
	now := s.now()
	v, _ := s.combine(filter, s.disagreements(filter, now), now)
	return v
}

// tally adds up a verdict.
type tally struct {
	Verdict
	until time.Time
	// gates counts the entries that gate, judged those whose verdict counts.
	gates, judged int
}

func (t *tally) add(o probes.Outcome, line string) {
	t.Outcome = max(t.Outcome, o)
	t.Reasons = append(t.Reasons, line)
}

func (t *tally) expire(at time.Time) {
	if earlier(at, t.until) {
		t.until = at
	}
}

// combine needs mu.
func (s *State) combine(filter func(Spec) bool, disagreements []Disagreement, now time.Time) (Verdict, time.Time) {
	t := tally{Verdict: Verdict{Outcome: probes.Pass}}
	if s.suppressor != nil {
		t.expire(s.suppressor.NextChange(now))
	}
	q := newQuorum(s.rules)
	told := map[string]bool{} // drained nodes
	blamed := map[*entry]bool{}
	for _, e := range s.order {
		if !e.Gates || (filter != nil && !filter(e.Spec)) {
			continue
		}
		t.gates++
		st := s.stand(e, now)
		s.expire(&t, &st)
		if filter == nil {
			q.expect(e.Provider)
		}
		if st.outside != "" {
			q.leave(e.Provider, e.Node)
		}
		switch {
		case st.outside == SuppressedDrained:
			if !told[e.Node] {
				told[e.Node] = true
				t.add(probes.Pass, nodeName(e.Node)+": "+outsideText(st.outside, st.end, now))
			}
		case st.outside != "":
			t.add(probes.Pass, st.line(s.rules))
		case st.parent != nil && st.verdict == probes.Fail:
			t.add(probes.Warn, st.line(s.rules))
			if r := s.responsible(&st, filter); r != nil && !blamed[r] {
				blamed[r] = true
				q.count(&t, e.Provider, r.Node, probes.Fail, r.why(r.judge(now, s.rules), s.rules))
			}
		case st.excused:
			q.note(e.Provider, e.Node, false) // the benefit of the doubt
			t.add(probes.Warn, st.line(s.rules))
		case st.parent != nil:
			q.count(&t, e.Provider, e.Node, probes.Warn, st.line(s.rules))
		case st.verdict == probes.Pass:
			q.count(&t, e.Provider, e.Node, probes.Pass, "")
		default:
			q.count(&t, e.Provider, e.Node, st.verdict, st.line(s.rules))
		}
	}
	q.finish(&t)
	s.finish(&t, disagreements, now)
	return t.Verdict, t.until
}

// finish adds what does not come from a single entry.
func (s *State) finish(t *tally, disagreements []Disagreement, now time.Time) {
	switch {
	case t.gates == 0:
		t.Outcome, t.Reasons = probes.Fail, []string{NoProbeGates}
	case t.judged == 0:
		t.Outcome = max(t.Outcome, probes.Warn)
		t.Reasons = append([]string{NothingJudged}, t.Reasons...)
	}
	for i, d := range disagreements {
		if d.gates && !repeats(disagreements[:i], d) {
			t.add(probes.Warn, d.Text)
		}
	}
	if until, drained := s.drained("", now); drained {
		t.Outcome, t.Drained = probes.Fail, true
		t.Reasons = append([]string{outsideText(SuppressedDrained, until, now)}, t.Reasons...)
	}
	t.OK = t.Outcome.OK()
}

// expire lets the tally stand no longer than the clock leaves the standing, and
// whatever it rests on, as it is.
func (s *State) expire(t *tally, st *standing) {
	t.expire(st.until)
	for _, a := range st.ancestors {
		t.expire(a.judge(st.now, s.rules).until)
	}
	if !st.entry.excused.IsZero() {
		if end := st.excusedUntil(s.rules); st.now.Before(end) {
			t.expire(end)
		}
	}
}

// responsible returns the probe whose failure stands for that of an entry
// below it, nil if that is counted anyway or does not count.
func (s *State) responsible(st *standing, filter func(Spec) bool) *entry {
	var first *entry
	for _, a := range st.ancestors {
		if !a.judge(st.now, s.rules).fails() {
			continue
		}
		if cause, _ := s.suppression(a.Key, st.now); cause != "" {
			continue
		}
		if a.Gates && (filter == nil || filter(a.Spec)) {
			return nil
		}
		if first == nil {
			first = a
		}
	}
	return first
}

func nodeName(node string) string {
	if node == "" {
		return "public name"
	}
	return "node " + node
}

// earlier compares times of which zero means never.
func earlier(a, b time.Time) bool {
	return !a.IsZero() && (b.IsZero() || a.Before(b))
}
