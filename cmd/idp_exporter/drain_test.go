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
func TestDrainCommand(t *testing.T) {
	var asked string
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked = r.Method + " " + r.URL.String() + " " + r.Header.Get("Authorization")
		body := `{"node":"n1","drained":true}`
		if r.URL.RawQuery == "" {
			body = `{"drains":[]}`
		}
		_, _ = w.Write([]byte(body))
	}))
	t.Cleanup(s.Close)
	file := filepath.Join(t.TempDir(), "token")
	require.NoError(t, os.WriteFile(file, []byte("of-the-file\n"), 0o600))
	run := func(args ...string) (string, error) {
		asked = ""
		var out, errs bytes.Buffer
		app, do := kingpin.New("idp_exporter", ""), make(actions)
		drainCommand(app, stdio{nil, &out, &errs}, do)
		parsed, err := app.Parse(append([]string{"drain"}, args...))
		require.NoError(t, err)
		require.Contains(t, do, parsed)
		err = do[parsed](t.Context())
		return out.String(), err
	}
	t.Setenv(tokenEnv, "of-the-environment")
	t.Setenv("HTTP_PROXY", "http://127.0.0.1:1") // nobody asks it

	out, err := run("on", "--node=n1", "--for=30m", "--url", s.URL)
	require.NoError(t, err)
	require.Equal(t, "node n1 is drained until `idp_exporter drain off --node=n1`\n", out)
	require.Equal(t, "POST /-/drain?for=30m&node=n1&state=on Bearer of-the-environment", asked)
	_, err = run("off", "--node", "n1", "--url", s.URL, "--token-file", file)
	require.NoError(t, err)
	require.Equal(t, "DELETE /-/drain?node=n1 Bearer of-the-file", asked)
	_, err = run("status", "--node", "n1", "--url", s.URL)
	require.NoError(t, err)
	require.Equal(t, "GET /-/drain?node=n1 Bearer of-the-environment", asked)
	out, err = run("status", "--url", s.URL)
	require.NoError(t, err)
	require.Equal(t, "nothing is drained\n", out)

	for says, args := range map[string][]string{
		"--node is empty":     {"on", "--node="},
		"--for is empty":      {"on", "--for", ""},
		"--timeout":           {"on", "--timeout=0s"},
		"secret file":         {"on", "--token-file", file + "x"},
		"such as http://127.": {"on", "--url=nowhere"},
	} {
		_, err = run(args...)
		require.ErrorContains(t, err, says)
		require.Empty(t, asked)
	}
	t.Setenv(tokenEnv, "")
	_, err = run("on", "--url", s.URL)
	require.ErrorContains(t, err, "token create --scope=admin")
}
