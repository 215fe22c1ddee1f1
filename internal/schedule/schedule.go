// Package schedule decides when each probe runs, and runs it: scheduled and
// on-demand runs share one way, with one limit on how many go on at a time.
//
// One goroutine owns a heap of due times and one timer. It knows nothing of
// what results mean: they are handed to Options.Record.
package schedule

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/idp-exporter/idp_exporter/internal/state"
	"github.com/idp-exporter/idp_exporter/probes"
)

// Defaults of Options.
const (
	DefaultMaxConcurrent = 1000
	DefaultGrace         = 2 * time.Second
	DefaultMaxBackoff    = 24 * time.Hour
)

// The errors of RunNow and Run.
var (
	// ErrUnknownJob tells that no job has the key.
	ErrUnknownJob = errors.New("no such probe on that node")
	// ErrDropped tells that the run was canceled because its job was removed
	// or changed.
	ErrDropped = errors.New("the probe was removed or changed while it ran")
	// ErrStopped tells that the scheduler has ended.
	ErrStopped = errors.New("the scheduler has stopped")
)

// Job is one probe on one node, to be run at an interval.
type Job struct {
	Key state.Key
	// Every is the interval between due times and Timeout the limit of one
	// run; both are positive.
	Every, Timeout time.Duration
	Probe          probes.Probe
	// RunAtStart makes a first run soon after Set instead of at the first due time.
	RunAtStart bool
	// Fingerprint stands for all that makes the job what it is. A job whose
	// fingerprint stays over Set is left alone; an empty one always changes.
	Fingerprint string
}

// Options configure a Scheduler. Only Record is required.
type Options struct {
	// MaxConcurrent bounds the runs that go on at a time. Jobs whose last run
	// used up its timeout may together take no more than half of it, so that
	// targets that hang leave room for the others. Hanging targets are only
	// known after their first timeout: more of them at once than MaxConcurrent
	// delay the rest until then.
	MaxConcurrent int
	// Grace is how long after its timeout a run may still return. Then it
	// counts as failed, and its job stays busy until it does return.
	Grace time.Duration
	// MaxBackoff bounds how long a result may put off the next run.
	MaxBackoff time.Duration
	// MaxUnknownBackoff returns the same for results that are unknown, such as a
	// 429: nobody is to look away for longer than an unknown result may hold a
	// verdict. Nil means MaxBackoff.
	MaxUnknownBackoff func() time.Duration
	// Record takes the result of each run. It must not call Set.
	Record func(state.Key, probes.Result)
	// Skip is told of each due run that did not take place, with the end of
	// the back-off if that is the cause. It must not call Set.
	Skip func(state.Key, probes.SkipCause, time.Time)
	// Lag is told how late each scheduled run started.
	Lag    func(time.Duration)
	Logger *slog.Logger
}

// Scheduler runs jobs. Its methods may be called from any goroutine.
type Scheduler struct {
	opts Options
	wake chan struct{} // holds one token when the loop has to look again
	life heartbeat

	// applying is held for reading while a result is recorded and for writing
	// during Set, so that after Set no dropped run is recorded. It is taken
	// before mu.
	applying sync.RWMutex

	mu  sync.Mutex
	ctx context.Context // of Run; nil before it
	// begin starts the goroutine of a run; Run sets it.
	begin func(*run)
	jobs  map[state.Key]*job
	heap  jobHeap
	ready queues
	armed time.Time // when the loop looks at the heap next; zero for never
	// slots counts runs that hold a slot, suspects those of them whose job
	// timed out last time; live counts goroutines.
	slots, suspects, live int
	abandoned             uint64
	going                 map[*run]struct{} // the runs whose goroutine has not ended
	stopped               bool
	idle                  chan struct{} // closed when stopped and no run is left
}

