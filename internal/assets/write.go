package assets

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// shown bounds how many files an error names.
const shown = 5

// Written counts what Write did.
type Written struct{ New, Changed, Same int }

// Write writes files below a folder, which it makes if need be. Files that are
// there with other content are replaced only if overwrite is set; otherwise
// nothing is written, and the error names them.
func Write(folder string, files map[string][]byte, overwrite bool) (Written, error) {
	var done Written
	var todo, others []string
	for name, content := range files {
		there, err := os.ReadFile(filepath.Join(folder, filepath.FromSlash(name)))
		switch {
		case errors.Is(err, fs.ErrNotExist):
			done.New++
			todo = append(todo, name)
		case err != nil:
			return Written{}, fmt.Errorf("looking at what is there: %w", err)
		case bytes.Equal(there, content):
			done.Same++
		default:
			done.Changed++
			todo, others = append(todo, name), append(others, name)
		}
	}
	if len(others) > 0 && !overwrite {
		return Written{}, fmt.Errorf("%s %s there with other content, and nothing was written; use --force, or another folder", list(others), areOrIs(len(others)))
	}
	slices.Sort(todo)
	for _, name := range todo {
		if err := write(filepath.Join(folder, filepath.FromSlash(name)), files[name]); err != nil {
			return Written{}, fmt.Errorf("writing %s: %w", name, err)
		}
	}
	return done, nil
}

func list(names []string) string {
	slices.Sort(names)
	if len(names) > shown {
		return fmt.Sprintf("%s and %d more", strings.Join(names[:shown], ", "), len(names)-shown)
	}
	return strings.Join(names, ", ")
}

func areOrIs(n int) string {
	if n == 1 {
		return "is"
	}
	return "are"
}

// write puts a file in place whole: a reader sees the old one or the new one.
func write(path string, content []byte) error {
	folder := filepath.Dir(path)
	if err := os.MkdirAll(folder, 0o755); err != nil { //nolint:gosec // nothing in it is secret
		return err
	}
	f, err := os.CreateTemp(folder, ".assets-*")
	if err != nil {
		return err
	}
	_, err = f.Write(content)
	mode := fs.FileMode(0o644)
	if bytes.HasPrefix(content, []byte("#!")) {
		mode = 0o755
	}
	err = errors.Join(err, f.Chmod(mode), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	return nil
}
