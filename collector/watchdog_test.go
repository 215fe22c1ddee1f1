package collector

import (
	"context"
	"errors"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/stretchr/testify/require"

	"github.com/idp-exporter/idp_exporter/internal/watchdog"
)

func TestWatchdog(t *testing.T) {
	t.Parallel()
	good := watchdog.NewDisk("storage_disk", t.TempDir(), 1, 1)
	gone := watchdog.NewDisk("audit_disk", filepath.Join(t.TempDir(), "none"), 1, 1)
	w, err := watchdog.New(watchdog.Options{Parts: []watchdog.Part{
		watchdog.Scheduler(time.Now),
		watchdog.Writing("audit", func(context.Context) error { return errors.New("no space") }),
		good.Part(), gone.Part(),
	}})
	require.NoError(t, err)
	r := prometheus.NewPedanticRegistry()
	r.MustRegister(NewWatchdog(w, good, gone))
	n, err := testutil.GatherAndCount(r, "idp_exporter_disk_free_bytes")
	require.NoError(t, err)
	require.Zero(t, n, "nothing was measured yet")

	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- w.Run(ctx) }()
	unhealthy := 2
	if !watched(runtime.GOOS) {
		unhealthy = 1 // no disk can be looked at
	}
	require.Eventually(t, func() bool { return len(w.Problems()) == unhealthy }, time.Minute, time.Millisecond)
	if unhealthy == 2 {
		require.Eventually(t, func() bool { _, known := good.Space(); return known }, time.Minute, time.Millisecond)
		require.NoError(t, testutil.GatherAndCompare(r, strings.NewReader(`
# HELP idp_exporter_part_healthy Whether the part of the exporter does its work.
# TYPE idp_exporter_part_healthy gauge
idp_exporter_part_healthy{part="audit"} 0
idp_exporter_part_healthy{part="audit_disk"} 0
idp_exporter_part_healthy{part="scheduler"} 1
idp_exporter_part_healthy{part="storage_disk"} 1
idp_exporter_part_healthy{part="watchdog"} 1
`), "idp_exporter_part_healthy"))
		n, err = testutil.GatherAndCount(r, "idp_exporter_disk_free_bytes")
		require.NoError(t, err)
		require.Equal(t, 1, n)
	}
	problems, err := testutil.GatherAndLint(r)
	require.NoError(t, err)
	require.Empty(t, problems)
	cancel()
	require.NoError(t, <-done)
}

func watched(system string) bool {
	return system == "linux" || system == "darwin" || system == "freebsd"
}
