package main

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/alecthomas/kingpin/v2"
	"github.com/stretchr/testify/require"

	"github.com/idp-exporter/idp_exporter/internal/audit"
)

func TestAuditVerify(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "audit.jsonl")
	l, err := audit.Open(audit.Options{Config: audit.Config{File: &audit.FileConfig{Path: path}}})
	require.NoError(t, err)
	require.NoError(t, l.Admin(t.Context(), audit.Record{Event: audit.EventReload}))
	require.NoError(t, l.Close())

	verify := func() (out, errs bytes.Buffer, err error) {
		app, do := kingpin.New("idp_exporter", ""), make(actions)
		auditCommand(app, stdio{nil, &out, &errs}, do)
		parsed, err := app.Parse([]string{"audit", "verify", path})
		require.NoError(t, err)
		require.Contains(t, do, parsed)
		err = do[parsed](t.Context())
		return out, errs, err
	}
	out, errs, err := verify()
	require.NoError(t, err)
	require.Empty(t, errs.String())
	require.Contains(t, out.String(), "ok: 3 records, 1 to 3")

	whole, err := os.ReadFile(path)
	require.NoError(t, err)
	lines := bytes.SplitAfter(whole, []byte("\n"))
	require.NoError(t, os.WriteFile(path, append(lines[0], lines[2]...), 0o600))
	out, errs, err = verify()
	require.Equal(t, exitError(1), err)
	require.Contains(t, out.String(), "BROKEN in 1 place")
	require.Equal(t, path+":2: record 3: gap: missing: records 2 to 2\n", errs.String())

	require.NoError(t, os.WriteFile(path, nil, 0o600))
	_, _, err = verify()
	require.Equal(t, exitError(1), err, "an empty trail is no whole one")
}
