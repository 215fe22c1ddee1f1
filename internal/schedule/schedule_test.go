package schedule

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/idp-exporter/idp_exporter/internal/state"
	"github.com/idp-exporter/idp_exporter/probes"
)

func TestRhythm(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var l ledger
		s := New(l.options(0))
		require.NoError(t, s.Set([]Job{work("a", 10*time.Second, passing), work("b", 7*time.Second, passing)}, nil))
		stop := start(s)
		time.Sleep(70 * time.Second)
		synctest.Wait()
		require.NoError(t, stop())
		for name, every := range map[string]time.Duration{"a": 10 * time.Second, "b": 7 * time.Second} {
			runs := l.results[name]
			require.Len(t, runs, int(70*time.Second/every))
			for i, r := range runs {
				require.Equal(t, phase(state.Key{Probe: name}, every), time.Duration(r.Start.UnixNano()%int64(every)), "run %d of %s is off its phase", i, name)
			}
		}
		for _, lag := range l.lags {
			require.Zero(t, lag)
		}
	})
}

func TestPhaseIsStableSpreadAndOnTheGrid(t *testing.T) {
	t.Parallel()
	const every, n = 10 * time.Second, 10000
	var buckets [20]int
	for i := range n {
		k := state.Key{Probe: fmt.Sprintf("probe-%d", i), Node: fmt.Sprintf("n%d", i%3)}
		p := phase(k, every)
		require.Equal(t, p, phase(k, every))
		require.Zero(t, p%grid)
		require.True(t, p >= 0 && p < every)
		buckets[p*20/every]++
	}
	for i, c := range buckets {
		require.InDelta(t, n/20, c, n/20*0.2, "bucket %d", i)
	}
	require.NotEqual(t, phase(state.Key{Probe: "ab", Node: "c"}, every), phase(state.Key{Probe: "a", Node: "bc"}, every))
}

func TestFirstDue(t *testing.T) {
	t.Parallel()
	k := state.Key{Probe: "p"}
	const every = 30 * time.Second
	base := time.Unix(1_800_000_000, 0)
	for into := time.Duration(0); into < 2*every; into += 777 * time.Millisecond {
		now := base.Add(into)
		due := firstDue(now, k, every)
		require.True(t, due.After(now) && due.Sub(now) <= every)
		require.Equal(t, phase(k, every), time.Duration(due.UnixNano()%int64(every)))
	}
}

func TestLaterCollapsesMissedIntervals(t *testing.T) {
	t.Parallel()
	due := time.Unix(1000, 0)
	for _, c := range []struct{ past, want time.Duration }{
		{0, 10}, {9, 10}, {10, 20}, {11, 20}, {86400, 86410},
	} {
		require.Equal(t, due.Add(c.want*time.Second), later(due, due.Add(c.past*time.Second), 10*time.Second))
	}
}

// A machine that slept finds dues of long ago: one run follows, not many.
func TestMissedDuesCollapse(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var l ledger
		s := New(l.options(0))
		require.NoError(t, s.Set([]Job{work("a", 10*time.Second, passing)}, nil))
		time.Sleep(24 * time.Hour) // not started: as good as asleep
		stop := start(s)
		synctest.Wait()
		runs, skips := l.count("a")
		require.Equal(t, 1, runs)
		require.Zero(t, skips)
		time.Sleep(30 * time.Second)
		synctest.Wait()
		runs, _ = l.count("a")
		require.Equal(t, 4, runs)
		require.NoError(t, stop())
	})
}

func TestOverrunIsSkippedAndCounted(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var l ledger
		s := New(l.options(0))
		running, most := 0, 0
		j := work("slow", 10*time.Second, func(ctx context.Context) probes.Result {
			running++
			most = max(most, running)
			defer func() { running-- }()
			return taking(25 * time.Second)(ctx)
		})
		j.Timeout = time.Minute
		require.NoError(t, s.Set([]Job{j}, nil))
		stop := start(s)
		time.Sleep(100 * time.Second)
		synctest.Wait()
		runs, skips := l.count("slow")
		require.NoError(t, stop())
		require.Equal(t, 1, most, "a run overlapped itself")
		require.Equal(t, 3, runs) // one in three intervals, the last still going on
		require.InDelta(t, 6, skips, 1)
		for _, c := range l.skips["slow"] {
			require.Equal(t, probes.SkipOverrun, c)
		}
	})
}

func TestBackoffIsSkippedCountedAndFollowedByARunAtItsEnd(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var l ledger
		s := New(l.options(0))
		var end time.Time
		require.NoError(t, s.Set([]Job{work("p", 10*time.Second, func(context.Context) probes.Result {
			r := probes.Result{Outcome: probes.Unknown, Reason: probes.ReasonRateLimited, Start: time.Now()}
			if end.IsZero() {
				end = time.Now().Add(33 * time.Second)
				r.NotBefore = end
			}
			return r
		})}, nil))
		stop := start(s)
		time.Sleep(50 * time.Second)
		synctest.Wait()
		require.NoError(t, stop())
		require.Equal(t, []probes.SkipCause{probes.SkipBackoff, probes.SkipBackoff, probes.SkipBackoff}, l.skips["p"])
		require.GreaterOrEqual(t, len(l.results["p"]), 2)
		require.Equal(t, end, l.results["p"][1].Start, "the run after the pause is not made when the pause ends")
	})
}

