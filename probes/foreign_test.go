package probes

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/idp-exporter/idp_exporter/internal/secret"
)

func TestForeign(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ text, want string }{
		{Foreign("short", 10), "short"},
		{"a " + Foreign("longer than ten", 10) + " b", "a longer tha… b"},
		{`"` + Foreign(`tell "`+Foreign("longer than ten", 6)+`" me`, 100) + `"`, `"tell "longer than ten" me"`},
		{Foreign("ü\xffnö", 1), "…"},
		{Foreign("marks \x02500\x1f of \x03 theirs", 100), "marks  of  theirs"},
		{"none \x02 \x1f \x03", "none      "},
		{Foreign("", 10), ""},
		{Foreign("x", 0), "…"},
	} {
		require.Equal(t, c.want, clean(c.text))
	}
}

// Wherever a secret stands in what a server wrote, and wherever that is cut, no
// part of it is shown.
func TestNoPartOfASecretIsShown(t *testing.T) {
	t.Parallel()
	const canary = "kzqxvw-0123456789-canary-of-the-test"
	var redactor secret.Redactor
	redactor.Add(canary)
	for _, most := range []int{20, 300, maxDetail - 10} {
		for before := range maxDetail + 50 {
			text := strings.Repeat("=", before) + canary + strings.Repeat("+", 400)
			for _, err := range []error{
				Failf(ReasonUnexpectedReply, "the server answered %s", Foreign(text, most)),
				fmt.Errorf("outer: %w", Unknownf(ReasonInternal, "%s", Foreign(Foreign(text, most), most/2))),
				errors.New(text),
			} {
				r := NewRun(redactor.String)
				r.Assert("a", false, err.Error())
				r.Unverified("%v", err)
				got := r.Finish(err)
				for _, shown := range []string{got.Detail, got.Assertions[0].Detail, got.Unverified[0]} {
					require.NotContains(t, shown, canary[:4], "cut after %d, the secret after %d", most, before)
					require.LessOrEqual(t, len(shown), maxDetail+len("…"))
				}
			}
		}
	}
}

func FuzzForeign(f *testing.F) {
	f.Add("a text", "around it", 3)
	f.Add("\x0212\x1fx\x03", "\x02", 0)
	f.Fuzz(func(t *testing.T, text, around string, most int) {
		most = min(max(most, 0), 999)
		got := clean(around + Foreign(text, most) + around)
		require.LessOrEqual(t, len(got), maxDetail+len("…"))
		require.NotContains(t, got, foreignFrom)
		require.NotContains(t, got, foreignTo)
	})
}
