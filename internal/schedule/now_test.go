package schedule

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/idp-exporter/idp_exporter/internal/state"
	"github.com/idp-exporter/idp_exporter/probes"
)

func TestRunNowIsShared(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var l ledger
		s := New(l.options(0))
		var runs atomic.Int32
		require.NoError(t, s.Set([]Job{work("p", time.Hour, func(ctx context.Context) probes.Result {
			runs.Add(1)
			return taking(time.Second)(ctx)
		})}, nil))
		stop := start(s)
		var wg sync.WaitGroup
		for range 100 {
			wg.Go(func() {
				res, err := s.RunNow(context.Background(), state.Key{Probe: "p"})
				require.NoError(t, err)
				require.Equal(t, probes.Pass, res.Outcome)
			})
		}
		wg.Wait()
		require.Equal(t, int32(1), runs.Load())
		recorded, _ := l.count("p")
		require.Equal(t, 1, recorded)
		require.Empty(t, l.lags, "a run on demand has no due time to be late for")
		require.NoError(t, stop())
	})
}

func TestRunNowJoinsAScheduledRun(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var l ledger
		s := New(l.options(0))
		j := work("p", time.Hour, taking(10*time.Second))
		j.RunAtStart = true
		require.NoError(t, s.Set([]Job{j}, nil))
		stop := start(s)
		time.Sleep(4 * time.Second)
		begin := time.Now()
		_, err := s.RunNow(context.Background(), state.Key{Probe: "p"})
		require.NoError(t, err)
		require.Equal(t, 6*time.Second, time.Since(begin))
		recorded, _ := l.count("p")
		require.Equal(t, 1, recorded)
		require.NoError(t, stop())
	})
}

func TestRunOutlivesItsCaller(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var l ledger
		s := New(l.options(0))
		require.NoError(t, s.Set([]Job{work("p", time.Hour, taking(10*time.Second))}, nil))
		stop := start(s)
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		_, err := s.RunNow(ctx, state.Key{Probe: "p"})
		require.ErrorIs(t, err, context.DeadlineExceeded)
		time.Sleep(10 * time.Second)
		synctest.Wait()
		require.Equal(t, probes.Pass, l.last("p").Outcome)
		require.NoError(t, stop())
	})
}

func TestRunNowWhileBackingOff(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var l ledger
		s := New(l.options(0))
		require.NoError(t, s.Set([]Job{work("p", time.Hour, func(context.Context) probes.Result {
			return probes.Result{Outcome: probes.Fail, Reason: probes.ReasonCredentialsRefused, NotBefore: time.Now().Add(time.Minute), Decisive: true}
		})}, nil))
		stop := start(s)
		key := state.Key{Probe: "p"}
		_, err := s.RunNow(context.Background(), key)
		require.NoError(t, err)
		res, err := s.RunNow(context.Background(), key)
		require.NoError(t, err)
		require.Equal(t, probes.SkipBackoff, res.Skipped)
		require.Equal(t, time.Now().Add(time.Minute).UTC(), res.NotBefore.UTC())
		recorded, _ := l.count("p")
		require.Equal(t, 1, recorded)
		time.Sleep(time.Minute)
		_, err = s.RunNow(context.Background(), key)
		require.NoError(t, err)
		recorded, _ = l.count("p")
		require.Equal(t, 2, recorded)
		require.NoError(t, stop())
	})
}

func TestRunNowErrors(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var l ledger
		s := New(l.options(1))
		require.NoError(t, s.Set([]Job{work("p", time.Hour, taking(time.Minute)), work("q", time.Hour, passing)}, nil))
		stop := start(s)
		_, err := s.RunNow(context.Background(), state.Key{Probe: "none"})
		require.ErrorIs(t, err, ErrUnknownJob)
		errs := make(chan error, 2)
		go func() { _, err := s.RunNow(context.Background(), state.Key{Probe: "p"}); errs <- err }()
		synctest.Wait()
		go func() { _, err := s.RunNow(context.Background(), state.Key{Probe: "q"}); errs <- err }()
		synctest.Wait()
		require.Equal(t, Stats{Jobs: 2, Running: 1, Waiting: 1}, s.Stats())
		begin := time.Now()
		require.NoError(t, stop())
		require.Zero(t, time.Since(begin), "shutdown is not prompt")
		require.ErrorIs(t, <-errs, ErrStopped)
		require.ErrorIs(t, <-errs, ErrStopped)
		_, err = s.RunNow(context.Background(), state.Key{Probe: "p"})
		require.ErrorIs(t, err, ErrStopped)
		require.Empty(t, l.results, "a canceled run was recorded")
		require.Error(t, s.Run(context.Background()))
	})
}
