package host

import (
	"io"
	"os"
	"strconv"
	"strings"
)

// maxFile bounds what is read of a file, in bytes.
const maxFile = 1 << 20

// readFile returns the file's content without white space around it, "" where
// it cannot be read.
func readFile(path string) string {
	f, err := os.Open(path) //nolint:gosec // below the control group file system, or of the process itself
	if err != nil {
		return ""
	}
	defer func() { _ = f.Close() }()
	b, err := io.ReadAll(io.LimitReader(f, maxFile))
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(b))
}

// parseCgroups reads /proc/self/cgroup (cgroups(7)): the path of the process's
// group by controller, "" standing for version 2.
func parseCgroups(text string) map[string]string {
	groups := map[string]string{}
	for line := range strings.Lines(text) {
		parts := strings.SplitN(strings.TrimSuffix(line, "\n"), ":", 3)
		if len(parts) != 3 {
			continue
		}
		for controller := range strings.SplitSeq(parts[1], ",") {
			groups[controller] = parts[2]
		}
	}
	return groups
}

// mount is a mounted control group file system: which part of the hierarchy,
// where, and for which controllers.
type mount struct {
	root, point string
	v2          bool
	controllers map[string]bool
}

// parseMountinfo reads the control group file systems of /proc/self/mountinfo
// (proc_pid_mountinfo(5)).
func parseMountinfo(text string) []mount {
	var mounts []mount
	for line := range strings.Lines(text) {
		before, after, ok := strings.Cut(line, " - ")
		left, right := strings.Fields(before), strings.Fields(after)
		if !ok || len(left) < 6 || len(right) < 3 || right[0] != "cgroup" && right[0] != "cgroup2" {
			continue
		}
		m := mount{root: unescape(left[3]), point: unescape(left[4]), v2: right[0] == "cgroup2", controllers: map[string]bool{}}
		for option := range strings.SplitSeq(right[2], ",") {
			m.controllers[option] = true
		}
		mounts = append(mounts, m)
	}
	return mounts
}

// findMount returns the file system with a controller: that of version 1 where
// there is one, since a controller is only ever in one of both.
func findMount(mounts []mount, controller string) (mount, bool) {
	var two *mount
	for i, m := range mounts {
		switch {
		case !m.v2 && m.controllers[controller]:
			return m, true
		case m.v2 && two == nil:
			two = &mounts[i]
		}
	}
	if two == nil {
		return mount{}, false
	}
	return *two, true
}

// unescape undoes the octal escapes of mountinfo, such as \040.
func unescape(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' && i+3 < len(s) {
			if n, err := strconv.ParseUint(s[i+1:i+4], 8, 8); err == nil {
				b.WriteByte(byte(n))
				i += 3
				continue
			}
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

// unlimited is from where on a number of version 1 stands for no limit: it
// writes the largest number of bytes in whole pages.
const unlimited = 1 << 62

// number reads a number. "max", negative ones and those beyond all measure are
// no limit, and none.
func number(s string) (uint64, bool) {
	n, err := strconv.ParseUint(strings.TrimSpace(s), 10, 64)
	return n, err == nil && n < unlimited
}

// keyed returns the number behind a key in a flat keyed file, 0 if there is none.
func keyed(text, key string) uint64 {
	for line := range strings.Lines(text) {
		if name, value, ok := strings.Cut(line, " "); ok && name == key {
			n, _ := number(value)
			return n
		}
	}
	return 0
}

// maxCPUs bounds the processors of a list.
const maxCPUs = 1 << 16

// countCPUs counts the processors of a list such as "0-3,7"; 0 if it is none.
func countCPUs(list string) int {
	total := 0
	for part := range strings.SplitSeq(list, ",") {
		from, to, ranged := strings.Cut(strings.TrimSpace(part), "-")
		a, err := strconv.ParseUint(from, 10, 16)
		if err != nil {
			return 0
		}
		b := a
		if ranged {
			if b, err = strconv.ParseUint(to, 10, 16); err != nil || b < a {
				return 0
			}
		}
		total += int(b-a) + 1 //nolint:gosec // 16 bits
		if total > maxCPUs {
			return 0
		}
	}
	return total
}
