package hostprobe

import (
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/idp-exporter/idp_exporter/internal/host"
	"github.com/idp-exporter/idp_exporter/probes"
)

// A real volume that fills up, with bytes and with files.
func TestARealVolumeFillsUp(t *testing.T) {
	t.Parallel()
	if os.Geteuid() != 0 {
		t.Skip("mounting takes root")
	}
	folder := t.TempDir()
	if err := unix.Mount("tmpfs", folder, "tmpfs", 0, "size=1m,nr_inodes=100"); err != nil {
		t.Skipf("nothing can be mounted here: %v", err)
	}
	t.Cleanup(func() { require.NoError(t, unix.Unmount(folder, unix.MNT_DETACH)) })
	o := NewOptions(host.New())
	o.CPUFree, o.MemoryAvailable, o.Clock = Levels{}, Levels{}, ClockOff
	o.Mountpoints.Include = []string{"^" + regexp.QuoteMeta(folder) + "$"}
	p, err := o.New(probes.Target{})
	require.NoError(t, err)
	run := func() probes.Result { return p.Run(t.Context()) }

	r := run()
	require.Equal(t, probes.Pass, r.Outcome, r.Detail)
	require.NoError(t, os.WriteFile(filepath.Join(folder, "log"), make([]byte, 950<<10), 0o600))
	r = run()
	require.Equal(t, probes.Fail, r.Outcome)
	require.Equal(t, "disk", r.FailedStep)
	require.Equal(t, probes.ReasonResourceLow, r.Reason)
	require.Regexp(t, `is 9\d\.\d % full; it may be 90 % at most`, r.Detail)

	require.NoError(t, os.Remove(filepath.Join(folder, "log")))
	require.Equal(t, probes.Pass, run().Outcome)
	for i := range 95 {
		require.NoError(t, os.WriteFile(filepath.Join(folder, strconv.Itoa(i)), nil, 0o600))
	}
	r = run()
	require.Equal(t, probes.Fail, r.Outcome)
	require.Contains(t, r.Detail, "inodes")
}
