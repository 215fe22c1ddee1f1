package store

import (
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// requireRight opens a file that may be damaged: everything that can be read
// is as it was last written, or the file was set aside. Records may be missing
// only if they were counted as damaged.
func requireRight(t *testing.T, content []byte, n int, what string, args ...any) (setAside, bad bool) {
	t.Helper()
	folder := fileOf(t, content)
	defer func() { _ = os.RemoveAll(folder) }()
	s, err := open(t.Context(), folder, nil, impatient)
	require.NoError(t, err, append([]any{what}, args...)...)
	defer func() { require.NoError(t, s.Close()) }()
	v, d, w := read(t, s)
	if s.Report().SetAside != "" {
		require.Empty(t, v)
		require.Empty(t, d)
		require.Empty(t, w)
		kept, err := os.ReadFile(s.Report().SetAside)
		require.NoError(t, err)
		require.Len(t, kept, len(content))
		return true, false
	}
	wantV, wantD, wantW := make([]any, n), make([]any, n), make([]any, n)
	for i := range n {
		wantV[i], wantD[i], wantW[i] = verdict(i, 1), drain(i, 1), window(i, 1)
	}
	require.Subset(t, wantV, v, append([]any{what}, args...)...)
	require.Subset(t, wantD, d, append([]any{what}, args...)...)
	require.Subset(t, wantW, w, append([]any{what}, args...)...)
	require.EqualValues(t, 3*n-len(v)-len(d)-len(w), s.BadRecords(), append([]any{what}, args...)...)
	return false, s.BadRecords() > 0
}

func TestTruncation(t *testing.T) {
	t.Parallel()
	const n, page = 30, 4096
	content := filled(t, n)
	require.Greater(t, len(content), 10*page)
	setAside, _ := requireRight(t, content, n, "whole")
	require.False(t, setAside)
	for size := 0; size < len(content); size += page {
		for _, cut := range []int{size, size + 1, size + 100, size + page/2, size + page - 1} {
			setAside, _ := requireRight(t, content[:cut], n, "cut to %d bytes", cut)
			require.True(t, setAside || cut > len(content)-page, "cut to %d bytes", cut)
		}
	}
}

func TestFlippedBytes(t *testing.T) {
	t.Parallel()
	const n = 30
	content := filled(t, n)
	rounds := 400
	if testing.Short() {
		rounds = 50
	}
	if os.Getenv("IDP_EXPORTER_SOAK") != "" {
		rounds = 20_000
	}
	random := rand.New(rand.NewPCG(1, 2))
	var aside, skipped int
	for range rounds {
		damaged := append([]byte(nil), content...)
		where, how := random.IntN(len(damaged)), byte(1+random.IntN(255))
		if random.IntN(3) == 0 {
			where = random.IntN(4096) // the header and the schema
		}
		damaged[where] ^= how
		setAside, bad := requireRight(t, damaged, n, "byte %d ^ %#x", where, how)
		aside += truth(setAside)
		skipped += truth(bad)
	}
	t.Logf("of %d damaged files %d were set aside, %d had damaged records, the rest did not matter", rounds, aside, skipped)
	require.Positive(t, aside)
	require.Positive(t, skipped)
}

// Every byte of the header, in which SQLite keeps what the file is.
func TestFlippedHeader(t *testing.T) {
	t.Parallel()
	const n, header = 5, 100
	content := filled(t, n)
	for where := range header {
		for _, how := range []byte{0x01, 0x02, 0x80, 0xff} {
			damaged := append([]byte(nil), content...)
			damaged[where] ^= how
			requireRight(t, damaged, n, "byte %d ^ %#x", where, how)
		}
	}
}

// A damaged journal may cost the writes since the last checkpoint, and never
// makes anything up.
func TestDamagedJournal(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	s, err := Open(t.Context(), folder, nil)
	require.NoError(t, err)
	for i := range 20 {
		require.NoError(t, s.PutDrain(t.Context(), drain(i, 1)))
	}
	file, err := os.ReadFile(filepath.Join(folder, File))
	require.NoError(t, err)
	journal, err := os.ReadFile(filepath.Join(folder, File+"-wal"))
	require.NoError(t, err)
	require.NoError(t, s.Close())
	random := rand.New(rand.NewPCG(3, 4))
	var want []any
	for i := range 20 {
		want = append(want, drain(i, 1))
	}
	for i := range 60 {
		damaged := append([]byte(nil), journal...)
		if i%2 == 0 {
			damaged[random.IntN(len(damaged))] ^= 0x41
		} else {
			damaged = damaged[:random.IntN(len(damaged))]
		}
		folder := fileOf(t, file)
		require.NoError(t, os.WriteFile(filepath.Join(folder, File+"-wal"), damaged, 0o600))
		s, err := open(t.Context(), folder, nil, impatient)
		require.NoError(t, err)
		_, d, _ := read(t, s)
		require.NoError(t, s.PutDrain(t.Context(), drain(99, 1)))
		require.NoError(t, s.Close())
		if s.Report().SetAside == "" {
			require.Subset(t, want, d)
			for j, got := range d {
				require.Equal(t, drain(j, 1), got, "what is left is the beginning")
			}
		}
	}
}

func truth(b bool) int {
	if b {
		return 1
	}
	return 0
}
