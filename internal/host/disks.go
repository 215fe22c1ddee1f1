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
	found := volumes(all)
	d.keepSlots(found)
	seen := make([]*Filesystem, len(found))
	errs := make([]error, len(found))
	var looks sync.WaitGroup
	for i, v := range found {
		looks.Go(func() { // side by side, so that dead ones cost the time of one
			seen[i], errs[i] = do(ctx, d.slots[v.name()], d.group, mountPatience, func(ctx context.Context) (*Filesystem, error) {
				return d.look(ctx, v)
			})
		})
	}
	looks.Wait()
	list := make([]Filesystem, 0, len(found))
	var unseen []UnseenFilesystem
	for i, f := range seen {
		switch {
		case errs[i] != nil:
			unseen = append(unseen, UnseenFilesystem{strings.ToValidUTF8(found[i].name(), "?"), errs[i]})
			errs[i] = fmt.Errorf("filesystem %s: %w", found[i].name(), errs[i])
		case f != nil:
			list = append(list, *f)
		}
	}
	slices.SortFunc(list, func(a, b Filesystem) int { return strings.Compare(a.Mountpoint, b.Mountpoint) })
	return func(s *Snapshot) { s.Filesystems, s.UnseenFilesystems = list, unseen }, errors.Join(errs...)
}

// look returns nil for what is no volume, or not this user's to look at. Of a
// device that is mounted several times it takes the first folder that it may
// look at: containers have single files mounted, such as /etc/hosts.
func (d *disks) look(ctx context.Context, v volume) (*Filesystem, error) {
	for _, p := range v {
		u, err := d.src.usage(ctx, p.Mountpoint)
		switch {
		case errors.Is(err, fs.ErrPermission), errors.Is(err, fs.ErrNotExist):
		case err != nil:
			return nil, err
		case u.Total > 0 && d.src.isFolder(p.Mountpoint):
			return filesystem(p, u), nil
		}
	}
	return nil, nil
}

func filesystem(p disk.PartitionStat, u *disk.UsageStat) *Filesystem {
	f := &Filesystem{Mountpoint: strings.ToValidUTF8(p.Mountpoint, "?"), Type: p.Fstype, Used: u.UsedPercent / 100}
	if u.InodesTotal > 0 {
		used := u.InodesUsedPercent / 100
		f.Inodes = &used
	}
	return f
}

// keepSlots keeps a slot for each volume, and those of calls that still hang.
func (d *disks) keepSlots(found []volume) {
	slots := make(map[string]*bounded, len(found))
	for _, v := range found {
		slots[v.name()] = d.slots[v.name()]
		if slots[v.name()] == nil {
			slots[v.name()] = &bounded{}
		}
	}
	for name, b := range d.slots {
		if slots[name] == nil && !b.take() {
			slots[name] = b
		}
	}
	d.slots = slots
}

// volume is where one device is mounted, closest to the root first.
type volume []disk.PartitionStat

func (v volume) name() string { return v[0].Mountpoint }

// volumes picks the mounts that are volumes, each device once.
func volumes(all []disk.PartitionStat) []volume {
	all = slices.Clone(all)
	slices.SortStableFunc(all, func(a, b disk.PartitionStat) int {
		// Last of all come folders of volumes that are mounted as such elsewhere.
		return cmp.Or(boolCompare(slices.Contains(a.Opts, "bind"), slices.Contains(b.Opts, "bind")),
			cmp.Compare(len(a.Mountpoint), len(b.Mountpoint)), strings.Compare(a.Mountpoint, b.Mountpoint))
	})
	var list []volume
	devices, mountpoints := map[string]int{}, map[string]bool{}
	for _, p := range all {
		if notVolumes[p.Fstype] || inSystemFolder(p.Mountpoint) || mountpoints[p.Mountpoint] {
			continue
		}
		at, known := devices[p.Device]
		switch {
		case known && strings.ContainsAny(p.Device, `/:\`): // others are mere words, such as overlay
			list[at] = append(list[at], p)
		case len(list) == maxFilesystems:
			continue
		default:
			devices[p.Device] = len(list)
			list = append(list, volume{p})
		}
		mountpoints[p.Mountpoint] = true
	}
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
