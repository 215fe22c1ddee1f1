package systemcenter

import (
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/idp-exporter/idp_exporter/internal/pack"
)

const folder = "../../../alerts/system-center"

func made(t testing.TB, oid, prefix, url string) (pack.Site, map[string][]byte) {
	t.Helper()
	site, err := pack.New(oid, prefix, url)
	require.NoError(t, err)
	files, err := Files(site)
	require.NoError(t, err)
	return site, files
}

// What lies in alerts/system-center is what the default site makes;
// UPDATE_GOLDEN=1 writes it.
func TestFolder(t *testing.T) {
	t.Parallel()
	_, files := made(t, "", "", "")
	if os.Getenv("UPDATE_GOLDEN") != "" {
		require.NoError(t, os.RemoveAll(folder))
		require.NoError(t, os.MkdirAll(folder, 0o755))
		for name, content := range files {
			require.NoError(t, os.WriteFile(filepath.Join(folder, name), content, 0o644))
		}
	}
	entries, err := os.ReadDir(folder)
	require.NoError(t, err)
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
		content, err := os.ReadFile(filepath.Join(folder, e.Name()))
		require.NoError(t, err)
		require.Equal(t, string(files[e.Name()]), string(content), "%s: run UPDATE_GOLDEN=1 go test ./internal/pack/systemcenter", e.Name())
	}
	require.ElementsMatch(t, slices.Collect(maps.Keys(files)), names)
}

func TestNothingOfTheDefaultSiteRemains(t *testing.T) {
	t.Parallel()
	_, files := made(t, "1.3.6.1.4.1.9999.5.7", "corp", "https://wiki.example.com/idp")
	require.Contains(t, slices.Collect(maps.Keys(files)), "Corp.Exporter.Http.xml")
	for name, content := range files {
		text := string(content)
		require.NotContains(t, text, "32473", name)
		require.NotContains(t, text, pack.DefaultURL, name)
		require.NotRegexp(t, regexp.MustCompile(`\bidp[A-Z]|\bIdp(Exporter|\.)`), text, name)
	}
	require.Contains(t, string(files["Corp.Exporter.xml"]), "https://wiki.example.com/idp/docs/runbooks/IdPExporterDown.md")
}

// The pack has the very script that lies beside it, and no pack a credential.
func TestScript(t *testing.T) {
	t.Parallel()
	_, files := made(t, "", "", "")
	d, err := parse(files["Idp.Exporter.Http.xml"])
	require.NoError(t, err)
	bodies := d.all("ScriptBody")
	require.Len(t, bodies, 1)
	require.Equal(t, strings.TrimSpace(string(files["check.ps1"])), strings.TrimSpace(bodies[0].text))
	// What the pack reads is what the script sets, and the states are its words.
	script, set, read, said, states := string(files["check.ps1"]), map[string]bool{}, map[string]bool{}, map[string]bool{}, map[string]bool{}
	for _, m := range regexp.MustCompile(`\$bag\.AddValue\('(\w+)'`).FindAllStringSubmatch(script, -1) {
		set[m[1]] = true
	}
	for _, m := range regexp.MustCompile(`Property\[@Name='(\w+)'\]`).FindAllStringSubmatch(string(files["Idp.Exporter.Http.xml"]), -1) {
		read[m[1]] = true
	}
	for _, m := range regexp.MustCompile(`\$(?:alarms|verdict) = '(\w+)'`).FindAllStringSubmatch(script, -1) {
		said[m[1]] = true
	}
	for _, s := range d.all("MonitorTypeState") {
		states[s.attrs["ID"]] = true
	}
	require.Equal(t, read, set)
	require.Equal(t, states, said)
	for name, content := range files {
		if strings.HasSuffix(name, ".xml") {
			for _, field := range []string{"ProxyPassword", "CredentialPassword"} {
				d, err := parse(content)
				require.NoError(t, err)
				for _, e := range d.all(field) {
					require.Empty(t, e.text, name)
				}
			}
		}
	}
}
