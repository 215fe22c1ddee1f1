package audit

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestRealFullDisk fills a real, small filesystem.
func TestRealFullDisk(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=256k"); err != nil {
		t.Skipf("a tmpfs cannot be mounted here: %v", err)
	}
	t.Cleanup(func() { require.NoError(t, syscall.Unmount(dir, 0)) })
	o := Options{Config: Config{File: &FileConfig{Path: filepath.Join(dir, "audit.jsonl")}}}
	l := open(t, o)
	ballast := filepath.Join(dir, "ballast")
	require.NoError(t, os.WriteFile(ballast, make([]byte, 128<<10), 0o600))
	var err error
	for range 5000 {
		l.Access(scrape)
		if err = l.Admin(t.Context(), drain); err != nil {
			break
		}
	}
	require.ErrorIs(t, err, syscall.ENOSPC)
	require.ErrorContains(t, err, "free space on its disk")
	for range 100 {
		l.Access(scrape)
	}
	require.ErrorIs(t, l.Admin(t.Context(), drain), syscall.ENOSPC)
	sound(t, o)

	require.NoError(t, os.Remove(ballast))
	require.NoError(t, l.Admin(t.Context(), drain))
	lost := fileStats(l).Dropped
	require.GreaterOrEqual(t, lost, uint64(100))
	require.NoError(t, l.Close())
	require.Equal(t, lost, sound(t, o).Dropped)
}
