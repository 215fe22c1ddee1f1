package watchdog

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
)

// The defaults of NewDisk.
const (
	DefaultMinBytes  = 50 << 20
	DefaultMinInodes = 100
)

// Space is what is free on a file system for this process.
type Space struct {
	Bytes uint64
	// Inodes is the number of files that can still be made; meaningless unless
	// Counted, as on file systems that have no fixed number.
	Inodes  uint64
	Counted bool
}

// errUnwatched tells that a part cannot be looked at on this system.
var errUnwatched = errors.New("free disk space cannot be told on this operating system")

// Disk is the file system of a folder.
type Disk struct {
	name, folder string
	least        Space
	low          bool // of the check, of which one goes on at a time
	space        atomic.Pointer[Space]
	measure      func(folder string) (Space, error)
}

// NewDisk watches the file system that a folder is on, under a name such as
// "storage_disk". It is unhealthy with less than minBytes or minInodes free, 0
// meaning the defaults, until there is a tenth more than that.
func NewDisk(name, folder string, minBytes, minInodes uint64) *Disk {
	if minBytes == 0 {
		minBytes = DefaultMinBytes
	}
	if minInodes == 0 {
		minInodes = DefaultMinInodes
	}
	return &Disk{name: name, folder: folder, least: Space{Bytes: minBytes, Inodes: minInodes}, measure: measure}
}

// Name returns the name of the part.
func (d *Disk) Name() string { return d.name }

// Space returns what was free at the last check, and false where that is not known.
func (d *Disk) Space() (Space, bool) {
	if s := d.space.Load(); s != nil {
		return *s, true
	}
	return Space{}, false
}

// Part returns the disk as a part. A restart frees no space, so none is asked for.
func (d *Disk) Part() Part { return Part{Name: d.name, Check: d.check} }

func (d *Disk) check(context.Context) error {
	s, err := d.measure(d.folder)
	switch {
	case errors.Is(err, errors.ErrUnsupported):
		return errUnwatched
	case err != nil:
		d.space.Store(nil)
		return fmt.Errorf("free space of %s: %w; see to it that the folder exists and can be read", d.folder, err)
	}
	d.space.Store(&s)
	bytes, inodes := d.least.Bytes, d.least.Inodes
	if d.low { // so that it does not come and go with every byte
		bytes, inodes = bytes+bytes/10, inodes+inodes/10
	}
	switch d.low = true; {
	case s.Bytes < bytes:
		return fmt.Errorf("%d MB free at %s, less than %d MB; free space on its disk", s.Bytes>>20, d.folder, bytes>>20)
	case s.Counted && s.Inodes < inodes:
		return fmt.Errorf("room for %d more files at %s, less than %d; remove files on its disk", s.Inodes, d.folder, inodes)
	}
	d.low = false
	return nil
}
