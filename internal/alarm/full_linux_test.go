package alarm_test

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/idp-exporter/idp_exporter/internal/alarm"
)

// On a full disk alarms are delivered from memory and webhooks refused. Once
// there is room, all is written, and a restart knows what was told.
func TestFullDisk(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	if err := syscall.Mount("tmpfs", folder, "tmpfs", 0, "size=4m"); err != nil {
		t.Skipf("no file system of its own can be mounted here (%v)", err)
	}
	t.Cleanup(func() { require.NoError(t, syscall.Unmount(folder, syscall.MNT_DETACH)) })
	b, all := &board{shown: map[string]string{}}, &board{shown: map[string]string{}}
	e, _, stop := exporter(t, folder, b, all)
	ballast := filepath.Join(folder, "ballast")
	_ = os.WriteFile(ballast, make([]byte, 8<<20), 0o600) // fails when it has filled the disk

	verdicts, hook, want := scene(100, 1, func(i int) bool { return i%2 == 0 })
	e.Verdicts(verdicts)
	_, err := e.Handle(t.Context(), strings.NewReader(hook))
	require.ErrorIs(t, err, alarm.ErrStorage)
	eventually(t, want, b)
	eventually(t, want, all)
	require.Positive(t, e.Stats().StorageErrors)

	require.NoError(t, os.Remove(ballast))
	require.Eventually(t, func() bool {
		_, err := e.Handle(t.Context(), strings.NewReader(hook))
		return err == nil
	}, time.Minute, 100*time.Millisecond)
	stop()
	events := b.events
	e, _, stop = exporter(t, folder, b, all)
	hand(t, e, verdicts, hook)
	eventually(t, want, b)
	require.Equal(t, events, b.events, "nothing has to be told again")
	stop()
}
