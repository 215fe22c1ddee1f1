package host

import (
	"context"
	"maps"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const (
	mountV2 = "30 25 0:27 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw,nsdelegate\n"
	mountV1 = "31 25 0:28 /docker/abc /sys/fs/cgroup/memory ro - cgroup cgroup rw,memory\n" +
		"32 25 0:29 /docker/abc /sys/fs/cgroup/cpu,cpuacct ro shared:9 - cgroup cgroup rw,cpu,cpuacct\n" +
		"33 25 0:30 /docker/abc /sys/fs/cgroup/cpuset ro - cgroup cgroup rw,cpuset\n"
	noLimit = "9223372036854771712\n"
)

func TestLimits(t *testing.T) {
	t.Parallel()
	if runtime.GOOS != "linux" {
		t.Skip("control groups are Linux's")
	}
	for name, c := range map[string]struct {
		files  map[string]string
		deep   bool
		memory *Memory
		swap   *Memory
		cpu    *cpuLimit
	}{
		"no control groups": {},
		"version 2, in a container": {
			files: map[string]string{
				"proc/self/cgroup": "0::/\n", "proc/self/mountinfo": mountV2,
				"sys/fs/cgroup/memory.max": "1073741824\n", "sys/fs/cgroup/memory.current": "805306368\n",
				"sys/fs/cgroup/memory.stat":     "anon 1\ninactive_file 268435456\nactive_file 5\n",
				"sys/fs/cgroup/memory.swap.max": "0\n", "sys/fs/cgroup/memory.swap.current": "0\n",
				"sys/fs/cgroup/cpu.max": "150000 100000\n", "sys/fs/cgroup/cpu.stat": "usage_usec 2500000\nuser_usec 1\n",
			},
			memory: &Memory{Total: gib, Available: gib / 2, Limited: true},
			swap:   &Memory{Limited: true},
			cpu:    &cpuLimit{1.5, 2.5},
		},
		"version 2, no limit set": {
			files: map[string]string{
				"proc/self/cgroup": "0::/\n", "proc/self/mountinfo": mountV2,
				"sys/fs/cgroup/memory.max": "max\n", "sys/fs/cgroup/memory.current": "805306368\n",
				"sys/fs/cgroup/cpu.max": "max 100000\n", "sys/fs/cgroup/cpu.stat": "usage_usec 2500000\n",
			},
		},
		"version 2, processors picked": {
			files: map[string]string{
				"proc/self/cgroup": "0::/\n", "proc/self/mountinfo": mountV2,
				"sys/fs/cgroup/cpu.max": "300000 100000\n", "sys/fs/cgroup/cpuset.cpus.effective": "0,4-5\n",
				"sys/fs/cgroup/cpu.stat": "usage_usec 1000000\n",
			},
			cpu: &cpuLimit{3, 1},
		},
		"on a machine the service's own limits say nothing": {
			files: map[string]string{
				"proc/self/cgroup": "0::/system.slice/idp_exporter.service\n", "proc/self/mountinfo": mountV2,
				"sys/fs/cgroup/system.slice/idp_exporter.service/memory.max":     "1048576\n",
				"sys/fs/cgroup/system.slice/idp_exporter.service/memory.current": "1048000\n",
			},
		},
		"a container that sees the machine's groups": {
			deep: true,
			files: map[string]string{
				"proc/self/cgroup": "0::/pod/box\n", "proc/self/mountinfo": mountV2,
				"sys/fs/cgroup/pod/memory.max": "2147483648\n", "sys/fs/cgroup/pod/memory.current": "2040109465\n",
				"sys/fs/cgroup/pod/box/memory.max": "1073741824\n", "sys/fs/cgroup/pod/box/memory.current": "1048576\n",
				"sys/fs/cgroup/pod/cpu.max": "100000 100000\n", "sys/fs/cgroup/pod/cpu.stat": "usage_usec 7000000\n",
				"sys/fs/cgroup/pod/box/cpu.max": "400000 100000\n", "sys/fs/cgroup/pod/box/cpu.stat": "usage_usec 1000000\n",
			},
			// The pod's other containers leave less than the limit of its own allows.
			memory: &Memory{Total: gib, Available: 2147483648 - 2040109465, Limited: true},
			cpu:    &cpuLimit{1, 7},
		},
		"version 1, in a container": {
			files: map[string]string{
				"proc/self/cgroup": "6:memory:/docker/abc\n5:cpu,cpuacct:/docker/abc\n4:cpuset:/docker/abc\n0::/\n", "proc/self/mountinfo": mountV1 + mountV2,
				"sys/fs/cgroup/memory/memory.limit_in_bytes": "1073741824\n", "sys/fs/cgroup/memory/memory.usage_in_bytes": "805306368\n",
				"sys/fs/cgroup/memory/memory.stat":                 "cache 1\ninactive_file 9\ntotal_inactive_file 268435456\n",
				"sys/fs/cgroup/memory/memory.memsw.limit_in_bytes": "1610612736\n", "sys/fs/cgroup/memory/memory.memsw.usage_in_bytes": "1073741824\n",
				"sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us": "50000\n", "sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us": "100000\n",
				"sys/fs/cgroup/cpu,cpuacct/cpuacct.usage": "3500000000\n", "sys/fs/cgroup/cpuset/cpuset.effective_cpus": "0-3\n",
			},
			memory: &Memory{Total: gib, Available: gib / 2, Limited: true},
			swap:   &Memory{Total: gib / 2, Available: gib / 4, Limited: true},
			cpu:    &cpuLimit{0.5, 3.5},
		},
		"version 1, no limit set": {
			files: map[string]string{
				"proc/self/cgroup": "6:memory:/\n5:cpu,cpuacct:/\n", "proc/self/mountinfo": strings.ReplaceAll(mountV1, "/docker/abc", "/"),
				"sys/fs/cgroup/memory/memory.limit_in_bytes": noLimit, "sys/fs/cgroup/memory/memory.usage_in_bytes": "805306368\n",
				"sys/fs/cgroup/memory/memory.memsw.limit_in_bytes": noLimit, "sys/fs/cgroup/memory/memory.memsw.usage_in_bytes": "1\n",
				"sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us": "-1\n", "sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us": "100000\n",
			},
		},
		"nonsense": {
			deep: true,
			files: map[string]string{
				"proc/self/cgroup": "0::/../../etc\nx\n", "proc/self/mountinfo": mountV2 + "garbage\n - cgroup2\n",
				"sys/fs/cgroup/memory.max": "lots\n", "sys/fs/cgroup/cpu.max": "0 0\n", "sys/fs/cgroup/cpuset.cpus.effective": "9-3\n",
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := limits{root: tree(t, c.files), deep: c.deep}
			check := func(want *Memory, got Memory, ok bool) {
				require.Equal(t, want != nil, ok)
				if ok {
					require.Equal(t, *want, got)
				}
			}
			m, ok := l.memory()
			check(c.memory, m, ok)
			m, ok = l.swap()
			check(c.swap, m, ok)
			cpu, ok := l.cpu()
			require.Equal(t, c.cpu != nil, ok)
			if ok {
				require.Equal(t, *c.cpu, cpu)
			}
		})
	}
}

func TestMemoryIsTheContainers(t *testing.T) {
	t.Parallel()
	if runtime.GOOS != "linux" {
		t.Skip("control groups are Linux's")
	}
	files := map[string]string{
		"proc/self/cgroup": "0::/\n", "proc/self/mountinfo": mountV2,
		"sys/fs/cgroup/memory.max": "1073741824\n", "sys/fs/cgroup/memory.current": "0\n",
	}
	read := func(machine Memory, change map[string]string) Memory {
		all := maps.Clone(files)
		maps.Copy(all, change)
		src := made(t)
		src.limits.root = tree(t, all)
		src.memory = func(context.Context) (Memory, error) { return machine, nil }
		r, err := src.readMemory(t.Context())
		require.NoError(t, err)
		var s Snapshot
		r(&s)
		return *s.Memory
	}
	require.Equal(t, Memory{gib, gib, true}, read(Memory{Total: 8 * gib, Available: 2 * gib}, nil))
	require.Equal(t, Memory{gib, gib / 4, true}, read(Memory{Total: 8 * gib, Available: gib / 4}, nil), "what the machine lacks nobody has")
	require.Equal(t, Memory{gib / 2, gib / 4, false}, read(Memory{Total: gib / 2, Available: gib / 4}, nil), "a limit beyond the machine is none")
	require.Equal(t, Memory{8 * gib, gib, false}, read(Memory{Total: 8 * gib, Available: gib}, map[string]string{"sys/fs/cgroup/memory.max": "max"}))
}

func TestCountCPUs(t *testing.T) {
	t.Parallel()
	for list, want := range map[string]int{"": 0, "0": 1, "0-3": 4, "0-1,4,6-7": 5, "3-1": 0, "x": 0, "0-": 0, "-1": 0, "0-70000": 0, "1,": 0} {
		require.Equal(t, want, countCPUs(list), list)
	}
}

func FuzzMountinfo(f *testing.F) {
	f.Add(mountV2 + mountV1)
	f.Add(`1 2 3:4 /a\040b /c\134d rw - cgroup x memory`)
	f.Fuzz(func(t *testing.T, text string) {
		for _, m := range parseMountinfo(text) {
			require.LessOrEqual(t, len(m.root)+len(m.point), len(text))
		}
		findMount(parseMountinfo(text), "memory")
		parseCgroups(text)
		if n := countCPUs(text); n < 0 || n > maxCPUs {
			t.Fatal(n)
		}
		keyed(text, "usage_usec")
	})
}
