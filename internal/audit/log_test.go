package audit

import (
	"context"
	"fmt"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestRecordsAndRestarts(t *testing.T) {
	t.Parallel()
	o := options(t)
	l := open(t, o)
	require.NoError(t, l.Admin(t.Context(), drain))
	// Admin returned, so the line is there, before anything is closed.
	require.Contains(t, string(read(t, o.Config.File.Path)), `"event":"drain"`)
	refused := scrape
	refused.Event, refused.Outcome, refused.Detail = EventRefusal, OutcomeRefused, "scope"
	l.Access(refused)
	require.NoError(t, l.Close())
	require.NoError(t, l.Close(), "closing twice is harmless")

	list := records(t, o)
	require.Len(t, list, 4)
	for i, s := range list {
		require.EqualValues(t, i+1, s.Seq)
		at, err := time.Parse(time.RFC3339Nano, s.Time)
		require.NoError(t, err)
		require.Equal(t, time.UTC, at.Location())
		require.Len(t, s.Time, len("2006-01-02T15:04:05.000000000Z"))
	}
	require.Equal(t, "start", list[0].Event)
	require.Equal(t, "test", list[0].Detail)
	require.Equal(t, strings.Repeat("0", 64), list[0].Prev)
	got := list[1]
	got.Time, got.Prev = "", ""
	require.Equal(t, shown{Seq: 2, Event: "drain", Outcome: "ok", Actor: "ops", ActorKind: "token", From: "192.0.2.7",
		Method: "POST", Route: "/-/drain", Target: "n1"}, got)
	require.Equal(t, "refusal", list[2].Event)
	require.Equal(t, "refused", list[2].Outcome)
	require.Equal(t, "stop", list[3].Event)
	info, err := os.Stat(o.Config.File.Path)
	require.NoError(t, err)
	if runtime.GOOS != "windows" {
		require.Equal(t, os.FileMode(0o600), info.Mode().Perm())
	}

	require.NoError(t, open(t, o).Close())
	r := sound(t, o)
	r.Problems = nil
	require.Equal(t, Report{Records: 6, First: 1, Last: 6, Starts: 2, Whole: true, Ended: true}, r)
}

func TestClosed(t *testing.T) {
	t.Parallel()
	o := options(t)
	l := open(t, o)
	require.NoError(t, l.Close())
	require.ErrorIs(t, l.Admin(t.Context(), drain), ErrClosed)
	l.Access(scrape)
	require.EqualValues(t, 2, l.Stats().TurnedAway)
	sound(t, o)
}

func TestCallersCannotForgeTheLogsOwnRecords(t *testing.T) {
	t.Parallel()
	o := options(t)
	l := open(t, o)
	for _, e := range []Event{0, EventStart, EventStop, EventRecovered, 99} {
		require.Error(t, l.Admin(t.Context(), Record{Event: e}))
		l.Access(Record{Event: e})
	}
	require.NoError(t, l.Close())
	require.Equal(t, 2, sound(t, o).Records)
}

func TestAdminHonorsContext(t *testing.T) {
	t.Parallel()
	o := options(t)
	l := open(t, o)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	require.ErrorIs(t, l.Admin(ctx, drain), context.Canceled)
	require.NoError(t, l.Close())
	require.Equal(t, 2, sound(t, o).Records)
}

func TestSecretsAndForgery(t *testing.T) {
	t.Parallel()
	const canary = "hunter2-hunter2"
	o := options(t)
	o.Redact = func(s string) string { return strings.ReplaceAll(s, canary, "[secret]") }
	l := open(t, o)
	hostile := "\n{\"seq\":7}\x00\x1b[2J\x7f\u009b\u202e\xff" + canary
	require.NoError(t, l.Admin(t.Context(), Record{Event: EventKey, Actor: Actor{hostile, hostile}, Method: hostile, Route: hostile, Target: hostile, Detail: hostile}))
	// The secret lies across the place where the field is cut.
	for back := range len(canary) + 2 {
		r := scrape
		r.Target = strings.Repeat("x", maxTarget-back) + canary + strings.Repeat("y", 9000)
		l.Access(r)
	}
	require.NoError(t, l.Close())
	text := string(read(t, o.Config.File.Path))
	for n := len(canary); n >= 6; n-- {
		require.NotContains(t, text, canary[:n])
	}
	for _, c := range []byte(text) {
		require.True(t, c == '\n' || c >= ' ' && c <= '~', "byte %#x", c)
	}
	list := records(t, o)
	require.Contains(t, list[1].Detail, "\n{\"seq\":7}\x00\x1b[2J\x7f\u009b\u202e\ufffd[secret]")
	for _, s := range list {
		require.LessOrEqual(t, len(s.Target), maxTarget)
	}
	sound(t, o)
}

func TestLongestLineFits(t *testing.T) {
	t.Parallel()
	o := options(t)
	l := open(t, o)
	long := strings.Repeat("\x00", 1<<20)
	require.NoError(t, l.Admin(t.Context(), Record{Event: EventWindow, Actor: Actor{long, long}, Method: long, Route: long, Target: long, Detail: long}))
	require.NoError(t, l.Close())
	for line := range strings.Lines(string(read(t, o.Config.File.Path))) {
		require.Less(t, len(line), maxLine)
	}
	require.Equal(t, 3, sound(t, o).Records)
}

func TestManyAdminsShareOneSync(t *testing.T) {
	t.Parallel()
	o := options(t)
	f := &faulty{}
	o.fs = f
	l := open(t, o)
	const callers, each = 32, 20
	errs := make(chan error, callers*each)
	for c := range callers {
		go func() {
			for i := range each {
				r := drain
				r.Target = fmt.Sprintf("%d/%d", c, i)
				errs <- l.Admin(t.Context(), r)
			}
		}()
	}
	for range callers * each {
		require.NoError(t, <-errs)
	}
	require.Less(t, f.count("sync"), callers*each, "fewer syncs than actions")
	require.NoError(t, l.Close())
	require.Equal(t, callers*each+2, sound(t, o).Records)
}
