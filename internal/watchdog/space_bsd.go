//go:build darwin || freebsd

package watchdog

import "golang.org/x/sys/unix"

// measure asks the kernel (statfs(2)) what an unprivileged process may use.
func measure(folder string) (Space, error) {
	var s unix.Statfs_t
	if err := unix.Statfs(folder, &s); err != nil {
		return Space{}, err
	}
	// FreeBSD counts what only root may use as less than nothing.
	blocks, inodes := int64(s.Bavail), int64(s.Ffree)
	return Space{Bytes: uint64(max(0, blocks)) * uint64(s.Bsize), Inodes: uint64(max(0, inodes)), Counted: s.Files > 0}, nil
}
