package config_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/idp-exporter/idp_exporter/internal/app"
	"github.com/idp-exporter/idp_exporter/internal/config"
	"github.com/idp-exporter/idp_exporter/internal/preset"
	"github.com/idp-exporter/idp_exporter/probes"
)

// presetFiles are the presets with all that they can be told.
var presetFiles = map[string]string{
	preset.Auth0Appliance: `providers:
  - name: acme
    issuer: https://login.example.com/
    nodes: [{name: a0-1, address: 10.0.0.11}, {name: a0-2, address: 10.0.0.12}]
    preset: auth0-appliance
    preset_settings: {key_file: secret, client_id: c, username: u, password_file: secret}
`,
	preset.Auth0: `providers:
  - name: acme
    issuer: https://acme.eu.auth0.com/
    preset: auth0
    preset_settings: {client_id: c, client_secret_file: secret, client_auth: post, username: u, password_file: secret}
`,
	preset.Keycloak: `providers:
  - name: sso
    issuer: https://sso.example.com/realms/acme
    nodes: [{name: kc1, address: "10.0.0.11:8443"}, {name: kc2, address: "[2001:db8::2]:8443"}]
    preset: keycloak
    preset_settings:
      health_url: https://{node}:9000/
      client_id: c
      client_secret_file: secret
      username: "1234"
      password_file: secret
`,
	preset.Dex: `providers:
  - name: dex
    issuer: https://dex.example.com/dex
    preset: dex
    preset_settings: {health_url: "http://dex.example.com:5558", client_id: c, username: u, password_file: secret}
`,
	preset.Hydra: `providers:
  - name: hydra
    issuer: https://id.example.com/
    nodes: [{name: h1, address: 10.0.0.11}]
    preset: hydra
    preset_settings: {client_id: c, username: u, password_file: secret, allowed_origins: "https://login.example.com, https://consent.example.com"}
`,
	preset.Authentik: `providers:
  - name: authentik
    issuer: https://id.example.com/application/o/monitoring/
    preset: authentik
    preset_settings: {without: login}
`,
	preset.ZITADEL: `providers:
  - name: zitadel
    issuer: https://id.example.com
    preset: zitadel
    preset_settings: {without: "login, live", health_url: "http://zitadel.internal:8080"}
`,
	preset.Generic: `providers:
  - name: own
    issuer: http://127.0.0.1:8080
    preset: generic
    preset_settings: {client_id: c, username: u, password_file: secret, redirect_uri: "http://127.0.0.1/cb"}
probes:
  - {name: own-discovery, kind: oidc, every: 10s, severity: minor}
`,
}

// folder makes a folder with a file named secret and the texts given.
func folder(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "secret"), []byte(canary+"\n"), 0o600))
	for name, text := range files {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600))
	}
	return dir
}

func TestPresetsExpandToWhatIsGolden(t *testing.T) {
	t.Parallel()
	require.Len(t, presetFiles, len(preset.Names()))
	for _, name := range preset.Names() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := folder(t, map[string]string{"c.yml": presetFiles[name]})
			kinds := app.NewKinds()
			text, c, err := config.Expanded(filepath.Join(dir, "c.yml"), kinds)
			require.NoError(t, err)
			require.Empty(t, c.Warnings)
			golden := filepath.Join("testdata", "preset-"+name+".yml")
			if os.Getenv("UPDATE_GOLDEN") != "" {
				require.NoError(t, os.WriteFile(golden, text, 0o644)) //nolint:gosec // it is no secret
			}
			want, err := os.ReadFile(golden)
			require.NoError(t, err)
			require.Equal(t, string(want), string(text))
			sameProbes(t, dir, text, c, kinds)
		})
	}
}

// sameProbes loads an expanded file beside the original's secrets.
func sameProbes(t *testing.T, dir string, text []byte, c *config.Config, kinds config.Kinds) {
	t.Helper()
	file := filepath.Join(dir, "expanded.yml")
	require.NoError(t, os.WriteFile(file, text, 0o600))
	again, err := config.Load(file, kinds)
	require.NoError(t, err)
	require.Len(t, again.Probes, len(c.Probes))
	for i, p := range again.Probes {
		was := c.Probes[i]
		require.Equal(t, was.Name, p.Name)
		require.Equal(t, was.Kind.Name, p.Kind.Name)
		require.Equal(t, was.Nodes, p.Nodes, p.Name)
		require.Equal(t, []any{was.Every, was.Timeout, was.Severity, was.Gates, was.FailAfter, was.PassAfter, was.Needs},
			[]any{p.Every, p.Timeout, p.Severity, p.Gates, p.FailAfter, p.PassAfter, p.Needs}, p.Name)
		require.Equal(t, was.StoredFingerprint, p.StoredFingerprint, p.Name)
		require.Equal(t, fmt.Sprintf("%+v", was.Options), fmt.Sprintf("%+v", p.Options), p.Name)
	}
	twice, _, err := config.Expanded(file, kinds)
	require.NoError(t, err)
	require.Equal(t, withoutComments(text), withoutComments(twice), "expanding it again changes nothing")
}

