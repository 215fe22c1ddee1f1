package store

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
)

// OpenCopy opens a copy of what is in a folder that cannot be written, so that
// drains and verdicts in it are not forgotten. The copy lies in the system's
// folder for temporary files until Close; everything that would write to it
// fails with ErrReadOnly. A damaged file is left as it is, and is an error.
func OpenCopy(ctx context.Context, folder string, logger *slog.Logger) (*Store, error) {
	if logger == nil {
		logger = slog.New(slog.DiscardHandler)
	}
	path := filepath.Join(folder, File)
	if info, err := os.Stat(path); err != nil || !info.Mode().IsRegular() {
		return nil, fmt.Errorf("storage %s: there is no file to be read: %w", folder, errors.Join(err, ErrReadOnly))
	}
	temporary, err := os.MkdirTemp("", "idp_exporter-")
	if err != nil {
		return nil, explain(path, err)
	}
	s := &Store{path: filepath.Join(temporary, File), logger: logger, report: Report{Path: path}, temporary: temporary}
	err = errors.Join(copyFile(path, s.path), copyFile(path+"-wal", s.path+"-wal"))
	if err == nil {
		err = s.connect(ctx)
	}
	if err != nil {
		return nil, errors.Join(explain(path, err), os.RemoveAll(temporary))
	}
	s.path = path // for messages
	return s, nil
}

// copyFile copies a file, if there is one.
func copyFile(from, to string) error {
	in, err := os.Open(from)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer func() { _ = in.Close() }()
	out, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	return errors.Join(err, out.Close())
}
