package systemcenter

import (
	"crypto/sha256"
	"fmt"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/idp-exporter/idp_exporter/internal/pack"
)

// versions holds what the packs of the default site were in each release of
// them, one a line: the release, and a digest. UPDATE_GOLDEN=1 adds the line of a
// new release, and changes none.
const versions = "testdata/versions"

// digest is that of the packs but for the version itself and for the knowledge,
// which is the runbooks' text and links to them.
func digest(files map[string][]byte) string {
	h := sha256.New()
	left := regexp.MustCompile(`(?s)<KnowledgeArticles>.*</KnowledgeArticles>|<Version>` + regexp.QuoteMeta(release) + `\.\d+</Version>`)
	for _, name := range slices.Sorted(maps.Keys(files)) {
		if strings.HasSuffix(name, ".xml") {
			_, _ = fmt.Fprintf(h, "%s\n%s\n", name, left.ReplaceAll(files[name], nil))
		}
	}
	return fmt.Sprintf("%x", h.Sum(nil))
}

func TestChangedPacksHaveAnotherVersion(t *testing.T) {
	t.Parallel()
	_, files := made(t, "", "", "")
	now := digest(files)
	lines, err := os.ReadFile(versions)
	require.NoError(t, err)
	for line := range strings.Lines(string(lines)) {
		then, was, _ := strings.Cut(strings.TrimSpace(line), " ")
		require.False(t, then == release && was != now, "the packs are not what %s was: raise release in files.go, and run UPDATE_GOLDEN=1 go test ./internal/pack/systemcenter", release)
		if then == release {
			return
		}
	}
	line := release + " " + now + "\n"
	require.NotEmpty(t, os.Getenv("UPDATE_GOLDEN"), "release %s is new: run UPDATE_GOLDEN=1 go test ./internal/pack/systemcenter, which adds to %s\n%s", release, versions, line)
	require.NoError(t, os.WriteFile(versions, append(lines, line...), 0o644))
}

// Whatever is in a pack, and is not the runbooks', is in the digest.
func TestDigestSeesChanges(t *testing.T) {
	t.Parallel()
	_, files := made(t, "", "", "")
	was := digest(files)
	_, other := made(t, "1.3.6.1.4.1.9999.5.7", "", "")
	require.NotEqual(t, was, digest(other))
	for name := range files {
		if strings.HasSuffix(name, ".xml") {
			changed := maps.Clone(files)
			changed[name] = []byte(strings.Replace(string(files[name]), ">60<", ">61<", 1))
			require.NotEqual(t, was, digest(changed), name)
		}
	}
	changed := maps.Clone(files)
	changed["Idp.Exporter.xml"] = []byte(strings.Replace(string(files["Idp.Exporter.xml"]), "<maml:para>", "<maml:para>More. ", 1))
	require.Equal(t, was, digest(changed))
}

// A site raises the version of its packs by its revision.
func TestRevision(t *testing.T) {
	t.Parallel()
	site, err := pack.New("1.3.6.1.4.1.9999.5.7", "", "")
	require.NoError(t, err)
	site.Revision = 65535
	files, err := Files(site)
	require.NoError(t, err)
	for _, name := range []string{"Idp.Exporter.xml", "Idp.Exporter.Http.xml", "Idp.Exporter.Web.xml"} {
		root, err := parse(files[name])
		require.NoError(t, err)
		require.Equal(t, release+".65535", root.child("Manifest").child("Identity").child("Version").text)
		require.Empty(t, check(site.MIB, name, files[name]))
	}
}
