package host

import (
	"context"
	"errors"
	"io/fs"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/shirou/gopsutil/v4/disk"
	"github.com/stretchr/testify/require"
)

// running runs the sampler until the end of the test.
func running(t *testing.T, s *Sampler) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- s.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		require.NoError(t, <-done)
	})
	synctest.Wait()
}

func TestCPUOverTheLastMinute(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		src := made(t)
		start := time.Now()
		var (
			busy atomic.Bool
			used float64
		)
		last := start
		src.cpu = func(context.Context) (cpuTimes, float64, error) {
			now := time.Now()
			if busy.Load() {
				used += 4 * now.Sub(last).Seconds()
			}
			last = now
			return cpuTimes{used: used, total: 4 * now.Sub(start).Seconds()}, 4, nil
		}
		s := newSampler(src)
		require.Nil(t, s.Snapshot().CPU)
		require.Error(t, s.Snapshot().Health(CollectorCPU).Err)
		running(t, s)
		require.Nil(t, s.Snapshot().CPU, "one look tells nothing")
		time.Sleep(1100 * time.Millisecond)
		require.Equal(t, time.Second, s.Snapshot().CPU.Over)
		require.Zero(t, s.Snapshot().CPU.Usage)
		require.NoError(t, s.Snapshot().Health(CollectorCPU).Err)

		time.Sleep(2 * time.Minute)
		busy.Store(true)
		time.Sleep(30 * time.Second)
		c := s.Snapshot().CPU
		require.InDelta(t, 0.5, c.Usage, 0.1, "half of the last minute")
		require.InDelta(t, 60, c.Over.Seconds(), 5)
		require.Equal(t, 4.0, c.Cores)
		require.False(t, c.Limited)
		time.Sleep(time.Minute)
		require.InDelta(t, 1, s.Snapshot().CPU.Usage, 1e-9)
	})
}

func TestCPUOfAContainer(t *testing.T) {
	t.Parallel()
	if runtime.GOOS != "linux" {
		t.Skip("control groups are Linux's")
	}
	synctest.Test(t, func(t *testing.T) {
		files := map[string]string{
			"proc/self/cgroup": "0::/\n", "proc/self/mountinfo": mountV2,
			"sys/fs/cgroup/cpu.max": "50000 100000\n", "sys/fs/cgroup/cpu.stat": "usage_usec 1000000\n",
		}
		src := made(t)
		src.limits.root = tree(t, files)
		m := &cpuMeter{src: src}
		_, err := m.read(t.Context())
		require.ErrorIs(t, err, errNotYet)
		time.Sleep(10 * time.Second)
		files["sys/fs/cgroup/cpu.stat"] = "usage_usec 5000000\n" // 4 of the 5 seconds that there were
		m.src.limits.root = tree(t, files)
		r, err := m.read(t.Context())
		require.NoError(t, err)
		var s Snapshot
		r(&s)
		require.InDelta(t, 0.8, s.CPU.Usage, 1e-9)
		require.Equal(t, 0.5, s.CPU.Cores)
		require.True(t, s.CPU.Limited)

		files["sys/fs/cgroup/cpu.max"] = "max 100000\n" // from now on the machine's
		m.src.limits.root = tree(t, files)
		_, err = m.read(t.Context())
		require.ErrorIs(t, err, errNotYet, "old looks do not count")
	})
}

func TestACollectorThatHangs(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		src := made(t)
		var calls atomic.Int32
		release := make(chan struct{})
		src.memory = func(context.Context) (Memory, error) { // deaf to its context
			if calls.Add(1) == 2 {
				<-release
			}
			return Memory{Total: 1, Available: 1}, nil
		}
		s := newSampler(src)
		running(t, s)
		time.Sleep(2 * time.Second)
		require.NoError(t, s.Snapshot().Health(CollectorMemory).Err)

		time.Sleep(20 * time.Second) // it hangs by now, and was given up on
		begin := time.Now()
		snap := s.Snapshot()
		require.Equal(t, begin, time.Now(), "a snapshot waits for nothing")
		require.Error(t, snap.Health(CollectorMemory).Err)
		require.NotNil(t, snap.Memory, "what was known is not too old yet")

		time.Sleep(2 * time.Minute)
		snap = s.Snapshot()
		require.ErrorIs(t, snap.Health(CollectorMemory).Err, errStuck)
		require.Nil(t, snap.Memory, "too old to be told")
		require.EqualValues(t, 2, calls.Load(), "it is not asked again meanwhile")
		require.InDelta(t, 60, snap.CPU.Over.Seconds(), 5, "others go on")
		require.NoError(t, snap.Health(CollectorSwap).Err)
		require.NotNil(t, snap.Swap)

		close(release)
		time.Sleep(20 * time.Second)
		require.NoError(t, s.Snapshot().Health(CollectorMemory).Err)
		require.NotNil(t, s.Snapshot().Memory)
	})
}

