package discover

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestParseFile(t *testing.T) {
	t.Parallel()
	list := func(n int) string {
		targets := make([]string, n)
		for i := range targets {
			targets[i] = fmt.Sprintf(`"n%d.example.test"`, i)
		}
		return `[{"targets": [` + strings.Join(targets, ",") + `]}]`
	}
	for _, c := range []struct {
		name, ext, content string
		want               []string
		problem            string
	}{
		{"JSON", ".json", `[{"targets": ["10.0.0.2:443"], "labels": {"name": "n2", "env": "prod"}},
			{"targets": ["10.0.0.1:443"], "labels": {"name": "n1"}}]`, []string{"n1=10.0.0.1:443", "n2=10.0.0.2:443"}, ""},
		{"YAML", ".yml", "- targets: ['10.0.0.1', '[2001:db8::1]:443']\n- targets: [b.example.test]\n  labels: {name: 2}\n", []string{"10.0.0.1=10.0.0.1", "2=b.example.test", "[2001:db8::1]:443=[2001:db8::1]:443"}, ""},
		{"twice the same", ".yaml", "- targets: [a, a]\n- targets: [a]\n", []string{"a=a"}, ""},
		{"names in other scripts", ".yaml", "- targets: [a]\n  labels: {name: Knoten süd}\n", []string{"Knoten süd=a"}, ""},
		{"the most", ".json", list(MaxNodes), nil, ""},
		{"no list", ".json", `[]`, nil, "no node"},
		{"no target", ".yml", "- targets: []\n  labels: {name: n1}\n", nil, "no node"},
		{"a file being written", ".json", ``, nil, "EOF"},
		{"a YAML file being written", ".yml", ``, nil, "nothing in it"},
		{"null", ".json", `null`, nil, "nothing in it"},
		{"comments only", ".yml", "# nothing\n", nil, "nothing in it"},
		{"cut off", ".json", `[{"targets": ["10.0.0.2:443"`, nil, "not JSON"},
		{"an object", ".json", `{"targets": ["a"]}`, nil, "not JSON"},
		{"a mapping", ".yml", `targets: [a]`, nil, "not YAML"},
		{"unknown key", ".json", `[{"target": ["a"]}]`, nil, "unknown field"},
		{"unknown key in YAML", ".yml", `[{"target": ["a"]}]`, nil, "not found"},
		{"two lists", ".json", `[{"targets": ["a"]}] [{"targets": ["b"]}]`, nil, "more follows"},
		{"two documents", ".yml", "- targets: [a]\n---\n- targets: [b]\n", nil, "more follows"},
		{"one name, two targets", ".yml", "- targets: [a, b]\n  labels: {name: n1}\n", nil, `a and b are both named "n1"`},
		{"reserved", ".yml", "- targets: [a]\n  labels: {name: public}\n", nil, "stands for the provider's public name"},
		{"comma", ".yml", "- targets: [a]\n  labels: {name: 'a,b'}\n", nil, "comma"},
		{"control", ".json", `[{"targets": ["a"], "labels": {"name": "a\nb"}}]`, nil, "comma or a character"},
		{"not UTF-8", ".json", "[{\"targets\": [\"a\"], \"labels\": {\"name\": \"a\xffb\"}}]", nil, "comma or a character"},
		{"spaces", ".json", `[{"targets": ["a"], "labels": {"name": " a"}}]`, nil, "space"},
		{"long", ".json", `[{"targets": ["a"], "labels": {"name": "` + strings.Repeat("a", 101) + `"}}]`, nil, "longer than 100 bytes"},
		{"URL", ".json", `[{"targets": ["https://a.example"]}]`, nil, "not an address"},
		{"path", ".json", `[{"targets": ["a/b"]}]`, nil, "not an address"},
		{"port", ".json", `[{"targets": ["a:99999"]}]`, nil, "not an address"},
		{"empty target", ".json", `[{"targets": [""]}]`, nil, "not an address"},
		{"unspecified", ".json", `[{"targets": ["0.0.0.0:443"]}]`, nil, "not an address"},
		{"too many", ".json", list(MaxNodes + 1), nil, "names 101 nodes; 100 is the most"},
		{"far too many", ".json", list(20_000), nil, "more than 1000 targets"},
		{"aliases upon aliases", ".yml", "- &a {targets: &t [" + strings.Repeat("a,", 1000) + "]}\n" + strings.Repeat("- *a\n", 50_000), nil, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "nodes"+c.ext)
			require.NoError(t, os.WriteFile(path, []byte(c.content), 0o600))
			begin := time.Now()
			nodes, err := file{path}.nodes(t.Context())
			require.Less(t, time.Since(begin), 10*time.Second)
			switch {
			case c.problem != "":
				require.ErrorContains(t, err, c.problem)
				require.Less(t, len(err.Error()), 1000)
			case c.name == "the most":
				require.NoError(t, err)
				require.Len(t, nodes, MaxNodes)
			case c.want == nil:
				require.Error(t, err)
			default:
				require.NoError(t, err)
				require.Equal(t, c.want, addresses(nodes))
			}
		})
	}
}