func TestBackoffIsBounded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var l ledger
		o := l.options(0)
		o.MaxBackoff = time.Hour
		s := New(o)
		require.NoError(t, s.Set([]Job{work("p", time.Minute, func(context.Context) probes.Result {
			return probes.Result{Outcome: probes.Unknown, NotBefore: time.Now().AddDate(100, 0, 0)}
		})}, nil))
		stop := start(s)
		time.Sleep(150 * time.Minute)
		synctest.Wait()
		require.NoError(t, stop())
		require.Len(t, l.results["p"], 3)
		require.LessOrEqual(t, l.results["p"][0].NotBefore.Sub(l.results["p"][0].Start), time.Hour)
	})
	synctest.Test(t, func(t *testing.T) {
		var l ledger
		o := l.options(0)
		o.MaxUnknownBackoff = func() time.Duration { return 5 * time.Minute }
		s := New(o)
		outcome := func(o probes.Outcome) func(context.Context) probes.Result {
			return func(context.Context) probes.Result {
				return probes.Result{Outcome: o, NotBefore: time.Now().Add(time.Hour)}
			}
		}
		require.NoError(t, s.Set([]Job{work("limited", time.Minute, outcome(probes.Unknown)), work("refused", time.Minute, outcome(probes.Fail))}, nil))
		stop := start(s)
		time.Sleep(30 * time.Minute)
		synctest.Wait()
		require.NoError(t, stop())
		require.Greater(t, len(l.results["limited"]), 4, "nobody looks away for longer than an unknown result may hold a verdict")
		require.Len(t, l.results["refused"], 1, "a refused credential is another matter")
	})
}

func TestRunAtStartIsAtOnceAndSpread(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var l ledger
		s := New(l.options(0))
		var jobs []Job
		for i := range 3000 {
			j := work(fmt.Sprint(i), time.Minute, passing)
			j.RunAtStart = true
			jobs = append(jobs, j)
		}
		begin := time.Now()
		require.NoError(t, s.Set(jobs, nil))
		stop := start(s)
		synctest.Wait()
		require.Equal(t, int(startRate*grid/time.Second), l.jobs(), "the first runs are not at once")
		time.Sleep(3 * time.Second)
		synctest.Wait()
		require.Equal(t, 3000, l.jobs())
		time.Sleep(2 * time.Minute)
		synctest.Wait()
		require.NoError(t, stop())
		for name, runs := range l.results {
			require.Less(t, runs[0].Start.Sub(begin), 3*time.Second)
			gap := runs[1].Start.Sub(runs[0].Start)
			require.True(t, gap >= 30*time.Second && gap <= 90*time.Second, "job %s runs again after %v", name, gap)
		}
	})
}

func TestMaxConcurrentHolds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var l ledger
		s := New(l.options(7))
		running, most := make(chan struct{}, 100), 0
		var jobs []Job
		for i := range 50 {
			jobs = append(jobs, work(fmt.Sprint(i), 10*time.Second, func(ctx context.Context) probes.Result {
				running <- struct{}{}
				defer func() { <-running }()
				l.mu.Lock()
				most = max(most, len(running))
				l.mu.Unlock()
				return taking(time.Second)(ctx)
			}))
		}
		require.NoError(t, s.Set(jobs, nil))
		stop := start(s)
		time.Sleep(time.Minute)
		synctest.Wait()
		require.NoError(t, stop())
		require.Equal(t, 7, most)
	})
}

// Five hundred targets hang among a hundred sound ones, with far fewer slots
// than hung targets: once each has used up its first timeout, the sound ones
// start without any delay.
func TestHungTargetsDoNotDelayOthers(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var l ledger
		s := New(l.options(40))
		var jobs []Job
		for i := range 500 {
			jobs = append(jobs, work(fmt.Sprintf("hung-%d", i), 10*time.Second, hanging))
		}
		var lags []time.Duration
		for i := range 100 {
			name := fmt.Sprintf("sound-%d", i)
			jobs = append(jobs, work(name, 10*time.Second, func(ctx context.Context) probes.Result {
				now := time.Now()
				late := now.Sub(firstDue(now.Add(-10*time.Second), state.Key{Probe: name}, 10*time.Second))
				l.mu.Lock()
				lags = append(lags, late%(10*time.Second))
				l.mu.Unlock()
				return taking(100 * time.Millisecond)(ctx)
			}))
		}
		require.NoError(t, s.Set(jobs, nil))
		stop := start(s)
		time.Sleep(2 * time.Minute) // each hung target is found out
		l.mu.Lock()
		lags = nil
		l.mu.Unlock()
		time.Sleep(10 * time.Minute)
		require.LessOrEqual(t, s.Stats().Running, 40)
		require.Positive(t, s.Stats().Waiting)
		require.NoError(t, stop())
		require.InDelta(t, 100*60, len(lags), 100)
		for _, lag := range lags {
			require.Zero(t, lag)
		}
		for i := range 500 {
			runs, _ := l.count(fmt.Sprintf("hung-%d", i))
			require.Greater(t, runs, 2, "hung target %d is never looked at again", i)
		}
	})
}