func withoutComments(text []byte) string {
	var lines []string
	for line := range strings.Lines(string(text)) {
		if !strings.HasPrefix(strings.TrimSpace(line), "#") {
			lines = append(lines, line)
		}
	}
	return strings.Join(lines, "")
}

func find(t *testing.T, c *config.Config, name string) *config.Probe {
	t.Helper()
	for _, p := range c.Probes {
		if p.Name == name {
			return p
		}
	}
	require.Failf(t, "missing", "no probe %s", name)
	return nil
}

func TestTheFilesOwnProbesTakePrecedence(t *testing.T) {
	t.Parallel()
	c, err := config.Parse([]byte(strings.Replace(presetFiles[preset.Generic], "password_file: secret", "without: login", 1)), "c.yml", app.NewKinds())
	require.NoError(t, err)
	require.Len(t, c.Probes, 1, "an http issuer at an address has no certificate, and no name")
	own := find(t, c, "own-discovery")
	require.Equal(t, 10*time.Second, own.Every)
	require.Equal(t, probes.Minor, own.Severity)
}

// TestTheAppliancesSeverities compares with the appliance's page: /testall at the
// load balancer is urgent, at a node high, the rest normal.
func TestTheAppliancesSeverities(t *testing.T) {
	t.Parallel()
	c, err := config.Load(filepath.Join(folder(t, map[string]string{"c.yml": presetFiles[preset.Auth0Appliance]}), "c.yml"), app.NewKinds())
	require.NoError(t, err)
	for _, p := range c.Probes {
		switch p.Name {
		case "acme-testall":
			require.Equal(t, probes.Critical, p.Severity)
			require.Equal(t, []probes.Node{{}}, p.Nodes)
		case "acme-node-testall":
			require.Equal(t, probes.Major, p.Severity)
			require.Equal(t, []string{"a0-1", "a0-2"}, []string{p.Nodes[0].Name, p.Nodes[1].Name})
		default:
			require.Equal(t, probes.Minor, p.Severity, p.Name)
		}
	}
	found := []probes.Node{{Name: "a0-3", Address: "10.0.0.13"}}
	require.Len(t, find(t, c, "acme-node-testall").NodesWith(found), 3, "nodes that are found are each a node too")
	require.Len(t, find(t, c, "acme-testall").NodesWith(found), 1)
}

