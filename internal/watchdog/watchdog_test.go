package watchdog

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/idp-exporter/idp_exporter/internal/schedule"
	"github.com/idp-exporter/idp_exporter/internal/state"
	"github.com/idp-exporter/idp_exporter/probes"
)

// watch runs a watchdog until the returned function is called, which gives
// Run's error. It belongs into a synctest bubble.
func watch(t *testing.T, log *diary, parts ...Part) (w *Watchdog, stop func() error) {
	t.Helper()
	w, err := New(Options{Parts: parts, Logger: log.logger()})
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- w.Run(ctx) }()
	return w, func() error {
		cancel()
		return <-done
	}
}

func after(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

func TestHeartbeat(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var last atomic.Pointer[time.Time]
		beat := func() { now := time.Now(); last.Store(&now) }
		var log diary
		w, stop := watch(t, &log, Part{Name: "loop", Restart: true, Limit: 30 * time.Second, Beat: func() time.Time {
			if at := last.Load(); at != nil {
				return *at
			}
			return time.Time{}
		}})
		after(30 * time.Second)
		require.Empty(t, w.Problems())
		after(5 * time.Second)
		require.Equal(t, []string{"loop"}, w.Stuck(), "it never began")
		require.Contains(t, w.Problems()[0].Text, "since the start")
		beat()
		after(tick)
		require.Empty(t, w.Problems())
		after(28 * time.Second)
		require.Empty(t, w.Problems())
		after(time.Hour)
		p := w.Problems()
		require.Len(t, p, 1)
		require.True(t, p[0].Restart)
		require.Contains(t, p[0].Text, "no sign of life for 1h0m")
		require.InDelta(t, (time.Hour - 2*time.Second).Seconds(), time.Since(p[0].Since).Seconds(), 5)
		require.Equal(t, 2, log.count("part is unhealthy"), "told once each time")
		beat()
		after(tick)
		require.Empty(t, w.Problems())
		require.Equal(t, 2, log.count("healthy again"))
		require.NoError(t, stop())
		require.Empty(t, w.Stuck())
	})
}

// A process that was stopped, or a machine that slept, is no stuck part: after
// it everybody gets the whole of their time again.
func TestPauseIsNoProblem(t *testing.T) {
	t.Parallel()
	w, err := New(Options{Parts: []Part{
		{Name: "loop", Limit: 30 * time.Second, Beat: func() time.Time { return time.Unix(1e9, 0) }},
		{Name: "check", Check: func(context.Context) error { return nil }},
	}})
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	w.parts[1].running = true // as if it were under way
	now := time.Unix(1e9, 0)
	w.parts[1].began = now
	look := func(after time.Duration) []Problem {
		now = now.Add(after)
		w.look(ctx, now)
		var all []Problem
		for _, p := range w.parts {
			if !p.since.IsZero() {
				all = append(all, Problem{Part: p.Name})
			}
		}
		return all
	}
	require.Empty(t, look(0))
	require.Empty(t, look(time.Hour))
	for range 6 {
		require.Empty(t, look(time.Second))
	}
	require.Equal(t, []Problem{{Part: "check"}}, look(time.Second))
	for range 5 {
		require.Len(t, look(4*time.Second), 1) // 27 seconds by now
	}
	require.Len(t, look(4*time.Second), 2)
}

func TestCheck(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var runs atomic.Int64
		var fail atomic.Pointer[error]
		set := func(err error) { fail.Store(&err) }
		set(nil)
		var log diary
		w, stop := watch(t, &log,
			Part{Name: "writes", Every: 10 * time.Second, Check: func(context.Context) error { runs.Add(1); return *fail.Load() }},
			Part{Name: "patient", Every: 10 * time.Second, Failures: 3, Restart: true, Check: func(context.Context) error { return *fail.Load() }},
			Part{Name: "crashes", Check: func(context.Context) error { panic("a secret") }},
		)
		after(time.Second / 2)
		require.EqualValues(t, 1, runs.Load())
		require.Equal(t, []string{Name, "writes", "patient", "crashes"}, w.Parts())
		set(errors.New("no\nspace\x1b[31m " + strings.Repeat("x", 500)))
		after(12 * time.Second)
		p := w.Problems()
		require.Len(t, p, 2)
		require.Equal(t, "writes", p[0].Part)
		require.Contains(t, p[0].Text, "no space [31m x")
		require.Len(t, p[0].Text, maxText)
		require.Equal(t, "the check crashed (string)", p[1].Text)
		require.Empty(t, w.Stuck(), "a restart would not help")
		after(22 * time.Second)
		require.Equal(t, []string{"patient"}, w.Stuck())
		require.InDelta(t, 4, runs.Load(), 1)
		set(nil)
		after(12 * time.Second)
		require.Len(t, w.Problems(), 1)
		require.Equal(t, 3, log.count("part is unhealthy"))
		require.Zero(t, log.count("a secret"))
		require.NoError(t, stop())
	})
}

