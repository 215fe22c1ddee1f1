package test

import (
	"encoding/json"
	"fmt"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/idp-exporter/idp_exporter/probes"
)

// alarmsActive lists the probes that have an alarm now.
func (e *exporter) alarmsActive() (names []string) {
	e.t.Helper()
	_, body := e.get("/api/v1/alarms?state=active")
	var answer struct {
		Alarms []struct {
			Probe string `json:"probe"`
		} `json:"alarms"`
	}
	require.NoError(e.t, json.Unmarshal([]byte(body), &answer), body)
	for _, a := range answer.Alarms {
		names = append(names, a.Probe)
	}
	return names
}

// TestTheProviderLosesItsDirectory has a real provider that checks passwords in
// a real directory. Without the directory the provider's pages stay up, and
// nobody signs in: the probe of the directory says why.
func TestTheProviderLosesItsDirectory(t *testing.T) {
	t.Parallel()
	directory, address, _, _ := slapd(t)
	issuer := oidcProvider(t, true, "ldap://"+address, "dc=example,dc=com")
	const account = `client_id: web, client_secret: web-secret-of-the-test, username: monitoring, password: open-sesame, budget: {per_minute: 0}`
	page := "/auth?client_id=web&response_type=code&scope=openid&redirect_uri=http://127.0.0.1/callback" +
		"&code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM&code_challenge_method=S256" // of RFC 7636, appendix B
	// What is needed is asked more often, so that it is known before anybody misses it.
	e := serve(t, fmt.Sprintf(`providers: [{name: acme, issuer: %q}]
probes:
  - {name: directory, kind: ldap, every: 1s, fail_after: 1, url: "ldap://%s", bind_dn: "uid=monitoring,dc=example,dc=com", password: open-sesame,
     base_dn: "dc=example,dc=com", filter: (uid=jane)}
  - {name: metadata, kind: oidc, every: 1s}
  - {name: login-page, kind: http, every: 1s, url: %q, status: [200], body_matches: ['type="password"']}
  - {name: sign-in, kind: login, every: 2s, fail_after: 3, needs: [directory], redirect_uri: "http://127.0.0.1/callback", %[4]s}
  - {name: sign-in-password, kind: login, every: 2s, fail_after: 3, flow: password, needs: [directory], %[4]s}
`, issuer, address, page, account))
	begin := time.Now()
	e.waitTestall("OK", 20*time.Second)
	e.waitAllPassSince(begin, 20*time.Second)

	// slapd ends, and only the cause is told of.
	_, err := directory.end(syscall.SIGTERM)
	require.NoError(t, err)
	stopped := time.Now()
	r := e.waitResult("sign-in", "fail", "credentials", string(probes.ReasonHTTPStatus), 30*time.Second)
	require.Contains(t, r.Last.Detail, "503")
	e.waitResult("sign-in-password", "fail", "token", string(probes.ReasonOAuthError), 30*time.Second)
	r = e.waitResult("directory", "fail", "connect", string(probes.ReasonConnect), 30*time.Second)
	require.Contains(t, r.Last.Detail, address, "the directory is named")
	require.Contains(t, r.Last.Detail, "refused")
	e.waitTestall("FAIL", 30*time.Second)
	eventually(t, 30*time.Second, func() error {
		if names := e.alarmsActive(); len(names) != 1 || names[0] != "directory" {
			return fmt.Errorf("alarms of %v, want the directory's alone", names)
		}
		results := e.results()
		for _, down := range []string{"sign-in", "sign-in-password"} {
			if n := results[down].Runs["fail"]; n < 4 {
				return fmt.Errorf("%s has failed %d times, which would be no alarm in any case", down, n)
			}
		}
		for _, up := range []string{"metadata", "login-page"} {
			if r := results[up]; r.Verdict != "pass" || r.Last.Start.Before(stopped.Add(2*time.Second)) {
				return fmt.Errorf("%s: %s since %s", up, r.Verdict, r.Last.Start)
			}
		}
		return nil
	})
	_, verbose := e.get("/testall?verbose")
	require.Regexp(t, `(?m)^.*directory.*connect`, verbose)
	_, metrics := e.get("/metrics")
	for _, name := range []string{"sign-in", "sign-in-password"} {
		require.Contains(t, metrics, fmt.Sprintf(`idp_probe_suppressed{cause="parent",node="",probe=%q} 1`, name))
	}
	require.Contains(t, metrics, `idp_probe_failure_info{node="",probe="directory",reason="connect",step="connect"} 1`)
	for sample, value := range map[string]int{
		`kind="ldap",node="",probe="directory"`: 0, `kind="login",node="",probe="sign-in"`: 0, `kind="login",node="",probe="sign-in-password"`: 0,
		`kind="http",node="",probe="login-page"`: 1, `kind="oidc",node="",probe="metadata"`: 1,
	} {
		require.Contains(t, metrics, fmt.Sprintf("idp_probe_success{%s} %d\n", sample, value))
	}

	// It comes back, and so does all else, without a pause: nobody's password was refused.
	startCommand(t, debianCommand(t, "slapd", directory.cmd.Args[1:]...))
	waitOpen(t, address, true)
	back := time.Now()
	e.waitTestall("OK", 30*time.Second)
	e.waitAllPassSince(back, 30*time.Second)
	for name, r := range e.results() {
		require.Zero(t, r.Skipped["backoff"], name)
	}
	eventually(t, 30*time.Second, func() error {
		if names := e.alarmsActive(); len(names) > 0 {
			return fmt.Errorf("alarms of %v", names)
		}
		return nil
	})
}

// TestTheDirectoryRefusesAPassword tells a refusal of the same directory from
// its absence.
func TestTheDirectoryRefusesAPassword(t *testing.T) {
	t.Parallel()
	_, address, _, _ := slapd(t)
	issuer := oidcProvider(t, true, "ldap://"+address, "dc=example,dc=com")
	e := serve(t, fmt.Sprintf(`providers: [{issuer: %q}]
probes:
  - {name: sign-in, kind: login, every: 2s, client_id: web, client_secret: web-secret-of-the-test, redirect_uri: "http://127.0.0.1/callback", username: monitoring, password: open-barley}
`, issuer))
	r := e.waitResult("sign-in", "fail", "credentials", string(probes.ReasonCredentialsRefused), 20*time.Second)
	require.NotContains(t, r.Last.Detail, "barley")
}
