package maintenance

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

func TestDrain(t *testing.T) {
	t.Parallel()
	b, disk, clock := book(t, "")
	require.False(t, b.Drained("n1"))
	until := start().Add(30 * time.Minute)
	require.NoError(t, b.Drain(t.Context(), "n1", until, "ops"))
	require.NoError(t, b.Drain(t.Context(), "", time.Time{}, "ops"))
	require.Equal(t, []Drain{{Since: start(), By: "ops"}, {Node: "n1", Since: start(), Until: until, By: "ops"}}, b.Drains())
	require.Len(t, disk.drains, 2)
	require.True(t, b.Drained("n1"))
	require.True(t, b.Drained(""))
	require.False(t, b.Drained("n2"))

	cause, end, name, ok := b.Suppressed("login", "n1", start())
	require.True(t, ok)
	require.Equal(t, CauseDrained, cause)
	require.Equal(t, until, end)
	require.Equal(t, "n1", name)
	_, _, _, ok = b.SuppressedNode("n1", start())
	require.True(t, ok)
	_, end, name, ok = b.Suppressed("login", "", start())
	require.True(t, ok)
	require.Zero(t, end)
	require.Empty(t, name)
	_, _, _, ok = b.Suppressed("login", "n2", start())
	require.False(t, ok)
	require.Equal(t, until, b.NextChange(start()))

	clock.set(start().Add(time.Minute))
	require.NoError(t, b.Drain(t.Context(), "n1", until.Add(time.Hour), "night shift"), "a second time it moves the end")
	require.Equal(t, Drain{Node: "n1", Since: start(), Until: until.Add(time.Hour), By: "night shift"}, b.Drains()[1])

	clock.set(until.Add(time.Hour - time.Nanosecond))
	require.True(t, b.Drained("n1"))
	clock.set(until.Add(time.Hour))
	require.False(t, b.Drained("n1"), "it ends by itself")
	require.Len(t, b.Drains(), 1)
	_, _, _, ok = b.Suppressed("login", "n1", clock.now())
	require.False(t, ok)

	require.NoError(t, b.Undrain(t.Context(), PublicNode))
	require.NoError(t, b.Undrain(t.Context(), ""), "off twice is off")
	require.NoError(t, b.Undrain(t.Context(), "n7"))
	require.Empty(t, b.Drains())
	require.Equal(t, until.Add(time.Hour), b.Returned("n1"))
	require.Equal(t, clock.now(), b.Returned(""))
	require.Zero(t, b.Returned("n7"))
	clock.set(clock.now().Add(ReturnedFor))
	b.Sweep(t.Context())
	require.Empty(t, disk.drains, "what has ended is gone from the disk as well")
	require.Zero(t, b.Returned("n1"))
}

func TestAStoreThatFails(t *testing.T) {
	t.Parallel()
	b, disk, _ := book(t, "")
	require.NoError(t, b.Drain(t.Context(), "n1", time.Time{}, ""))
	w, err := b.AddWindow(t.Context(), Window{Name: "w", End: start().Add(time.Hour)})
	require.NoError(t, err)
	disk.breaks(errDisk)
	for name, do := range map[string]func() error{
		"drain":   func() error { return b.Drain(t.Context(), "n2", time.Time{}, "") },
		"undrain": func() error { return b.Undrain(t.Context(), "n1") },
		"add":     func() error { _, err := b.AddWindow(t.Context(), Window{End: start().Add(time.Hour)}); return err },
		"remove":  func() error { return b.RemoveWindow(t.Context(), w.ID) },
	} {
		err := do()
		require.ErrorIs(t, err, ErrStorage, name)
		require.ErrorIs(t, err, errDisk, name)
	}
	require.True(t, b.Drained("n1"))
	require.False(t, b.Drained("n2"))
	require.Len(t, b.Windows(), 1)
	require.ErrorIs(t, b.Load(t.Context(), time.Time{}), errDisk)
	require.True(t, b.Drained("n1"), "what is known stays known")
	disk.breaks(nil)
	require.NoError(t, b.Undrain(t.Context(), "n1"))

	none := New(Options{})
	require.NoError(t, none.Load(t.Context(), time.Time{}))
	err = none.Drain(t.Context(), "n1", time.Time{}, "")
	require.ErrorIs(t, err, ErrStorage)
	require.ErrorContains(t, err, "--storage.path")
	require.False(t, none.Drained("n1"))
}

func TestAChangeOutlivesItsRequestOrDoesNotBegin(t *testing.T) {
	t.Parallel()
	b, disk, _ := book(t, "")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	require.ErrorIs(t, b.Drain(ctx, "n1", time.Time{}, ""), context.Canceled)
	require.False(t, b.Drained("n1"))
	require.Empty(t, disk.drains)
}

