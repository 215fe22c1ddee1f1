package store

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// fillUp saves verdicts until that fails and returns how many were acknowledged.
func fillUp(t *testing.T, s *Store) (saved int, err error) {
	t.Helper()
	for saved < 5000 {
		batch := make([]VerdictRecord, 10)
		for i := range batch {
			batch[i] = verdict(saved+i, 1)
			batch[i].LastConclusive.Detail = strings.Repeat("x", 1000)
		}
		if err := s.SaveVerdicts(t.Context(), batch); err != nil {
			return saved, err
		}
		saved += len(batch)
	}
	return saved, nil
}

func TestFullFile(t *testing.T) {
	t.Parallel()
	s := opened(t, t.TempDir())
	_, err := s.db.ExecContext(t.Context(), "PRAGMA max_page_count = 60")
	require.NoError(t, err)
	saved, err := fillUp(t, s)
	require.ErrorIs(t, err, ErrFull)
	require.Positive(t, saved)
	v, _, _ := read(t, s)
	require.Len(t, v, saved, "what was acknowledged, and not a half of the last batch")

	_, err = s.db.ExecContext(t.Context(), "PRAGMA max_page_count = 6000")
	require.NoError(t, err)
	require.NoError(t, s.PutDrain(t.Context(), drain(1, 1)), "it works again once there is room")
}

func TestFullDisk(t *testing.T) {
	t.Parallel()
	folder := tmpfs(t, "size=512k")
	s, err := Open(t.Context(), folder, nil)
	require.NoError(t, err)
	defer func() { require.NoError(t, s.Close()) }()
	ballast := filepath.Join(folder, "ballast")
	require.NoError(t, os.WriteFile(ballast, make([]byte, 100<<10), 0o600))
	saved, err := fillUp(t, s)
	require.ErrorIs(t, err, ErrFull)
	require.Positive(t, saved)
	v, _, _ := read(t, s)
	require.Len(t, v, saved)
	require.NoError(t, os.Remove(ballast))
	require.NoError(t, s.PutDrain(t.Context(), drain(1, 1)), "it works again once there is room")
}

func TestFullDiskAtTheStart(t *testing.T) {
	t.Parallel()
	folder := tmpfs(t, "size=256k")
	ballast := filepath.Join(folder, "ballast")
	_ = os.WriteFile(ballast, make([]byte, 1<<20), 0o600) // fails when it has filled the disk
	_, err := Open(t.Context(), folder, nil)
	require.ErrorIs(t, err, ErrFull)
	require.ErrorContains(t, err, "make room")
	require.NoError(t, os.Remove(ballast))
	s := opened(t, folder)
	require.Empty(t, s.Report().SetAside, "nothing is left that would look like damage")
}

func TestReadOnly(t *testing.T) {
	t.Parallel()
	folder := readOnly(t, fileOf(t, filled(t, 1)))
	_, err := Open(t.Context(), folder, nil)
	require.ErrorIs(t, err, ErrReadOnly)
	require.ErrorContains(t, err, "--storage.path")
	_, err = Open(t.Context(), filepath.Join(folder, "new"), nil)
	require.ErrorIs(t, err, ErrReadOnly)
	_, err = OpenCopy(t.Context(), filepath.Join(folder, "new"), nil)
	require.ErrorIs(t, err, ErrReadOnly)

	// What is there can still be read.
	s, err := OpenCopy(t.Context(), folder, nil)
	require.NoError(t, err)
	v, d, w := read(t, s)
	require.Len(t, v, 1)
	require.Len(t, d, 1)
	require.Len(t, w, 1)
	require.ErrorIs(t, s.PutDrain(t.Context(), drain(2, 1)), ErrReadOnly)
	require.ErrorIs(t, s.SaveVerdicts(t.Context(), v), ErrReadOnly)
	require.NoError(t, s.Close())
	require.NoDirExists(t, s.temporary)
}
