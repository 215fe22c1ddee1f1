package login

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/idp-exporter/idp_exporter/internal/schedule"
	"github.com/idp-exporter/idp_exporter/internal/state"
	"github.com/idp-exporter/idp_exporter/probes"
)

// journal notes when logins started.
type journal struct {
	mu     sync.Mutex
	starts map[string][]time.Time
	skips  map[string]int
}

func newJournal() *journal {
	return &journal{starts: map[string][]time.Time{}, skips: map[string]int{}}
}

// user returns a probe that takes its turn, and the time that a login takes.
func (j *journal) user(a *Accounts, k accountKey, name string, b Budget) probes.Func {
	return func(ctx context.Context) probes.Result {
		if err := a.turn(ctx, k, name, b); err != nil {
			j.mu.Lock()
			defer j.mu.Unlock()
			j.skips[name]++
			return err.result(time.Now())
		}
		j.mu.Lock()
		j.starts[name] = append(j.starts[name], time.Now())
		j.mu.Unlock()
		time.Sleep(400 * time.Millisecond)
		return probes.Result{Outcome: probes.Pass}
	}
}

// check sees to it that all logins kept the budget, and returns their number.
func (j *journal) check(t *testing.T, b Budget) int {
	t.Helper()
	j.mu.Lock()
	defer j.mu.Unlock()
	var all []time.Time
	for _, s := range j.starts {
		all = append(all, s...)
	}
	slices.SortFunc(all, time.Time.Compare)
	for i := range all {
		if i > 0 {
			require.GreaterOrEqual(t, all[i].Sub(all[i-1]), b.gap(), "login %d", i)
		}
		if i >= b.PerMinute {
			require.GreaterOrEqual(t, all[i].Sub(all[i-b.PerMinute]), time.Minute, "login %d", i)
		}
	}
	return len(all)
}

// even sees to it that no user starves: the runs of any two differ little.
func (j *journal) even(t *testing.T, users int) {
	t.Helper()
	j.mu.Lock()
	defer j.mu.Unlock()
	require.Len(t, j.starts, users)
	least, most := 1<<30, 0
	for _, s := range j.starts {
		least, most = min(least, len(s)), max(most, len(s))
	}
	require.LessOrEqual(t, most-least, 2, "least %d, most %d", least, most)
}

func sleep(ctx context.Context, d time.Duration) {
	select {
	case <-time.After(d):
	case <-ctx.Done():
	}
}

// comeBack runs a probe at its due times, and after a skipped run when it is
// its turn.
func comeBack(ctx context.Context, p probes.Func, phase, every, timeout time.Duration) {
	begin := time.Now()
	for due := begin.Add(phase); ; {
		if sleep(ctx, time.Until(due)); ctx.Err() != nil {
			return
		}
		limited, cancel := context.WithTimeout(ctx, timeout)
		r := p(limited)
		cancel()
		if r.Skipped != "" {
			due = r.NotBefore
			continue
		}
		due = begin.Add(phase + (time.Since(begin)-phase)/every*every + every)
	}
}

// Nine nodes, one account: all take turns, within the budget, whatever their
// due times are.
func TestNodesTakeTurns(t *testing.T) {
	t.Parallel()
	b := Budget{PerMinute: 10}
	for name, c := range map[string]struct {
		phase func(int) time.Duration
		every time.Duration
		hours int
		least int // logins an hour in all
	}{
		"at once":     {func(int) time.Duration { return 0 }, time.Minute, 2, 9 * 59},
		"spread":      {func(n int) time.Duration { return time.Duration(n) * 6 * time.Second }, time.Minute, 2, 9 * 59},
		"by chance":   {func(n int) time.Duration { return time.Duration(n*n*7919%60_000) * time.Millisecond }, time.Minute, 2, 9 * 59},
		"close":       {func(n int) time.Duration { return time.Duration(n) * 10 * time.Millisecond }, time.Minute, 2, 9 * 59},
		"overload":    {func(n int) time.Duration { return time.Duration(n) * 3 * time.Second }, 30 * time.Second, 2, 599},
		"overload, 5": {func(int) time.Duration { return 0 }, 5 * time.Second, 2, 599},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				a, j := NewAccounts(), newJournal()
				k := a.key("account")
				ctx, cancel := context.WithTimeout(t.Context(), time.Duration(c.hours)*time.Hour)
				defer cancel()
				var all sync.WaitGroup
				for n := range 9 {
					p := j.user(a, k, fmt.Sprint("n", n), b)
					all.Go(func() { comeBack(ctx, p, c.phase(n), c.every, min(30*time.Second, c.every)) })
				}
				all.Wait()
				require.GreaterOrEqual(t, j.check(t, b), c.hours*c.least-10)
				j.even(t, 9)
			})
		})
	}
}

// The same through the scheduler of the exporter, and no result goes stale for it.
func TestScheduledNodesTakeTurns(t *testing.T) {
	t.Parallel()
	b := Budget{PerMinute: 10}
	for name := range 20 {
		t.Run(fmt.Sprint(name), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				a, j := NewAccounts(), newJournal()
				k := a.key("account")
				results := state.New(state.Options{})
				s := schedule.New(schedule.Options{Record: results.Record, Skip: results.Skip})
				var jobs []schedule.Job
				var specs []state.Spec
				for n := range 9 {
					node := fmt.Sprint("n", n)
					jobs = append(jobs, schedule.Job{
						Key: state.Key{Probe: fmt.Sprint("login-", name), Node: node}, Every: time.Minute, Timeout: 30 * time.Second,
						Probe: j.user(a, k, node, b), RunAtStart: true,
					})
					specs = append(specs, state.Spec{Key: jobs[n].Key, Gates: true, Every: time.Minute})
				}
				require.NoError(t, s.Set(jobs, func([]state.Key) { results.Configure(specs, state.Options{}) }))
				const hours = 2
				ctx, cancel := context.WithTimeout(t.Context(), hours*time.Hour)
				defer cancel()
				var watch sync.WaitGroup
				watch.Go(func() {
					for sleep(ctx, 59*time.Second); ctx.Err() == nil; sleep(ctx, time.Second) {
						for _, e := range results.Snapshot() {
							if e.Stale || e.Verdict != probes.Pass {
								t.Error(time.Now(), e.Why)
								return
							}
						}
					}
				})
				require.NoError(t, s.Run(ctx))
				watch.Wait()
				total := j.check(t, b)
				require.GreaterOrEqual(t, total, 9*60*hours-20)
				j.even(t, 9)
			})
		})
	}
}