func TestACollectorThatFails(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		src := made(t)
		broken := errors.New("no such file")
		src.load = func(context.Context) (Load, error) { return Load{}, broken }
		s := newSampler(src)
		running(t, s)
		time.Sleep(time.Minute)
		require.ErrorIs(t, s.Snapshot().Health(CollectorLoad).Err, broken)
		require.Nil(t, s.Snapshot().Load)
		require.True(t, s.Snapshot().Health(CollectorLoad).At.IsZero())
		require.NotNil(t, s.Snapshot().Memory)
	})
}

func TestAFilesystemThatHangs(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		src := made(t)
		release := make(chan struct{})
		var hung atomic.Int32
		usage := src.usage
		src.usage = func(ctx context.Context, mountpoint string) (*disk.UsageStat, error) {
			if mountpoint == "/data" {
				hung.Add(1)
				<-release
			}
			return usage(ctx, mountpoint)
		}
		s := newSampler(src)
		running(t, s)
		time.Sleep(time.Minute)
		snap := s.Snapshot()
		require.ErrorContains(t, snap.Health(CollectorFilesystems).Err, "/data")
		require.Len(t, snap.Filesystems, 1, "the others are told")
		require.Equal(t, "/", snap.Filesystems[0].Mountpoint)
		require.Len(t, snap.UnseenFilesystems, 1)
		require.Equal(t, "/data", snap.UnseenFilesystems[0].Mountpoint)
		require.Error(t, snap.UnseenFilesystems[0].Err)
		require.EqualValues(t, 1, hung.Load())
		close(release)
		time.Sleep(20 * time.Second)
		require.NoError(t, s.Snapshot().Health(CollectorFilesystems).Err)
		require.Len(t, s.Snapshot().Filesystems, 2)
		require.Empty(t, s.Snapshot().UnseenFilesystems)
	})
}

// The end does not wait for ever for what hangs.
func TestRunEndsBesideACallThatHangs(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		src := made(t)
		release := make(chan struct{})
		src.swap = func(context.Context) (Memory, error) { <-release; return Memory{}, nil }
		s := newSampler(src)
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		begin := time.Now()
		require.NoError(t, s.Run(ctx))
		require.Equal(t, time.Minute+farewell, time.Since(begin))
		close(release)
	})
}

func TestServicesAreLookedAfterForALease(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newSampler(made(t))
		running(t, s)
		time.Sleep(2 * time.Second)
		require.Nil(t, s.Snapshot().Services)
		begin := time.Now()
		snap := s.Sample(t.Context(), 5*time.Minute, "nginx.service")
		require.Equal(t, begin, time.Now())
		require.Equal(t, map[string]Service{"nginx.service": {Active: true, State: "active (running)"}}, snap.Services)
		s.Sample(t.Context(), 10*time.Minute, "sshd.service")
		require.Equal(t, []string{"nginx.service", "sshd.service"}, s.Snapshot().ServiceNames())
		time.Sleep(6 * time.Minute)
		require.Equal(t, []string{"sshd.service"}, s.Snapshot().ServiceNames())
		time.Sleep(6 * time.Minute)
		require.Empty(t, s.Snapshot().ServiceNames())
		require.NoError(t, s.Snapshot().Health(CollectorServices).Err)
	})
}

// One-shot runs have no background.
func TestSampleWithoutBackground(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		src := made(t)
		start := time.Now()
		src.cpu = func(context.Context) (cpuTimes, float64, error) {
			up := time.Since(start).Seconds()
			return cpuTimes{used: up / 4, total: up}, 1, nil
		}
		s := newSampler(src)
		snap := s.Sample(t.Context(), time.Minute, "a.service")
		require.Equal(t, time.Second, time.Since(start))
		require.Equal(t, &CPU{Usage: 0.25, Over: time.Second, Cores: 1}, snap.CPU)
		require.True(t, snap.Services["a.service"].Active)
		require.Len(t, snap.Filesystems, 2)
		require.NotNil(t, snap.Filesystems[0].Inodes)
		require.Equal(t, &Load{1, 2, 3}, snap.Load)
		require.True(t, snap.Clock.Synchronized)

		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		require.Nil(t, newSampler(src).Sample(ctx, time.Minute).Memory)
	})
}

