package schedule

import (
	"context"
	"fmt"
	"log/slog"
	"runtime"
	"runtime/debug"
	"time"

	"github.com/idp-exporter/idp_exporter/probes"
)

// run is one run of a job, waiting for a slot or going on. Scheduler.mu guards
// it, except result and err, which are read after done is closed.
type run struct {
	job *job
	// due is when it should have started; scheduled tells it from one on demand.
	due       time.Time
	scheduled bool
	started   bool
	suspect   bool // takes a slot of those for suspects
	// giveUp is when it is abandoned; abandoned tells that it was, dropped
	// that Set removed or changed its job.
	giveUp             time.Time
	abandoned, dropped bool
	cancel             context.CancelFunc

	resolved bool
	done     chan struct{}
	result   probes.Result
	err      error
}

func (r *run) resolve(res probes.Result, err error) {
	if r.resolved {
		return
	}
	r.resolved, r.result, r.err = true, res, err
	close(r.done)
}

// Perform runs the probe of a job once, under its timeout. A probe that panics
// gives a failed result. Scheduled runs, runs on demand and one-shot runs all
// go through it. A nil log discards the stack trace of a crash.
func Perform(ctx context.Context, j Job, log *slog.Logger) probes.Result {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	ctx, cancel := context.WithTimeout(ctx, j.Timeout)
	defer cancel()
	begin := time.Now()
	res := guarded(ctx, j, log)
	if res.Start.IsZero() {
		res.Start = begin
	}
	if res.Duration == 0 {
		res.Duration = time.Since(begin)
	}
	return res
}

// guarded turns a crash of the probe into a result. What a probe panics with
// may hold a secret, so only its type is told; a stack trace shows no contents.
func guarded(ctx context.Context, j Job, log *slog.Logger) (res probes.Result) {
	returned := false
	defer func() {
		if returned {
			return
		}
		what := "runtime.Goexit"
		if p := recover(); p != nil {
			what = fmt.Sprintf("%T", p)
			if err, ok := p.(runtime.Error); ok {
				what = err.Error()
			}
		}
		log.Error("probe crashed", "probe", j.Key.Probe, "node", j.Key.Node, "panic", what, "stack", string(debug.Stack()))
		res = crashed()
	}()
	res = j.Probe.Run(ctx)
	returned = true
	return res
}

func crashed() probes.Result {
	return probes.Result{
		Outcome: probes.Fail, Reason: probes.ReasonInternal,
		Detail: "the probe crashed: please report the stack trace in the log",
	}
}

// overtime is the result of a run that did not return.
func overtime(j *job, began, now time.Time) probes.Result {
	return probes.Result{
		Outcome: probes.Fail, Reason: probes.ReasonTimeout, Start: began, Duration: now.Sub(began),
		Detail: fmt.Sprintf("the probe has not returned %v after its timeout of %v", now.Sub(began)-j.Timeout, j.Timeout),
	}
}
