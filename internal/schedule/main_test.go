package schedule

import (
	"context"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/idp-exporter/idp_exporter/internal/state"
	"github.com/idp-exporter/idp_exporter/probes"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// ledger keeps what a scheduler reports.
type ledger struct {
	mu      sync.Mutex
	results map[string][]probes.Result
	skips   map[string][]probes.SkipCause
	lags    []time.Duration
}

func (l *ledger) options(max int) Options {
	l.results, l.skips = map[string][]probes.Result{}, map[string][]probes.SkipCause{}
	return Options{
		MaxConcurrent: max,
		Record: func(k state.Key, r probes.Result) {
			l.mu.Lock()
			defer l.mu.Unlock()
			l.results[k.Probe] = append(l.results[k.Probe], r)
		},
		Skip: func(k state.Key, c probes.SkipCause, _ time.Time) {
			l.mu.Lock()
			defer l.mu.Unlock()
			l.skips[k.Probe] = append(l.skips[k.Probe], c)
		},
		Lag: func(d time.Duration) {
			l.mu.Lock()
			defer l.mu.Unlock()
			l.lags = append(l.lags, d)
		},
	}
}

func (l *ledger) count(name string) (runs, skips int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.results[name]), len(l.skips[name])
}

// jobs counts the jobs that have results.
func (l *ledger) jobs() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.results)
}

func (l *ledger) last(name string) probes.Result {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.results[name][len(l.results[name])-1]
}

// start runs s until the returned function is called, which gives Run's error.
func start(s *Scheduler) (stop func() error) {
	ctx, cancel := context.WithCancel(context.Background())
	errs := make(chan error, 1)
	go func() { errs <- s.Run(ctx) }()
	return func() error {
		cancel()
		return <-errs
	}
}

func work(name string, every time.Duration, f probes.Func) Job {
	return Job{Key: state.Key{Probe: name}, Every: every, Timeout: every / 2, Probe: f, Fingerprint: name}
}

func passing(context.Context) probes.Result { return probes.Result{Outcome: probes.Pass} }

// taking passes after d, or times out.
func taking(d time.Duration) probes.Func {
	return func(ctx context.Context) probes.Result {
		select {
		case <-time.After(d):
			return probes.Result{Outcome: probes.Pass}
		case <-ctx.Done():
			return probes.Result{Outcome: probes.Fail, Reason: probes.ReasonTimeout}
		}
	}
}

// hanging waits for its context to end.
func hanging(ctx context.Context) probes.Result {
	<-ctx.Done()
	return probes.Result{Outcome: probes.Fail, Reason: probes.ReasonTimeout}
}
