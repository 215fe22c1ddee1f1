package test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/idp-exporter/idp_exporter/internal/demo"
	"github.com/idp-exporter/idp_exporter/internal/web/access"
)

type auditLine struct {
	Event, Outcome, Actor, Method, Route, Target, Detail, From string
}

func auditLines(t *testing.T, file string) []auditLine {
	t.Helper()
	content, err := os.ReadFile(file)
	require.NoError(t, err)
	var lines []auditLine
	for s := bufio.NewScanner(bytes.NewReader(content)); s.Scan(); {
		var l auditLine
		require.NoError(t, json.Unmarshal(s.Bytes(), &l))
		lines = append(lines, l)
	}
	return lines
}

func TestTheAuditTrailTellsWhoDidWhat(t *testing.T) {
	t.Parallel()
	p := provider(t, demo.StartOptions{})
	dir := t.TempDir()
	config := loginConfig(p.Issuer, "") + accessFor(testToken) + "audit: {file: {path: audit.jsonl}}\n"
	file := writeFile(t, dir, "c.yml", config)
	e := serveFile(t, file)
	trail := filepath.Join(dir, "audit.jsonl")
	e.waitTestall("OK", 10*time.Second)
	_, _, err := e.try(http.MethodGet, "/metrics?canary=in-a-query", map[string]string{"Authorization": "Bearer canary-of-a-wrong-token"})
	require.NoError(t, err)
	code, _ := e.get("/metrics")
	require.Equal(t, http.StatusOK, code)

	// A reload is on disk before it is answered, and so is whose key it changes.
	another := "    - {name: another, hash: \"" + access.HashToken("another-token") + "\", scopes: [metrics]}\n"
	require.NoError(t, os.WriteFile(file, []byte(strings.Replace(config, "  tokens:\n", "  tokens:\n"+another, 1)), 0o600))
	code, body := e.request(http.MethodPost, "/-/reload", "")
	require.Equal(t, http.StatusOK, code, body)
	lines := auditLines(t, trail)
	require.Contains(t, lines, auditLine{Event: "reload", Outcome: "accepted", Actor: "test", Method: "POST", Route: "/-/reload", From: "127.0.0.1"})
	require.Contains(t, lines, auditLine{Event: "key", Outcome: "accepted", Target: "access", Detail: "token another added"})

	// One that fails is told too, and so is one by signal.
	require.NoError(t, os.WriteFile(file, []byte(config+"nonsense: 1\n"), 0o600))
	code, _ = e.request(http.MethodPost, "/-/reload", "")
	require.Equal(t, http.StatusInternalServerError, code)
	e.signal(syscall.SIGHUP)
	require.NoError(t, p.Provider.Set(demo.SwitchWrongAudience, true))
	e.waitTestall("FAIL", 10*time.Second)
	_, metrics := e.get("/metrics")
	require.Contains(t, metrics, `idp_exporter_audit_records_total{sink="file"}`)
	_, err = e.end(syscall.SIGTERM)
	require.NoError(t, err)

	has := func(event, outcome, actor, detail string) {
		t.Helper()
		for _, l := range auditLines(t, trail) {
			if l.Event == event && l.Outcome == outcome && l.Actor == actor && strings.Contains(l.Detail, detail) {
				return
			}
		}
		t.Errorf("no record of %s %s by %q with %q", event, outcome, actor, detail)
	}
	has("access", "ok", "test", "")
	has("refusal", "refused", "", "credential")
	has("reload", "failed", "test", "nonsense")
	has("reload", "accepted", "SIGHUP", "")
	has("reload", "failed", "SIGHUP", "nonsense")
	has("verdict", "ok", "", "token_invalid")

	content, err := os.ReadFile(trail)
	require.NoError(t, err)
	require.Contains(t, string(content), `"event":"stop"`)
	for _, secret := range []string{testToken, "canary", demo.Password, demo.ClientSecret} {
		require.NotContains(t, string(content), secret)
	}

	out, stderr, code := command(t, "audit", "verify", trail)
	require.Equal(t, 0, code, stderr)
	require.Contains(t, out, "ok")
	gap := bytes.SplitAfter(content, []byte("\n"))
	require.NoError(t, os.WriteFile(trail, bytes.Join(append(gap[:2:2], gap[3:]...), nil), 0o600))
	_, stderr, code = command(t, "audit", "verify", trail)
	require.Equal(t, 1, code)
	require.Contains(t, stderr, trail+":3: ")
}
