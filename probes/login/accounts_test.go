package login

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/idp-exporter/idp_exporter/internal/demo"
	"github.com/idp-exporter/idp_exporter/internal/secret"
	"github.com/idp-exporter/idp_exporter/probes"
)

func TestBackoff(t *testing.T) {
	t.Parallel()
	b := Backoff{Initial: time.Minute, Max: time.Hour}
	for n, want := range map[int]time.Duration{1: time.Minute, 2: 4 * time.Minute, 3: 16 * time.Minute, 4: time.Hour, 5: time.Hour, 1000: time.Hour} {
		require.Equal(t, want, b.pause(n), n)
	}
}

func TestAccountPauses(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		a, b := NewAccounts(), Backoff{Initial: time.Minute, Max: time.Hour}
		k := a.key("iss", "client", "alice", "password")
		require.Nil(t, a.paused(k))
		begin := time.Now()
		n, until := a.refused(k, begin, b)
		require.Equal(t, 1, n)
		require.Equal(t, begin.Add(time.Minute), until)
		// One that was under way at the same time is the same refusal.
		time.Sleep(time.Second)
		n, again := a.refused(k, begin.Add(-time.Second), b)
		require.Equal(t, 1, n)
		require.Equal(t, until, again)
		require.Contains(t, a.paused(k).Error(), "refusal 1 in a row")
		_, err := a.enter(t.Context(), k)
		require.Error(t, err)
		leave, err := a.enter(Force(t.Context()), k)
		require.NoError(t, err)
		leave()
		// A changed password, another user, another client are other accounts.
		for _, parts := range [][]string{{"iss", "client", "alice", "other"}, {"iss", "client", "bob", "password"}, {"iss", "clien", "talice", "password"}} {
			require.Nil(t, a.paused(a.key(parts...)))
		}
		time.Sleep(time.Minute)
		require.Nil(t, a.paused(k))
		n, until = a.refused(k, time.Now(), b)
		require.Equal(t, 2, n)
		require.Equal(t, 4*time.Minute, time.Until(until))
		a.passed(k)
		require.Nil(t, a.paused(k))
		n, _ = a.refused(k, time.Now(), b)
		require.Equal(t, 1, n)
	})
}

func TestAccountRateLimit(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		a := NewAccounts()
		k := a.key("x")
		a.limited(k, time.Now().Add(time.Minute))
		a.limited(k, time.Now().Add(time.Second)) // an earlier end changes nothing
		require.Equal(t, time.Minute, time.Until(a.paused(k).until))
		a.passed(k)
		require.NotNil(t, a.paused(k), "a login that was under way does not lift a rate limit")
		time.Sleep(time.Minute)
		require.Nil(t, a.paused(k))
	})
}

// Until a password is known to be good, one login at a time sends it.
func TestAccountSlots(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		a := NewAccounts()
		k := a.key("x")
		leave, err := a.enter(t.Context(), k)
		require.NoError(t, err)
		entered := make(chan time.Duration)
		begin := time.Now()
		go func() {
			leave, err := a.enter(t.Context(), k)
			require.NoError(t, err)
			entered <- time.Since(begin)
			leave()
		}()
		time.Sleep(time.Second)
		leave()
		leave() // twice is once
		require.Equal(t, time.Second, <-entered)

		// A login that hangs holds up the others for a while only.
		leave, err = a.enter(t.Context(), k)
		require.NoError(t, err)
		begin = time.Now()
		second, err := a.enter(t.Context(), k)
		require.NoError(t, err)
		require.Equal(t, postingWait, time.Since(begin))
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, err = a.enter(ctx, k)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		second()
		leave()

		a.passed(k)
		begin = time.Now()
		for range postingMost {
			_, err := a.enter(t.Context(), k)
			require.NoError(t, err)
		}
		require.Zero(t, time.Since(begin))
	})
}

func TestAccountsAreBounded(t *testing.T) {
	t.Parallel()
	a := NewAccounts()
	long := Backoff{Initial: time.Hour, Max: time.Hour}
	first := a.key("first")
	a.refused(first, time.Now(), long)
	for i := range maxAccounts - 1 {
		if k := a.key(fmt.Sprint(i)); i%2 == 0 {
			a.refused(k, time.Now(), long)
		} else {
			a.passed(k)
		}
	}
	require.Len(t, a.known, maxAccounts)
	a.passed(a.key("one more"))
	require.LessOrEqual(t, len(a.known), maxAccounts/2+2, "the idle ones went")
	require.NotNil(t, a.paused(first))
	for i := range maxAccounts/2 + 50 {
		a.refused(a.key("full", fmt.Sprint(i)), time.Now(), long)
	}
	require.Len(t, a.known, maxAccounts)
	require.Nil(t, a.paused(first), "the oldest went")
}

// Many probes on many nodes that start together with a wrong password ask once.
func TestWrongPasswordIsSentOnce(t *testing.T) {
	t.Parallel()
	for _, flow := range []string{FlowPassword, FlowCode} {
		t.Run(flow, func(t *testing.T) {
			t.Parallel()
			f := started(t, demo.StartOptions{})
			wrong := func(o *Options) { o.Flow, o.Password = flow, secret.New("not-the-password") }
			results := make([]probes.Result, 8)
			var all sync.WaitGroup
			for i := range results {
				l := f.login(t, wrong)
				all.Go(func() { results[i] = l.Run(t.Context()) })
			}
			all.Wait()
			failed := 0
			for _, r := range results {
				if r.Skipped == "" {
					failed++
					require.Equal(t, probes.ReasonCredentialsRefused, r.Reason, r.Detail)
					require.Contains(t, r.Detail, "refusal 1 in a row, next try not before")
					require.False(t, r.Decisive)
				} else {
					require.Equal(t, probes.SkipBackoff, r.Skipped)
					require.False(t, r.NotBefore.IsZero())
				}
			}
			require.Equal(t, 1, failed)
			require.EqualValues(t, 1, f.Provider.Stats().RefusedPasswords[demo.Username])

			// While the account pauses nothing is sent at all.
			before := f.Provider.Stats().Requests
			require.Equal(t, probes.SkipBackoff, f.login(t, wrong).Run(t.Context()).Skipped)
			require.Equal(t, before, f.Provider.Stats().Requests)

			// A person may insist; a second refusal in a row is decisive.
			r := f.login(t, wrong).Run(Force(t.Context()))
			require.Equal(t, probes.ReasonCredentialsRefused, r.Reason)
			require.True(t, r.Decisive)
			require.Contains(t, r.Detail, "refusal 2 in a row")
			require.WithinDuration(t, time.Now().Add(4*time.Minute), r.NotBefore, 30*time.Second)

			// The right password is tried at once.
			r = f.login(t, func(o *Options) { o.Flow = flow }).Run(t.Context())
			require.Equal(t, probes.Pass, r.Outcome, r.Detail)
		})
	}
}
