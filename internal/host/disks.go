package host

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/shirou/gopsutil/v4/disk"
)

const (
	// maxFilesystems bounds the filesystems looked at, and so the series shown.
	maxFilesystems = 256
	// mountPatience bounds the look at one of them.
	mountPatience = 2 * time.Second
)

// notVolumes are types of filesystems that hold no files of users, or are
// images that are full by their nature.
var notVolumes = map[string]bool{
	"autofs": true, "binfmt_misc": true, "bpf": true, "cgroup": true, "cgroup2": true, "configfs": true, "cramfs": true, "debugfs": true,
	"devfs": true, "devpts": true, "devtmpfs": true, "efivarfs": true, "erofs": true, "fdescfs": true, "fuse.lxcfs": true, "fuse.portal": true,
	"fusectl": true, "hugetlbfs": true, "iso9660": true, "linprocfs": true, "linsysfs": true, "mqueue": true, "nsfs": true, "nullfs": true,
	"proc": true, "procfs": true, "pstore": true, "ramfs": true, "romfs": true, "rpc_pipefs": true, "securityfs": true, "selinuxfs": true,
	"squashfs": true, "sysfs": true, "tracefs": true, "udf": true,
}

// systemFolders hold filesystems of the system's own, in memory for the most
// part, and those of containers, which other volumes hold the files of.
var systemFolders = []string{
	"/dev", "/proc", "/run", "/sys", "/snap", "/var/run", "/var/snap", "/System/Volumes",
	"/var/lib/containers", "/var/lib/docker", "/var/lib/kubelet/pods", "/var/lib/kubelet/plugins",
}

// disks looks at filesystems. Its calls never overlap.
type disks struct {
	src   sources
	group *sync.WaitGroup
	slots map[string]*bounded // by mountpoint
}

func (d *disks) read(ctx context.Context) (reading, error) {
	all, err := d.src.partitions(ctx)
	if err != nil {
		return nil, fmt.Errorf("listing filesystems: %w", err)
	}
	mounts := volumes(all)
	d.keepSlots(mounts)
	found := make([]*Filesystem, len(mounts))
	errs := make([]error, len(mounts))
	var looks sync.WaitGroup
	for i, p := range mounts {
		looks.Go(func() { // side by side, so that dead ones cost the time of one
			found[i], errs[i] = do(ctx, d.slots[p.Mountpoint], d.group, mountPatience, func(ctx context.Context) (*Filesystem, error) {
				return d.look(ctx, p)
			})
			if errs[i] != nil {
				errs[i] = fmt.Errorf("filesystem %s: %w", p.Mountpoint, errs[i])
			}
		})
	}
	looks.Wait()
	list := make([]Filesystem, 0, len(found))
	for _, f := range found {
		if f != nil {
			list = append(list, *f)
		}
	}
	return func(s *Snapshot) { s.Filesystems = list }, errors.Join(errs...)
}

// look returns nil for what is no volume, or not this user's to look at.
func (d *disks) look(ctx context.Context, p disk.PartitionStat) (*Filesystem, error) {
	u, err := d.src.usage(ctx, p.Mountpoint)
	switch {
	case errors.Is(err, fs.ErrPermission), errors.Is(err, fs.ErrNotExist):
		return nil, nil
	case err != nil:
		return nil, err
	case u.Total == 0 || !d.src.isFolder(p.Mountpoint): // containers have single files mounted
		return nil, nil
	}
	f := &Filesystem{Mountpoint: strings.ToValidUTF8(p.Mountpoint, "?"), Type: p.Fstype, Used: u.UsedPercent / 100}
	if u.InodesTotal > 0 {
		used := u.InodesUsedPercent / 100
		f.Inodes = &used
	}
	return f, nil
}

// keepSlots keeps a slot for each mountpoint, and those of calls that still hang.
func (d *disks) keepSlots(mounts []disk.PartitionStat) {
	slots := make(map[string]*bounded, len(mounts))
	for _, p := range mounts {
		slots[p.Mountpoint] = d.slots[p.Mountpoint]
		if slots[p.Mountpoint] == nil {
			slots[p.Mountpoint] = &bounded{}
		}
	}
	for name, b := range d.slots {
		if slots[name] == nil && !b.take() {
			slots[name] = b
		}
	}
	d.slots = slots
}

// volumes picks the mounts that are volumes, each device once, where it is
// mounted closest to the root; sorted by mountpoint.
func volumes(all []disk.PartitionStat) []disk.PartitionStat {
	all = slices.Clone(all)
	slices.SortStableFunc(all, func(a, b disk.PartitionStat) int {
		// Last of all come folders of volumes that are mounted as such elsewhere.
		return cmp.Or(boolCompare(slices.Contains(a.Opts, "bind"), slices.Contains(b.Opts, "bind")),
			cmp.Compare(len(a.Mountpoint), len(b.Mountpoint)), strings.Compare(a.Mountpoint, b.Mountpoint))
	})
	var list []disk.PartitionStat
	devices, mountpoints := map[string]bool{}, map[string]bool{}
	for _, p := range all {
		named := strings.ContainsAny(p.Device, `/:\`) // others are mere words, such as overlay
		switch {
		case notVolumes[p.Fstype], inSystemFolder(p.Mountpoint), mountpoints[p.Mountpoint], named && devices[p.Device], len(list) == maxFilesystems:
			continue
		}
		devices[p.Device], mountpoints[p.Mountpoint] = true, true
		list = append(list, p)
	}
	slices.SortFunc(list, func(a, b disk.PartitionStat) int { return strings.Compare(a.Mountpoint, b.Mountpoint) })
	return list
}

func inSystemFolder(path string) bool {
	return slices.ContainsFunc(systemFolders, func(f string) bool { return path == f || strings.HasPrefix(path, f+"/") })
}

func boolCompare(a, b bool) int {
	switch {
	case a == b:
		return 0
	case a:
		return 1
	default:
		return -1
	}
}

func isFolder(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}
