package test

import (
	"io/fs"
	"os"
	"path"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// artifactRow is a row of the table that says of each artifact how it is imported
// and how far it was proven.
var (
	artifactHead = regexp.MustCompile(`(?m)^\| art.fact \| tool and versions \| [^|]+ \| [^|]+ \| [^|]*checked \|\n\| --- \| --- \| --- \| --- \| --- \|\n((?:\|.*\n)+)`)
	artifactName = regexp.MustCompile("\\]\\(([^)]+)\\)|`([^`]+)`")
)

// TestEachArtifactIsInTheTableOfItsFolder: every file that is imported or copied
// stands, itself or with its folder, in the table of the nearest README above it.
func TestEachArtifactIsInTheTableOfItsFolder(t *testing.T) {
	t.Parallel()
	project := os.DirFS("..")
	tables := map[string][]string{} // names by folder
	table := func(folder string) []string {
		text, err := fs.ReadFile(project, folder+"/README.md")
		if err != nil {
			return nil
		}
		if names, known := tables[folder]; known {
			return names
		}
		m := artifactHead.FindSubmatch(text)
		require.NotNil(t, m, "%s/README.md has no table of artifacts", folder)
		for row := range strings.Lines(string(m[1])) {
			cells := strings.Split(strings.TrimSpace(row), "|") // with nothing before the first and after the last
			require.Len(t, cells, 7, "%s: %s", folder, row)
			require.NotEmpty(t, strings.TrimSpace(cells[5]), "%s: not said how it was checked: %s", folder, row)
			for _, n := range artifactName.FindAllStringSubmatch(cells[1], -1) {
				tables[folder] = append(tables[folder], path.Join(folder, n[1]+n[2]))
			}
		}
		return tables[folder]
	}
	files := 0
	for _, root := range []string{"alerts", "dashboards", "examples/alertmanager", "examples/bridges", "examples/probes", "examples/stack"} {
		require.NotEmpty(t, table(root))
		require.NoError(t, fs.WalkDir(project, root, func(file string, entry fs.DirEntry, err error) error {
			if err != nil || entry.IsDir() || path.Ext(file) == ".go" || path.Base(file) == "README.md" {
				return err
			}
			folder := path.Dir(file)
			for table(folder) == nil {
				folder = path.Dir(folder)
			}
			named := false
			for _, name := range table(folder) {
				named = named || file == name || strings.HasPrefix(file, name+"/")
			}
			require.True(t, named, "%s is not in the table of %s/README.md", file, folder)
			files++
			return nil
		}))
	}
	require.Greater(t, files, 60)
}
