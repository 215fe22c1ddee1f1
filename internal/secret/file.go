package secret

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
	"sync"
	"time"
)

// Error says that a secret's file cannot be used.
type Error struct {
	Path string
	Err  error
}

func (e *Error) Error() string { return fmt.Sprintf("secret file %s: %v", e.Path, e.Err) }

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

var (
	errLines = errors.New("the file has more than one line; leave the secret as its only one")
	errMark  = errors.New("the file begins with a byte order mark, which would be sent as part of the secret; save it without one")
	errEmpty = errors.New("the file is empty; write the secret into it")
	errLong  = fmt.Errorf("longer than %d bytes; is it the right file?", MaxBytes)
)

// file is shared by all copies of one Secret.
type file struct {
	path string

	mu    sync.Mutex
	cache string
	info  fs.FileInfo // of the file when it was read, nil before
	read  time.Time
}

// settle is how long after its modification a file's cached content is not
// trusted: a second write within the clock's grain would go unseen.
const settle = 2 * time.Second

func (f *file) value() (string, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	info, err := os.Stat(f.path)
	if err != nil {
		return "", f.failed(err)
	}
	if f.unchanged(info) {
		return f.cache, nil
	}
	now := time.Now()
	content, err := readBounded(f.path)
	if err != nil {
		return "", f.failed(err)
	}
	f.cache, f.info, f.read = content, info, now
	return content, nil
}

// unchanged tells whether the file is still the one that was read. Size and
// time alone do not tell: a file put in its place may have kept both.
func (f *file) unchanged(info fs.FileInfo) bool {
	return f.info != nil && os.SameFile(f.info, info) && f.info.Size() == info.Size() &&
		f.info.ModTime().Equal(info.ModTime()) && f.read.Sub(info.ModTime()) > settle
}

func (f *file) failed(err error) error {
	var path *fs.PathError
	if errors.As(err, &path) { // its path stands in Error already
		err = path.Err
	}
	return &Error{Path: f.path, Err: err}
}

func readBounded(path string) (string, error) {
	r, err := os.Open(path) //nolint:gosec // the operator names the file
	if err != nil {
		return "", err
	}
	defer func() { _ = r.Close() }()
	b, err := io.ReadAll(io.LimitReader(r, MaxBytes+1))
	switch {
	case err != nil:
		return "", err
	case len(b) > MaxBytes:
		return "", errLong
	}
	s := strings.TrimSuffix(strings.TrimSuffix(string(b), "\n"), "\r")
	switch {
	case s == "":
		return "", errEmpty
	case strings.ContainsAny(s, "\r\n"):
		return "", errLines
	case strings.HasPrefix(s, "\ufeff"):
		return "", errMark
	}
	return s, nil
}