func TestTheRealMachine(t *testing.T) {
	t.Parallel()
	snap := New().Sample(t.Context(), time.Minute)
	require.NotNil(t, snap.CPU)
	require.GreaterOrEqual(t, snap.CPU.Usage, 0.0)
	require.LessOrEqual(t, snap.CPU.Usage, 1.0)
	require.Positive(t, snap.CPU.Cores)
	require.NotNil(t, snap.Memory)
	require.Positive(t, snap.Memory.AvailableRatio())
	require.NotEmpty(t, snap.Filesystems)
	for _, f := range snap.Filesystems {
		require.GreaterOrEqual(t, f.Used, 0.0, f.Mountpoint)
		require.LessOrEqual(t, f.Used, 1.0, f.Mountpoint)
	}
}

func TestVolumes(t *testing.T) {
	t.Parallel()
	p := func(device, mountpoint, kind string, opts ...string) disk.PartitionStat {
		return disk.PartitionStat{Device: device, Mountpoint: mountpoint, Fstype: kind, Opts: opts}
	}
	var got []string
	for _, v := range volumes([]disk.PartitionStat{
		p("proc", "/proc", "proc"), p("tmpfs", "/run", "tmpfs"), p("tmpfs", "/run/lock", "tmpfs"), p("tmpfs", "/tmp", "tmpfs"),
		p("/dev/b", "/var/lib/app/deep", "ext4"), p("/dev/b", "/data", "ext4"), // one device twice
		p("/dev/c", "/s", "btrfs", "rw", "bind"), p("/dev/c", "/srv/storage", "btrfs"), // a folder of it, and the whole
		p("overlay", "/", "overlay"), p("overlay", "/var/lib/docker/overlay2/x/merged", "overlay"),
		p("/dev/loop0", "/snap/core/1", "squashfs"), p("/dev/sr0", "/media/cd", "iso9660"),
		p("nas:/home", "/home", "nfs4"), p("tmpfs", "/tmp", "tmpfs"),
	}) {
		got = append(got, v.name())
	}
	require.ElementsMatch(t, []string{"/", "/data", "/home", "/srv/storage", "/tmp"}, got)
	many := make([]disk.PartitionStat, 1000)
	for i := range many {
		many[i] = p("tmpfs", "/m/"+string(rune('a'+i%26))+string(rune('a'+i/26)), "tmpfs")
	}
	require.Len(t, volumes(many), maxFilesystems)
}

// In a container /etc/hosts and the like are files of the volume that holds its
// data: they do not take its place.
func TestAFileDoesNotStandForItsVolume(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		src := made(t)
		src.partitions = func(context.Context) ([]disk.PartitionStat, error) {
			var list []disk.PartitionStat
			for _, m := range []string{"/etc/hosts", "/etc/resolv.conf", "/private", "/var/lib/idp_exporter", "/var/lib/idp_exporter/again"} {
				list = append(list, disk.PartitionStat{Device: "/dev/sda1", Mountpoint: m, Fstype: "ext4", Opts: []string{"rw", "bind"}})
			}
			return append(list, disk.PartitionStat{Device: "/dev/sdb1", Mountpoint: "/etc/hostname", Fstype: "ext4"}), nil
		}
		src.isFolder = func(path string) bool { return !strings.HasPrefix(path, "/etc/") }
		usage := src.usage
		src.usage = func(ctx context.Context, path string) (*disk.UsageStat, error) {
			if path == "/private" {
				return nil, fs.ErrPermission
			}
			return usage(ctx, path)
		}
		snap := newSampler(src).Sample(t.Context(), time.Minute)
		require.NoError(t, snap.Health(CollectorFilesystems).Err)
		require.Len(t, snap.Filesystems, 1, "each device once, and one of which only a file is seen is none")
		require.Equal(t, "/var/lib/idp_exporter", snap.Filesystems[0].Mountpoint)
	})
}

func TestVolumesThatAreNotOursToLookAt(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		err    error
		folder bool
		known  int
		fails  bool
	}{
		"a file":     {nil, false, 0, false},
		"forbidden":  {&fs.PathError{Err: fs.ErrPermission}, true, 0, false},
		"gone":       {fs.ErrNotExist, true, 0, false},
		"broken":     {errors.New("input/output error"), true, 0, true},
		"a good one": {nil, true, 2, false},
	} {
		src := made(t)
		usage := src.usage
		src.usage = func(ctx context.Context, path string) (*disk.UsageStat, error) {
			if c.err != nil {
				return nil, c.err
			}
			return usage(ctx, path)
		}
		src.isFolder = func(string) bool { return c.folder }
		synctest.Test(t, func(t *testing.T) { // so that nobody waits for the CPU's second
			snap := newSampler(src).Sample(t.Context(), time.Minute)
			require.Len(t, snap.Filesystems, c.known, name)
			require.Equal(t, c.fails, snap.Health(CollectorFilesystems).Err != nil, name)
		})
	}
}
