package schedule

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/idp-exporter/idp_exporter/internal/state"
	"github.com/idp-exporter/idp_exporter/probes"
)

// A probe that has to wait for its turn runs when its turn comes, and keeps that
// rhythm. On demand it is asked again, since it alone knows whose turn it is.
func TestBudgetMovesTheRhythm(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var l ledger
		s := New(l.options(10))
		var runs []time.Time
		var turn time.Time
		p := func(context.Context) probes.Result {
			if len(runs) == 0 && turn.IsZero() {
				turn = time.Now().Add(47 * time.Second)
			}
			if time.Now().Before(turn) {
				return probes.Result{Skipped: probes.SkipBudget, NotBefore: turn}
			}
			runs = append(runs, time.Now())
			return probes.Result{Outcome: probes.Pass}
		}
		require.NoError(t, s.Set([]Job{work("login", time.Minute, p)}, nil))
		stop := start(s)
		time.Sleep(time.Minute) // it was due once
		synctest.Wait()
		if time.Now().Before(turn) {
			require.Empty(t, runs)
			r, err := s.RunNow(t.Context(), state.Key{Probe: "login"})
			require.NoError(t, err)
			require.Equal(t, probes.SkipBudget, r.Skipped)
		}
		time.Sleep(5 * time.Minute)
		require.NoError(t, stop())
		require.GreaterOrEqual(t, len(runs), 4)
		for i, at := range runs {
			require.Equal(t, turn.Add(time.Duration(i)*time.Minute), at)
		}
	})
}
