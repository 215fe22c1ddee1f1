package web

import (
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestPartsOfTheExporterThatAreStuck(t *testing.T) {
	t.Parallel()
	var stuck atomic.Bool
	o := options()
	o.Stuck = func() []string {
		if stuck.Load() {
			return []string{"scheduler"}
		}
		return nil
	}
	o.Unhealthy = func() []string { return []string{"storage_disk: 12 MB are free"} }
	s := start(t, o)
	require.Equal(t, 200, s.get(t, "/-/healthy").code, "a restart frees no space")
	require.Contains(t, s.get(t, "/").body, "storage_disk: 12 MB are free")
	stuck.Store(true)
	got := s.get(t, "/-/healthy")
	require.Equal(t, 503, got.code)
	require.Equal(t, "stuck:\nscheduler\n", got.body)
	require.Equal(t, 200, s.get(t, "/testall").code, "sign-in is another matter")
}
