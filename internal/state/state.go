package state

import (
	"cmp"
	"iter"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/idp-exporter/idp_exporter/probes"
)

// Defaults of Options and Spec.
const (
	DefaultUnknownMax = 15 * time.Minute
	DefaultFailAfter  = 2
	DefaultPassAfter  = 1
)

// staleAfter is how many intervals may pass without a run.
const staleAfter = 3

// Options are the rules that hold for all entries.
type Options struct {
	// UnknownMax is how long inconclusive runs hold the last verdict, and how
	// far a back-off may extend freshness; 0 means DefaultUnknownMax.
	UnknownMax time.Duration
	// StartOpen lets an entry without any conclusive run count as a warning
	// instead of a failure, until its runs are overdue.
	StartOpen bool
	// Providers are the rules of providers for their nodes; one that is not
	// listed has DefaultGroup.
	Providers map[string]Group
	// ClockLimit is how far the clocks of nodes may differ before that is a
	// disagreement; 0 means DefaultClockLimit.
	ClockLimit time.Duration
	// Suppressor knows drains and maintenance windows; nil knows none. Only New
	// reads it.
	Suppressor Suppressor
	// Now is the clock, time.Now if nil. Only New reads it.
	Now func() time.Time
}

func (o Options) withDefaults() Options {
	if o.UnknownMax <= 0 {
		o.UnknownMax = DefaultUnknownMax
	}
	if o.ClockLimit <= 0 {
		o.ClockLimit = DefaultClockLimit
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	return o
}

// Observer is told of each run after it was recorded.
type Observer func(Key, Spec, probes.Result)

// State holds one entry per probe and node. Its methods may be called from
// any goroutine.
type State struct {
	now        func() time.Time
	suppressor Suppressor

	mu        sync.RWMutex
	rules     Options
	entries   map[Key]*entry
	order     []*entry // by probe, then node
	peers     []*peers // by probe
	observers []Observer
	// configured tells that the start is over: what Configure adds from then on
	// comes with a reload.
	configured bool

	// cached holds the answers to the usual questions, nil after a change. It is
	// replaced only by holders of mu.
	cached atomic.Pointer[answers]
}

// New returns a State without entries: its verdict fails until Configure.
func New(o Options) *State {
	o = o.withDefaults()
	return &State{now: o.Now, suppressor: o.Suppressor, rules: o, entries: map[Key]*entry{}}
}

// Configure sets the entries and rules, at the start and at every reload.
// Entries whose key stays keep what they know under their new Spec; a probe
// that has become a different check is to be given to Forget as well. Entries
// that are not listed vanish. Of specs with the same key the first counts.
// Entries that a reload adds count as a warning until their first conclusive
// run: a new probe is no reason to call sign-in broken.
func (s *State) Configure(specs []Spec, o Options) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.now()
	var waiting []*entry
	for _, e := range s.order {
		e.fold(now, s.rules) // by the old rules: longer limits must not revive a verdict
		if e.parent(now, s.rules) != nil {
			waiting = append(waiting, e)
		}
	}
	s.rules = o.withDefaults()
	entries := make(map[Key]*entry, len(specs))
	order := make([]*entry, 0, len(specs))
	for _, spec := range specs {
		if entries[spec.Key] != nil {
			continue
		}
		e := s.entries[spec.Key]
		if e == nil {
			e = &entry{added: now, grace: s.configured}
		}
		e.Spec = spec.withDefaults()
		e.settle(now, false)
		entries[spec.Key] = e
		order = append(order, e)
	}
	slices.SortFunc(order, func(a, b *entry) int { return a.compare(b.Key) })
	s.entries, s.order, s.configured = entries, order, true
	s.link()
	s.excuse(waiting, now)
	s.cached.Store(nil)
}

// Forget drops all that is known of the keys, counts included: their checks
// have changed, and what the old ones found says nothing about the new. Those
// that passed count as a warning until their first conclusive run; those that
// failed go on failing until then.
func (s *State) Forget(keys ...Key) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.now()
	for _, k := range keys {
		e := s.entries[k]
		if e == nil {
			continue
		}
		waiting := slices.DeleteFunc(slices.Clone(e.children), func(c *entry) bool { return c.parent(now, s.rules) == nil })
		*e = entry{
			Entry: Entry{Spec: e.Spec}, family: e.family,
			added: now, grace: e.judge(now, s.rules).verdict.OK(),
		}
		s.excuse(waiting, now)
	}
	s.cached.Store(nil)
}

