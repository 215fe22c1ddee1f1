package audit

import (
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// fileStats are the counts of the file.
func fileStats(l *Log) SinkStats { return l.Stats().Sinks[0] }

func eventually(t *testing.T, f func() bool) {
	t.Helper()
	require.Eventually(t, f, 10*time.Second, time.Millisecond)
}

func TestDiskFullAndBack(t *testing.T) {
	t.Parallel()
	for name, room := range map[string]int{"not a byte": 0, "half a line": 100, "a line and a half": 400} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := options(t)
			f := &faulty{}
			o.fs = f
			l := open(t, o)
			require.NoError(t, l.Admin(t.Context(), drain))
			f.set(func() { f.limited, f.room = true, room })
			// At most one action fits into what is left.
			var err error
			for range 2 {
				if err = l.Admin(t.Context(), drain); err != nil {
					break
				}
			}
			require.ErrorIs(t, err, syscall.ENOSPC)
			require.ErrorContains(t, err, "free space on its disk")
			require.True(t, fileStats(l).Failing)
			before := fileStats(l).Dropped
			for range 50 {
				l.Access(scrape)
			}
			eventually(t, func() bool { return fileStats(l).Dropped == before+50 })
			require.Error(t, l.Admin(t.Context(), drain))

			f.set(func() { f.limited = false })
			require.NoError(t, l.Admin(t.Context(), drain), "recovers by itself")
			require.False(t, fileStats(l).Failing)
			lost := fileStats(l).Dropped
			require.NoError(t, l.Close())
			r := sound(t, o)
			require.Equal(t, lost, r.Dropped)
			require.Zero(t, r.Recovered, "what was half written was taken back")
			require.Equal(t, fileStats(l).Written, uint64(r.Records))
		})
	}
}

func TestFaults(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		fail      func(op, path string) error
		recovered int
	}{
		"write":                  {fail: failing("write", errDisk)},
		"sync":                   {fail: failing("sync", errDisk)},
		"sync and taking back":   {fail: func(op, _ string) error { return map[string]error{"sync": errDisk, "truncate": errDisk}[op] }},
		"unwritable from now on": {fail: failing("write", fs.ErrPermission)},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := options(t)
			f := &faulty{}
			o.fs = f
			l := open(t, o)
			f.set(func() { f.fail = tt.fail })
			for range 3 {
				require.Error(t, l.Admin(t.Context(), drain))
			}
			f.set(func() { f.fail = nil })
			require.NoError(t, l.Admin(t.Context(), drain))
			require.NoError(t, l.Close())
			sound(t, o)
		})
	}
}

func TestTornWriteThatCannotBeTakenBack(t *testing.T) {
	t.Parallel()
	o := options(t)
	f := &faulty{}
	o.fs = f
	l := open(t, o)
	f.set(func() { f.limited, f.room, f.fail = true, 50, failing("truncate", errDisk) })
	require.Error(t, l.Admin(t.Context(), drain))
	f.set(func() { f.limited, f.fail = false, nil })
	require.NoError(t, l.Admin(t.Context(), drain))
	require.NoError(t, l.Close())
	r := sound(t, o)
	require.Equal(t, 1, r.Recovered)
	require.EqualValues(t, 1, r.Dropped)
}

func TestFullAtStart(t *testing.T) {
	t.Parallel()
	for _, op := range []string{"open", "write", "sync", "syncdir"} {
		t.Run(op, func(t *testing.T) {
			t.Parallel()
			o := options(t)
			f := &faulty{fail: failing(op, syscall.ENOSPC)}
			o.fs = f
			l := open(t, o)
			require.ErrorIs(t, l.Admin(t.Context(), drain), syscall.ENOSPC)
			f.set(func() { f.fail = nil })
			require.NoError(t, l.Admin(t.Context(), drain))
			require.NoError(t, l.Close())
			r := sound(t, o)
			require.Equal(t, 1, r.Starts, "the start is told late, but told")
			require.EqualValues(t, 1, r.Dropped)
		})
	}
}

func TestOpenRefusesWrongSettings(t *testing.T) {
	t.Parallel()
	o := options(t)
	o.Config.File.Path = filepath.Join(t.TempDir(), "none", "audit.jsonl")
	_, err := Open(o)
	require.ErrorContains(t, err, "make its folder")

	o.Config.File.Path = t.TempDir()
	_, err = Open(o)
	require.Error(t, err, "a folder is no file")

	o = options(t)
	o.fs = &faulty{fail: failing("open", fs.ErrPermission)}
	_, err = Open(o)
	require.ErrorContains(t, err, "let the exporter's user write")

	o = options(t)
	open(t, o)
	_, err = Open(o)
	require.ErrorIs(t, err, errLocked)
	require.ErrorContains(t, err, "a file of its own")
}

func TestUnwritableFolder(t *testing.T) {
	t.Parallel()
	if os.Geteuid() == 0 {
		t.Skip("root may write everywhere; TestOpenRefusesWrongSettings covers the error")
	}
	o := options(t)
	require.NoError(t, os.Chmod(filepath.Dir(o.Config.File.Path), 0o500)) //nolint:gosec // a folder
	_, err := Open(o)
	require.ErrorContains(t, err, "let the exporter's user write")
}

func TestMeddling(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		meddle func(t *testing.T, path string)
		broken int // what Verify says of it afterwards
	}{
		"moved away":   {func(t *testing.T, path string) { require.NoError(t, os.Rename(path, path+".00000000000000000002")) }, 0},
		"removed":      {func(t *testing.T, path string) { require.NoError(t, os.Remove(path)) }, 0},
		"cut to half":  {func(t *testing.T, path string) { require.NoError(t, os.Truncate(path, 300)) }, 1},
		"emptied":      {func(t *testing.T, path string) { require.NoError(t, os.Truncate(path, 0)) }, 0},
		"line written": {func(t *testing.T, path string) { appendTo(t, path, "somebody was here\n") }, 0},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := options(t)
			l := open(t, o)
			require.NoError(t, l.Admin(t.Context(), drain))
			tt.meddle(t, o.Config.File.Path)
			r := drain
			r.Target = "after"
			require.NoError(t, l.Admin(t.Context(), r))
			// Acknowledged means that it is in the file of that name, now.
			require.Contains(t, string(read(t, o.Config.File.Path)), `"target":"after"`)
			require.NoError(t, l.Close())
			require.Equal(t, tt.broken, verified(t, o).Broken, verified(t, o).Problems)
		})
	}
}

func appendTo(t *testing.T, path, text string) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND, 0)
	require.NoError(t, err)
	_, err = f.WriteString(text)
	require.NoError(t, err)
	require.NoError(t, f.Close())
}
