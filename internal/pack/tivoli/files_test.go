package tivoli

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/idp-exporter/idp_exporter/internal/pack"
	"github.com/idp-exporter/idp_exporter/internal/pack/packtest"
	"github.com/idp-exporter/idp_exporter/internal/pack/tivoli/nco"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func made(t testing.TB, oid, prefix, url string) (pack.Site, map[string][]byte) {
	t.Helper()
	return packtest.Made(t, Files, oid, prefix, url)
}

func TestNothingOfTheDefaultSiteRemains(t *testing.T) {
	t.Parallel()
	_, files := made(t, "1.3.6.1.4.1.9999.5.7", "corp", "https://wiki.example.com/idp")
	for name, content := range files {
		text := string(content)
		require.NotContains(t, text, "32473", name)
		require.NotContains(t, text, pack.DefaultURL, name)
		// The exporter's name and the words of the eif bridge do not go by the prefix.
		text = strings.NewReplacer("idp_exporter", "", "IDP_EXPORTER", "", "IDP_Alarm", "", "IDP_Heartbeat", "", "https://wiki.example.com/idp/", "", "IDP-EXPORTER-MIB", "").Replace(text)
		require.NotRegexp(t, regexp.MustCompile(`(?i)\bidp`), text, name)
		require.NotRegexp(t, `(?i)idp`, strings.NewReplacer("idp_exporter.baroc", "", "IDP-EXPORTER-MIB", "").Replace(name))
	}
	rules := string(files["include-snmptrap/corp/corp-IDP-EXPORTER-MIB.include.snmptrap.rules"])
	require.Contains(t, rules, `case ".1.3.6.1.4.1.9999.5.7": `)
	require.Contains(t, rules, `"SNMPTRAP-corp-IDP-EXPORTER-MIB-corpAlarmRaise"`)
}

// The stand-in includes what the README says, as it says.
func TestIncludesAreThoseOfTheReadme(t *testing.T) {
	t.Parallel()
	_, files := made(t, "", "corp", "")
	include := regexp.MustCompile(`(?m)^ *(include "\$\w+/(?:include-snmptrap|probes)/.*")$`)
	home := nco.Home(files, "corp")
	page := include.FindAllStringSubmatch(string(files["README.md"]), -1)
	stock := include.FindAllStringSubmatch(string(home["snmptrap.rules"].Data)+string(home["tivoli_eif.rules"].Data), -1)
	require.Len(t, page, 3)
	for i := range page {
		require.Equal(t, page[i][1], stock[i][1])
	}
	require.Len(t, stock, 3)
}

// Links of the README within the folder lead to what is there.
func TestLinks(t *testing.T) {
	t.Parallel()
	_, files := made(t, "", "corp", "")
	links := regexp.MustCompile(`\]\(([^)#:]+)\)`).FindAllStringSubmatch(string(files["README.md"]), -1)
	require.Greater(t, len(links), 4)
	for _, l := range links {
		found := false
		for name := range files {
			found = found || name == l[1] || strings.HasPrefix(name, strings.TrimSuffix(l[1], "/")+"/")
		}
		require.True(t, found, l[1])
	}
}

// Pages and examples of bridges link to the pack; a copy of their own drifts.
func TestNoSecondCopy(t *testing.T) {
	t.Parallel()
	for _, dir := range []string{"../../../docs/bridges", "../../../examples/bridges"} {
		entries, err := os.ReadDir(dir)
		require.NoError(t, err)
		require.NotEmpty(t, entries)
		for _, e := range entries {
			content, err := os.ReadFile(filepath.Join(dir, e.Name()))
			require.NoError(t, err)
			require.NotRegexp(t, `TEC_CLASS|@(Identifier|AlertKey|Summary)\b|MSGCONDITIONS|(?m)^EVENT `, string(content), e.Name())
		}
	}
}