// Observe registers f to be called after each recorded run, in the goroutine
// that records it. Skipped runs are not reported. Observers are registered
// before the first run.
func (s *State) Observe(f Observer) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.observers = append(s.observers, f)
}

// Record takes in the result of a run. A result marked Skipped only counts as
// such. Results for keys that are not configured are dropped.
func (s *State) Record(k Key, r probes.Result) {
	if r.Skipped != "" {
		s.Skip(k, r.Skipped, r.NotBefore)
		return
	}
	s.mu.Lock()
	e := s.entries[k]
	if e == nil {
		s.mu.Unlock()
		return
	}
	now := s.now()
	before := e.fold(now, s.rules)
	e.record(&r, now)
	after := e.judge(now, s.rules)
	if before.fails() && !after.fails() {
		s.excuse(e.children, now)
	}
	s.changed(e, before, after)
	spec, observers := e.Spec, s.observers
	s.mu.Unlock()
	for _, f := range observers {
		f(k, spec, r)
	}
}

// Skip counts a due run that did not take place. A notBefore that is not zero
// tells when a back-off ends.
func (s *State) Skip(k Key, cause probes.SkipCause, notBefore time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	e := s.entries[k]
	if e == nil {
		return
	}
	now := s.now()
	before := e.fold(now, s.rules)
	e.skip(cause, notBefore, now)
	s.changed(e, before, e.judge(now, s.rules))
}

// changed drops the cached answers unless the entry passes as it did before,
// will do so for at least as long as they stand, and agrees with its peers as
// it did.
func (s *State) changed(e *entry, before, after judgement) {
	c := s.cached.Load()
	if c == nil {
		return
	}
	passes := before.verdict == probes.Pass && after.verdict == probes.Pass && !earlier(after.until, c.until)
	if (passes || !e.counts()) && s.agreesAsBefore(e, c) {
		return
	}
	s.cached.Store(nil)
}

// Entry returns a snapshot of one entry.
func (s *State) Entry(k Key) (Entry, bool) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	e := s.entries[k]
	if e == nil {
		return Entry{}, false
	}
	return s.view(e, s.now()), true
}

// Snapshot returns all entries as they stand at one moment, sorted by probe
// and node. The maps and results in it are shared and must not be changed.
func (s *State) Snapshot() []Entry {
	var all []Entry
	for n, e := range s.each() {
		if all == nil {
			all = make([]Entry, 0, n)
		}
		all = append(all, *e)
	}
	return all
}

// All goes through what Snapshot returns without a copy of it, which with
// thousands of entries takes megabytes. What is yielded holds until the next; the
// body of the loop must not call the State.
func (s *State) All() iter.Seq[*Entry] {
	return func(yield func(*Entry) bool) {
		for _, e := range s.each() {
			if !yield(e) {
				return
			}
		}
	}
}

// each yields the number of all entries with each of them.
func (s *State) each() iter.Seq2[int, *Entry] {
	return func(yield func(int, *Entry) bool) {
		s.mu.RLock()
		defer s.mu.RUnlock()
		now := s.now()
		var v Entry
		for _, e := range s.order {
			if v = s.view(e, now); !yield(len(s.order), &v) {
				return
			}
		}
	}
}

func (k Key) compare(o Key) int {
	return cmp.Or(cmp.Compare(k.Probe, o.Probe), cmp.Compare(k.Node, o.Node))
}

// String names the key for people, such as "login on node n2".
func (k Key) String() string {
	if k.Node == "" {
		return k.Probe
	}
	return k.Probe + " on node " + k.Node
}

func (s Spec) withDefaults() Spec {
	if s.FailAfter < 1 {
		s.FailAfter = DefaultFailAfter
	}
	if s.PassAfter < 1 {
		s.PassAfter = DefaultPassAfter
	}
	return s
}
