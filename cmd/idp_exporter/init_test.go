package main

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/alecthomas/kingpin/v2"
	"github.com/stretchr/testify/require"
)

func runInit(t *testing.T, args ...string) (string, error) {
	t.Helper()
	var out bytes.Buffer
	app, do := kingpin.New("idp_exporter", ""), make(actions)
	initCommand(app, stdio{nil, &out, &out}, do)
	parsed, err := app.Parse(append([]string{"init"}, args...))
	require.NoError(t, err)
	err = do[parsed](t.Context())
	return out.String(), err
}

func TestInitReplacesNothingUnasked(t *testing.T) {
	t.Parallel()
	asked := 0
	var s *httptest.Server
	s = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked++
		if r.URL.Path == "/.well-known/openid-configuration" {
			_, _ = io.WriteString(w, strings.ReplaceAll(`{"issuer":"O","authorization_endpoint":"O/a","token_endpoint":"O/t","jwks_uri":"O/k"}`, "O", s.URL))
			return
		}
		http.NotFound(w, r)
	}))
	t.Cleanup(s.Close)
	file := filepath.Join(t.TempDir(), "c.yml")
	require.NoError(t, os.WriteFile(file, []byte("mine\n"), 0o600))
	link := filepath.Join(t.TempDir(), "nowhere.yml")
	require.NoError(t, os.Symlink("nothing", link))
	for _, taken := range []string{file, link} {
		_, err := runInit(t, s.URL, "--out", taken)
		require.ErrorContains(t, err, taken+" is there already; choose another name with --out, or replace it with --force")
	}
	require.Zero(t, asked, "nobody is asked for nothing")
	content, err := os.ReadFile(file)
	require.NoError(t, err)
	require.Equal(t, "mine\n", string(content))

	out, err := runInit(t, s.URL, "--out", file, "--force", "--timeout", "5m")
	require.NoError(t, err)
	require.Contains(t, out, file+": preset generic (no mark of any other)\n")
	require.Contains(t, out, file+":", "the lines to be filled in are named")
	content, err = os.ReadFile(file)
	require.NoError(t, err)
	require.True(t, strings.HasPrefix(string(content), "# Made by idp_exporter init"))

	printed, err := runInit(t, s.URL, "--out", "-")
	require.NoError(t, err)
	require.Equal(t, string(content), printed)

	require.NoError(t, os.Remove(file))
	_, err = runInit(t, s.URL+"/none", "--out", file)
	require.ErrorContains(t, err, "try idp_exporter init "+s.URL)
	require.NoFileExists(t, file, "where something is wrong nothing is written")
	_, err = runInit(t, s.URL, "--out", filepath.Join(file, "x"))
	require.ErrorContains(t, err, "--out")
	o := initOptions{out: file}
	require.NoError(t, o.write([]byte("1")))
	require.ErrorContains(t, o.write([]byte("2")), "--force", "nor is one that came meanwhile replaced")
}

func TestInitGivesUp(t *testing.T) {
	t.Parallel()
	held := make(chan struct{})
	s := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-held }))
	t.Cleanup(func() { close(held); s.Close() })
	begin := time.Now()
	_, err := runInit(t, s.URL, "--out", "-", "--timeout", "200ms")
	require.ErrorContains(t, err, "--timeout")
	require.Less(t, time.Since(begin), time.Minute)
}
