// Package store is the one file on disk: a SQLite database that keeps the last
// verdicts, drains, one-off maintenance windows and alarms over a restart.
//
// A write is on disk when the method that makes it returns without an error,
// and survives a kill at any moment. Every record carries a checksum; one that
// does not match is skipped, counted and logged. A file that is damaged is set
// aside and a new one begun. The package knows what a record looks like and
// nothing of what it means.
package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"
)

// File is the name of the database in its folder. SQLite keeps a second file
// beside it, with the suffix -wal.
const File = "idp_exporter.db"

// patience is how long Open waits for another process to let go of the file,
// such as an exporter that is about to end.
const patience = 5 * time.Second

// Store is the open file. Its methods may be called from any goroutine; they
// take turns. A nil Store refuses everything with ErrUnavailable, so that an
// exporter whose file could not be opened goes on without.
type Store struct {
	db     *sql.DB
	path   string
	logger *slog.Logger
	report Report
	bad    atomic.Uint64
	// temporary is the folder of a copy, see OpenCopy; empty for the file itself.
	temporary string
}

// Report tells what Open found.
type Report struct {
	// Path is the database file.
	Path string
	// Created tells that there was no file, or no usable one.
	Created bool
	// SetAside is where a damaged file was moved to, and Damage what was wrong
	// with it; empty if nothing was.
	SetAside, Damage string
}

// Open opens the file in a folder, and makes both where they do not exist:
// the folder with mode 0700, the file with mode 0600. A damaged file is renamed
// and kept (the newest five are), which the Report and an error in the log
// tell. The errors are ErrLocked, ErrReadOnly, ErrFull and ErrIO; the exporter
// can go on without storage after any of them.
func Open(ctx context.Context, folder string, logger *slog.Logger) (*Store, error) {
	return open(ctx, folder, logger, patience)
}

func open(ctx context.Context, folder string, logger *slog.Logger, patience time.Duration) (*Store, error) {
	if logger == nil {
		logger = slog.New(slog.DiscardHandler)
	}
	path, err := filepath.Abs(filepath.Join(folder, File))
	if err != nil {
		return nil, fmt.Errorf("storage: folder %q: %w", folder, err)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, explain(path, err)
	}
	s := &Store{path: path, logger: logger, report: Report{Path: path}}
	err = s.await(ctx, patience)
	if isDamage(err) {
		s.report.Damage = err.Error()
		if s.report.SetAside, err = setAside(path); err != nil {
			return nil, fmt.Errorf("storage: the file is damaged (%s) and cannot be set aside: %w", s.report.Damage, explain(path, err))
		}
		logger.Error("The storage file is damaged. It was set aside and a new one begun: verdicts, drains, maintenance windows and alarms in it are not in force.",
			"file", path, "set_aside", s.report.SetAside, "damage", s.report.Damage)
		err = s.await(ctx, patience)
	}
	if err != nil {
		return nil, explain(path, err)
	}
	return s, nil
}

// Report returns what Open found.
func (s *Store) Report() Report {
	if s == nil {
		return Report{}
	}
	return s.report
}

// BadRecords returns how many records were skipped so far because their
// checksum or their content was wrong.
func (s *Store) BadRecords() uint64 {
	if s == nil {
		return 0
	}
	return s.bad.Load()
}

// Close ends all access to the file.
func (s *Store) Close() error {
	if s == nil {
		return nil
	}
	err := explain(s.path, s.db.Close())
	if s.temporary != "" {
		err = errors.Join(err, os.RemoveAll(s.temporary))
	}
	return err
}
