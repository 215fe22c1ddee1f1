package bridges

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/idp-exporter/idp_exporter/probes"
)

func TestText(t *testing.T) {
	t.Parallel()
	require.Equal(t, "abc", Cut("abc", 3))
	require.Equal(t, "a…", Cut("abcde", 4))
	require.Equal(t, "é…", Cut("ééé", 5))
	require.Equal(t, "ab", Cut("abc", 2))
	require.Equal(t, "", Cut("é", 1))
	require.Equal(t, "a\ufffdb", Cut("a\xff\xfeb", 9))
	require.Equal(t, "a b  c", Line("a\nb\r\nc", 99))
	require.Equal(t, "a\nb\t c", Text("a\nb\t\x00c", 99))
	require.Equal(t, "ab c", Line("a\u202eb\u2028c", 99))
	require.Empty(t, Line("abc", 0))
}

func FuzzText(f *testing.F) {
	f.Add("é\xff\n", 3)
	f.Add(strings.Repeat("\U0001F600", 100), 17)
	f.Fuzz(func(t *testing.T, s string, max int) {
		max &= 0xfff
		for _, got := range []string{Cut(s, max), Line(s, max), Text(s, max)} {
			if len(got) > max || !utf8.ValidString(got) {
				t.Fatalf("%q %d: %q", s, max, got)
			}
		}
		if utf8.ValidString(s) && len(s) <= max && Cut(s, max) != s {
			t.Fatalf("%q was changed", s)
		}
	})
}

func TestEverySeverityHasItsWords(t *testing.T) {
	t.Parallel()
	for _, s := range append(probes.Severities(), Cleared) {
		c := ConsoleOf(s)
		require.Contains(t, consoles, s)
		require.NotEmpty(t, c.EIF)
		require.NotEmpty(t, c.PagerDuty)
	}
	require.Equal(t, ConsoleOf(probes.Indeterminate), ConsoleOf("disaster"))
}

func TestErrorsAreMarked(t *testing.T) {
	t.Parallel()
	cause := errors.New("x")
	err := fmt.Errorf("wrapped: %w", Permanent(Later(cause, time.Minute)))
	require.True(t, IsPermanent(err))
	require.Equal(t, time.Minute, RetryAfter(err))
	require.ErrorIs(t, err, cause)
	require.False(t, IsPermanent(cause))
	require.Zero(t, RetryAfter(cause))
}
