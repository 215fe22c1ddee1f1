package main

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"

	"github.com/alecthomas/kingpin/v2"
	"github.com/stretchr/testify/require"
)

// The command line sets the environment, so the test is not parallel.
func TestBridgeCommand(t *testing.T) {
	var asked string
	ok := "true"
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked = r.Method + " " + r.URL.String() + " " + r.Header.Get("Authorization")
		_, _ = w.Write([]byte(`{"bridge":"noc","id":"test-1","ok":` + ok + `,"destinations":[{"destination":"scom","ok":` + ok + `,"proof":"nothing"}],"replayed":4}`))
	}))
	t.Cleanup(s.Close)
	file := filepath.Join(t.TempDir(), "token")
	require.NoError(t, os.WriteFile(file, []byte("of-the-file\n"), 0o600))
	run := func(args ...string) (string, error) {
		asked = ""
		var out, errs bytes.Buffer
		app, do := kingpin.New("idp_exporter", ""), make(actions)
		bridgeCommand(app, stdio{nil, &out, &errs}, do)
		parsed, err := app.Parse(append([]string{"bridge"}, append(args, "--url", s.URL)...))
		require.NoError(t, err)
		require.Contains(t, do, parsed)
		err = do[parsed](t.Context())
		return out.String(), err
	}
	t.Setenv(tokenEnv, "of-the-environment")

	out, err := run("test", "noc", "--token-file", file)
	require.NoError(t, err)
	require.Equal(t, "bridge noc: test alarm test-1, and its clear\n  scom: sent (0s)\n    not proven that it arrived: nothing\n    look for test-1 in the console\n", out)
	require.Equal(t, "POST /-/bridges/noc/test Bearer of-the-file", asked)
	ok = "false"
	out, err = run("test", "noc")
	require.Equal(t, exitError(1), err)
	require.Contains(t, out, "FAILED")
	require.Equal(t, "POST /-/bridges/noc/test Bearer of-the-environment", asked)

	out, err = run("replay", "5-abc")
	require.NoError(t, err)
	require.Contains(t, out, "1 on the way again")
	require.Equal(t, "POST /-/dead-letters/5-abc/replay Bearer of-the-environment", asked)
	out, err = run("replay", "all")
	require.NoError(t, err)
	require.Contains(t, out, "4 on the way again")
	require.Equal(t, "POST /-/dead-letters/replay Bearer of-the-environment", asked)

	t.Setenv(tokenEnv, "")
	out, err = run("list")
	require.NoError(t, err)
	require.Equal(t, "no bridge is configured\n", out)
	require.Equal(t, "GET /api/v1/alarms?limit=0 ", asked)
	for says, args := range map[string][]string{
		"token create --scope=admin": {"test", "noc"},
		"--timeout":                  {"list", "--timeout=0s"},
		"secret file":                {"list", "--token-file", file + "x"},
		"give a name":                {"test", "", "--token-file", file},
	} {
		_, err = run(args...)
		require.ErrorContains(t, err, says)
		require.Empty(t, asked)
	}
}