func TestOneOffWindows(t *testing.T) {
	t.Parallel()
	b, disk, clock := book(t, "- {name: update, time_intervals: [{times: [{start_time: '12:00', end_time: '13:00'}]}], nodes: [n9]}")
	first, err := b.AddWindow(t.Context(), Window{Name: "update", Start: start().Add(time.Hour), End: start().Add(2 * time.Hour),
		Nodes: []string{"n1", PublicNode}, Probes: []string{"login"}, By: "ops", Comment: "kernel"})
	require.NoError(t, err)
	require.NotEmpty(t, first.ID)
	require.Equal(t, first, disk.windows[first.ID])
	second, err := b.AddWindow(t.Context(), Window{End: start().Add(90 * time.Minute)})
	require.NoError(t, err)
	require.Equal(t, start(), second.Start, "it begins at once")
	require.Equal(t, second.ID, second.Name)
	require.NotEqual(t, first.ID, second.ID)
	require.Equal(t, map[string]bool{"update": true, second.ID: true}, b.WindowNames(start()))
	require.Len(t, b.Windows(), 3)
	require.Len(t, b.ActiveWindows(), 2)

	clock.set(start().Add(89 * time.Minute))
	for _, c := range []struct {
		probe, node string
		name        string
		until       time.Duration
	}{
		{"login", "n1", "update", 2 * time.Hour}, // of two that overlap the longer
		{"login", "", "update", 2 * time.Hour},
		{"http", "n1", second.ID, 90 * time.Minute},
		{"login", "n9", second.ID, 90 * time.Minute},
	} {
		cause, until, name, ok := b.Suppressed(c.probe, c.node, clock.now())
		require.True(t, ok)
		require.Equal(t, CauseMaintenance, cause)
		require.Equal(t, c.name, name)
		require.Equal(t, start().Add(c.until), until)
	}
	require.Equal(t, start().Add(90*time.Minute), b.NextChange(clock.now()))
	clock.set(start().Add(90 * time.Minute))
	_, _, _, ok := b.Suppressed("http", "n1", clock.now())
	require.False(t, ok)
	_, _, _, ok = b.SuppressedNode("n1", clock.now())
	require.False(t, ok, "only its login is in maintenance")
	require.Len(t, b.Windows(), 2, "an ended one disappears")
	require.ErrorIs(t, b.RemoveWindow(t.Context(), second.ID), ErrUnknownWindow)

	first.End = start().Add(3 * time.Hour)
	_, err = b.AddWindow(t.Context(), first)
	require.NoError(t, err)
	require.Len(t, b.Windows(), 2, "the same id is the same window")
	require.Len(t, disk.windows, 1, "the ended one is gone from the disk")
	require.NoError(t, b.RemoveWindow(t.Context(), first.ID))
	require.Empty(t, disk.windows)
	require.ErrorIs(t, b.RemoveWindow(t.Context(), "update"), ErrUnknownWindow, "the configuration's is not removed here")
}

func TestBadRequests(t *testing.T) {
	t.Parallel()
	b, disk, _ := book(t, "")
	later := start().Add(time.Hour)
	for name, w := range map[string]Window{
		"no end":          {},
		"backwards":       {Start: later, End: start().Add(time.Minute)},
		"empty":           {Start: later, End: later},
		"over":            {Start: start().Add(-2 * time.Hour), End: start()},
		"too long":        {End: start().Add(MaxWindowLength + time.Second)},
		"too far":         {Start: start().AddDate(2, 0, 0), End: start().AddDate(2, 0, 1)},
		"long name":       {End: later, Name: strings.Repeat("x", 300)},
		"long comment":    {End: later, Comment: strings.Repeat("x", 1001)},
		"line break":      {End: later, Comment: "all is well\nlevel=info"},
		"right to left":   {End: later, By: "\u202eops"},
		"bad UTF-8":       {End: later, Name: "\xff"},
		"empty node":      {End: later, Nodes: []string{""}},
		"odd probe":       {End: later, Probes: []string{"a\x00"}},
		"very many nodes": {End: later, Nodes: make([]string, 1001)},
		"odd id":          {End: later, ID: "\x7f"},
	} {
		_, err := b.AddWindow(t.Context(), w)
		require.ErrorIs(t, err, ErrInvalid, name)
	}
	require.ErrorIs(t, b.Drain(t.Context(), "n1", start(), ""), ErrInvalid)
	require.ErrorIs(t, b.Drain(t.Context(), "n1\n", time.Time{}, ""), ErrInvalid)
	require.ErrorIs(t, b.Drain(t.Context(), "n1", time.Time{}, strings.Repeat("x", 300)), ErrInvalid)
	require.Empty(t, disk.windows)
	require.Empty(t, disk.drains)
}

