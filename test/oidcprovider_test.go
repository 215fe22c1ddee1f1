package test

import (
	"fmt"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// oidcProvider starts the certified oidc-provider package: with its own
// development pages for login and consent, or (own) with pages of ours that
// check the password: in a directory, where its URL and base are given.
func oidcProvider(t *testing.T, own bool, directory ...string) string {
	t.Helper()
	node, err := exec.LookPath("node")
	if err != nil {
		t.Skip("there is no node here: oidc-provider cannot run")
	}
	for _, name := range []string{"oidc-provider", "ldapts"} {
		if _, err := os.Stat("node/node_modules/" + name); err != nil {
			t.Skipf("%s is not installed: run test/setup where npm's packages can be reached", name)
		}
	}
	port := freePort(t)
	args := []string{"op.mjs", port}
	if own {
		args = append(append(args, "own"), directory...)
	}
	cmd := exec.Command(node, args...)
	cmd.Dir = "node"
	p := startCommand(t, cmd)
	p.waitFor("listening", 30*time.Second)
	return "http://127.0.0.1:" + port
}

func oidcProviderConfig(issuer string) string {
	return fmt.Sprintf(`providers: [{issuer: %q}]
x-web: &web {client_id: web, client_secret: web-secret-of-the-test, username: monitor, password: correct-horse-battery, scopes: [openid, email], budget: {per_minute: 0}}
probes:
  - {name: code, kind: login, every: 5s, redirect_uri: "http://127.0.0.1/callback", <<: *web}
  - {name: password, kind: login, flow: password, every: 5s, <<: *web}
  - {name: machine, kind: login, flow: client_credentials, every: 5s, budget: {per_minute: 0}, client_id: machine, client_secret: machine-secret-of-the-test,
     client_auth: post, scopes: [status], params: {resource: "https://api.test.example"}}
  - {name: mapped, kind: rule, every: 5s, redirect_uri: "http://127.0.0.1/callback", <<: *web, userinfo: always,
     expectations: {e-mail: 'userinfo.email == "monitor@test.example"'}}
`, issuer)
}

func TestOIDCProviderThroughItsOwnPages(t *testing.T) {
	t.Parallel()
	e := serve(t, oidcProviderConfig(oidcProvider(t, false)))
	e.waitTestall("OK", 15*time.Second)
	code := e.results()["code"].Last
	var steps []string
	for _, s := range code.Steps {
		steps = append(steps, s.Name)
	}
	require.Subset(t, steps, []string{"discovery", "jwks", "authorize", "login_page", "credentials", "consent", "callback", "token", "verify"})
	require.Positive(t, *code.Facts.JWKSKeys)
}

func TestOIDCProviderRefusesAWrongPassword(t *testing.T) {
	t.Parallel()
	issuer := oidcProvider(t, true)
	e := serve(t, oidcProviderConfig(issuer))
	e.waitTestall("OK", 15*time.Second)

	wrong := fmt.Sprintf(`providers: [{issuer: %q}]
probes:
  - {name: code, kind: login, every: 2s, budget: {per_minute: 0}, redirect_uri: "http://127.0.0.1/callback", client_id: web, client_secret: web-secret-of-the-test,
     username: monitor, password: wrong-horse}
  - {name: password, kind: login, flow: password, every: 2s, budget: {per_minute: 0}, client_id: web, client_secret: web-secret-of-the-test, username: another, password: wrong-horse}
  - {name: client, kind: login, flow: client_credentials, every: 2s, budget: {per_minute: 0}, client_id: machine, client_secret: wrong-secret, client_auth: post}
`, issuer)
	e = serve(t, wrong)
	r := e.waitResult("code", "fail", "credentials", "credentials_refused", 10*time.Second)
	require.Contains(t, r.Last.Detail, "Wrong user or password.")
	require.Contains(t, r.Last.Detail, "not locked")
	e.waitResult("password", "fail", "token", "credentials_refused", 10*time.Second)
	e.waitResult("client", "fail", "token", "client_refused", 10*time.Second)
	// It backs off: ticks go by unused, and say why.
	eventually(t, 20*time.Second, func() error {
		if r := e.results()["code"]; r.Skipped["backoff"] < 2 || r.Runs["fail"] != 1 {
			return fmt.Errorf("skipped %v, runs %v", r.Skipped, r.Runs)
		}
		return nil
	})
}
