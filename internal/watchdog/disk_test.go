package watchdog

import (
	"errors"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

func TestDisk(t *testing.T) {
	t.Parallel()
	d := NewDisk("storage_disk", "/somewhere", 0, 0)
	_, known := d.Space()
	require.False(t, known)
	var space Space
	var failure error
	d.measure = func(folder string) (Space, error) {
		require.Equal(t, "/somewhere", folder)
		return space, failure
	}
	const min = DefaultMinBytes
	for _, c := range []struct {
		space Space
		text  string
	}{
		{Space{min, 100, true}, ""},
		{Space{min - 1, 100, true}, "49 MB free at /somewhere, less than 50 MB"},
		{Space{min, 100, true}, "50 MB free"}, // it takes a tenth more to be well again
		{Space{min * 11 / 10, 110, true}, ""},
		{Space{min, 100, true}, ""},
		{Space{min, 99, true}, "room for 99 more files"},
		{Space{min * 2, 100, true}, "room for 100 more files"},
		{Space{min * 2, 110, true}, ""},
		{Space{min, 0, false}, ""},
		{Space{0, 0, true}, "0 MB free"},
	} {
		space = c.space
		err := d.check(t.Context())
		if c.text == "" {
			require.NoError(t, err, "%+v", c.space)
		} else {
			require.ErrorContains(t, err, c.text)
		}
		got, known := d.Space()
		require.True(t, known)
		require.Equal(t, c.space, got)
	}
	failure = errors.New("gone")
	require.ErrorIs(t, d.check(t.Context()), failure)
	_, known = d.Space()
	require.False(t, known)
	require.False(t, d.Part().Restart, "a restart frees no space")
}

// Where free space cannot be told, that is told once and is no problem.
func TestDiskUnsupported(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d := NewDisk("storage_disk", "/", 0, 0)
		d.measure = func(string) (Space, error) { return Space{}, errors.ErrUnsupported }
		var log diary
		w, stop := watch(t, &log, d.Part())
		after(time.Hour)
		require.Empty(t, w.Problems())
		require.Equal(t, 1, log.count("part cannot be watched here"))
		require.NoError(t, stop())
	})
}

func TestMeasure(t *testing.T) {
	t.Parallel()
	s, err := measure(t.TempDir())
	if errors.Is(err, errors.ErrUnsupported) {
		t.Skip(err)
	}
	require.NoError(t, err)
	require.Positive(t, s.Bytes)
	_, err = measure(filepath.Join(t.TempDir(), "none"))
	require.Error(t, err)
	err = NewDisk("d", filepath.Join(t.TempDir(), "none"), 0, 0).check(t.Context())
	require.ErrorContains(t, err, "see to it that the folder exists")
}
