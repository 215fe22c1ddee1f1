package login

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/idp-exporter/idp_exporter/internal/demo"
	"github.com/idp-exporter/idp_exporter/probes"
)

func TestTurn(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		a, b := NewAccounts(), Budget{PerMinute: 10}
		k := a.key("account")
		short := func() context.Context { // patience of 1 s
			ctx, cancel := context.WithTimeout(t.Context(), 4*time.Second)
			t.Cleanup(cancel)
			return ctx
		}
		begin := time.Now()
		at := func(d time.Duration, err *turnError) {
			t.Helper()
			require.NotNil(t, err)
			require.Equal(t, d, err.at.Sub(begin))
		}
		require.Nil(t, a.turn(short(), k, "n1", b))
		require.Zero(t, time.Since(begin))
		at(6*time.Second, a.turn(short(), k, "n2", b))
		at(12*time.Second, a.turn(short(), k, "n3", b))
		at(6*time.Second, a.turn(short(), k, "n2", b)) // keeps its place
		require.Contains(t, a.turn(short(), k, "n3", b).Error(), "within its budget of 10 a minute")

		// A patient one waits.
		require.Nil(t, a.turn(t.Context(), k, "n2", b))
		require.Equal(t, 6*time.Second, time.Since(begin))

		// A person does not wait, but counts: the others move on.
		time.Sleep(time.Second)
		require.Nil(t, a.turn(Force(t.Context()), k, "n1", b))
		require.Equal(t, 7*time.Second, time.Since(begin))
		at(13*time.Second, a.turn(short(), k, "n3", b))
		at(19*time.Second, a.turn(short(), k, "n4", b))

		// Nor does one without a limit of its own.
		time.Sleep(time.Second)
		require.Nil(t, a.turn(t.Context(), k, "other", Budget{}))
		at(14*time.Second, a.turn(short(), k, "n3", b))
		at(20*time.Second, a.turn(short(), k, "n4", b))

		// One that waits meets the move, too, and is told where it ended up.
		time.Sleep(5*time.Second + 500*time.Millisecond) // 13.5 s
		waits := make(chan *turnError)
		go func() { waits <- a.turn(short(), k, "n3", b) }()
		synctest.Wait()
		require.Nil(t, a.turn(Force(t.Context()), k, "n1", b))
		at(13*time.Second+500*time.Millisecond+6*time.Second, <-waits)

		// A place is lost to whoever does not come; n4 is at 25.5 s.
		time.Sleep(time.Until(begin.Add(25*time.Second + 500*time.Millisecond)))
		require.Nil(t, a.turn(short(), k, "n4", b))
		at(31*time.Second+500*time.Millisecond, a.turn(short(), k, "n3", b))

		// A canceled run gives its turn up, not its place.
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		at(31*time.Second+500*time.Millisecond, a.turn(ctx, k, "n3", b))

		// Other accounts have lines of their own.
		require.Nil(t, a.turn(short(), a.key("other"), "n3", b))
		require.Nil(t, a.turn(short(), a.key("free"), "n3", Budget{}))
		require.Len(t, a.lines, 2)
	})
}

// The strictest of two budgets holds between their logins.
func TestBudgetsMix(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		a := NewAccounts()
		k := a.key("account")
		begin := time.Now()
		require.Nil(t, a.turn(t.Context(), k, "quick", Budget{PerMinute: 60}))
		require.Nil(t, a.turn(t.Context(), k, "slow", Budget{PerMinute: 12}))
		require.Equal(t, 5*time.Second, time.Since(begin))
		require.Nil(t, a.turn(t.Context(), k, "quick", Budget{PerMinute: 60}))
		require.Equal(t, 10*time.Second, time.Since(begin))
		require.Nil(t, a.turn(t.Context(), k, "quick", Budget{PerMinute: 60}))
		require.Equal(t, 11*time.Second, time.Since(begin))
	})
}

func TestLinesAreBounded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		a := NewAccounts()
		for i := range maxAccounts {
			require.Nil(t, a.turn(t.Context(), a.key(fmt.Sprint(i)), "n", Budget{PerMinute: 10}))
		}
		time.Sleep(2 * time.Minute)
		require.Nil(t, a.turn(t.Context(), a.key("one more"), "n", Budget{PerMinute: 10}))
		require.Len(t, a.lines, 1)
	})
}

func TestGap(t *testing.T) {
	t.Parallel()
	require.Zero(t, Budget{}.gap())
	require.Equal(t, 6*time.Second, Budget{PerMinute: 10}.gap())
	for n := 1; n <= maxPerMinute; n++ {
		require.GreaterOrEqual(t, time.Duration(n)*Budget{PerMinute: n}.gap(), time.Minute)
	}
}

// A login out of its turn sends nothing; whatever client or password it uses, it
// is the same account. The kinds share the line as they share the registry.
func TestLoginsShareABudget(t *testing.T) {
	t.Parallel()
	f := started(t, demo.StartOptions{})
	first := f.login(t, func(o *Options) { byPassword(o); o.Budget.PerMinute = 1 })
	require.Equal(t, probes.Pass, first.Run(t.Context()).Outcome)
	before := f.Provider.Stats().Requests
	second := f.login(t, func(o *Options) { byPassword(o); opaqueClient(o); o.Budget.PerMinute = 1 })
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	r := second.Run(ctx)
	require.Equal(t, probes.SkipBudget, r.Skipped)
	require.WithinDuration(t, time.Now().Add(time.Minute), r.NotBefore, 20*time.Second)
	require.NotEmpty(t, r.Detail)
	require.Empty(t, r.Steps)
	require.Equal(t, before, f.Provider.Stats().Requests)

	machine := f.login(t, func(o *Options) { byClient(o); o.Budget.PerMinute = 1 })
	require.Equal(t, probes.Pass, machine.Run(ctx).Outcome, "a client is an account of its own")
	require.Equal(t, probes.Pass, second.Run(Force(ctx)).Outcome)
}

// The time spent on waiting is no part of the run.
func TestWaitingIsNotMeasured(t *testing.T) {
	t.Parallel()
	f := started(t, demo.StartOptions{})
	l := f.login(t, func(o *Options) { byPassword(o); o.Budget.PerMinute = 30 })
	require.Equal(t, probes.Pass, l.Run(t.Context()).Outcome)
	begin := time.Now()
	r := l.Run(t.Context())
	require.Equal(t, probes.Pass, r.Outcome, r.Detail)
	total := time.Since(begin)
	require.LessOrEqual(t, r.Duration, total-time.Second, "waited for about 2 s")
	require.Greater(t, r.Start.Sub(begin), time.Second)
}
