package maintenance_test

import (
	"bufio"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/idp-exporter/idp_exporter/internal/maintenance"
	"github.com/idp-exporter/idp_exporter/internal/store"
)

// childFolder makes a run of TestChild the child that is killed.
const childFolder = "IDP_EXPORTER_TEST_MAINTENANCE"

func reopened(t *testing.T, folder string, now func() time.Time) (*maintenance.Book, *store.Store) {
	t.Helper()
	s, err := store.Open(t.Context(), folder, nil)
	require.NoError(t, err)
	b := maintenance.New(maintenance.Options{Store: s, Now: now})
	require.NoError(t, b.Load(t.Context(), time.Time{}))
	return b, s
}

func TestRestart(t *testing.T) {
	t.Parallel()
	folder, begin := t.TempDir(), time.Now()
	b, s := reopened(t, folder, nil)
	require.NoError(t, b.Drain(t.Context(), "n1", begin.Add(time.Hour), "ops"))
	require.NoError(t, b.Drain(t.Context(), "", time.Time{}, "ops"))
	w, err := b.AddWindow(t.Context(), maintenance.Window{Name: "update", End: begin.Add(2 * time.Hour), Nodes: []string{"n2"}})
	require.NoError(t, err)
	drains := b.Drains()
	require.NoError(t, s.Close())

	b, s = reopened(t, folder, nil)
	require.Equal(t, drains, b.Drains())
	require.True(t, b.Drained(""))
	require.Equal(t, w, b.Windows()[0].Window)
	_, until, name, ok := b.Suppressed("login", "n2", time.Now())
	require.True(t, ok)
	require.Equal(t, "update", name)
	require.Equal(t, w.End, until)
	require.NoError(t, s.Close())

	// Off for longer than the drain and the window were to last.
	b, s = reopened(t, folder, func() time.Time { return begin.Add(3 * time.Hour) })
	require.Equal(t, drains[:1], b.Drains())
	require.True(t, b.Returned("n1").Equal(begin.Add(3*time.Hour)), "its return is news")
	require.Empty(t, b.Windows())
	left, err := s.Drains(t.Context())
	require.NoError(t, err)
	require.Len(t, left, 1)
	require.NoError(t, s.Close())
}

func TestStoreThatCouldNotBeOpened(t *testing.T) {
	t.Parallel()
	var s *store.Store
	b := maintenance.New(maintenance.Options{Store: s})
	require.ErrorIs(t, b.Load(t.Context(), time.Time{}), store.ErrUnavailable)
	require.ErrorIs(t, b.Drain(t.Context(), "n1", time.Time{}, ""), maintenance.ErrStorage)
	require.False(t, b.Drained("n1"))
}

// TestChild drains and undrains, adds and removes until it is killed.
func TestChild(t *testing.T) {
	folder := os.Getenv(childFolder)
	if folder == "" {
		return // only run by TestKilled
	}
	ctx := context.Background()
	b, _ := reopened(t, folder, nil)
	for _, w := range b.Windows() {
		require.NoError(t, b.RemoveWindow(ctx, w.ID))
	}
	for _, d := range b.Drains() {
		require.NoError(t, b.Undrain(ctx, d.Node))
	}
	end := time.Now().Add(time.Hour)
	change := func(what string, err error) {
		require.NoError(t, err)
		fmt.Printf("\nack %s\n", what)
	}
	for i := 0; ; i++ {
		node, id := fmt.Sprintf("n%d", i), fmt.Sprintf("w%d", i)
		fmt.Printf("\ntry +%s\n", node)
		change("+"+node, b.Drain(ctx, node, end, "ops"))
		fmt.Printf("\ntry +%s\n", id)
		_, err := b.AddWindow(ctx, maintenance.Window{ID: id, End: end})
		change("+"+id, err)
		if i%2 == 1 {
			fmt.Printf("\ntry -%s\n", node)
			change("-"+node, b.Undrain(ctx, node))
			fmt.Printf("\ntry -%s\n", id)
			change("-"+id, b.RemoveWindow(ctx, id))
		}
	}
}

// Killed at random, no acknowledged drain or window is lost, and none comes back.
func TestKilled(t *testing.T) {
	t.Parallel()
	rounds := 20
	if os.Getenv("IDP_EXPORTER_SOAK") != "" {
		rounds = 200
	}
	folder := t.TempDir()
	for range rounds {
		cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestChild$")
		cmd.Env = append(os.Environ(), childFolder+"="+folder)
		out, err := cmd.StdoutPipe()
		require.NoError(t, err)
		require.NoError(t, cmd.Start())
		there, tried := map[string]bool{}, ""
		var timer *time.Timer
		lines := bufio.NewScanner(out)
		for lines.Scan() {
			if what, ok := strings.CutPrefix(lines.Text(), "try "); ok {
				tried = what[1:]
			}
			if what, ok := strings.CutPrefix(lines.Text(), "ack "); ok {
				there[what[1:]], tried = what[0] == '+', ""
				if timer == nil {
					timer = time.AfterFunc(time.Duration(rand.IntN(100_000))*time.Microsecond, func() { _ = cmd.Process.Kill() })
				}
			}
		}
		require.Error(t, cmd.Wait())
		require.NotNil(t, timer, "the child said nothing")
		timer.Stop()

		b, s := reopened(t, folder, nil)
		found := map[string]bool{}
		for _, d := range b.Drains() {
			found[d.Node] = true
		}
		for _, w := range b.Windows() {
			found[w.ID] = true
		}
		// The one change under way may have taken place or not.
		delete(found, tried)
		delete(there, tried)
		acknowledged := map[string]bool{}
		for name, is := range there {
			if is {
				acknowledged[name] = true
			}
		}
		require.Equal(t, acknowledged, found)
		require.NoError(t, s.Close())
	}
}
