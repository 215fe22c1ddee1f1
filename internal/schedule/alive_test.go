package schedule

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/idp-exporter/idp_exporter/internal/state"
	"github.com/idp-exporter/idp_exporter/probes"
)

// The loop beats with nothing to do, and stops when what it calls does not return.
func TestBeat(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		stuck, release := make(chan struct{}), make(chan struct{})
		hang := sync.OnceFunc(func() {
			close(stuck)
			<-release
		})
		s := New(Options{Skip: func(state.Key, probes.SkipCause, time.Time) { hang() }})
		require.Zero(t, s.Beat(), "it was not started")
		stop := start(s)
		for range 20 {
			time.Sleep(time.Minute)
			synctest.Wait()
			require.LessOrEqual(t, time.Since(s.Beat()), Pulse)
		}

		// A run that takes longer than its interval is skipped, and Skip hangs.
		require.NoError(t, s.Set([]Job{{Key: state.Key{Probe: "slow"}, Every: 10 * time.Second, Timeout: time.Minute, Probe: taking(30 * time.Second)}}, nil))
		<-stuck
		last := s.Beat()
		time.Sleep(10 * time.Minute)
		synctest.Wait()
		require.Equal(t, last, s.Beat())
		close(release)
		synctest.Wait()
		require.LessOrEqual(t, time.Since(s.Beat()), Pulse, "it goes on")
		require.NoError(t, stop())
	})
}

// Reading the beat takes no lock.
func TestBeatWhileLocked(t *testing.T) {
	t.Parallel()
	s := New(Options{})
	s.mu.Lock()
	defer s.mu.Unlock()
	s.life.beat()
	require.False(t, s.Beat().IsZero())
}

// Runs that ignore their deadline are counted until they return, whether their
// job is still there or not; runs within it are not.
func TestOverdue(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		deaf := func(context.Context) probes.Result {
			<-release
			return probes.Result{Outcome: probes.Pass}
		}
		var l ledger
		s := New(l.options(0))
		stop := start(s)
		job := func(name string, f probes.Func) Job {
			return Job{Key: state.Key{Probe: name}, Every: time.Minute, Timeout: 20 * time.Second, Probe: f, RunAtStart: true, Fingerprint: name}
		}
		jobs := []Job{job("good", passing), job("slow", hanging), job("deaf", deaf), job("gone", deaf)}
		require.NoError(t, s.Set(jobs, nil))
		synctest.Wait()
		require.Zero(t, s.Overdue(0))
		time.Sleep(49 * time.Second)
		require.Zero(t, s.Overdue(30*time.Second))
		require.Equal(t, 2, s.Overdue(20*time.Second))
		require.NoError(t, s.Set(jobs[:3], nil))
		time.Sleep(2 * time.Second)
		require.Equal(t, 2, s.Overdue(30*time.Second))
		close(release)
		synctest.Wait()
		require.Zero(t, s.Overdue(0))
		require.NoError(t, stop())
		require.Empty(t, s.going)
	})
}
