package systemcenter

import (
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/idp-exporter/idp_exporter/internal/pack"
	"github.com/idp-exporter/idp_exporter/internal/pack/packtest"
)

func made(t testing.TB, oid, prefix, url string) (pack.Site, map[string][]byte) {
	t.Helper()
	return packtest.Made(t, Files, oid, prefix, url)
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
