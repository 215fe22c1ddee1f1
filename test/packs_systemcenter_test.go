package test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/idp-exporter/idp_exporter/internal/demo"
	"github.com/idp-exporter/idp_exporter/internal/pack"
	"github.com/idp-exporter/idp_exporter/internal/pack/systemcenter"
)

// scriptRequest is a request that check.ps1 makes.
type scriptRequest struct {
	path     string
	headers  bool
	redirect bool
}

var (
	scriptCall    = regexp.MustCompile(`Invoke-(?:RestMethod|WebRequest)\b[^\n]*`)
	scriptURL     = regexp.MustCompile(`-Uri \(\$base \+ '([^']+)'\)`)
	scriptHeaders = regexp.MustCompile(`\$headers\['([A-Za-z-]+)'\] = '([^']*)' \+`)
	indented      = regexp.MustCompile(`(?m)^ {4}`)
)

// scriptRequests returns the requests of the script, and the header that it
// makes of a token: its name, and what stands before the token.
func scriptRequests(t *testing.T, script string) (requests []scriptRequest, header, before string) {
	t.Helper()
	for _, line := range scriptCall.FindAllString(script, -1) {
		m := scriptURL.FindStringSubmatch(line)
		require.NotNil(t, m, "no address in %q", line)
		requests = append(requests, scriptRequest{m[1], strings.Contains(line, "-Headers $headers"), !strings.Contains(line, "-MaximumRedirection 0")})
	}
	all := scriptHeaders.FindAllStringSubmatch(script, -1)
	require.Len(t, all, 1, "the script makes one header of the token")
	return requests, all[0][1], all[0][2]
}

// scomFiles are the files of alerts/system-center.
func scomFiles(t *testing.T) map[string]string {
	t.Helper()
	site, err := pack.New("", "", "")
	require.NoError(t, err)
	made, err := systemcenter.Files(site)
	require.NoError(t, err)
	files := map[string]string{}
	for name, content := range made {
		files[name] = string(content)
	}
	return files
}

// scomToken runs the command by which the README has a token made. It returns
// the token and the access section that the command prints.
func scomToken(t *testing.T, readme string) (token, section string) {
	t.Helper()
	found := regexp.MustCompile(`(?m)^ +idp_exporter (token create .*)$`).FindStringSubmatch(readme)
	require.NotNil(t, found, "the README tells how to make a token")
	out, stderr, code := command(t, strings.Fields(found[1])...)
	require.Equal(t, 0, code, stderr)
	return regexp.MustCompile(`idp_[A-Za-z0-9_-]+`).FindString(out), indented.ReplaceAllString(out[strings.Index(out, "    access:"):], "")
}

