package dial

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/idp-exporter/idp_exporter/probes"
)

func TestQuorum(t *testing.T) {
	t.Parallel()
	ok := func(*probes.Run) error { return nil }
	down := func(r *probes.Run) error {
		return r.Step("query", func() error { return probes.Failf(probes.ReasonTimeout, "silent") })
	}
	limited := func(*probes.Run) error { return probes.Unknownf(probes.ReasonRateLimited, "busy") }
	slow := func(*probes.Run) error { return Slow(time.Second, time.Millisecond) }
	for _, c := range []struct {
		name    string
		parts   []func(*probes.Run) error
		quorum  int
		outcome probes.Outcome
		reason  probes.Reason
		decided string
	}{
		{"all right", []func(*probes.Run) error{ok, ok}, 0, probes.Pass, "", ""},
		{"one down", []func(*probes.Run) error{ok, down}, 0, probes.Fail, probes.ReasonTimeout, "b"},
		{"one down, one is enough", []func(*probes.Run) error{ok, down}, 1, probes.Warn, probes.ReasonTimeout, "b"},
		{"all down", []func(*probes.Run) error{down, down}, 1, probes.Fail, probes.ReasonTimeout, "a"},
		{"down goes before unknown", []func(*probes.Run) error{limited, down}, 0, probes.Fail, probes.ReasonTimeout, "b"},
		{"unknown", []func(*probes.Run) error{limited, ok}, 0, probes.Unknown, probes.ReasonRateLimited, "a"},
		{"slow", []func(*probes.Run) error{ok, slow}, 0, probes.Warn, probes.ReasonSlow, "b"},
		{"slow and down", []func(*probes.Run) error{slow, down}, 0, probes.Fail, probes.ReasonTimeout, "b"},
	} {
		r := probes.NewRun(nil)
		names := []string{"a", "b"}
		parts := Each(context.Background(), names, nil, func(_ context.Context, i int, r *probes.Run) error { return c.parts[i](r) })
		decided, end := Quorum(parts, c.quorum)
		Lay(r, []string{"query"}, parts, end, decided)
		got := r.Finish(end)
		require.Equal(t, c.outcome, got.Outcome, c.name)
		require.Equal(t, c.reason, got.Reason, c.name)
		if c.decided != "" {
			require.Contains(t, got.Detail, c.decided+": ", c.name)
		}
		if c.reason == probes.ReasonTimeout {
			require.Equal(t, "query", got.FailedStep)
			require.Equal(t, c.outcome, got.Steps[0].Outcome)
		}
	}
}

// However many are silent, those that are not are heard.
func TestSilentPartsTakeNothingFromOthers(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		names := make([]string, 100)
		parts := Each(ctx, names, nil, func(ctx context.Context, i int, _ *probes.Run) error {
			if i < 90 {
				<-ctx.Done()
				return Failure(ctx, ctx.Err())
			}
			time.Sleep(9 * time.Second)
			return nil
		})
		for i, p := range parts {
			require.Equal(t, i < 90, p.Err != nil, i)
		}
		_, end := Quorum(parts, 10)
		require.True(t, NoWorseThanWarn(end))

		// What could not be tried did not fail.
		parts = Each(ctx, names[:2], nil, func(context.Context, int, *probes.Run) error { panic("tried") })
		_, end = Quorum(parts, 0)
		require.False(t, NoWorseThanWarn(end))
		require.Equal(t, probes.Unknown, probes.NewRun(nil).Finish(end).Outcome)
	})
}
