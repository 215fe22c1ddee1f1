package openview

import (
	"maps"
	"os"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
	"go.yaml.in/yaml/v3"

	"github.com/idp-exporter/idp_exporter/internal/pack"
	"github.com/idp-exporter/idp_exporter/internal/pack/packtest"
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