// New returns a Scheduler without jobs.
func New(o Options) *Scheduler {
	if o.MaxConcurrent < 1 {
		o.MaxConcurrent = DefaultMaxConcurrent
	}
	if o.Grace <= 0 {
		o.Grace = DefaultGrace
	}
	if o.MaxBackoff <= 0 {
		o.MaxBackoff = DefaultMaxBackoff
	}
	if o.MaxUnknownBackoff == nil {
		o.MaxUnknownBackoff = func() time.Duration { return o.MaxBackoff }
	}
	if o.Record == nil {
		o.Record = func(state.Key, probes.Result) {}
	}
	if o.Skip == nil {
		o.Skip = func(state.Key, probes.SkipCause, time.Time) {}
	}
	if o.Lag == nil {
		o.Lag = func(time.Duration) {}
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	return &Scheduler{opts: o, wake: make(chan struct{}, 1), idle: make(chan struct{}), life: newHeartbeat(), jobs: map[state.Key]*job{}, going: map[*run]struct{}{}}
}

// Run runs the jobs until ctx ends, then cancels the runs that go on and waits
// for them. Canceled runs are not recorded. The error is nil after a clean
// end; it tells of runs that ignored their cancellation for longer than Grace,
// which are left behind. Run may be called once.
func (s *Scheduler) Run(ctx context.Context) error {
	s.mu.Lock()
	if s.ctx != nil {
		s.mu.Unlock()
		return errors.New("the scheduler was already started")
	}
	s.ctx = ctx
	s.begin = func(r *run) {
		ctx, cancel := context.WithCancel(ctx)
		r.cancel = cancel
		go s.execute(ctx, r)
	}
	s.mu.Unlock()

	timer := time.NewTimer(0)
	defer timer.Stop()
	for ctx.Err() == nil {
		s.life.beat()
		wait := Pulse
		if next, ok := s.turn(time.Now()); ok {
			wait = min(wait, time.Until(next))
		}
		timer.Reset(wait)
		select {
		case <-ctx.Done():
		case <-timer.C:
		case <-s.wake:
		}
	}
	return s.shutdown()
}

// turn does all that is due and returns the time of the next thing to do.
func (s *Scheduler) turn(now time.Time) (next time.Time, ok bool) {
	var t todo
	s.mu.Lock()
	for len(s.heap) > 0 && !s.heap[0].next().After(now) {
		j := s.heap[0]
		s.advance(j, now, &t)
		s.heap.fix(j)
	}
	s.dispatch()
	if len(s.heap) > 0 {
		next, ok = s.heap[0].next(), true
	}
	s.armed = next
	s.mu.Unlock()
	s.do(t)
	return next, ok
}

// shutdown waits for the runs, which the end of the context has canceled.
func (s *Scheduler) shutdown() error {
	s.mu.Lock()
	s.stopped = true
	for _, r := range s.ready.drain() {
		r.resolve(probes.Result{}, ErrStopped)
	}
	if s.live == 0 {
		close(s.idle)
	}
	s.mu.Unlock()

	timer := time.NewTimer(s.opts.Grace)
	defer timer.Stop()
	select {
	case <-s.idle:
		return nil
	case <-timer.C:
		s.mu.Lock()
		defer s.mu.Unlock()
		return fmt.Errorf("%d probe runs did not end within %v of their cancellation", s.live, s.opts.Grace)
	}
}

// look makes the loop look at the heap again if it would come too late. It
// needs mu.
func (s *Scheduler) look() {
	if len(s.heap) == 0 || (!s.armed.IsZero() && !s.heap[0].next().Before(s.armed)) {
		return
	}
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// Stats is what a Scheduler is doing.
type Stats struct {
	// Jobs counts jobs, Running their runs that hold a slot, Waiting those
	// that are due but find no slot.
	Jobs, Running, Waiting int
	// Abandoned counts runs that did not return within Grace of their timeout.
	Abandoned uint64
}

// Stats returns what the scheduler is doing.
func (s *Scheduler) Stats() Stats {
	s.mu.Lock()
	defer s.mu.Unlock()
	return Stats{Jobs: len(s.jobs), Running: s.slots, Waiting: s.ready.len(), Abandoned: s.abandoned}
}
