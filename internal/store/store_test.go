package store

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/idp-exporter/idp_exporter/internal/maintenance"
	"github.com/idp-exporter/idp_exporter/internal/state"
)

func TestRecordsSurviveARestart(t *testing.T) {
	t.Parallel()
	folder := filepath.Join(t.TempDir(), "a folder?", "with #1 %20 ünusual [names]")
	s, err := Open(t.Context(), folder, nil)
	require.NoError(t, err)
	require.Equal(t, Report{Path: filepath.Join(folder, File), Created: true}, s.Report())
	if runtime.GOOS != "windows" {
		for name, mode := range map[string]os.FileMode{folder: 0o700, filepath.Join(folder, File): 0o600, filepath.Join(folder, File+"-wal"): 0o600} {
			info, err := os.Stat(name)
			require.NoError(t, err)
			require.Equal(t, mode, info.Mode().Perm(), name)
		}
	}
	require.NoError(t, s.SaveVerdicts(t.Context(), nil))
	require.NoError(t, s.SaveVerdicts(t.Context(), []VerdictRecord{verdict(1, 1), verdict(2, 1), verdict(3, 1)}))
	require.NoError(t, s.SaveVerdicts(t.Context(), []VerdictRecord{verdict(2, 2)}))
	require.NoError(t, s.ForgetVerdicts(t.Context(), verdict(3, 1).Key, state.Key{Probe: "never seen"}))
	require.NoError(t, s.PutDrain(t.Context(), maintenance.Drain{Since: at(0)}))
	require.NoError(t, s.PutDrain(t.Context(), drain(1, 1)))
	require.NoError(t, s.PutDrain(t.Context(), drain(2, 1)))
	require.NoError(t, s.PutDrain(t.Context(), drain(1, 5)))
	require.NoError(t, s.DeleteDrain(t.Context(), drain(2, 1).Node, "unknown"))
	require.NoError(t, s.PutWindow(t.Context(), window(1, 1)))
	require.NoError(t, s.PutWindow(t.Context(), window(2, 1)))
	require.NoError(t, s.DeleteWindow(t.Context(), window(1, 1).ID))
	require.NoError(t, s.Close())
	require.Error(t, s.PutDrain(t.Context(), drain(9, 9)), "a closed store acknowledges nothing")

	s = opened(t, folder)
	require.Equal(t, Report{Path: filepath.Join(folder, File)}, s.Report())
	v, d, w := read(t, s)
	require.Equal(t, []VerdictRecord{verdict(1, 1), verdict(2, 2)}, v)
	require.Equal(t, []maintenance.Drain{{Since: at(0)}, drain(1, 5)}, d)
	require.Equal(t, []maintenance.Window{window(2, 1)}, w)
	require.Zero(t, s.BadRecords())
}

func TestFileIsTakenFromOthers(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == "windows" {
		t.Skip("Windows has no such modes")
	}
	folder := fileOf(t, filled(t, 1))
	require.NoError(t, os.Chmod(filepath.Join(folder, File), 0o644))
	opened(t, folder)
	info, err := os.Stat(filepath.Join(folder, File))
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), info.Mode().Perm())
}

func TestASecondExporterIsRefused(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	first := opened(t, folder)
	_, err := open(t.Context(), folder, nil, impatient)
	require.ErrorIs(t, err, ErrLocked)
	require.ErrorContains(t, err, "--storage.path")
	require.NoError(t, first.PutDrain(t.Context(), drain(1, 1)), "the first goes on")

	ctx, cancel := context.WithTimeout(t.Context(), impatient)
	defer cancel()
	_, err = open(ctx, folder, nil, time.Hour)
	require.ErrorIs(t, err, context.DeadlineExceeded, "waiting ends with the context")
}

