package schedule

import (
	"sync/atomic"
	"time"
)

// Pulse is the longest time between two turns of the loop that starts runs.
const Pulse = 5 * time.Second

// heartbeat notes when the loop came round last. It takes no lock, so that it
// can be read when one is never let go.
type heartbeat struct {
	born time.Time
	last *atomic.Int64 // nanoseconds since born by the monotonic clock; 0 before the first beat
}

func newHeartbeat() heartbeat { return heartbeat{born: time.Now(), last: new(atomic.Int64)} }

func (h heartbeat) beat() { h.last.Store(max(1, int64(time.Since(h.born)))) }

// Beat returns when the loop that starts runs last came round, which it does
// every Pulse at least; the zero time before Run. It never blocks: a beat that
// is much older than Pulse says that the loop is stuck.
func (s *Scheduler) Beat() time.Time {
	n := s.life.last.Load()
	if n == 0 {
		return time.Time{}
	}
	return s.life.born.Add(time.Duration(n))
}

// Overdue counts the runs that have not returned more than by after their
// timeout, those of jobs that Set has dropped since included. Their probes
// ignore the end of their context; nothing but a restart ends them.
func (s *Scheduler) Overdue(by time.Duration) int {
	now := time.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	n := 0
	for r := range s.going {
		if now.Sub(r.giveUp.Add(-s.opts.Grace)) > by {
			n++
		}
	}
	return n
}
