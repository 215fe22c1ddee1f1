package state

import (
	"time"

	"github.com/idp-exporter/idp_exporter/probes"
)

// Why an entry raises no alarm of its own.
const (
	SuppressedMaintenance = "maintenance" // a maintenance window is open
	SuppressedDrained     = "drained"     // its node was taken out of its load balancer
	SuppressedParent      = "parent"      // a probe that it needs fails, or did until just now
)

// Suppressor knows drains and maintenance windows. Its methods may be called
// from any goroutine, must be quick, and must not call back into the State.
type Suppressor interface {
	// Suppressed tells whether a probe on a node is not to count at a time,
	// why (SuppressedMaintenance or SuppressedDrained), and until when; zero
	// for no end in sight. The public name is node "".
	Suppressed(probe, node string, at time.Time) (cause string, until time.Time, suppressed bool)
	// Drained tells whether a node is drained at a time, whatever windows are
	// open as well, and until when. Node "" is the exporter's own answer.
	Drained(node string, at time.Time) (until time.Time, drained bool)
	// NextChange is the time after at until which the answers stay the same if
	// nobody changes anything; zero for never.
	NextChange(at time.Time) time.Time
}

// SuppressionChanged tells the State that drains or windows were added, ended
// or read anew. The next answer takes that into account.
func (s *State) SuppressionChanged() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.cached.Store(nil)
}

// standing is an entry at one moment with all that bears on it.
type standing struct {
	*entry
	judgement
	now time.Time
	// outside is the cause, if any, that the Suppressor gave, and end its end.
	outside string
	end     time.Time
	// parent is the probe above it that fails, nil if none; excused tells that
	// it failed until just now.
	parent  *entry
	excused bool
	// suppressed is the cause that is shown.
	suppressed string
}

// stand needs mu.
func (s *State) stand(e *entry, now time.Time) standing {
	st := standing{entry: e, judgement: e.judge(now, s.rules), now: now}
	st.parent = e.parent(now, s.rules)
	st.excused = st.parent == nil && e.isExcused(st.judgement, now, s.rules)
	st.outside, st.end = s.suppression(e.Key, now)
	switch {
	case st.outside != "":
		st.suppressed = st.outside
	case st.parent != nil || st.excused:
		st.suppressed = SuppressedParent
	}
	return st
}

// suppression asks the Suppressor. A drain goes before a window, since it alone
// concerns the load balancer.
func (s *State) suppression(k Key, now time.Time) (string, time.Time) {
	if s.suppressor == nil {
		return "", time.Time{}
	}
	cause, until, ok := s.suppressor.Suppressed(k.Probe, k.Node, now)
	if !ok {
		return "", time.Time{}
	}
	if end, drained := s.suppressor.Drained(k.Node, now); drained {
		return SuppressedDrained, end
	}
	if cause == SuppressedDrained {
		return cause, until
	}
	return SuppressedMaintenance, until
}

// drained asks the Suppressor.
func (s *State) drained(node string, now time.Time) (time.Time, bool) {
	if s.suppressor == nil {
		return time.Time{}, false
	}
	return s.suppressor.Drained(node, now)
}

// line explains the standing in one line for people.
func (st *standing) line(o Options) string {
	name := st.String() + ": "
	switch {
	case st.outside != "":
		s := name + outsideText(st.outside, st.end, st.now)
		if st.verdict != probes.Pass {
			s += "; " + st.why(st.judgement, o)[len(name):]
		}
		return s
	case st.parent != nil:
		return name + "not judged: it needs " + st.parent.nameFor(st.Node) + ", which fails"
	case st.excused:
		return name + "not judged before its next run: what it needs has only just recovered"
	}
	return st.why(st.judgement, o)
}

// nameFor names the entry to one that runs on a node.
func (e *entry) nameFor(node string) string {
	if e.Node == node {
		return e.Probe
	}
	return e.String()
}

func outsideText(cause string, until, now time.Time) string {
	s := "in maintenance"
	if cause == SuppressedDrained {
		s = "drained"
	}
	if !until.IsZero() {
		s += " until " + clockOn(now, until)
	}
	return s
}
