package store

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"syscall"

	"modernc.org/sqlite"
	lib "modernc.org/sqlite/lib"
)

// What can be wrong with the storage, for callers to tell apart.
var (
	// ErrLocked: another process has the file open.
	ErrLocked = errors.New("the storage file is in use by another process; " +
		"does a second idp_exporter run with the same --storage.path?")
	// ErrReadOnly: the file or its folder cannot be written.
	ErrReadOnly = errors.New("the storage cannot be written; " +
		"let the exporter's user write to the folder, or name another with --storage.path")
	// ErrFull: the file system has no room left.
	ErrFull = errors.New("the storage is full; make room on its file system")
	// ErrIO: the operating system failed to read or write.
	ErrIO = errors.New("the storage failed; look for disk errors in the system log, and at quotas")
	// ErrDamaged: the file was damaged while it was open.
	ErrDamaged = errors.New("the storage file is damaged; restart the exporter, which sets it aside and begins a new one")
	// ErrUnavailable: the storage could not be opened when the exporter started.
	ErrUnavailable = errors.New("there is no storage; the log of the exporter's start tells why")
)

// errDamage marks damage that SQLite itself has no error for.
var errDamage = errors.New("damaged")

// resultCode returns SQLite's primary result code of an error, 0 if it has none
// (https://www.sqlite.org/rescode.html).
func resultCode(err error) int {
	var e *sqlite.Error
	if errors.As(err, &e) {
		return e.Code() & 0xff
	}
	return 0
}

func isDamage(err error) bool {
	code := resultCode(err)
	return errors.Is(err, errDamage) || code == lib.SQLITE_CORRUPT || code == lib.SQLITE_NOTADB
}

// atOpening finds damage in what SQLite says of a file that is being opened: a
// format it does not know is a plain error, and one it cannot write is
// read-only, though the operating system lets us write.
func atOpening(err error) error {
	var e *sqlite.Error
	if errors.As(err, &e) && (e.Code() == lib.SQLITE_ERROR || e.Code() == lib.SQLITE_READONLY) {
		return fmt.Errorf("%w: %w", errDamage, err)
	}
	return err
}

func isLocked(err error) bool {
	code := resultCode(err)
	return code == lib.SQLITE_BUSY || code == lib.SQLITE_LOCKED
}

// explain says of an error what to do about it.
func explain(path string, err error) error {
	if err == nil || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	var what error
	switch code := resultCode(err); {
	case isDamage(err):
		what = ErrDamaged
	case errors.Is(err, syscall.ENOSPC), code == lib.SQLITE_FULL:
		what = ErrFull
	case isLocked(err):
		what = ErrLocked
	case code == lib.SQLITE_READONLY, code == lib.SQLITE_CANTOPEN, code == lib.SQLITE_PERM, code == lib.SQLITE_AUTH,
		errors.Is(err, fs.ErrPermission), errors.Is(err, syscall.EROFS), errors.Is(err, fs.ErrExist), errors.Is(err, syscall.ENOTDIR):
		what = ErrReadOnly
	case code == lib.SQLITE_IOERR:
		what = ErrIO
	default:
		return fmt.Errorf("storage %s: %w", filepath.Dir(path), err)
	}
	return fmt.Errorf("storage %s: %w (%w)", filepath.Dir(path), what, err)
}
