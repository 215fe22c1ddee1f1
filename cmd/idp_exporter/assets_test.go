package main

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestAssets(t *testing.T) {
	t.Parallel()
	assets := func(args ...string) (int, string, string) {
		var out, err bytes.Buffer
		code := run(t.Context(), append([]string{"assets"}, args...), stdio{nil, &out, &err})
		return code, out.String(), err.String()
	}
	folder := filepath.Join(t.TempDir(), "assets")
	code, out, err := assets(folder)
	require.Zero(t, code, err)
	require.Regexp(t, `: \d\d+ files written, 0 replaced, 0 as they were`, out)
	require.Contains(t, err, "RFC 5612")

	own := []string{"--oid=1.3.6.1.4.1.9999.3", "--prefix=acmeIdp", "--site=https://wiki.example.com/idp", folder}
	code, _, err = assets(own...)
	require.Equal(t, 1, code)
	require.Contains(t, err, "use --force")
	code, _, err = assets(append(own, "--force")...)
	require.Zero(t, code)
	require.Empty(t, err)
	rules, readErr := os.ReadFile(filepath.Join(folder, "alerts", "prometheus", "nodes.rules.yml"))
	require.NoError(t, readErr)
	require.Contains(t, string(rules), "runbook_url: https://wiki.example.com/idp/docs/runbooks/IdPNodeOut.md")

	code, _, err = assets("--revision=3", "--force", folder)
	require.Zero(t, code, err)
	systemCenter, readErr := os.ReadFile(filepath.Join(folder, "alerts", "system-center", "Idp.Exporter.xml"))
	require.NoError(t, readErr)
	require.Regexp(t, `<Version>\d+\.\d+\.\d+\.3</Version>`, string(systemCenter))

	for _, bad := range [][]string{{"--oid=1.2.3"}, {"--prefix=Upper"}, {"--site=wiki"}} {
		code, _, err = assets(append(bad, folder)...)
		require.Equal(t, 1, code)
		require.NotEmpty(t, err)
	}
}
