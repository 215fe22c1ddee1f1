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

func TestSetKeepsUnchangedJobs(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var l ledger
		s := New(l.options(0))
		canceled := map[string]bool{}
		slow := func(name string) probes.Func {
			return func(ctx context.Context) probes.Result {
				r := taking(20 * time.Second)(ctx)
				l.mu.Lock()
				canceled[name] = ctx.Err() != nil
				l.mu.Unlock()
				return r
			}
		}
		jobs := func(names ...string) (all []Job) {
			for _, n := range names {
				j := work(n, time.Minute, slow(n))
				j.RunAtStart = true
				all = append(all, j)
			}
			return all
		}
		require.NoError(t, s.Set(jobs("kept", "changed", "gone"), nil))
		stop := start(s)
		time.Sleep(10 * time.Second)

		next := jobs("kept", "changed", "new")
		next[1].Fingerprint = "otherwise"
		next[1].Probe = probes.Func(passing)
		var told []state.Key
		require.NoError(t, s.Set(next, func(changed []state.Key) {
			told = changed
			require.Zero(t, l.jobs())
		}))
		require.Equal(t, []state.Key{{Probe: "changed"}}, told)
		synctest.Wait()
		l.mu.Lock()
		require.Equal(t, map[string]bool{"changed": true, "gone": true}, canceled)
		l.mu.Unlock()
		require.Equal(t, probes.Pass, l.last("changed").Outcome, "the changed job does not run at once")

		time.Sleep(11 * time.Second)
		synctest.Wait()
		runs, _ := l.count("kept")
		require.Equal(t, 1, runs, "the run of the unchanged job was not left alone")
		time.Sleep(5 * time.Minute)
		synctest.Wait()
		require.NoError(t, stop())
		for _, r := range l.results["kept"][1:] {
			require.Equal(t, phase(state.Key{Probe: "kept"}, time.Minute), time.Duration(r.Start.UnixNano()%int64(time.Minute)))
		}
		require.NotContains(t, l.results, "gone")
		require.Contains(t, l.results, "new")
	})
}

func TestSetKeepsBackoff(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var l ledger
		s := New(l.options(0))
		j := work("p", time.Minute, func(context.Context) probes.Result {
			return probes.Result{Outcome: probes.Fail, NotBefore: time.Now().Add(time.Hour)}
		})
		j.RunAtStart = true
		require.NoError(t, s.Set([]Job{j}, nil))
		stop := start(s)
		time.Sleep(time.Second)
		require.NoError(t, s.Set([]Job{j}, nil))
		time.Sleep(30 * time.Minute)
		synctest.Wait()
		require.NoError(t, stop())
		runs, skips := l.count("p")
		require.Equal(t, 1, runs)
		require.InDelta(t, 29, skips, 1)
	})
}

func TestSetDropsWaitingRuns(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var l ledger
		s := New(l.options(1))
		require.NoError(t, s.Set([]Job{work("p", time.Hour, taking(time.Minute)), work("q", time.Hour, passing)}, nil))
		stop := start(s)
		errs := make(chan error, 2)
		for _, n := range []string{"p", "q"} {
			go func() { _, err := s.RunNow(context.Background(), state.Key{Probe: n}); errs <- err }()
			synctest.Wait()
		}
		require.NoError(t, s.Set(nil, nil))
		require.ErrorIs(t, <-errs, ErrDropped)
		require.ErrorIs(t, <-errs, ErrDropped)
		synctest.Wait()
		require.Equal(t, Stats{}, s.Stats())
		require.NoError(t, stop())
		require.Empty(t, l.results)
	})
}

func TestSetRefusesBadJobs(t *testing.T) {
	t.Parallel()
	good := work("p", time.Minute, passing)
	for name, spoil := range map[string]func(j *Job){
		"interval": func(j *Job) { j.Every = 0 },
		"timeout":  func(j *Job) { j.Timeout = -1 },
		"probe":    func(j *Job) { j.Probe = nil },
		"twice":    func(*Job) {},
	} {
		bad := good
		spoil(&bad)
		s := New(Options{})
		require.NoError(t, s.Set([]Job{work("old", time.Minute, passing)}, nil))
		require.Error(t, s.Set([]Job{good, bad}, func([]state.Key) { t.Error("applied") }), name)
		require.Equal(t, 1, s.Stats().Jobs)
	}
}

// Reloads, runs on demand and scheduled runs at the same time, for the race detector.
func TestConcurrentUse(t *testing.T) {
	t.Parallel()
	var l ledger
	s := New(l.options(8))
	st := state.New(state.Options{})
	s.opts.Record = st.Record
	set := func(round int) error {
		var jobs []Job
		var specs []state.Spec
		for i := range 40 {
			j := work(fmt.Sprint(i), 20*time.Millisecond, taking(time.Duration(i%8)*time.Millisecond))
			j.Fingerprint = fmt.Sprint(i, round/(i%3+1))
			jobs = append(jobs, j)
			specs = append(specs, state.Spec{Key: j.Key, Every: j.Every, Gates: true})
		}
		return s.Set(jobs[round%5:], func(changed []state.Key) {
			st.Configure(specs[round%5:], state.Options{})
			st.Forget(changed...)
		})
	}
	require.NoError(t, set(0))
	stop := start(s)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for i := range 50 {
			_, err := s.RunNow(context.Background(), state.Key{Probe: fmt.Sprint(5 + i%35)})
			if err != nil {
				require.ErrorIs(t, err, ErrDropped)
			}
			st.Verdict()
		}
	}()
	for round := range 20 {
		require.NoError(t, set(round))
		time.Sleep(10 * time.Millisecond)
	}
	<-done
	require.NoError(t, stop())
	require.Zero(t, s.Stats().Running)
}
