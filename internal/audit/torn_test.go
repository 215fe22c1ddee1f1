package audit

import (
	"bytes"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// written returns a trail that ends with a stop record.
func written(t *testing.T, lines int) []byte {
	t.Helper()
	o := options(t)
	l := open(t, o)
	for range lines {
		l.Access(scrape)
	}
	require.NoError(t, l.Close())
	return read(t, o.Config.File.Path)
}

// TestTornAnywhere cuts the last line at every byte, as a kill may.
func TestTornAnywhere(t *testing.T) {
	t.Parallel()
	whole := written(t, 3)
	last := bytes.LastIndexByte(whole[:len(whole)-1], '\n') + 1
	o := options(t)
	for n := last; n < len(whole); n++ {
		require.NoError(t, os.WriteFile(o.Config.File.Path, whole[:n], 0o600))
		r := sound(t, o)
		require.Equal(t, n > last && n < len(whole)-1, r.Torn, "at %d", n)
		l, err := Open(o)
		require.NoError(t, err)
		require.NoError(t, l.Close())
		r = sound(t, o)
		if n == last || n == len(whole)-1 { // nothing, or all but the newline
			require.Zero(t, r.Recovered)
		} else {
			require.Equal(t, 1, r.Recovered, "at %d", n)
			require.Contains(t, string(read(t, o.Config.File.Path)), string(whole[last:n]), "it is kept")
		}
		require.Equal(t, 2, r.Starts)
		require.True(t, r.Ended)
	}
}

func TestTornEnds(t *testing.T) {
	t.Parallel()
	trail := string(written(t, 3))
	for name, end := range map[string]string{
		"zeros, as after a power failure": strings.Repeat("\x00", 9000),
		"garbage with newlines":           "a\nb\n\n\nc",
		"garbage, terminated":             "a\n",
		"empty lines":                     "\n\n\n",
		"a very long line":                strings.Repeat("x", 3*tailWindow),
		"very much garbage":               strings.Repeat("x\n", tailWindow),
		"a long line, terminated":         strings.Repeat("x", maxLine) + "\n",
		"a line just as long as a buffer": strings.Repeat("x", maxLine-1) + "\n",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, begin := range []string{trail, ""} {
				o := options(t)
				o.maxSize = small // so that the end may also be too long for the file
				require.NoError(t, os.WriteFile(o.Config.File.Path, []byte(begin+end), 0o600))
				l := open(t, o)
				require.NoError(t, l.Admin(t.Context(), drain))
				require.NoError(t, l.Close())
				r := sound(t, o)
				require.Equal(t, 1, r.Recovered)
				require.True(t, r.Whole)
			}
		})
	}
}

func TestTailOfLongFile(t *testing.T) {
	t.Parallel()
	whole := written(t, 5000)
	require.Greater(t, len(whole), 2*tailWindow)
	near, err := readTail(bytes.NewReader(whole), int64(len(whole)))
	require.NoError(t, err)
	far, err := scanTail(bytes.NewReader(whole))
	require.NoError(t, err)
	require.Equal(t, far, near)
	require.EqualValues(t, 5002, near.last.seq)
}

func writeFile(path string, b []byte) error { return os.WriteFile(path, b, 0o600) }
