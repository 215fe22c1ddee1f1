package discover

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/idp-exporter/idp_exporter/probes"
)

// fake is a source that says what a test tells it.
type fake struct {
	mu    sync.Mutex
	named []string
	err   error
	asked int
	takes time.Duration
}

func (f *fake) says(err error, named ...string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.named, f.err = named, err
}

func (f *fake) String() string { return "fake" }

func (f *fake) nodes(ctx context.Context) ([]probes.Node, error) {
	select {
	case <-time.After(f.takes):
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.asked++
	if f.err != nil {
		return nil, f.err
	}
	var all []probes.Node
	for _, n := range f.named {
		all = append(all, probes.Node{Address: n})
	}
	return tidy(all)
}

func TestRun(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		f := &fake{named: []string{"b", "a"}}
		w := &Watcher{source: f, every: 30 * time.Second, keep: time.Hour, log: slog.New(slog.NewTextHandler(&log, nil))}
		ctx, cancel := context.WithCancel(t.Context())
		var calls [][]string
		done := make(chan error)
		go func() { done <- w.Run(ctx, func(n []probes.Node) { calls = append(calls, addresses(n)) }) }()
		after := func(d time.Duration, want ...[]string) {
			t.Helper()
			time.Sleep(d)
			synctest.Wait()
			require.Equal(t, want, calls)
		}
		ab, a := []string{"a=a", "b=b"}, []string{"a=a"}
		after(time.Second, ab)
		after(10*time.Minute, ab) // nothing new, no call
		require.Equal(t, 21, f.asked)
		f.says(nil, "a", "b")
		after(time.Minute, ab)
		f.says(nil, "a")
		after(time.Minute, ab, a)

		// A source that fails takes no node away, however long.
		f.says(errors.New("broken"))
		after(100*time.Hour, ab, a)
		require.Equal(t, 1, w.Status().Nodes)
		require.Equal(t, "broken", w.Status().Problem)
		require.EqualValues(t, 12_000, w.Status().Failures)
		require.Equal(t, 1, bytes.Count(log.Bytes(), []byte("level=WARN")), "told once: %s", &log)

		// One that names none does so after a while, counted from when it began.
		f.says(errEmpty)
		after(59*time.Minute, ab, a)
		f.says(errors.New("broken"))
		after(10*time.Minute, ab, a)
		f.says(errEmpty)
		after(time.Minute, ab, a, nil)
		require.Zero(t, w.Status().Nodes)

		f.says(nil, "a")
		after(time.Minute, ab, a, nil, a)
		require.Empty(t, w.Status().Problem)
		require.Less(t, time.Since(w.Status().LastSuccess), time.Minute)

		// An empty answer in between starts the hour anew.
		for range 3 {
			f.says(errEmpty)
			after(50*time.Minute, ab, a, nil, a)
			f.says(nil, "a")
			after(time.Minute, ab, a, nil, a)
		}
		cancel()
		require.NoError(t, <-done)
	})
}

// What Lookup found at the start is no change.
func TestRunAfterLookup(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := &fake{named: []string{"a"}, takes: time.Second}
		w := &Watcher{source: f, every: time.Minute, keep: time.Hour, log: slog.New(slog.DiscardHandler)}
		nodes, err := w.Lookup(t.Context())
		require.NoError(t, err)
		nodes[0].Name = "a caller's own copy"
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour+500*time.Millisecond)
		defer cancel()
		require.NoError(t, w.Run(ctx, func([]probes.Node) { t.Error("nothing changed") }))
		require.Equal(t, 61, f.asked)
		require.Zero(t, w.Status().Failures, "a lookup that was called off is no failure")

		f.takes = time.Hour
		begin := time.Now()
		_, err = w.Lookup(t.Context())
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.Equal(t, lookupTime, time.Since(begin))
		require.EqualValues(t, 1, w.Status().Failures)
	})
}

// The file in the real world: a change is seen within its interval.
func TestRunFile(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "nodes.json")
	require.NoError(t, os.WriteFile(path, []byte(`[{"targets": ["a"]}]`), 0o600))
	w, err := New(Options{File: path, FileEvery: time.Second}, nil)
	require.NoError(t, err)
	_, err = w.Lookup(t.Context())
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	changes, done := make(chan []string, 1), make(chan error)
	go func() { done <- w.Run(ctx, func(n []probes.Node) { changes <- addresses(n) }) }()
	require.NoError(t, os.WriteFile(path+"~", []byte(`[{"targets": ["b"], "labels": {"name": "n1"}}]`), 0o600))
	require.NoError(t, os.Rename(path+"~", path))
	require.Equal(t, []string{"n1=b"}, <-changes)
	cancel()
	require.NoError(t, <-done)
}

func TestCheck(t *testing.T) {
	t.Parallel()
	named := func(change func(*DNS)) Options {
		d := &DNS{Name: "nodes.example.test"}
		change(d)
		return Options{DNS: d}
	}
	for _, c := range []struct {
		name    string
		options Options
		want    []string
	}{
		{"DNS", named(func(*DNS) {}), nil},
		{"DNS, all", named(func(d *DNS) { *d = DNS{"_https._tcp.example.test.", "SRV", 0, time.Minute, "[::1]:5353"} }), nil},
		{"file", Options{File: "nodes.yml", FileEvery: time.Second, Keep: time.Minute}, nil},
		{"nothing", Options{}, []string{""}},
		{"both", Options{DNS: &DNS{Name: "a"}, File: "a.yml"}, []string{"file"}},
		{"no name", Options{DNS: &DNS{}}, []string{"dns.name"}},
		{"bad name", named(func(d *DNS) { d.Name = "https://a" }), []string{"dns.name"}},
		{"type", named(func(d *DNS) { d.Type = "MX" }), []string{"dns.type"}},
		{"port", named(func(d *DNS) { d.Port = 70_000 }), []string{"dns.port"}},
		{"port of SRV", named(func(d *DNS) { d.Type, d.Port = "SRV", 443 }), []string{"dns.port"}},
		{"every", named(func(d *DNS) { d.Every = time.Millisecond }), []string{"dns.every"}},
		{"server", named(func(d *DNS) { d.Server = "a b" }), []string{"dns.server"}},
		{"extension", Options{File: "nodes.txt"}, []string{"file"}},
		{"file_every", Options{File: "nodes.JSON", FileEvery: time.Millisecond, Keep: -1}, []string{"file_every", "keep"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			var paths []string
			for _, p := range c.options.Check() {
				require.NotEmpty(t, p.Message)
				require.False(t, p.Warning)
				paths = append(paths, p.Path)
			}
			require.Equal(t, c.want, paths)
			_, err := New(c.options, nil)
			require.Equal(t, c.want == nil, err == nil, err)
		})
	}
}

func TestMerge(t *testing.T) {
	t.Parallel()
	listed := []probes.Node{{Name: "n2", Address: "10.0.0.2"}, {Name: "n1", Address: "10.0.0.1"}}
	found := []probes.Node{{Name: "10.0.0.1", Address: "10.0.0.1"}, {Name: "n2", Address: "10.0.0.9"}, {Name: "n3", Address: "10.0.0.3"}}
	require.Equal(t, []string{"n2=10.0.0.2", "n1=10.0.0.1", "n3=10.0.0.3"}, addresses(Merge(listed, found)))
	require.Equal(t, found, Merge(nil, found))
	require.Len(t, listed, 2)
}