func TestCountsAreBounded(t *testing.T) {
	t.Parallel()
	b, _, clock := book(t, "")
	end := start().Add(time.Hour)
	for i := range MaxWindows {
		_, err := b.AddWindow(t.Context(), Window{ID: fmt.Sprint(i), End: end})
		require.NoError(t, err)
		require.NoError(t, b.Drain(t.Context(), fmt.Sprint(i), end, ""))
	}
	_, err := b.AddWindow(t.Context(), Window{ID: "more", End: end})
	require.ErrorIs(t, err, ErrInvalid)
	require.ErrorIs(t, b.Drain(t.Context(), "more", end, ""), ErrInvalid)
	_, err = b.AddWindow(t.Context(), Window{ID: "0", End: end.Add(1)})
	require.NoError(t, err, "one that is there can still be changed")
	require.NoError(t, b.Drain(t.Context(), "0", end.Add(1), ""))
	clock.set(end.Add(1))
	_, err = b.AddWindow(t.Context(), Window{ID: "more", End: end.Add(time.Hour)})
	require.NoError(t, err, "ended ones do not count")
	require.Len(t, b.Windows(), 1)
}

func TestTheLongestCauseIsTold(t *testing.T) {
	t.Parallel()
	b, _, _ := book(t, "- {name: day, time_intervals: [{weekdays: [wednesday]}], nodes: [n1]}")
	midnight := start().Add(12 * time.Hour)
	ask := func() (Cause, time.Time) {
		cause, until, _, ok := b.Suppressed("login", "n1", start())
		require.True(t, ok)
		return cause, until
	}
	cause, until := ask()
	require.Equal(t, CauseMaintenance, cause)
	require.True(t, midnight.Equal(until))
	require.NoError(t, b.Drain(t.Context(), "n1", midnight, ""))
	cause, _ = ask()
	require.Equal(t, CauseDrained, cause, "of two that end together the drain")
	require.NoError(t, b.Drain(t.Context(), "n1", start().Add(time.Hour), ""))
	cause, _ = ask()
	require.Equal(t, CauseMaintenance, cause)
	require.NoError(t, b.Drain(t.Context(), "n1", time.Time{}, ""))
	cause, until = ask()
	require.Equal(t, CauseDrained, cause)
	require.Zero(t, until)
	require.NoError(t, b.Configure(nil))
	require.True(t, b.Drained("n1"), "a reload leaves drains alone")
}

// Time passes, and nobody has to do anything for a window to open and close.
func TestTimePasses(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := New(Options{Store: newMemory()})
		begin := time.Now()
		_, err := b.AddWindow(t.Context(), Window{Name: "w", Start: begin.Add(time.Hour), End: begin.Add(2 * time.Hour)})
		require.NoError(t, err)
		require.NoError(t, b.Drain(t.Context(), "n1", begin.Add(30*time.Minute), ""))
		var told []string
		for range 3 {
			at := time.Now()
			cause, _, _, _ := b.Suppressed("login", "n1", at)
			told = append(told, string(cause))
			time.Sleep(time.Until(b.NextChange(at)))
		}
		cause, _, _, _ := b.Suppressed("login", "n1", time.Now())
		require.Equal(t, []string{"drained", "", "maintenance", ""}, append(told, string(cause)))
	})
}

func TestAskingWhileThingsChange(t *testing.T) {
	t.Parallel()
	b, _, clock := book(t, "- {name: w, time_intervals: [{times: [{start_time: '12:00', end_time: '12:01'}]}]}")
	windows := decoded(t, "- {name: w, time_intervals: [{times: [{start_time: '12:00', end_time: '13:00'}]}]}")
	var all sync.WaitGroup
	for g := range 4 {
		all.Go(func() {
			for i := range 200 {
				at := start().Add(time.Duration(i*g) * time.Second)
				cause, _, _, ok := b.Suppressed("login", "n1", at)
				if ok == (cause == "") {
					panic("half an answer")
				}
				_, _ = b.Windows(), b.NextChange(at)
				_, _ = b.Drains(), b.WindowNames(at)
			}
		})
	}
	for i := range 100 {
		clock.set(start().Add(time.Duration(i) * time.Second))
		require.NoError(t, b.Drain(t.Context(), "n1", clock.now().Add(time.Minute), ""))
		require.True(t, b.Drained("n1"))
		require.NoError(t, b.Configure(windows))
		require.NoError(t, b.Undrain(t.Context(), "n1"))
		require.False(t, b.Drained("n1"))
	}
	all.Wait()
}

func BenchmarkSuppressed(b *testing.B) {
	windows := make([]Recurring, 100)
	for i := range windows {
		windows[i] = Recurring{Name: fmt.Sprint(i), TimeIntervals: []Interval{{
			Times: []TimeRange{{"22:00", "24:00"}}, Weekdays: []string{"saturday"}, Location: "Europe/Berlin"}}}
	}
	for name, shift := range map[string]time.Duration{"cached": 0, "at a change": time.Hour} {
		b.Run(name, func(b *testing.B) {
			book := New(Options{Store: newMemory(), Now: start})
			require.NoError(b, book.Configure(windows))
			require.NoError(b, book.Drain(b.Context(), "n1", time.Time{}, ""))
			at := start()
			for b.Loop() {
				book.Suppressed("login", "n2", at)
				at = at.Add(-shift)
			}
		})
	}
}