func TestWithoutStorage(t *testing.T) {
	t.Parallel()
	var s *Store
	require.ErrorIs(t, s.SaveVerdicts(t.Context(), []VerdictRecord{verdict(1, 1)}), ErrUnavailable)
	require.ErrorIs(t, s.PutDrain(t.Context(), drain(1, 1)), ErrUnavailable)
	require.ErrorIs(t, s.DeleteWindow(t.Context(), "w"), ErrUnavailable)
	_, err := s.LoadVerdicts(t.Context())
	require.ErrorIs(t, err, ErrUnavailable)
	require.Zero(t, s.Report())
	require.Zero(t, s.BadRecords())
	require.NoError(t, s.Close())
}

func TestDamagedRecordIsSkippedAndCounted(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]string{
		"body":               `UPDATE drains SET body = CAST(replace(CAST(body AS TEXT), 'ops', 'opz') AS BLOB) WHERE key = 'node-001'`,
		"key":                `UPDATE drains SET key = 'node-00x' WHERE key = 'node-001'`,
		"time":               `UPDATE drains SET at = at + 1 WHERE key = 'node-001'`,
		"checksum":           `UPDATE drains SET sum = sum + 1 WHERE key = 'node-001'`,
		"from another table": `INSERT OR REPLACE INTO drains SELECT 'node-001', at, body, sum FROM windows LIMIT 1`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var log bytes.Buffer
			s, err := Open(t.Context(), fileOf(t, filled(t, 3)), slog.New(slog.NewTextHandler(&log, nil)))
			require.NoError(t, err)
			defer func() { require.NoError(t, s.Close()) }()
			_, err = s.db.ExecContext(t.Context(), change)
			require.NoError(t, err)
			_, d, _ := read(t, s)
			require.Equal(t, []maintenance.Drain{drain(0, 1), drain(2, 1)}, d)
			require.EqualValues(t, 1, s.BadRecords())
			require.Contains(t, log.String(), "table=drains")
		})
	}
}

func TestOtherVersions(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]string{
		"of a newer exporter": `PRAGMA user_version = 99; CREATE TABLE futures (x)`,
		"of an older one":     `PRAGMA user_version = 1; DROP TABLE windows`,
		"negative":            `PRAGMA user_version = -5`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			folder := fileOf(t, filled(t, 3))
			s, err := Open(t.Context(), folder, nil)
			require.NoError(t, err)
			_, err = s.db.ExecContext(t.Context(), change)
			require.NoError(t, err)
			require.NoError(t, s.Close())
			s = opened(t, folder)
			require.Empty(t, s.Report().SetAside)
			v, d, _ := read(t, s)
			require.Len(t, v, 3)
			require.Len(t, d, 3)
			require.NoError(t, s.PutWindow(t.Context(), window(1, 1)))
		})
	}
}

func TestOldVerdictsGo(t *testing.T) {
	t.Parallel()
	folder := fileOf(t, filled(t, 3))
	s, err := Open(t.Context(), folder, nil)
	require.NoError(t, err)
	old := time.Now().Add(-verdictAge - time.Minute).UnixMilli()
	body, err := json.Marshal(verdict(1, 1))
	require.NoError(t, err)
	key := verdictKey(verdict(1, 1).Key)
	_, err = s.db.ExecContext(t.Context(), `UPDATE verdicts SET at = ?, sum = ? WHERE key = ?`, old, checksum(verdictTable, key, old, body), key)
	require.NoError(t, err)
	_, err = s.db.ExecContext(t.Context(), `UPDATE verdicts SET at = 7 WHERE key = ?; UPDATE drains SET at = 7`, verdictKey(verdict(2, 1).Key))
	require.NoError(t, err)
	require.NoError(t, s.Close())
	s = opened(t, folder)
	v, err := s.LoadVerdicts(t.Context())
	require.NoError(t, err)
	require.Equal(t, []VerdictRecord{verdict(0, 1)}, v)
	require.EqualValues(t, 1, s.BadRecords(), "what is damaged is not taken to be old")
	var n int
	require.NoError(t, s.db.QueryRowContext(t.Context(), `SELECT count(*) FROM drains`).Scan(&n))
	require.Equal(t, 3, n, "drains have no age")
}

