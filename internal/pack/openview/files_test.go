package openview

import (
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
	"go.yaml.in/yaml/v3"

	"github.com/idp-exporter/idp_exporter/internal/pack"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const folder = "../../../alerts/openview"

func made(t testing.TB, oid, prefix, url string) (pack.Site, map[string][]byte) {
	t.Helper()
	site, err := pack.New(oid, prefix, url)
	require.NoError(t, err)
	files, err := Files(site)
	require.NoError(t, err)
	return site, files
}

// What lies in alerts/openview is what the default site makes; UPDATE_GOLDEN=1
// writes it.
func TestFolder(t *testing.T) {
	t.Parallel()
	_, files := made(t, "", "", "")
	if os.Getenv("UPDATE_GOLDEN") != "" {
		require.NoError(t, os.RemoveAll(folder))
		for name, content := range files {
			file := filepath.Join(folder, name)
			require.NoError(t, os.MkdirAll(filepath.Dir(file), 0o755))
			require.NoError(t, os.WriteFile(file, content, 0o644))
		}
	}
	var names []string
	require.NoError(t, filepath.WalkDir(folder, func(file string, e fs.DirEntry, err error) error {
		require.NoError(t, err)
		if e.IsDir() {
			return nil
		}
		name, err := filepath.Rel(folder, file)
		require.NoError(t, err)
		names = append(names, filepath.ToSlash(name))
		content, err := os.ReadFile(file)
		require.NoError(t, err)
		require.Equal(t, string(files[names[len(names)-1]]), string(content), "%s: run UPDATE_GOLDEN=1 go test ./internal/pack/openview", name)
		return nil
	}))
	require.ElementsMatch(t, slices.Collect(maps.Keys(files)), names)
}

func TestNothingOfTheDefaultSiteRemains(t *testing.T) {
	t.Parallel()
	_, files := made(t, "1.3.6.1.4.1.9999.5.7", "corp", "https://wiki.example.com/idp")
	for name, content := range files {
		text := string(content)
		require.NotContains(t, text, "32473", name)
		require.NotContains(t, text, pack.DefaultURL, name)
		// The exporter's name and the key of the webhook bridge do not go by the prefix.
		text = strings.NewReplacer("idp_exporter", "", "idp:", "", "https://wiki.example.com/idp/", "", "IDP-EXPORTER-MIB", "").Replace(text)
		require.NotRegexp(t, regexp.MustCompile(`(?i)\bidp`), text, name)
		require.NotRegexp(t, `(?i)idp`, name)
	}
	require.Contains(t, string(files["nnm/trapd.conf"]), `EVENT corpAlarmRaise .1.3.6.1.4.1.9999.5.7.0.1 "Status Events" Major`)
}

// Links within the folder lead to what is there.
func TestLinks(t *testing.T) {
	t.Parallel()
	_, files := made(t, "", "corp", "")
	n := 0
	for page, content := range files {
		for _, l := range regexp.MustCompile(`\]\(([^)#:]+)\)`).FindAllStringSubmatch(string(content), -1) {
			n++
			require.Contains(t, slices.Collect(maps.Keys(files)), path.Join(path.Dir(page), l[1]), page)
		}
	}
	require.Greater(t, n, 8)
}

// The example of the exec bridge has the bridge of the pack, so that there is
// one way to call opcmsg.
func TestExampleIsTheSame(t *testing.T) {
	t.Parallel()
	_, files := made(t, "", "", "")
	example, err := os.ReadFile("../../../examples/bridges/exec.yml")
	require.NoError(t, err)
	first := func(content []byte) map[string]any {
		var c struct{ Bridges []map[string]any }
		require.NoError(t, yaml.Unmarshal(content, &c))
		require.NotEmpty(t, c.Bridges)
		delete(c.Bridges[0], "name")
		return c.Bridges[0]
	}
	require.Equal(t, first(files["opcmsg.yml"]), first(example))
}
