package test

import (
	"encoding/base64"
	"net/http"
	"net/url"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/idp-exporter/idp_exporter/internal/demo"
)

// TestCanariesComeOutNowhere plants a secret of its own in every field that
// takes one, against a provider that refuses, echoes and breaks, and looks for
// them in logs, metrics, pages, errors and the dump of a crash.
func TestCanariesComeOutNowhere(t *testing.T) {
	t.Parallel()
	p := provider(t, demo.StartOptions{})
	echo := echoServer(t)
	canaries := map[string]string{}
	canary := func(name string) string {
		canaries[name] = "canary-" + strings.ReplaceAll(name, " ", "-") + "-Xq7%&\"/é"
		return canaries[name]
	}
	quote := func(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }
	config := `providers:
  - {name: demo, issuer: "` + p.Issuer + `"}
  - {name: echo, issuer: "` + echo + `", proxy: "http://probe@127.0.0.1:1", proxy_password: ` + quote(canary("proxy password")) + `}
  - {name: direct, issuer: "` + echo + `"}
log: {level: debug}
probes:
  - {name: code, provider: demo, kind: login, every: 1s, budget: {per_minute: 0}, client_id: ` + demo.ClientID + `, client_secret: ` + demo.ClientSecret + `, redirect_uri: "` + demo.RedirectURI + `",
     username: ` + demo.Username + `, password: ` + quote(canary("password of the code flow")) + `}
  - {name: password, provider: demo, kind: login, flow: password, every: 1s, budget: {per_minute: 0}, client_id: ` + demo.ClientID + `, client_secret: ` + quote(canary("client secret")) + `,
     username: ` + demo.Username + `, password: ` + quote(canary("password of the password grant")) + `}
  - {name: machine, provider: direct, kind: login, flow: client_credentials, every: 1s, budget: {per_minute: 0}, client_id: machine, client_secret: ` + quote(canary("machine secret")) + `, client_auth: post}
  - {name: echoed, provider: direct, kind: login, flow: password, every: 1s, budget: {per_minute: 0}, client_id: web, client_secret: ` + quote(canary("echoed client secret")) + `,
     username: monitor, password: ` + quote(canary("echoed password")) + `}
  - {name: proxied, provider: echo, kind: http, every: 1s}
  - {name: bearer, provider: direct, kind: http, url: /echo, every: 1s, bearer_token: ` + quote(canary("bearer token")) + `, body_matches: nothing-like-it}
  - {name: basic, provider: direct, kind: http, url: /echo, every: 1s, basic: {username: monitor, password: ` + quote(canary("basic password")) + `}, body_matches: nothing-like-it}
`
	e := serve(t, config, "--log.level=debug")
	e.waitResult("code", "fail", "credentials", "credentials_refused", 10*time.Second)
	e.waitResult("password", "fail", "token", "client_refused", 10*time.Second)
	e.waitResult("proxied", "fail", "connect", "proxy", 10*time.Second)
	e.waitResult("bearer", "fail", "response", "body_mismatch", 10*time.Second)
	eventually(t, 10*time.Second, func() error {
		for _, r := range e.results() {
			if r.Last == nil {
				return http.ErrNoLocation
			}
		}
		return nil
	})

	var seen strings.Builder
	for _, path := range []string{
		"/metrics", "/testall?verbose", "/api/v1/results", "/api/v1/probes", "/", "/probe?probe=echoed", "/probe?probe=bearer", "/probe?probe=nothing",
		"/testall?probe=nothing", "/nothing", "/-/ready",
	} {
		for _, accept := range []string{"", "application/json", "text/html"} {
			_, body := e.request(http.MethodGet, path, accept)
			seen.WriteString(body)
		}
	}
	_, body := e.request(http.MethodPost, "/-/reload", "")
	seen.WriteString(body)
	file := writeFile(t, t.TempDir(), "c.yml", config)
	for _, args := range [][]string{
		{"check-config", file},
		{"probe", "code", "--config.file=" + file},
		{"probe", "echoed", "--config.file=" + file, "--output=json"},
		{"probe", "machine", "--config.file=" + file, "--output=nagios"},
		{"check-config", writeFile(t, t.TempDir(), "bad.yml", strings.ReplaceAll(config, "kind: login", "kind: logon"))},
		{"check-config", writeFile(t, t.TempDir(), "bad.yml", strings.ReplaceAll(config, "password:", "passwort:"))},
	} {
		stdout, stderr, _ := command(t, args...)
		seen.WriteString(stdout + stderr)
	}
	e.signal(syscall.SIGQUIT) // the runtime's crash output: every stack
	<-e.done
	require.Contains(t, e.output(), "goroutine ", "the crash dump is looked at too")
	seen.WriteString(e.output())

	canaries["token of the exporter"] = testToken
	for name, value := range canaries {
		for _, spelling := range []string{
			value, url.QueryEscape(value), url.PathEscape(value), base64.StdEncoding.EncodeToString([]byte(value)),
			"canary-" + strings.ReplaceAll(name, " ", "-"),
		} {
			require.NotContains(t, seen.String(), spelling, name)
		}
	}
}