func TestManyAtOnce(t *testing.T) {
	t.Parallel()
	s := opened(t, t.TempDir())
	var all sync.WaitGroup
	errs := make(chan error, 1000)
	for g := range 8 {
		all.Go(func() {
			for i := range 10 {
				errs <- s.PutDrain(t.Context(), drain(g*10+i, g))
				errs <- s.SaveVerdicts(t.Context(), []VerdictRecord{verdict(g, i), verdict(100+g, i)})
				_, err := s.Drains(t.Context())
				errs <- err
			}
		})
	}
	all.Wait()
	close(errs)
	for err := range errs {
		require.NoError(t, err)
	}
	v, d, _ := read(t, s)
	require.Len(t, d, 80)
	require.Len(t, v, 16)
	for _, r := range v {
		require.Equal(t, 9, r.FailRow)
	}
}

func TestAWriteGivenUpIsNotThere(t *testing.T) {
	t.Parallel()
	s := opened(t, t.TempDir())
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	require.ErrorIs(t, s.PutDrain(ctx, drain(1, 1)), context.Canceled)
	require.NoError(t, s.PutDrain(t.Context(), drain(2, 1)))
	_, d, _ := read(t, s)
	require.Equal(t, []maintenance.Drain{drain(2, 1)}, d)
}

func TestSetAsideIsLoudAndBounded(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	for i := range maxSetAside + 3 {
		require.NoError(t, os.WriteFile(filepath.Join(folder, File), fmt.Appendf(nil, "%d this is no database", i), 0o600))
		require.NoError(t, os.WriteFile(filepath.Join(folder, File+"-wal"), []byte("its journal"), 0o600))
		var log bytes.Buffer
		s, err := Open(t.Context(), folder, slog.New(slog.NewTextHandler(&log, nil)))
		require.NoError(t, err)
		report := s.Report()
		require.True(t, report.Created)
		require.NotEmpty(t, report.Damage)
		require.Contains(t, log.String(), "level=ERROR")
		require.Contains(t, log.String(), report.SetAside)
		content, err := os.ReadFile(report.SetAside)
		require.NoError(t, err)
		require.Contains(t, string(content), fmt.Sprint(i), "the damaged file is kept as it was")
		require.NoError(t, s.PutDrain(t.Context(), drain(1, 1)), "the new one works")
		require.NoError(t, s.Close())
	}
	entries, err := os.ReadDir(folder)
	require.NoError(t, err)
	damaged := slices.DeleteFunc(entries, func(e os.DirEntry) bool {
		return !strings.Contains(e.Name(), ".damaged-") || strings.HasSuffix(e.Name(), "-wal")
	})
	require.Len(t, damaged, maxSetAside)
	newest, err := os.ReadFile(filepath.Join(folder, damaged[maxSetAside-1].Name()))
	require.NoError(t, err)
	require.Contains(t, string(newest), fmt.Sprint(maxSetAside+2))
}

func TestEmptyFileIsDamage(t *testing.T) {
	t.Parallel()
	s := opened(t, fileOf(t, nil))
	require.Contains(t, s.Report().Damage, "empty")
	require.FileExists(t, s.Report().SetAside)
}

func TestAFolderInTheFilesPlace(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	require.NoError(t, os.Mkdir(filepath.Join(folder, File), 0o700))
	_, err := Open(t.Context(), folder, nil)
	require.ErrorContains(t, err, "--storage.path")

	file := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	_, err = Open(t.Context(), file, nil)
	require.ErrorIs(t, err, ErrReadOnly)
}

func BenchmarkSaveVerdicts(b *testing.B) {
	s, err := Open(b.Context(), b.TempDir(), nil)
	require.NoError(b, err)
	defer func() { require.NoError(b, s.Close()) }()
	records := make([]VerdictRecord, 500)
	for i := range records {
		records[i] = verdict(i, i)
	}
	for b.Loop() {
		require.NoError(b, s.SaveVerdicts(b.Context(), records))
	}
	b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N*len(records)), "µs/record")
}
