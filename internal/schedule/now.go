package schedule

import (
	"context"
	"fmt"
	"time"

	"github.com/idp-exporter/idp_exporter/internal/state"
	"github.com/idp-exporter/idp_exporter/probes"
)

// RunNow runs a job on demand and returns its result, which is recorded as any
// other. A run that is going on or waiting for a slot is joined, so callers at
// the same time share one. The run goes on when ctx ends, within its own
// timeout; RunNow then returns the context's error. While the job backs off, or
// an abandoned run of it has not returned, the result is marked Skipped.
//
// Errors are ErrUnknownJob, ErrDropped, ErrStopped and the context's.
func (s *Scheduler) RunNow(ctx context.Context, k state.Key) (probes.Result, error) {
	r, res, err := s.demand(k)
	if r == nil {
		return res, err
	}
	select {
	case <-r.done:
		return r.result, r.err
	case <-ctx.Done():
		return probes.Result{}, fmt.Errorf("waiting for the run of %v: %w", k, ctx.Err())
	}
}

// demand finds or makes the run to wait for. Without one it returns what to answer.
func (s *Scheduler) demand(k state.Key) (*run, probes.Result, error) {
	// During Set a job that changes is neither the old nor the new one.
	s.applying.RLock()
	defer s.applying.RUnlock()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stopped {
		return nil, probes.Result{}, ErrStopped
	}
	j := s.jobs[k]
	if j == nil {
		return nil, probes.Result{}, ErrUnknownJob
	}
	now := time.Now()
	switch {
	case j.run != nil && j.run.abandoned:
		return nil, probes.Result{Skipped: probes.SkipOverrun, Detail: "the previous run has not returned yet"}, nil
	case j.run != nil:
		return j.run, probes.Result{}, nil
	case now.Before(j.notBefore) && !j.selfPaced():
		return nil, probes.Result{
			Skipped: probes.SkipBackoff, NotBefore: j.notBefore,
			Detail: "backing off until " + j.notBefore.UTC().Format(time.RFC3339),
		}, nil
	}
	r := s.enqueue(j, now, false)
	s.dispatch()
	s.look()
	return r, probes.Result{}, nil
}