func TestFileIsBounded(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	big := filepath.Join(dir, "big.json")
	require.NoError(t, os.WriteFile(big, make([]byte, maxFile+1), 0o600))
	_, err := file{big}.nodes(t.Context())
	require.ErrorContains(t, err, "larger than")
	_, err = file{dir}.nodes(t.Context())
	require.ErrorContains(t, err, "not a regular file")
	_, err = file{filepath.Join(dir, "none.json")}.nodes(t.Context())
	require.ErrorIs(t, err, os.ErrNotExist)
}

// A file that changes, breaks, vanishes and comes back.
func TestFileChanges(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "nodes.yml")
	write := func(content string) {
		t.Helper()
		require.NoError(t, os.WriteFile(path+".new", []byte(content), 0o600))
		require.NoError(t, os.Rename(path+".new", path))
	}
	w, err := New(Options{File: path}, nil)
	require.NoError(t, err)
	nodes, err := w.Lookup(t.Context())
	require.ErrorContains(t, err, path)
	require.Empty(t, nodes)
	require.True(t, w.Status().LastSuccess.IsZero())
	for i, c := range []struct {
		content string
		want    []string
		good    bool
	}{
		{"- targets: [a, b]\n", []string{"a=a", "b=b"}, true},
		{"- targets: [b, a]\n", []string{"a=a", "b=b"}, true},
		{"- targets: [c, a]\n", []string{"a=a", "c=c"}, true}, // as long as the one before
		{"- targets: [a", []string{"a=a", "c=c"}, false},
		{"", []string{"a=a", "c=c"}, false},
		{"[]\n", []string{"a=a", "c=c"}, false},
		{"- targets: [c]\n", []string{"c=c"}, true},
	} {
		write(c.content)
		nodes, err := w.Lookup(t.Context())
		require.Equal(t, c.good, err == nil, i)
		require.Equal(t, c.want, addresses(nodes), i)
		require.Equal(t, c.good, w.Status().Problem == "", i)
	}
	require.NoError(t, os.Remove(path))
	nodes, err = w.Lookup(t.Context())
	require.Error(t, err)
	require.Equal(t, []string{"c=c"}, addresses(nodes))
	require.EqualValues(t, 5, w.Status().Failures)
}

func FuzzParseFile(f *testing.F) {
	for _, s := range []string{
		`[{"targets": ["10.0.0.2:443"], "labels": {"name": "n2"}}]`, "- targets: [a, b]\n  labels: {env: x}\n", "- &a\n  targets: [x]\n- *a\n",
		"- targets: ['[::1]:443']\n", "[]", "null", "- {<<: {targets: [a]}}", "\xff\xfe",
	} {
		f.Add([]byte(s), true)
		f.Add([]byte(s), false)
	}
	f.Fuzz(func(t *testing.T, b []byte, isJSON bool) {
		nodes, err := parseFile(b, isJSON)
		if err != nil {
			return
		}
		if len(nodes) == 0 || len(nodes) > MaxNodes {
			t.Fatalf("%d nodes", len(nodes))
		}
		seen := map[string]bool{}
		for i, n := range nodes {
			if checkName(n.Name) != nil || !validAddress(n.Address) || seen[n.Name] || i > 0 && nodes[i-1].Name > n.Name {
				t.Fatalf("%q", nodes)
			}
			seen[n.Name] = true
		}
	})
}
