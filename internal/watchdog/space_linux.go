package watchdog

import "golang.org/x/sys/unix"

// measure asks the kernel (statfs(2)) what an unprivileged process may use.
func measure(folder string) (Space, error) {
	var s unix.Statfs_t
	if err := unix.Statfs(folder, &s); err != nil {
		return Space{}, err
	}
	unit := s.Frsize
	if unit <= 0 {
		unit = s.Bsize
	}
	return Space{Bytes: s.Bavail * uint64(unit), Inodes: s.Ffree, Counted: s.Files > 0}, nil //nolint:gosec // sizes are positive
}