// A check that hangs counts as failed, is not run a second time, and holds up
// neither the others nor, for long, the end.
func TestCheckThatHangs(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var hung, good atomic.Int64
		release := make(chan struct{})
		var log diary
		w, stop := watch(t, &log,
			Part{Name: "hangs", Restart: true, Check: func(context.Context) error { hung.Add(1); <-release; return nil }},
			Part{Name: "obeys", Timeout: 5 * time.Second, Check: func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }},
			Part{Name: "good", Every: time.Second, Check: func(context.Context) error { good.Add(1); return nil }},
		)
		after(5 * time.Second)
		require.NotContains(t, w.Stuck(), "hangs")
		after(5 * time.Minute)
		require.EqualValues(t, 1, hung.Load())
		require.Greater(t, good.Load(), int64(100))
		require.Equal(t, []string{"hangs"}, w.Stuck())
		p := w.Problems()
		require.Len(t, p, 2)
		require.Contains(t, p[0].Text, "has not returned after 5s")
		require.Contains(t, p[1].Text, "deadline")

		release <- struct{}{}
		after(time.Second)
		require.EqualValues(t, 2, hung.Load(), "what came too late is asked again")
		require.Equal(t, []string{"hangs"}, w.Stuck(), "it says nothing")
		release <- struct{}{}
		after(time.Second)
		require.Empty(t, w.Stuck())

		after(time.Minute)
		began := time.Now()
		err := stop()
		require.ErrorContains(t, err, "left behind: hangs")
		require.LessOrEqual(t, time.Since(began), 2*grace)
		close(release)
	})
}

// The watchdog watches itself: what would notice does not depend on its loop.
func TestOwnLoop(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w, err := New(Options{})
		require.NoError(t, err)
		require.Empty(t, w.Problems(), "it has not begun")
		w.look(t.Context(), time.Now()) // and then never again
		after(asleep)
		require.Empty(t, w.Problems())
		after(time.Second)
		require.Equal(t, []string{Name}, w.Stuck())
		require.Contains(t, w.Problems()[0].Text, "21s")
		w.look(t.Context(), time.Now())
		require.Empty(t, w.Problems())
	})
}

func TestNew(t *testing.T) {
	t.Parallel()
	beat, check := time.Now, func(context.Context) error { return nil }
	for _, parts := range [][]Part{
		{{Name: "", Check: check}},
		{{Name: "watchdog", Check: check}},
		{{Name: "a", Check: check}, {Name: "a", Check: check}},
		{{Name: "a"}},
		{{Name: "a", Check: check, Beat: beat, Limit: time.Second}},
		{{Name: "a", Beat: beat}},
	} {
		_, err := New(Options{Parts: parts})
		require.Error(t, err, "%+v", parts)
	}
	w, err := New(Options{Parts: []Part{{Name: "a", Check: check}}})
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	require.NoError(t, w.Run(ctx))
	require.Error(t, w.Run(ctx))

	var none *Watchdog
	require.Empty(t, none.Problems())
	require.Empty(t, none.Stuck())
	require.Empty(t, none.Parts())
	require.NoError(t, none.Run(ctx))
}

// A real scheduler, its loop stuck and its workers deaf.
func TestScheduler(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		var block atomic.Bool
		s := schedule.New(schedule.Options{Skip: func(state.Key, probes.SkipCause, time.Time) {
			if block.Load() {
				<-release
			}
		}})
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- s.Run(ctx) }()
		deaf := probes.Func(func(context.Context) probes.Result { <-release; return probes.Result{Outcome: probes.Pass} })
		var log diary
		w, stop := watch(t, &log, Scheduler(s.Beat), Workers(s.Overdue))
		after(time.Hour)
		require.Empty(t, w.Problems())
		require.NoError(t, s.Set([]schedule.Job{{Key: state.Key{Probe: "deaf"}, Every: time.Minute, Timeout: 10 * time.Second, Probe: deaf, RunAtStart: true}}, nil))
		after(39 * time.Second)
		require.Empty(t, w.Problems())
		after(15 * time.Second)
		require.Equal(t, []string{"workers"}, w.Stuck())
		require.Contains(t, w.Problems()[0].Text, "1 probe run(s)")
		block.Store(true)
		after(3 * time.Minute)
		require.Equal(t, []string{"scheduler", "workers"}, w.Stuck())
		close(release)
		after(10 * time.Second)
		require.Empty(t, w.Problems())
		require.NoError(t, stop())
		cancel()
		require.NoError(t, <-done)
	})
}
