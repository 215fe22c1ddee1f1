package client

import (
	"context"
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/idp-exporter/idp_exporter/internal/secret"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// exporter answers every request alike and keeps the last one.
type exporter struct {
	*httptest.Server
	code int
	body string
	last *http.Request
}

func newExporter(t *testing.T, code int, body string) *exporter {
	t.Helper()
	e := &exporter{code: code, body: body}
	e.Server = httptest.NewServer(e)
	t.Cleanup(e.Close)
	return e
}

func (e *exporter) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	e.last = r
	if e.code/100 == 3 {
		w.Header().Set("Location", "http://127.0.0.1:1/")
	}
	w.WriteHeader(e.code)
	_, _ = w.Write([]byte(e.body))
}

func newClient(t *testing.T, o Options) *Client {
	t.Helper()
	if !o.Token.IsSet() {
		o.Token = secret.New("canary")
	}
	c, err := New(o)
	require.NoError(t, err)
	return c
}

func TestRequests(t *testing.T) {
	t.Parallel()
	e := newExporter(t, 200, `{"node":"n2","drained":true,"since":"2031-02-01T21:00:00Z","until":"2031-02-01T21:30:00Z","by":"ops","later":1}`)
	c := newClient(t, Options{URL: e.URL + "/prefix/"})
	at := time.Date(2031, 2, 1, 21, 0, 0, 0, time.UTC)
	for want, do := range map[string]func() (Drain, error){
		"POST /prefix/-/drain?for=30m&node=n2&state=on": func() (Drain, error) { return c.Drain(t.Context(), "n2", "30m") },
		"POST /prefix/-/drain?state=on":                 func() (Drain, error) { return c.Drain(t.Context(), "", "") },
		"DELETE /prefix/-/drain?node=n+2%26for%3D1m":    func() (Drain, error) { return c.Undrain(t.Context(), "n 2&for=1m") },
		"DELETE /prefix/-/drain":                        func() (Drain, error) { return c.Undrain(t.Context(), "") },
		"GET /prefix/-/drain?node=n2":                   func() (Drain, error) { return c.Drained(t.Context(), "n2") },
		"GET /prefix/-/drain?node=public":               func() (Drain, error) { return c.Drained(t.Context(), "") },
	} {
		d, err := do()
		require.NoError(t, err, want)
		require.Equal(t, Drain{"n2", true, at, at.Add(30 * time.Minute), "ops"}, d)
		require.Equal(t, want, e.last.Method+" "+e.last.URL.String())
		require.Equal(t, "Bearer canary", e.last.Header.Get("Authorization"))
	}
	e.body = `{"drains":[{"node":"","drained":true},{"node":"n1","drained":true}]}`
	list, err := c.Drains(t.Context())
	require.NoError(t, err)
	require.Len(t, list, 2)
	require.Equal(t, "the exporter's own answer is drained until `idp_exporter drain off`\nnode n1 is drained until `idp_exporter drain off --node=n1`", list.String())
	require.Equal(t, "nothing is drained", Drains(nil).String())
}

func TestLines(t *testing.T) {
	t.Parallel()
	at := time.Date(2031, 2, 1, 21, 0, 0, 0, time.UTC)
	for want, d := range map[string]Drain{
		"node n2 is not drained":                                                      {Node: "n2"},
		"the exporter's own answer is not drained":                                    {},
		"node n2 is drained until 2031-02-01T21:30:00Z (30m0s from now), by ops":      {"n2", true, at, at.Add(30 * time.Minute), "ops"},
		"node n2 is drained until `idp_exporter drain off --node=n2`, by red[31mhaha": {"n2", true, at, time.Time{}, "red\x1b[31mhaha"},
	} {
		require.Equal(t, want, d.at(at))
	}
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		code int
		body string
		says []string
	}{
		{401, "a valid credential is needed", []string{"does not know this token", "token create --scope=admin"}},
		{403, "the credential lacks the scope admin\n", []string{"scope admin is needed", "lacks the scope admin"}},
		{403, "the scope admin is closed, since the configuration has no access section", []string{"no access section"}},
		{404, `there is no node "n9"; there are n1, n2`, []string{"there are n1, n2"}},
		{404, "not found\n", []string{"does not know drains"}},
		{400, "for=\"x\": give a duration\n", []string{"give a duration"}},
		{503, "not stored, so nothing was changed: disk full\n", []string{"503", "disk full"}},
		{429, "slow down\n", []string{"429", "slow down"}},
		{302, "", []string{"points elsewhere", "--url"}},
		{200, "<html>", []string{"not an exporter's"}},
		{500, "\x1b]0;title\x07 evil\r\n" + strings.Repeat("x", 5000), []string{"500"}},
	} {
		e := newExporter(t, c.code, c.body)
		_, err := newClient(t, Options{URL: e.URL}).Drain(t.Context(), "n9", "")
		require.Error(t, err, c.body)
		for _, says := range c.says {
			require.ErrorContains(t, err, says)
		}
		require.NotContains(t, err.Error(), "canary")
		require.NotContains(t, err.Error(), "\x1b")
		require.Less(t, len(err.Error()), 2500)
	}
}

func TestUnreachable(t *testing.T) {
	t.Parallel()
	gone := httptest.NewServer(http.NotFoundHandler())
	gone.Close()
	_, err := newClient(t, Options{URL: gone.URL}).Drains(t.Context())
	require.ErrorContains(t, err, "cannot be reached; is the exporter running there? --url")

	slow := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }))
	t.Cleanup(slow.Close)
	c := newClient(t, Options{URL: slow.URL, Timeout: 50 * time.Millisecond})
	_, err = c.Drain(t.Context(), "n1", "")
	require.ErrorContains(t, err, "may have been made or not")
	_, err = c.Drains(t.Context())
	require.ErrorContains(t, err, "cannot be reached", "a question changes nothing")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = c.Drains(ctx)
	require.ErrorIs(t, err, context.Canceled)
}

func TestTLS(t *testing.T) {
	t.Parallel()
	s := httptest.NewTLSServer(&exporter{code: 200, body: `{"node":"n1","drained":false}`})
	t.Cleanup(s.Close)
	s.Config.ErrorLog = nil
	_, err := newClient(t, Options{URL: s.URL}).Drained(t.Context(), "n1")
	require.ErrorContains(t, err, "--ca-file")
	file := filepath.Join(t.TempDir(), "ca.pem")
	require.NoError(t, os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw}), 0o600))
	_, err = newClient(t, Options{URL: s.URL, CAFile: file}).Drained(t.Context(), "n1")
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(file, []byte("x"), 0o600))
	_, err = New(Options{URL: s.URL, CAFile: file})
	require.ErrorContains(t, err, "no certificate")
	_, err = New(Options{URL: s.URL, CAFile: file + "x"})
	require.Error(t, err)
}

func TestURLs(t *testing.T) {
	t.Parallel()
	for _, u := range []string{"", "127.0.0.1:9110", "ftp://x", "http://", "http://user:canary@x", "http://x?y", "http://x#y", "http://%zz"} {
		_, err := New(Options{URL: u})
		require.ErrorContains(t, err, "such as http://127.0.0.1:9110", u)
		require.NotContains(t, err.Error(), "canary")
	}
}

func TestTokenFileIsMissing(t *testing.T) {
	t.Parallel()
	e := newExporter(t, 200, `{}`)
	_, err := newClient(t, Options{URL: e.URL, Token: secret.FromFile(filepath.Join(t.TempDir(), "none"))}).Drains(t.Context())
	require.ErrorContains(t, err, "secret file")
	require.Nil(t, e.last)
}
