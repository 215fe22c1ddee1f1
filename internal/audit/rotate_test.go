package audit

import (
	"os"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

const small = 4 * maxLine

func rotating(t *testing.T) Options {
	o := options(t)
	o.maxSize, o.Config.File.Keep = small, 3
	return o
}

func fill(t *testing.T, l *Log, n int) {
	t.Helper()
	for i := range n {
		if i%10 == 0 {
			require.NoError(t, l.Admin(t.Context(), drain))
			continue
		}
		l.Access(scrape)
	}
}

func TestRotation(t *testing.T) {
	t.Parallel()
	o := rotating(t)
	for range 3 {
		l := open(t, o)
		fill(t, l, 1000)
		require.NoError(t, l.Close())
	}
	list := files(t, o)
	require.Len(t, list, 4, "three kept and the current one")
	for _, path := range list {
		info, err := os.Stat(path)
		require.NoError(t, err)
		require.LessOrEqual(t, info.Size(), int64(small))
		require.Equal(t, os.FileMode(0o600), info.Mode().Perm())
	}
	slices.Reverse(list)
	r, err := VerifyFiles(list, VerifyOptions{})
	require.NoError(t, err)
	require.Empty(t, r.Problems)
	require.False(t, r.Whole)
	require.EqualValues(t, 3*1002, r.Last, "the numbering goes on over files and starts")

	r, err = VerifyFiles(slices.Delete(list, 1, 2), VerifyOptions{})
	require.NoError(t, err)
	require.Equal(t, 1, r.Broken)
	require.Equal(t, FaultGap, r.Problems[0].Fault)
}

func TestOneBatchOverManyFiles(t *testing.T) {
	t.Parallel()
	o := rotating(t)
	f := &faulty{gate: make(chan struct{})}
	o.fs = f
	o.Config.File.Keep = 100
	go func() { f.gate <- struct{}{} }() // the start record
	l := open(t, o)
	l.Access(scrape)
	eventually(t, func() bool { return len(take(l)) == 0 }) // the writer waits with it
	for range 3000 {
		l.Access(scrape)
	}
	close(f.gate)
	require.NoError(t, l.Close())
	require.Greater(t, len(files(t, o)), 5)
	require.Equal(t, 3003, sound(t, o).Records)
}

// take looks at what waits in the queue.
func take(l *Log) []entry {
	l.queue.mu.Lock()
	defer l.queue.mu.Unlock()
	return l.queue.batch.entries
}

func TestKilledBetweenRotationAndFirstLine(t *testing.T) {
	t.Parallel()
	for name, after := range map[string]func(path string) error{
		"no new file":    func(string) error { return nil },
		"empty new file": func(path string) error { return os.WriteFile(path, nil, 0o600) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := options(t)
			l := open(t, o)
			require.NoError(t, l.Admin(t.Context(), drain))
			require.NoError(t, l.Close())
			require.NoError(t, os.Rename(o.Config.File.Path, o.Config.File.Path+".00000000000000000003"))
			require.NoError(t, after(o.Config.File.Path))
			require.NoError(t, open(t, o).Close())
			require.EqualValues(t, 5, sound(t, o).Last)
		})
	}
}

func TestRotationFails(t *testing.T) {
	t.Parallel()
	o := rotating(t)
	f := &faulty{}
	o.fs = f
	l := open(t, o)
	f.set(func() { f.fail = failing("rename", errDisk) })
	var err error
	for range 1000 {
		if err = l.Admin(t.Context(), drain); err != nil {
			break
		}
	}
	require.ErrorIs(t, err, errDisk, "rather none than more than was allowed")
	f.set(func() { f.fail = failing("remove", errDisk) })
	fill(t, l, 2000)
	f.set(func() { f.fail = nil })
	fill(t, l, 1000)
	require.NoError(t, l.Close())
	require.Len(t, files(t, o), 4, "what could not be removed is removed later")
	sound(t, o)
}
