package state

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/idp-exporter/idp_exporter/probes"
)

// family is what an entry needs and what needs it, however far removed, and
// what it is compared with.
type family struct {
	// ancestors come with the first causes first: whatever one of them needs
	// stands before it.
	ancestors, children []*entry
	// peers are the same probe on the other nodes, nil if there are none.
	peers *peers
}

// NeedsError is one mistake in what probes need.
type NeedsError struct {
	// Probe is the probe that needs, and Need the name that is wrong.
	Probe, Need string
	// Message says what is wrong and what would be right.
	Message string
}

// Error implements error.
func (p NeedsError) Error() string {
	return "probe " + p.Probe + ": needs " + p.Need + ": " + p.Message
}

// CheckNeeds reports names in Needs that no probe has, probes that run neither
// where they are needed nor under the public name, and circles. Each mistake
// is reported once.
func CheckNeeds(specs []Spec) []NeedsError {
	known, needs := map[Key]bool{}, map[string][]string{}
	for _, s := range specs {
		known[s.Key] = true
		needs[s.Probe] = append(needs[s.Probe], s.Needs...)
	}
	var found []NeedsError
	report := func(probe, need, message string) {
		same := func(p NeedsError) bool { return p.Probe == probe && p.Need == need }
		if !slices.ContainsFunc(found, same) {
			found = append(found, NeedsError{probe, need, message})
		}
	}
	for _, s := range specs {
		for _, need := range s.Needs {
			_, exists := needs[need]
			switch {
			case need == s.Probe:
				report(s.Probe, need, "a probe cannot need itself")
			case !exists:
				report(s.Probe, need, "there is no probe of that name; there are "+some(slices.Sorted(maps.Keys(needs))))
			case !known[Key{need, s.Node}] && !known[Key{Probe: need}]:
				report(s.Probe, need, "it runs neither on node "+s.Node+" nor under the public name; let it run on one of them")
			}
			if way := wayBack(needs, need, s.Probe, map[string]bool{}); need != s.Probe && way != nil {
				report(s.Probe, need, "that is a circle: "+strings.Join(append([]string{s.Probe}, way...), " needs "))
			}
		}
	}
	return found
}

// some lists the first of several names.
func some(names []string) string {
	const most = 20
	if more := len(names) - most; more > 0 {
		names = append(names[:most], fmt.Sprintf("%d more", more))
	}
	return strings.Join(names, ", ")
}

// wayBack returns the probes from one to another along what they need, both
// included; nil if there is no way.
func wayBack(needs map[string][]string, from, to string, seen map[string]bool) []string {
	if from == to {
		return []string{to}
	}
	if seen[from] {
		return nil
	}
	seen[from] = true
	for _, next := range needs[from] {
		if rest := wayBack(needs, next, to, seen); rest != nil {
			return append([]string{from}, rest...)
		}
	}
	return nil
}

// link finds the families and peers of all entries. It needs mu. What
// CheckNeeds complains of is left out.
func (s *State) link() {
	for _, e := range s.order {
		e.family = family{}
	}
	for _, e := range s.order {
		s.climb(e, map[*entry]bool{e: true}, &e.ancestors)
		for _, a := range e.ancestors {
			a.children = append(a.children, e)
		}
	}
	s.linkPeers()
}

func (s *State) climb(e *entry, seen map[*entry]bool, found *[]*entry) {
	for _, need := range e.Needs {
		p := s.entries[Key{need, e.Node}]
		if p == nil {
			p = s.entries[Key{Probe: need}]
		}
		if p == nil || seen[p] {
			continue
		}
		seen[p] = true
		s.climb(p, seen, found)
		*found = append(*found, p)
	}
}

// counts tells whether any answer can depend on the entry.
func (e *entry) counts() bool { return e.Gates || len(e.children) > 0 }

// parent returns the first cause among those above the entry that fail, nil if
// none does.
func (e *entry) parent(now time.Time, o Options) *entry {
	for _, a := range e.ancestors {
		if a.judge(now, o).fails() {
			return a
		}
	}
	return nil
}

// excuse gives entries a grace of one run if nothing above them fails any more:
// their failures may be those of what they need, and only a run that begins
// from now on can tell.
func (s *State) excuse(entries []*entry, now time.Time) {
	for _, e := range entries {
		if e.parent(now, s.rules) == nil {
			e.excused = now
		}
	}
}

// isExcused tells whether that grace holds. It is for failures alone, and ends
// without a run when the entry is overdue, or inconclusive for too long.
func (e *entry) isExcused(j judgement, now time.Time, o Options) bool {
	return !e.excused.IsZero() && j.fails() && now.Before(e.excusedUntil(o))
}

func (e *entry) excusedUntil(o Options) time.Time {
	due := e.excused.Add(staleAfter * e.Every)
	limit := e.excused.Add(max(o.UnknownMax, staleAfter*e.Every))
	if fresh := e.freshUntil(o); fresh.After(due) {
		due = fresh
	}
	if due.After(limit) {
		return limit
	}
	return due
}

// judgeAgain lets the first conclusive run after an outage of what the entry
// needs decide: what was counted before may have been the outage.
func (e *entry) judgeAgain(r *probes.Result) {
	if e.excused.IsZero() || (!r.Start.IsZero() && r.Start.Before(e.excused)) {
		return
	}
	e.excused = time.Time{}
	e.failRow = 0
	if e.settled == probes.Fail && r.Outcome.OK() {
		e.settled = probes.Unknown // nothing to damp from, see settle
	}
}