// TestPackSystemCenterAsksAsItsScriptDoes makes the requests of check.ps1, with
// the token that the README has an operator make, to an exporter whose access
// section is what the command printed.
func TestPackSystemCenterAsksAsItsScriptDoes(t *testing.T) {
	t.Parallel()
	files := scomFiles(t)
	require.Contains(t, strings.ReplaceAll(files["Idp.Exporter.Http.xml"], "&amp;", "&"), "/api/v1/alarms?state=active&limit=20", "the pack has the script")
	requests, header, before := scriptRequests(t, files["check.ps1"])
	require.Len(t, requests, 2)
	token, section := scomToken(t, files["README.md"])
	p := provider(t, demo.StartOptions{})
	e := serveFile(t, writeFile(t, t.TempDir(), "c.yml", loginConfig(p.Issuer, section)))
	ask := func(r scriptRequest, token string) (int, string) {
		headers := map[string]string{}
		if r.headers {
			headers[header] = before + token
		}
		code, body, err := e.try(http.MethodGet, r.path, headers)
		require.NoError(t, err)
		return code, body
	}
	alarms := func() (total int, severity string) {
		code, body := ask(requests[0], token)
		require.Equal(t, http.StatusOK, code, body)
		var answer struct {
			Total  *int
			Alarms []struct{ Severity, Name, Target, Text, Runbook string }
		}
		require.NoError(t, json.Unmarshal([]byte(body), &answer))
		require.NotNil(t, answer.Total, "the script takes an answer without a total for none")
		if len(answer.Alarms) > 0 {
			severity = answer.Alarms[0].Severity
		}
		return *answer.Total, severity
	}
	testall := func(wantCode int, want string) {
		t.Helper()
		eventually(t, 30*time.Second, func() error {
			code, body := ask(requests[1], token)
			require.Contains(t, []int{http.StatusOK, http.StatusServiceUnavailable}, code, "the token does not open %s: %s", requests[1].path, body)
			if code != wantCode || body != want {
				return fmt.Errorf("%d %q", code, body)
			}
			return nil
		})
	}
	for _, r := range requests {
		require.False(t, r.redirect, "%s: a token is sent to nobody else", r.path)
	}
	testall(http.StatusOK, "OK")
	total, _ := alarms()
	require.Zero(t, total)

	require.NoError(t, p.Close())
	testall(http.StatusServiceUnavailable, "FAIL")
	eventually(t, 10*time.Second, func() error {
		if total, severity := alarms(); total == 0 || severity == "" {
			return fmt.Errorf("%d alarms, the first of severity %q", total, severity)
		}
		return nil
	})

	// A token that does not count is no FAIL: the script must not say that people cannot sign in.
	for _, r := range requests {
		code, body := ask(r, token+"x")
		require.Equal(t, http.StatusUnauthorized, code)
		require.NotEqual(t, "FAIL", strings.TrimSpace(body))
	}
}

// TestPackSystemCenterIsLetInWithoutACredential asks for what the pack for web
// availability asks for, of an exporter that is opened as the README has it.
func TestPackSystemCenterIsLetInWithoutACredential(t *testing.T) {
	t.Parallel()
	files := scomFiles(t)
	asked := regexp.MustCompile(`<URL>\$Config/Url\$([^<]+)</URL>`).FindStringSubmatch(files["Idp.Exporter.Web.xml"])
	require.NotNil(t, asked)
	require.Contains(t, files["Idp.Exporter.Web.xml"], "<CredentialUserName />")
	block := regexp.MustCompile("(?s)```yaml\n +access:\n(.*?) +```").FindStringSubmatch(files["README.md"])
	require.NotNil(t, block, "the README shows how to open it")
	opened := regexp.MustCompile(`(?m)^ {5}`).ReplaceAllString(block[1], "")
	_, section := scomToken(t, files["README.md"])
	p := provider(t, demo.StartOptions{})
	for name, tt := range map[string]struct {
		section string
		code    int
	}{
		"not opened":       {section, http.StatusUnauthorized},
		"opened":           {section + opened, http.StatusUnauthorized},
		"opened from here": {section + strings.ReplaceAll(opened, "192.0.2.0/24", "127.0.0.0/8"), http.StatusOK},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := serveFile(t, writeFile(t, t.TempDir(), "c.yml", loginConfig(p.Issuer, tt.section)))
			eventually(t, 30*time.Second, func() error {
				code, body, err := e.try(http.MethodGet, asked[1], nil)
				if err == nil && code == http.StatusServiceUnavailable {
					return errors.New("no results yet")
				}
				require.NoError(t, err)
				require.Equal(t, tt.code, code)
				require.Equal(t, code == http.StatusOK, body == "OK")
				return nil
			})
		})
	}

	t.Run("health listener", func(t *testing.T) {
		t.Parallel()
		require.Contains(t, files["README.md"], "--health.listen-address=")
		health := "127.0.0.1:" + freePort(t)
		e := serveFile(t, writeFile(t, t.TempDir(), "c.yml", loginConfig(p.Issuer, section)), "--health.listen-address="+health)
		e.url = "http://" + health
		e.waitTestall("OK", 30*time.Second)
	})
}
