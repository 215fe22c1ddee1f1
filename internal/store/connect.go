package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"time"

	_ "modernc.org/sqlite" // the driver "sqlite", in Go alone
)

// busyTimeout is how long SQLite itself waits for a lock. It is short, since a
// connection being made does not heed its context.
const busyTimeout = 100 * time.Millisecond

// await connects, and tries again for a while as long as another process holds
// the file.
func (s *Store) await(ctx context.Context, patience time.Duration) error {
	for end := time.Now().Add(patience); ; {
		err := s.connect(ctx)
		if !isLocked(err) || time.Now().After(end) {
			return err
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%w: %w", err, context.Cause(ctx))
		case <-time.After(busyTimeout):
		}
	}
}

// connect opens the file and makes sure that it is ours alone, sound and has
// every table.
func (s *Store) connect(ctx context.Context) error {
	created, err := touch(s.path)
	if err != nil {
		return err
	}
	db, err := sql.Open("sqlite", dsn(s.path))
	if err != nil {
		return fmt.Errorf("open: %w", err)
	}
	// One connection is the one writer, and holds the lock for as long as it lives.
	db.SetMaxOpenConns(1)
	if err := s.prepare(ctx, db, created); err != nil {
		_ = db.Close()
		if created {
			// Left empty, it would be taken for a damaged file next time.
			_ = os.Remove(s.path)
		}
		return atOpening(err)
	}
	s.db, s.report.Created = db, created
	if err := s.dropOldVerdicts(ctx); err != nil {
		_ = db.Close()
		return fmt.Errorf("old verdicts: %w", err)
	}
	return nil
}

// touch makes the file, readable by its owner only, and tells whether it did.
func touch(path string) (created bool, err error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return false, tighten(path)
	}
	if err != nil {
		return false, err
	}
	if err := f.Close(); err != nil {
		return true, err
	}
	return true, syncFolder(path)
}

// tighten makes sure that the file can be written, which SQLite would find out
// late, and takes access to it from everybody but its owner.
func tighten(path string) error {
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	if !info.Mode().IsRegular() {
		return fmt.Errorf("%s is not a regular file; name another folder with --storage.path", path)
	}
	if info.Mode().Perm()&0o077 != 0 && runtime.GOOS != "windows" {
		if err := os.Chmod(path, 0o600); err != nil {
			return err
		}
	}
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	return f.Close()
}

// syncFolder makes a new name in the file's folder last through a power cut.
func syncFolder(path string) error {
	if runtime.GOOS == "windows" {
		return nil // folders cannot be synced there
	}
	f, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }()
	return f.Sync()
}

// dsn names the file and its settings for every connection made
// (https://www.sqlite.org/pragma.html).
func dsn(path string) string {
	slashed := filepath.ToSlash(path)
	if !strings.HasPrefix(slashed, "/") {
		slashed = "/" + slashed // C:/data is file:///C:/data
	}
	query := url.Values{"_txlock": {"exclusive"}, "_pragma": {
		"busy_timeout(" + strconv.FormatInt(busyTimeout.Milliseconds(), 10) + ")",
		"locking_mode(EXCLUSIVE)", // a second exporter is refused, and no shared memory needed
		"synchronous(FULL)",       // every commit is synced
		"cell_size_check(1)",      // finds more damage
		"trusted_schema(0)",       // a file made by somebody else runs nothing
		"journal_size_limit(8388608)",
	}}
	return "file://" + (&url.URL{Path: slashed}).EscapedPath() + "?" + query.Encode()
}

func (s *Store) prepare(ctx context.Context, db *sql.DB, created bool) error {
	if err := s.lock(ctx, db, created); err != nil {
		return err
	}
	var mode string
	if err := db.QueryRowContext(ctx, "PRAGMA journal_mode = WAL").Scan(&mode); err != nil {
		return fmt.Errorf("journal mode: %w", err)
	}
	if mode != "wal" {
		return fmt.Errorf("journal mode is %q instead of wal: %w", mode, ErrIO)
	}
	if err := check(ctx, db); err != nil {
		return err
	}
	return migrate(ctx, db)
}

// minSize is the smallest page, in bytes: SQLite takes a file that is smaller
// for a new one, where it may be what is left of an old one.
const minSize = 512

// lock takes the lock on the file, which the connection keeps. Only then is it
// certain that an empty file is not one that another process is just filling.
func (s *Store) lock(ctx context.Context, db *sql.DB, created bool) error {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("lock: %w", err)
	}
	defer func() { _ = tx.Rollback() }()
	info, err := os.Stat(s.path)
	if err != nil {
		return fmt.Errorf("lock: %w", err)
	}
	if info.Size() < minSize && !created {
		return fmt.Errorf("%w: the file is empty or nearly so, with %d bytes", errDamage, info.Size())
	}
	if err := tx.Commit(); err != nil {
		return fmt.Errorf("lock: %w", err)
	}
	return nil
}

// check lets SQLite look through the whole file.
func check(ctx context.Context, db *sql.DB) error {
	var found string
	if err := db.QueryRowContext(ctx, "PRAGMA quick_check(1)").Scan(&found); err != nil {
		return fmt.Errorf("check: %w", err)
	}
	if found != "ok" {
		return fmt.Errorf("%w: %s", errDamage, found)
	}
	return nil
}
