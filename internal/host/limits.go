package host

import (
	"os"
	"path"
	"path/filepath"
	"runtime"
	"strings"
)

// limits are those of the control groups that make up a container
// (cgroups(7); both versions, also side by side).
//
// Which groups do is a matter of view. The root of the hierarchy as this process
// sees it is the container's own group in one that has a cgroup namespace, or
// its own part of the file system mounted, and has no limits on a machine. Where
// a container sees the whole machine's hierarchy, its group is that of this
// process and those around it. On a machine, the group of this process is but
// the exporter's own service, and its limits say nothing of the machine.
type limits struct {
	// root is put in front of every path; tests have their own tree.
	root string
	// deep tells that the groups of this process count, not the visible root alone.
	deep bool
}

// marks of containers, as their engines leave them.
var marks = []string{"/.dockerenv", "/run/.containerenv"}

func newLimits() limits {
	l := limits{root: "/"}
	for _, m := range marks {
		if _, err := os.Stat(m); err == nil {
			l.deep = true
		}
	}
	l.deep = l.deep || os.Getenv("KUBERNETES_SERVICE_HOST") != ""
	return l
}

// group is a folder of a control group.
type group struct {
	folder string
	v2     bool
}

func (g group) file(name string) string { return readFile(filepath.Join(g.folder, name)) }

// groups returns the groups that count for a controller, outermost first.
func (l limits) groups(controller string) []group {
	if runtime.GOOS != "linux" {
		return nil
	}
	own := parseCgroups(readFile(filepath.Join(l.root, "proc/self/cgroup")))
	m, ok := findMount(parseMountinfo(readFile(filepath.Join(l.root, "proc/self/mountinfo"))), controller)
	if !ok {
		return nil
	}
	mount := filepath.Join(l.root, m.point)
	list := []group{{mount, m.v2}}
	if !l.deep {
		return list
	}
	name := controller
	if m.v2 {
		name = ""
	}
	rest, below := strings.CutPrefix(path.Clean("/"+own[name])+"/", strings.TrimSuffix(m.root, "/")+"/")
	if !below {
		return list
	}
	for part := range strings.SplitSeq(strings.Trim(rest, "/"), "/") {
		if part != "" && part != ".." {
			mount = filepath.Join(mount, part)
			list = append(list, group{mount, m.v2})
		}
	}
	return list
}

// memory returns the container's memory, and false where it is not limited.
func (l limits) memory() (Memory, bool) {
	return tightest(l.groups("memory"), func(g group) (limit, used uint64, ok bool) {
		names := []string{"memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"}
		if g.v2 {
			names = []string{"memory.max", "memory.current", "inactive_file"}
		}
		limit, ok = number(g.file(names[0]))
		current, known := number(g.file(names[1]))
		// What was read from files and not lately can be had back at any time.
		cache := keyed(g.file("memory.stat"), names[2])
		return limit, current - min(cache, current), ok && known
	})
}

// swap returns the container's swap, and false where it is not limited.
func (l limits) swap() (Memory, bool) {
	return tightest(l.groups("memory"), func(g group) (limit, used uint64, ok bool) {
		if g.v2 {
			limit, ok = number(g.file("memory.swap.max"))
			used, known := number(g.file("memory.swap.current"))
			return limit, used, ok && known
		}
		// Version 1 counts memory and swap together.
		both, ok := number(g.file("memory.memsw.limit_in_bytes"))
		memory, known := number(g.file("memory.limit_in_bytes"))
		usedBoth, _ := number(g.file("memory.memsw.usage_in_bytes"))
		usedMemory, _ := number(g.file("memory.usage_in_bytes"))
		return both - min(memory, both), usedBoth - min(usedMemory, usedBoth), ok && known
	})
}

// tightest returns the least total and the least room of the groups with a limit.
func tightest(groups []group, read func(group) (limit, used uint64, ok bool)) (Memory, bool) {
	m := Memory{Limited: true}
	found := false
	for _, g := range groups {
		limit, used, ok := read(g)
		if !ok {
			continue
		}
		room := limit - min(used, limit)
		if !found {
			m.Total, m.Available, found = limit, room, true
		}
		m.Total, m.Available = min(m.Total, limit), min(m.Available, room)
	}
	return m, found
}

// cpuLimit is a capacity in processors, and the processor seconds used of it.
type cpuLimit struct{ cores, used float64 }

// cpu returns the container's processors, and false where they are not limited.
func (l limits) cpu() (cpuLimit, bool) {
	var tight cpuLimit
	found := false
	usage := l.groups("cpuacct")
	add := func(i int, cores float64, v2 bool, g group) {
		if cores <= 0 || found && tight.cores <= cores {
			return
		}
		var used float64
		switch {
		case v2:
			used = float64(keyed(g.file("cpu.stat"), "usage_usec")) / 1e6
		case len(usage) > 0: // as deep as the group that sets the limit
			n, _ := number(usage[min(i, len(usage)-1)].file("cpuacct.usage"))
			used = float64(n) / 1e9
		default:
			return
		}
		tight, found = cpuLimit{cores, used}, true
	}
	for i, g := range l.groups("cpu") {
		add(i, quota(g), g.v2, g)
	}
	for i, g := range l.groups("cpuset") {
		name := "cpuset.effective_cpus"
		if g.v2 {
			name = "cpuset.cpus.effective"
		}
		add(i, float64(countCPUs(g.file(name))), g.v2, g)
	}
	return tight, found
}

// quota returns how many processors' time a group may use, 0 if it is not limited.
func quota(g group) float64 {
	most, period, _ := strings.Cut(g.file("cpu.max"), " ") // such as "max 100000"
	if !g.v2 {
		most, period = g.file("cpu.cfs_quota_us"), g.file("cpu.cfs_period_us") // -1 is no limit
	}
	m, ok := number(most)
	p, known := number(period)
	if !ok || !known || p == 0 {
		return 0
	}
	return float64(m) / float64(p)
}
