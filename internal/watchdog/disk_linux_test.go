package watchdog

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// TestRealFullDisk fills a real, small file system, first with bytes and then
// with files, and makes room again.
func TestRealFullDisk(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=4m,nr_inodes=200"); err != nil {
		t.Skipf("a tmpfs cannot be mounted here: %v", err)
	}
	t.Cleanup(func() { require.NoError(t, syscall.Unmount(dir, 0)) })
	d := NewDisk("storage_disk", dir, 1<<20, 100)
	p := d.Part()
	p.Every = 10 * time.Millisecond
	var log diary
	w, stop := watch(t, &log, p)
	unhealthy := func(n int) func() bool { return func() bool { return len(w.Problems()) == n } }
	until := func(n int) {
		t.Helper()
		require.Eventually(t, unhealthy(n), patience, 10*time.Millisecond)
	}
	require.Eventually(t, func() bool { _, known := d.Space(); return known }, patience, 10*time.Millisecond)
	require.Empty(t, w.Problems())

	ballast := filepath.Join(dir, "ballast")
	require.NoError(t, os.WriteFile(ballast, make([]byte, 7<<19), 0o600))
	until(1)
	require.Contains(t, w.Problems()[0].Text, "0 MB free at "+dir)
	require.Empty(t, w.Stuck())
	require.NoError(t, os.Remove(ballast))
	until(0)

	for i := range 120 {
		require.NoError(t, os.WriteFile(filepath.Join(dir, string(rune('a'+i%26))+string(rune('a'+i/26))), nil, 0o600))
	}
	until(1)
	require.Contains(t, w.Problems()[0].Text, "more files")
	s, _ := d.Space()
	require.True(t, s.Counted)
	require.Less(t, s.Inodes, uint64(100))
	require.NoError(t, stop())
}
