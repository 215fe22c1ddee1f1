package audit

import (
	"errors"
	"io/fs"
	"sync"
	"syscall"
)

// faulty is the real disk with faults put in.
type faulty struct {
	disk
	mu    sync.Mutex
	calls map[string]int
	fail  func(op, path string) error
	// room is how many more bytes may be written; limited switches it on.
	limited bool
	room    int
	// gate, if set, holds every write until something is received from it.
	gate chan struct{}
}

func (f *faulty) at(op, path string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.calls == nil {
		f.calls = make(map[string]int)
	}
	f.calls[op]++
	if f.fail == nil {
		return nil
	}
	return f.fail(op, path)
}

// set changes the faults.
func (f *faulty) set(change func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	change()
}

func (f *faulty) count(op string) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.calls[op]
}

// failing makes one operation fail.
func failing(op string, err error) func(string, string) error {
	return func(o, _ string) error {
		if o == op {
			return err
		}
		return nil
	}
}

var errDisk = errors.New("the disk is broken")

func (f *faulty) Open(path string) (diskFile, error) {
	if err := f.at("open", path); err != nil {
		return nil, err
	}
	o, err := f.disk.Open(path)
	if err != nil {
		return nil, err
	}
	return &faultyFile{o, f, path}, nil
}

func (f *faulty) Rename(from, to string) error {
	if err := f.at("rename", from); err != nil {
		return err
	}
	return f.disk.Rename(from, to)
}

func (f *faulty) Remove(path string) error {
	if err := f.at("remove", path); err != nil {
		return err
	}
	return f.disk.Remove(path)
}

func (f *faulty) SyncDir(dir string) error {
	if err := f.at("syncdir", dir); err != nil {
		return err
	}
	return f.disk.SyncDir(dir)
}

type faultyFile struct {
	diskFile
	f    *faulty
	path string
}

func (f *faultyFile) Write(b []byte) (int, error) {
	if f.f.gate != nil {
		<-f.f.gate
	}
	if err := f.f.at("write", f.path); err != nil {
		return 0, err
	}
	f.f.mu.Lock()
	defer f.f.mu.Unlock()
	if f.f.limited && len(b) > f.f.room {
		n, _ := f.diskFile.Write(b[:f.f.room])
		f.f.room = 0
		return n, &fs.PathError{Op: "write", Path: f.path, Err: syscall.ENOSPC}
	}
	if f.f.limited {
		f.f.room -= len(b)
	}
	return f.diskFile.Write(b)
}

func (f *faultyFile) Sync() error {
	if err := f.f.at("sync", f.path); err != nil {
		return err
	}
	return f.diskFile.Sync()
}

func (f *faultyFile) Truncate(size int64) error {
	if err := f.f.at("truncate", f.path); err != nil {
		return err
	}
	return f.diskFile.Truncate(size)
}
