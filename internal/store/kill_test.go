package store

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/idp-exporter/idp_exporter/internal/maintenance"
)

// childFolder tells the test binary to be the child, childFrom where to go on.
const (
	childFolder = "IDP_EXPORTER_TEST_STORE"
	childFrom   = "IDP_EXPORTER_TEST_STORE_FROM"
)

// operate does the i-th write of a fixed sequence, which leaves behind what
// expected says.
func operate(ctx context.Context, s *Store, i int) error {
	switch i % 5 {
	case 0:
		return s.PutDrain(ctx, drain(i%20, i))
	case 1:
		return s.SaveVerdicts(ctx, []VerdictRecord{verdict(0, i), verdict(1, i), verdict(i%50, i)})
	case 2:
		return s.PutWindow(ctx, window(i%30, i))
	case 3:
		return s.DeleteDrain(ctx, drain((i-3+10)%20, 0).Node)
	default:
		return s.DeleteWindow(ctx, window((i-2+15)%30, 0).ID)
	}
}

// expected spells what the first n writes leave behind.
func expected(n int) string {
	v, d, w := map[string]VerdictRecord{}, map[string]maintenance.Drain{}, map[string]maintenance.Window{}
	for i := range n {
		switch i % 5 {
		case 0:
			d[drain(i%20, i).Node] = drain(i%20, i)
		case 1:
			for _, r := range []VerdictRecord{verdict(0, i), verdict(1, i), verdict(i%50, i)} {
				v[verdictKey(r.Key)] = r
			}
		case 2:
			w[window(i%30, i).ID] = window(i%30, i)
		case 3:
			delete(d, drain((i-3+10)%20, 0).Node)
		default:
			delete(w, window((i-2+15)%30, 0).ID)
		}
	}
	return spell(v, d, w)
}

func spell(v map[string]VerdictRecord, d map[string]maintenance.Drain, w map[string]maintenance.Window) string {
	verdicts := map[string]string{}
	for k, r := range v {
		verdicts[k] = r.Since.String() + r.LastConclusive.Start.String()
	}
	return fmt.Sprint(verdicts, d, w) // maps are printed in order of their keys
}

// child writes until it is killed, and says after each write that it is done.
func child(folder string) {
	ctx := context.Background()
	s, err := Open(ctx, folder, nil)
	if err != nil {
		fmt.Println("error", err)
		return
	}
	from, _ := strconv.Atoi(os.Getenv(childFrom))
	for i := from; ; i++ {
		if err := operate(ctx, s, i); err != nil {
			fmt.Println("error", err)
			return
		}
		fmt.Println(i)
	}
}

func TestKilledItLosesNothing(t *testing.T) {
	t.Parallel()
	rounds := 20
	if os.Getenv("IDP_EXPORTER_SOAK") != "" {
		rounds = 200
	}
	folder, from := t.TempDir(), 0
	for round := range rounds {
		last := killed(t, folder, from)
		s, err := Open(t.Context(), folder, nil)
		require.NoError(t, err)
		require.Empty(t, s.Report().SetAside)
		require.Zero(t, s.BadRecords())
		got := found(t, s)
		// The write that was under way may have taken place or not.
		done := last + 1
		if got == expected(done+1) {
			done++
		}
		require.Equal(t, expected(done), got, "round %d, killed after write %d", round, last)
		require.NoError(t, s.Close())
		from = done
	}
	require.Greater(t, from, rounds)
	t.Logf("%d writes acknowledged in %d lives", from, rounds)
}

func found(t *testing.T, s *Store) string {
	t.Helper()
	v, d, w := read(t, s)
	vs, ds, ws := map[string]VerdictRecord{}, map[string]maintenance.Drain{}, map[string]maintenance.Window{}
	for _, r := range v {
		vs[verdictKey(r.Key)] = r
	}
	for _, r := range d {
		ds[r.Node] = r
	}
	for _, r := range w {
		ws[r.ID] = r
	}
	return spell(vs, ds, ws)
}

// killed runs a child, kills it at a random moment and returns the number of
// the last write it acknowledged.
func killed(t *testing.T, folder string, from int) int {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), childFolder+"="+folder, childFrom+"="+strconv.Itoa(from))
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	lines, last := bufio.NewReader(out), from-1
	var timer *time.Timer
	for {
		line, err := lines.ReadString('\n')
		if errors.Is(err, io.EOF) {
			break
		}
		require.NoError(t, err)
		line = strings.TrimSpace(line)
		n, err := strconv.Atoi(line)
		require.NoError(t, err, line)
		require.Equal(t, last+1, n)
		last = n
		if timer == nil {
			timer = time.AfterFunc(time.Duration(rand.IntN(200_000))*time.Microsecond, func() { _ = cmd.Process.Kill() })
		}
	}
	require.Error(t, cmd.Wait(), "killed, not ended")
	timer.Stop()
	return last
}
