package host

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/shirou/gopsutil/v4/disk"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	if os.Getenv(insideEnv) != "" {
		tellFigures()
		return
	}
	goleak.VerifyTestMain(m)
}

const gib = 1 << 30

// made are sources of a machine with nothing remarkable.
func made(t testing.TB) sources {
	t.Helper()
	start := time.Now()
	return sources{
		limits: limits{root: t.TempDir()},
		cpu: func(context.Context) (cpuTimes, float64, error) {
			return cpuTimes{total: 4 * time.Since(start).Seconds()}, 4, nil
		},
		memory: func(context.Context) (Memory, error) { return Memory{Total: 8 * gib, Available: 4 * gib}, nil },
		swap:   func(context.Context) (Memory, error) { return Memory{Total: gib, Available: gib}, nil },
		load:   func(context.Context) (Load, error) { return Load{1, 2, 3}, nil },
		clock:  func() (Clock, error) { return Clock{Synchronized: true}, nil },
		partitions: func(context.Context) ([]disk.PartitionStat, error) {
			return []disk.PartitionStat{{Device: "/dev/a", Mountpoint: "/", Fstype: "ext4"}, {Device: "/dev/b", Mountpoint: "/data", Fstype: "xfs"}}, nil
		},
		usage: func(context.Context, string) (*disk.UsageStat, error) {
			return &disk.UsageStat{Total: 100, UsedPercent: 50, InodesTotal: 10, InodesUsedPercent: 20}, nil
		},
		isFolder: func(string) bool { return true },
		services: func(_ context.Context, names []string) (map[string]Service, error) {
			found := map[string]Service{}
			for _, n := range names {
				found[n] = Service{Active: true, State: "active (running)"}
			}
			return found, nil
		},
	}
}

// tree writes files, by path, below a folder.
func tree(t testing.TB, files map[string]string) string {
	t.Helper()
	root := t.TempDir()
	for name, content := range files {
		name = filepath.Join(root, name)
		require.NoError(t, os.MkdirAll(filepath.Dir(name), 0o750))
		require.NoError(t, os.WriteFile(name, []byte(content), 0o600))
	}
	return root
}
