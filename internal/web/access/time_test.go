package access

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"
)

// moment reads a time that a test is sure of.
func moment(text string) Time {
	var t Time
	if err := t.UnmarshalText([]byte(text)); err != nil {
		panic(err)
	}
	return t
}

func TestTime(t *testing.T) {
	t.Parallel()
	for text, end := range map[string]string{
		"2026-12-31":                "2027-01-01T00:00:00Z",
		"2024-02-28":                "2024-02-29T00:00:00Z",
		"2026-12-31T18:00:00Z":      "2026-12-31T18:00:00Z",
		"2026-12-31T18:00:00.5Z":    "2026-12-31T18:00:00Z",
		"2026-12-31T18:00:00+01:00": "2026-12-31T17:00:00Z",
	} {
		require.Equal(t, end, moment(text).end().UTC().Format(time.RFC3339), text)
		require.False(t, moment(text).IsZero())
	}
	for _, text := range []string{"", "tomorrow", "2026-02-30", "2026-12-31 18:00:00", "2026-12-31T18:00", "31.12.2026", "0001-01-01", "1969-12-31", strings.Repeat("9", 1000)} {
		var at Time
		err := at.UnmarshalText([]byte(text))
		require.ErrorContains(t, err, "2026-12-31", text)
		require.Less(t, len(err.Error()), 200)
		require.True(t, at.IsZero())
	}
	require.Equal(t, "2026-12-31", moment("2026-12-31").String())
	require.Equal(t, "2026-12-31T18:00:00+01:00", moment("2026-12-31T18:00:00+01:00").String())
	require.Empty(t, Time{}.String())
}

func TestWindow(t *testing.T) {
	t.Parallel()
	w := newWindow(moment("2026-03-01"), moment("2026-03-02"))
	for text, want := range map[string]Reason{
		"2026-02-28T23:59:59Z": ReasonNotYet, "2026-03-01T00:00:00Z": 0, "2026-03-02T23:59:59Z": 0, "2026-03-03T00:00:00Z": ReasonExpired,
	} {
		require.Equal(t, want, w.refuses(moment(text).at), text)
	}
	require.Zero(t, window{}.refuses(time.Now()))
	narrow := newWindow(moment("2026-03-02"), moment("2027-01-01"))
	for _, both := range []window{w.within(narrow), narrow.within(w)} {
		require.Equal(t, newWindow(moment("2026-03-02"), moment("2026-03-02")), both)
		require.False(t, both.empty())
	}
	require.Equal(t, w, w.within(window{}))
	require.Equal(t, w, window{}.within(w))
	require.True(t, w.within(newWindow(moment("2026-03-03"), Time{})).empty())
}

func TestHashInYAML(t *testing.T) {
	t.Parallel()
	read := func(text string) ([]Hash, error) {
		var doc struct {
			Hashes []Hash `yaml:"hashes"`
		}
		err := yaml.Unmarshal([]byte("hashes:\n"+text), &doc)
		return doc.Hashes, err
	}
	got, err := read("- plain\n- hash: later\n  not_before: 2026-03-01\n- {hash: first, not_after: 2026-03-01T10:00:00Z, not_before: }\n")
	require.NoError(t, err)
	require.Equal(t, []Hash{{Hash: "plain"}, {Hash: "later", NotBefore: moment("2026-03-01")}, {Hash: "first", NotAfter: moment("2026-03-01T10:00:00Z")}}, got)
	for text, want := range map[string]string{
		"- [a]":                                "a list stands",
		"- {hash: a, hash: b}":                 "stands twice",
		"- {hash: canary, not_afer: 2026}":     `unknown key "not_afer"; known here: hash, not_after, not_before`,
		"- {hash: canary, not_after: soon}":    `not_after: "soon" is no moment`,
		"- hash: a\n  not_before:\n\n    soon": `line 3: not_before: "soon"`,
		"- {hash: [canary]}":                   "a single value",
		"- {hash: canary, not_before: 7}":      "not_before:",
	} {
		_, err := read(text)
		require.ErrorContains(t, err, want, text)
		require.NotContains(t, err.Error(), "canary")
	}
}

func FuzzHashInYAML(f *testing.F) {
	f.Add("sha256:00")
	f.Add("{hash: a, not_after: 2026-01-01, not_before: 2025-01-01T00:00:00Z}")
	f.Add("&a {hash: *a}")
	f.Fuzz(func(t *testing.T, text string) {
		var h Hash
		if err := yaml.Unmarshal([]byte(text), &h); err != nil {
			require.Less(t, len(err.Error()), 100_000)
			return
		}
		require.True(t, h.NotAfter.IsZero() || h.NotAfter.end().Year() >= 1970)
	})
}

func TestCheckWarnsOfKeysThatEnd(t *testing.T) {
	t.Parallel()
	now := moment("2026-06-15T12:00:00Z").at
	good := HashToken("t")
	for _, c := range []struct {
		notAfter string
		warning  string
	}{
		{"2026-06-14", "has expired (2026-06-15T00:00:00Z)"},
		{"2026-06-15T12:00:00Z", "has expired"},
		{"2026-06-15", "expires soon (2026-06-16T00:00:00Z)"},
		{"2026-06-29T13:59:59+02:00", "expires soon"},
		{"2026-06-29T12:00:00Z", ""},
		{"2030-01-01", ""},
	} {
		for path, config := range map[string]Config{
			"tokens[0].not_after":           {Tokens: []Token{{Name: "a", Hash: good, Scopes: []string{"all"}, Bounds: Bounds{NotAfter: moment(c.notAfter)}}}},
			"clients[0].not_after":          {Clients: []Client{{Name: "a", SAN: "a", Scopes: []string{"all"}, Bounds: Bounds{NotAfter: moment(c.notAfter)}}}},
			"users[0].hashes[0].not_after":  {Users: []User{{Name: "a", Hashes: []Hash{{Hash: good, NotAfter: moment(c.notAfter)}}, Scopes: []string{"all"}}}},
			"tokens[0].hashes[0].not_after": {Tokens: []Token{{Name: "a", Hash: good, Hashes: []Hash{{Hash: good, NotAfter: moment(c.notAfter)}}, Scopes: []string{"all"}}}},
		} {
			problems := config.check(now)
			if c.warning == "" {
				require.Empty(t, problems, c.notAfter)
				continue
			}
			require.Len(t, problems, 1, c.notAfter)
			require.True(t, problems[0].Warning)
			require.Equal(t, path, problems[0].Path)
			require.Contains(t, problems[0].Message, c.warning)
		}
	}
	everybody := Config{Tokens: []Token{{Name: "a", Hash: good, Scopes: []string{"all"}}}, TrustedProxies: []string{"::/0"}}
	problems := everybody.check(now)
	require.Len(t, problems, 1)
	require.True(t, problems[0].Warning)
	require.Contains(t, problems[0].Message, "everybody")
}
