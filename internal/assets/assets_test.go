package assets

import (
	"bytes"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"github.com/idp-exporter/idp_exporter/internal/pack"
	"github.com/idp-exporter/idp_exporter/internal/pack/packtest"
)

func files(t *testing.T, oid, prefix, url string) map[string][]byte {
	t.Helper()
	_, all := packtest.Made(t, Files, oid, prefix, url)
	return all
}

// TestProjectHoldsTheDefaults fails where a file of the project differs from
// what its generator makes; `idp_exporter assets --force .` renews them.
func TestProjectHoldsTheDefaults(t *testing.T) {
	t.Parallel()
	for name, content := range files(t, "", "", "") {
		there, err := os.ReadFile(filepath.Join("../..", name))
		require.NoError(t, err)
		require.True(t, bytes.Equal(there, content), "%s is not what is generated; run idp_exporter assets --force .", name)
	}
}

// TestNothingElseLiesThere finds what no generator makes any more.
func TestNothingElseLiesThere(t *testing.T) {
	t.Parallel()
	all := files(t, "", "", "")
	for folder := range packs() {
		require.NoError(t, filepath.WalkDir(filepath.Join("../..", folder), func(file string, e fs.DirEntry, err error) error {
			if err == nil && !e.IsDir() && filepath.Ext(file) != ".go" {
				name, relErr := filepath.Rel("../..", file)
				require.NoError(t, relErr)
				require.Contains(t, all, filepath.ToSlash(name), "nothing makes it; remove it")
			}
			return err
		}))
	}
}

// TestStamp shows that nothing of the defaults is left in what consoles read, nor
// in the examples.
func TestStamp(t *testing.T) {
	t.Parallel()
	const wiki = "https://wiki.example.com/idp/"
	const oid = "1.3.6.1.4.1.99999.7"
	all := files(t, oid, "acmeIdp", wiki)
	links := 0
	for name, content := range all {
		require.NotContains(t, string(content), pack.DefaultURL, name)
		links += bytes.Count(content, []byte(wiki+"docs/runbooks/"))
		if folder := path.Base(path.Dir(name)); path.Ext(name) != ".md" && strings.HasPrefix(name, "alerts/") && folder != "prometheus" && folder != "tests" {
			require.NotContains(t, string(content), "1.3.6.1.4.1.32473", name)
		}
		if strings.HasPrefix(name, "examples/") {
			require.NotContains(t, string(content), "32473", name)
		}
	}
	for _, name := range []string{"examples/stack/bridges.yml", "examples/bridges/snmp.yml"} {
		var config struct {
			SNMP struct {
				BaseOID string `yaml:"base_oid"`
			}
		}
		require.NoError(t, yaml.Unmarshal(all[name], &config), name)
		require.Equal(t, oid, config.SNMP.BaseOID, "%s: not that of the MIB beside it", name)
	}
	require.Greater(t, links, 100)
}

var link = regexp.MustCompile(`\]\(([^)#\s]+)(?:#[^)]*)?\)`)

// TestLinksHold follows the relative links of all pages.
func TestLinksHold(t *testing.T) {
	t.Parallel()
	all := files(t, "", "", "")
	folders := map[string]bool{}
	for name := range all {
		for d := path.Dir(name); d != "."; d = path.Dir(d) {
			folders[d] = true
		}
	}
	for name, content := range all {
		if path.Ext(name) != ".md" {
			continue
		}
		for _, m := range link.FindAllSubmatch(content, -1) {
			to := string(m[1])
			if strings.Contains(to, "://") || strings.HasPrefix(to, "mailto:") {
				continue
			}
			target := path.Join(path.Dir(name), to)
			if _, file := all[target]; !file && !folders[target] {
				// What is not for operators stays with the project.
				_, err := os.Stat(filepath.Join("../..", target))
				require.NoError(t, err, "%s links to %s", name, to)
				require.NotRegexp(t, `^(docs|alerts|dashboards|examples)/`, target, "%s links to %s, which is not written", name, to)
			}
		}
	}
}

func TestWrite(t *testing.T) {
	t.Parallel()
	folder := filepath.Join(t.TempDir(), "new")
	in := map[string][]byte{"a/b.txt": []byte("b\n"), "run": []byte("#!/bin/sh\n")}
	done, err := Write(folder, in, false)
	require.NoError(t, err)
	require.Equal(t, Written{New: 2}, done)
	info, err := os.Stat(filepath.Join(folder, "run"))
	require.NoError(t, err)
	require.Equal(t, "-rwxr-xr-x", info.Mode().String())

	done, err = Write(folder, in, false)
	require.NoError(t, err)
	require.Equal(t, Written{Same: 2}, done)

	in["a/b.txt"], in["c"] = []byte("other\n"), []byte("c")
	_, err = Write(folder, in, false)
	require.ErrorContains(t, err, "a/b.txt is there with other content, and nothing was written; use --force")
	_, err = os.Stat(filepath.Join(folder, "c"))
	require.ErrorIs(t, err, os.ErrNotExist)

	done, err = Write(folder, in, true)
	require.NoError(t, err)
	require.Equal(t, Written{New: 1, Changed: 1, Same: 1}, done)
	there, err := os.ReadDir(filepath.Join(folder, "a"))
	require.NoError(t, err)
	require.Len(t, there, 1, "no temporary file is left")

	_, err = Write(filepath.Join(folder, "c"), in, true)
	require.Error(t, err, "a file stands where the folder is to be")
}
