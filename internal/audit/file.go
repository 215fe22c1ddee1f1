package audit

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// primary is the sink that decides whether a line was written.
type primary interface {
	// ready makes it writable and returns the line that the next one follows,
	// and a torn end if there is one.
	ready(last mark) (mark, *torn, error)
	// room is how many bytes the next append may have, known once ready.
	room() int
	// append writes whole lines, or none where it returns an error.
	append(lines []byte, sync bool) error
	close() error
}

// stream is a primary that cannot be read back: standard output, or nothing
// where syslog is alone. Each start begins a new chain.
type stream struct {
	w            io.Writer
	unterminated bool
}

func (s *stream) ready(last mark) (mark, *torn, error) { return last, nil, nil }
func (s *stream) room() int                            { return 1 << 20 }
func (s *stream) close() error                         { return nil }

func (s *stream) append(lines []byte, _ bool) error {
	if s.unterminated {
		if _, err := io.WriteString(s.w, "\n"); err != nil {
			return fmt.Errorf("audit: cannot write standard output: %w", err)
		}
		s.unterminated = false
	}
	n, err := s.w.Write(lines)
	if err != nil {
		s.unterminated = n > 0 && lines[n-1] != '\n'
		return fmt.Errorf("audit: cannot write standard output: %w", err)
	}
	return nil
}

// file is the file and its rotated predecessors, which are named after the
// number of their last record.
type file struct {
	fs   filesystem
	path string
	max  int64
	keep int
	// warn is told of what failed and does no harm yet.
	warn func(error)

	open         diskFile // nil until ready, and after trouble
	size         int64
	unterminated bool
}

// ready opens the file where it is not open, or is not any more what it was:
// moved or removed by somebody, or written by somebody else. The chain goes on
// from the last line of the file, or from what this process wrote after that.
func (f *file) ready(last mark) (mark, *torn, error) {
	if f.open != nil && !f.intact() {
		f.warn(fmt.Errorf("audit: %s is not what was written: it was moved, removed, cut or written by somebody else", f.path))
		f.abandon()
	}
	var rest *torn
	if f.open == nil {
		t, err := f.reopen()
		if err != nil {
			return last, nil, explain(f.path, err)
		}
		rest = t.torn
		switch {
		case t.last.seq > last.seq:
			last = t.last // else it was cut since, and the chain shows that
		case last.seq == 0:
			last = f.lastRotated()
		}
	}
	// A torn end is told in its own file before that is rotated.
	if rest == nil && f.size+maxLine > f.max {
		if err := f.rotate(last.seq); err != nil {
			return last, nil, explain(f.path, err)
		}
	}
	return last, rest, nil
}

func (f *file) room() int { return int(f.max - f.size) }

func (f *file) intact() bool {
	held, err := f.open.Stat()
	if err != nil || held.Size() != f.size {
		return false
	}
	named, err := f.fs.Stat(f.path)
	return err == nil && os.SameFile(held, named)
}

func (f *file) reopen() (tail, error) {
	o, err := f.fs.Open(f.path)
	if err != nil {
		return tail{}, err
	}
	t, size, err := f.inspect(o)
	if err != nil {
		_ = o.Close()
		return tail{}, err
	}
	f.open, f.size, f.unterminated = o, size, t.unterminated
	return t, nil
}

func (f *file) inspect(o diskFile) (tail, int64, error) {
	info, err := o.Stat()
	if err != nil {
		return tail{}, 0, err
	}
	if !info.Mode().IsRegular() {
		return tail{}, 0, fmt.Errorf("it is no regular file")
	}
	if info.Size() == 0 { // perhaps new: its name must last as its lines do
		return tail{}, 0, f.fs.SyncDir(filepath.Dir(f.path))
	}
	t, err := readTail(o, info.Size())
	return t, info.Size(), err
}

// append writes the lines behind the file. What was written of them is taken
// back where not all of it could be.
func (f *file) append(lines []byte, sync bool) error {
	if f.unterminated {
		lines = append([]byte("\n"), lines...)
	}
	_, err := f.open.Write(lines)
	if err == nil && sync {
		err = f.open.Sync()
	}
	if err != nil {
		if undo := f.open.Truncate(f.size); undo != nil {
			f.abandon() // opening it again finds the torn end
		}
		return explain(f.path, err)
	}
	f.size += int64(len(lines))
	f.unterminated = false
	return nil
}

func (f *file) abandon() {
	_ = f.open.Close()
	f.open = nil
}

func (f *file) close() error {
	if f.open == nil {
		return nil
	}
	err := f.open.Sync()
	f.abandon()
	if err != nil {
		return explain(f.path, err)
	}
	return nil
}

// rotate renames the file after its last record and begins a new one.
func (f *file) rotate(last uint64) error {
	to := fmt.Sprintf("%s.%020d", f.path, last)
	if _, err := f.fs.Stat(to); err == nil {
		return fmt.Errorf("%s exists already; move it away", to)
	}
	if err := f.open.Sync(); err != nil {
		return err
	}
	f.abandon() // Windows renames no open file
	if err := f.fs.Rename(f.path, to); err != nil {
		return err
	}
	if err := f.fs.SyncDir(filepath.Dir(f.path)); err != nil {
		return err
	}
	f.prune()
	_, err := f.reopen()
	return err
}

// rotated lists the rotated files, oldest first.
func (f *file) rotated() []string {
	dir, base := filepath.Split(f.path)
	names, err := f.fs.List(filepath.Dir(f.path))
	if err != nil {
		f.warn(explain(f.path, err))
		return nil
	}
	var list []string
	for _, name := range names {
		number, ok := strings.CutPrefix(name, base+".")
		if ok && len(number) == 20 && strings.Trim(number, "0123456789") == "" {
			list = append(list, filepath.Join(dir, name))
		}
	}
	slices.Sort(list)
	return list
}

func (f *file) prune() {
	list := f.rotated()
	for _, path := range list[:max(0, len(list)-f.keep)] {
		if err := f.fs.Remove(path); err != nil {
			f.warn(fmt.Errorf("audit: cannot remove the old file %s: %w; remove it", path, err))
		}
	}
}

// lastRotated returns the last line of the newest rotated file that has one.
func (f *file) lastRotated() mark {
	for _, path := range slices.Backward(f.rotated()) {
		m, err := f.lastOf(path)
		if err != nil {
			f.warn(fmt.Errorf("audit: cannot read %s to go on with its numbering: %w", path, err))
			continue
		}
		if m.seq > 0 {
			return m
		}
	}
	return mark{}
}

func (f *file) lastOf(path string) (mark, error) {
	o, err := f.fs.Open(path)
	if err != nil {
		return mark{}, err
	}
	defer func() { _ = o.Close() }()
	info, err := o.Stat()
	if err != nil {
		return mark{}, err
	}
	t, err := readTail(o, info.Size())
	return t.last, err
}
