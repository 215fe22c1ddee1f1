package store

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// maxSetAside is how many damaged files are kept.
const maxSetAside = 5

// setAside renames a damaged file, with the journal that belongs to it, and
// returns its new name. Of those set aside earlier it keeps the newest.
func setAside(path string) (string, error) {
	to := path + ".damaged-" + time.Now().UTC().Format("20060102T150405.000000000Z")
	if err := os.Rename(path, to); err != nil {
		return "", err
	}
	// A journal left behind would be played into the new file.
	if err := os.Rename(path+"-wal", to+"-wal"); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", err
	}
	for _, suffix := range []string{"-shm", "-journal"} {
		if err := os.Remove(path + suffix); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return "", err
		}
	}
	prune(path)
	return to, syncFolder(path)
}

// prune removes all but the newest damaged files. One that cannot be removed
// does no harm.
func prune(path string) {
	folder, prefix := filepath.Dir(path), filepath.Base(path)+".damaged-"
	entries, err := os.ReadDir(folder)
	if err != nil {
		return
	}
	var old []string
	for _, e := range entries { // sorted by name, so by time
		if strings.HasPrefix(e.Name(), prefix) && !strings.HasSuffix(e.Name(), "-wal") {
			old = append(old, filepath.Join(folder, e.Name()))
		}
	}
	for _, name := range old[:max(len(old)-maxSetAside, 0)] {
		_ = os.Remove(name)
		_ = os.Remove(name + "-wal")
	}
}
