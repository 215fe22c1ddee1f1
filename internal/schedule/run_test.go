package schedule

import (
	"bytes"
	"context"
	"log/slog"
	"runtime"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/idp-exporter/idp_exporter/internal/state"
	"github.com/idp-exporter/idp_exporter/probes"
)

func TestPanicsBecomeResultsWithoutSecrets(t *testing.T) {
	t.Parallel()
	const canary = "canary-s3cret"
	for name, f := range map[string]probes.Func{
		"string":  func(context.Context) probes.Result { panic(canary) },
		"error":   func(context.Context) probes.Result { panic(&probes.Failure{Err: context.Canceled}) },
		"runtime": func(context.Context) probes.Result { var p *probes.Result; return *p },
		"exit":    func(context.Context) probes.Result { runtime.Goexit(); return probes.Result{} },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var out bytes.Buffer
			var res probes.Result
			done := make(chan struct{})
			go func() { // Goexit ends the goroutine it is called in
				defer close(done)
				res = Perform(context.Background(), work("p", time.Minute, f), slog.New(slog.NewTextHandler(&out, nil)))
			}()
			<-done
			require.Contains(t, out.String(), "probe crashed")
			require.Contains(t, out.String(), "run_test.go")
			require.NotContains(t, out.String(), canary)
			require.NotContains(t, res.Detail, canary)
			if name != "exit" {
				require.Equal(t, probes.Fail, res.Outcome)
				require.Equal(t, probes.ReasonInternal, res.Reason)
				require.False(t, res.Start.IsZero())
			}
		})
	}
}

// Even a probe that ends its goroutine leaves the scheduler in order.
func TestCrashesFreeTheirSlot(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var l ledger
		s := New(l.options(1))
		require.NoError(t, s.Set([]Job{
			work("panic", 10*time.Second, func(context.Context) probes.Result { panic("x") }),
			work("exit", 10*time.Second, func(context.Context) probes.Result { runtime.Goexit(); return probes.Result{} }),
			work("sound", 10*time.Second, passing),
		}, nil))
		stop := start(s)
		time.Sleep(time.Minute)
		synctest.Wait()
		require.NoError(t, stop())
		for _, name := range []string{"panic", "exit", "sound"} {
			runs, _ := l.count(name)
			require.Equal(t, 6, runs, name)
		}
		require.Equal(t, probes.ReasonInternal, l.last("exit").Reason)
	})
}

func TestTimeoutEndsTheContext(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		res := Perform(context.Background(), work("p", 10*time.Second, hanging), nil)
		require.Equal(t, 5*time.Second, res.Duration)
		require.Equal(t, probes.ReasonTimeout, res.Reason)
	})
}

func TestProbeThatIgnoresItsTimeoutIsAbandoned(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var l ledger
		s := New(l.options(1))
		begin := make(chan struct{}, 1)
		require.NoError(t, s.Set([]Job{
			work("deaf", 10*time.Second, func(context.Context) probes.Result {
				begin <- struct{}{}
				time.Sleep(45 * time.Second)
				return probes.Result{Outcome: probes.Pass}
			}),
			work("sound", 10*time.Second, passing),
		}, nil))
		stop := start(s)
		<-begin
		time.Sleep(5*time.Second + DefaultGrace - time.Millisecond)
		synctest.Wait()
		runs, _ := l.count("deaf")
		require.Zero(t, runs)
		time.Sleep(time.Millisecond)
		synctest.Wait()
		require.Equal(t, probes.ReasonTimeout, l.last("deaf").Reason)
		require.Equal(t, probes.Fail, l.last("deaf").Outcome)
		require.Equal(t, 7*time.Second, l.last("deaf").Duration)
		require.Equal(t, uint64(1), s.Stats().Abandoned)

		res, err := s.RunNow(context.Background(), state.Key{Probe: "deaf"})
		require.NoError(t, err)
		require.Equal(t, probes.SkipOverrun, res.Skipped)

		time.Sleep(37500 * time.Millisecond) // 44.5 s after its start
		synctest.Wait()
		runs, skips := l.count("deaf")
		require.Equal(t, 1, runs)
		require.Equal(t, 4, skips, "dues while it has not returned are overruns")
		sound, _ := l.count("sound")
		require.GreaterOrEqual(t, sound, 4, "an abandoned run keeps the only slot")

		time.Sleep(6 * time.Second) // it returned, and the next run has begun
		synctest.Wait()
		require.Len(t, begin, 1)
		<-begin
		runs, _ = l.count("deaf")
		require.Equal(t, 1, runs, "the result of an abandoned run was recorded twice")
		time.Sleep(50 * time.Second)
		<-begin
		require.Error(t, stop(), "a run that ignores its cancellation is left behind in silence")
		time.Sleep(time.Minute)
	})
}
