package schedule

import (
	"context"
	"time"

	"github.com/idp-exporter/idp_exporter/internal/state"
	"github.com/idp-exporter/idp_exporter/probes"
)

// todo is what a turn leaves to be done without mu.
type todo struct {
	skipped   []skipped
	abandoned []*run
}

type skipped struct {
	key       state.Key
	cause     probes.SkipCause
	notBefore time.Time
}

// advance does what is due for j. It needs mu.
func (s *Scheduler) advance(j *job, now time.Time, t *todo) {
	if r := j.run; r != nil && r.started && !r.abandoned && !r.giveUp.After(now) {
		r.abandoned = true
		s.abandoned++
		s.release(r) // a run that never ends must not use up a slot for good
		j.suspect = true
		t.abandoned = append(t.abandoned, r)
	}
	if !j.extra.IsZero() && !j.extra.After(now) {
		due := j.extra
		j.extra = time.Time{}
		s.start(j, due, now, t)
		// What has just run need not run again at once.
		if j.due.Sub(now) < j.Every/2 {
			j.due = later(j.due, now.Add(j.Every/2), j.Every)
		}
	}
	if !j.due.After(now) {
		due := j.due
		j.due = later(due, now, j.Every)
		s.start(j, due, now, t)
	}
}

// start makes a due run ready, or skips it. It needs mu.
func (s *Scheduler) start(j *job, due, now time.Time, t *todo) {
	switch {
	case j.run != nil:
		t.skipped = append(t.skipped, skipped{key: j.Key, cause: probes.SkipOverrun})
	case now.Before(j.notBefore) && !j.selfPaced():
		j.extra = j.notBefore
		t.skipped = append(t.skipped, skipped{j.Key, probes.SkipBackoff, j.notBefore})
	default:
		j.extra = time.Time{}
		if now.Before(j.notBefore) {
			j.extra = j.notBefore // the probe is likely to skip this one
		}
		s.enqueue(j, due, true)
	}
}

func (s *Scheduler) enqueue(j *job, due time.Time, scheduled bool) *run {
	r := &run{job: j, due: due, scheduled: scheduled, suspect: j.suspect, done: make(chan struct{})}
	j.run = r
	s.ready.push(r)
	return r
}

// do reports, without mu, what a turn decided.
func (s *Scheduler) do(t todo) {
	for _, k := range t.skipped {
		s.opts.Skip(k.key, k.cause, k.notBefore)
	}
	for _, r := range t.abandoned {
		s.abandon(r)
	}
}

// abandon records the failure of a run that does not return.
func (s *Scheduler) abandon(r *run) {
	j := r.job
	now := time.Now()
	res := overtime(j, r.giveUp.Add(-j.Timeout-s.opts.Grace), now)
	s.opts.Logger.Error("probe does not return", "probe", j.Key.Probe, "node", j.Key.Node, "timeout", j.Timeout)
	s.applying.RLock()
	defer s.applying.RUnlock()
	s.mu.Lock()
	dropped := r.dropped
	s.mu.Unlock()
	if !dropped {
		s.opts.Record(j.Key, res)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	r.resolve(res, nil)
}

// dispatch starts ready runs while there are slots. It needs mu.
func (s *Scheduler) dispatch() {
	if s.ctx == nil || s.ctx.Err() != nil {
		return
	}
	for s.slots < s.opts.MaxConcurrent {
		r := s.ready.pop(s.suspects < max(1, s.opts.MaxConcurrent/2))
		if r == nil {
			return
		}
		s.launch(r)
	}
}

// launch starts the goroutine of a run. It needs mu.
func (s *Scheduler) launch(r *run) {
	j := r.job
	r.started = true
	r.giveUp = time.Now().Add(j.Timeout + s.opts.Grace)
	s.slots++
	s.live++
	s.going[r] = struct{}{}
	if r.suspect {
		s.suspects++
	}
	s.heap.fix(j)
	s.begin(r)
}

// execute is the goroutine of a run, below the context of Run: a run outlives
// who asked for it.
func (s *Scheduler) execute(ctx context.Context, r *run) {
	defer r.cancel()
	if r.scheduled {
		s.opts.Lag(max(0, time.Since(r.due)))
	}
	// Deferred, and with a result at hand, for a probe that ends its goroutine.
	res := crashed()
	res.Start = time.Now()
	defer func() { s.finish(ctx, r, res) }()
	res = Perform(ctx, r.job.Job, s.opts.Logger)
}

// release frees the slot of a run. It needs mu.
func (s *Scheduler) release(r *run) {
	s.slots--
	if r.suspect {
		s.suspects--
	}
}

// finish takes the result of a run that returned, records it unless the run
// was canceled or abandoned, and lets the next one start.
func (s *Scheduler) finish(ctx context.Context, r *run, res probes.Result) {
	j := r.job
	s.applying.RLock()
	s.mu.Lock()
	now := time.Now()
	var err error
	switch {
	case r.dropped:
		err = ErrDropped
	case ctx.Err() != nil:
		err = ErrStopped
	}
	late := r.abandoned
	if err == nil && !late {
		most := s.opts.MaxBackoff
		if res.Skipped == "" && res.Outcome == probes.Unknown {
			most = min(most, s.opts.MaxUnknownBackoff())
		}
		if limit := now.Add(most); res.NotBefore.After(limit) {
			res.NotBefore = limit
		}
		j.notBefore = time.Time{}
		if !res.NotBefore.IsZero() {
			until := now.Add(res.NotBefore.Sub(now)) // from here on by the monotonic clock
			if res.Skipped == probes.SkipBudget {
				// Its turn within a shared budget, which is kept for it; the rhythm
				// moves there, so that those who share it get out of each other's way.
				j.due = until
			} else {
				j.notBefore = until
			}
		}
		j.suspect = res.Outcome == probes.Fail && res.Reason == probes.ReasonTimeout || res.Duration >= j.Timeout
	}
	s.mu.Unlock()

	if late {
		s.opts.Logger.Warn("abandoned probe has returned", "probe", j.Key.Probe, "node", j.Key.Node, "took", res.Duration)
	} else if err == nil {
		// Before the job is free for its next run, so that results keep their order.
		s.opts.Record(j.Key, res)
	}
	s.applying.RUnlock()

	s.mu.Lock()
	defer s.mu.Unlock()
	r.resolve(res, err)
	if !r.abandoned {
		s.release(r)
	}
	j.run = nil
	if !r.dropped {
		s.heap.fix(j)
	}
	s.dispatch()
	s.live--
	delete(s.going, r)
	if s.stopped && s.live == 0 {
		close(s.idle)
	}
	s.look()
}