func TestWhatAPresetLacksIsSaid(t *testing.T) {
	t.Parallel()
	const login = "add to preset_settings client_id: monitoring (the client registered for monitoring), username: monitoring@example.com " +
		"(the account for monitoring, which needs no rights), password_file: password (the file that holds that account's password); or {without: \"login\"}"
	for name, tt := range map[string]struct {
		settings string
		wrong    []string // errors if there is no "(warning)" at the end
	}{
		"preset: generic":                    {"", []string{"3:13: preset generic leaves out login; " + login + " (warning)"}},
		"preset: keycloak":                   {"{without: login}", []string{"3:13: preset keycloak leaves out health, live; add to preset_settings health_url: http://keycloak.internal:9000 (the management interface, which needs health-enabled; with {node} in place of the host every node is asked); or {without: \"health, live\"} (warning)"}},
		"preset: dex":                        {"{without: login, health_url: \"http://{node}:5558\"}", []string{"3:13: preset dex leaves out components; {node} stands for each of the provider's nodes, and it lists none (warning)"}},
		"preset: auth0-appliance":            {"{without: \"login status\"}", []string{"3:13: preset auth0-appliance leaves out node-testall, clock; add nodes, or discover, to watch each node (warning)"}},
		"preset: auth0":                      {"{without: login}", []string{"3:13: preset auth0 leaves out status; add to preset_settings tenant: example.eu.auth0.com (the tenant's own domain, for the incidents that status.auth0.com tells of it); or {without: \"status\"} (warning)"}},
		"preset: okta":                       {"", []string{"3:13: \"okta\" is not a preset; use one of auth0-appliance, auth0,"}},
		"# no preset":                        {"{without: login}", []string{"4:22: there is no preset to set; add preset, one of auth0-appliance,"}},
		"preset: hydra":                      {"{health: x}", []string{"4:23: preset hydra has no such setting; it has allowed_origins, client_auth,"}},
		"preset: zitadel":                    {"{health_url: x}", []string{"4:23: this is not a URL; write scheme, host and port"}},
		"preset: 'zitadel'":                  {"{health_url: \"https://{node}.internal:1\", without: login}", []string{"4:23: {node} stands for the whole host of a URL, such as https://{node}:9000"}},
		"preset: \"zitadel\"":                {"{health_url: \"https://a/{node}\", without: login}", []string{"4:23: {node} stands for the whole host"}},
		"preset: &e generic":                 {"{allowed_origins: \"https://{node}\", without: login}", []string{"4:23: there are braces in it"}},
		"preset: authentik":                  {"{without: logon}", []string{"4:23: preset authentik has no probe \"logon\"; it has discovery, certificate, dns, login, health, live"}},
		"preset: 'generic'":                  {"{client_auth: best}", []string{"4:23: it is not known; use one of basic, post, none"}},
		"preset: \"generic\"":                {"{client_id: ''}", []string{"4:23: it is empty; give the client registered for monitoring"}},
		"preset: &a generic":                 {"{client_id: '{username}'}", []string{"4:23: there are braces in it"}},
		"preset: &b auth0":                   {"{tenant: 'https://x'}", []string{"4:23: this is not a host's name; write one such as example.eu.auth0.com"}},
		"preset: &c generic":                 {"{client_id: c, username: u, password_file: gone}", []string{"4:50: secret file"}},
		"preset: &d generic":                 {"{client_id: CHANGE_ME, username: u, without: login}", []string{"4:34: fill in client_id; CHANGE_ME marks what only you know"}},
		"preset: !!str generic # of our own": {"\n      client_id: CHANGE_ME # the client", []string{"5:18: fill in client_id, the client; CHANGE_ME marks what only you know"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			text := "providers:\n  - issuer: https://login.example.com/\n    " + name + "\n"
			if tt.settings != "" {
				text += "    preset_settings: " + tt.settings + "\n"
			}
			if strings.HasPrefix(name, "#") {
				text += "probes: [{kind: oidc}]\n"
			}
			c, err := config.Load(filepath.Join(folder(t, map[string]string{"c.yml": text}), "c.yml"), app.NewKinds())
			said := ""
			if err != nil {
				said = err.Error()
			} else {
				for _, w := range c.Warnings {
					said += w.String() + " (warning)\n"
				}
			}
			lines := strings.Split(strings.TrimSpace(said), "\n")
			require.Len(t, lines, len(tt.wrong), said)
			for i, want := range tt.wrong {
				require.Contains(t, lines[i], "c.yml:"+want)
			}
		})
	}
}

func TestAPresetMissesNoLoginWhereThereIsOne(t *testing.T) {
	t.Parallel()
	c, err := config.Parse([]byte(`providers: [{issuer: "https://login.example.com/", preset: generic}]
probes: [{kind: login, flow: client_credentials, client_id: c, client_secret: "${PATH}"}]
`), "c.yml", app.NewKinds())
	require.NoError(t, err)
	require.Empty(t, c.Warnings)
}

// A result under the name of a node that was not asked would be a false one.
func TestNodesThatAreNotAsked(t *testing.T) {
	t.Parallel()
	const providers = "providers: [{issuer: https://login.example.com/, nodes: [{name: n1, address: 10.0.0.1}]}]\n"
	for _, probe := range []string{
		"kind: host", `kind: egress, targets: ["a.example:443"]`, "kind: dns, query: a.example", `kind: ntp, servers: [a.example]`, `kind: tls, address: "other.example:443"`,
	} {
		_, err := config.Parse([]byte(providers+"probes: [{"+probe+", nodes: [n1]}]\n"), "c.yml", app.NewKinds())
		require.ErrorContains(t, err, "this probe asks none of the provider's nodes, so its result would be told of nodes that it knows nothing of; leave nodes out", probe)
		_, err = config.Parse([]byte(providers+"probes: [{"+probe+", nodes: [public]}]\n"), "c.yml", app.NewKinds())
		require.NoError(t, err, probe)
	}
	_, err := config.Parse([]byte(providers+"probes: [{kind: tls, nodes: [n1]}]\n"), "c.yml", app.NewKinds())
	require.NoError(t, err)
}
