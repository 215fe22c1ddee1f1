package audit

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"runtime"
	"syscall"
)

// filesystem is what the file sink needs of a disk.
type filesystem interface {
	// Open opens a file for reading and appending, makes it with mode 0600 if
	// need be, and keeps other processes from opening it so.
	Open(path string) (diskFile, error)
	Stat(path string) (fs.FileInfo, error)
	Rename(from, to string) error
	Remove(path string) error
	// List returns the names in a folder.
	List(dir string) ([]string, error)
	// SyncDir makes names that came into a folder, or changed, last.
	SyncDir(dir string) error
}

type diskFile interface {
	io.ReaderAt
	io.WriteCloser
	Stat() (fs.FileInfo, error)
	Sync() error
	Truncate(size int64) error
}

var errLocked = errors.New("another process writes to it")

// disk is the real filesystem.
type disk struct{}

func (disk) Open(path string) (diskFile, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_APPEND|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	if err := lock(f); err != nil {
		_ = f.Close()
		return nil, err
	}
	return lockedFile{f}, nil
}

// lockedFile gives its lock back by itself: a process that is just being forked
// would keep it beyond Close.
type lockedFile struct{ *os.File }

func (f lockedFile) Close() error {
	unlock(f.File)
	return f.File.Close()
}

func (disk) Stat(path string) (fs.FileInfo, error) { return os.Stat(path) }
func (disk) Rename(from, to string) error          { return os.Rename(from, to) }
func (disk) Remove(path string) error              { return os.Remove(path) }

func (disk) List(dir string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	names := make([]string, len(entries))
	for i, e := range entries {
		names[i] = e.Name()
	}
	return names, err
}

func (disk) SyncDir(dir string) error {
	if runtime.GOOS == "windows" { // has no such call; NTFS keeps a journal of names
		return nil
	}
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// full tells whether there is no room, which passes, from a wrong setting.
func full(err error) bool { return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) }

// explain says what failed and what to do about it.
func explain(path string, err error) error {
	advice := "look at its disk"
	switch {
	case full(err):
		advice = "free space on its disk, or lower audit.file.keep"
	case errors.Is(err, errLocked):
		advice = "give each exporter a file of its own"
	case errors.Is(err, fs.ErrNotExist):
		advice = "make its folder"
	case errors.Is(err, fs.ErrPermission), errors.Is(err, syscall.EROFS):
		advice = "let the exporter's user write the file and its folder"
	}
	return fmt.Errorf("audit: cannot write %s: %w; %s; until then admin actions are refused", path, err, advice)
}
