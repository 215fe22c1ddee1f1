package config_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"github.com/idp-exporter/idp_exporter/internal/app"
	"github.com/idp-exporter/idp_exporter/internal/config"
	"github.com/idp-exporter/idp_exporter/internal/config/strict"
	"github.com/idp-exporter/idp_exporter/internal/preset"
)

// secretive is a configuration with a secret wherever one can stand.
const secretive = `x-client: &client {client_id: c, client_secret: CANARY-1}
x-headers: &headers {Authorization: Bearer CANARY-2, X-Vault: CANARY-3, Accept: text/plain}
providers:
  - name: acme
    issuer: https://login.example.com/
    nodes: [{name: n1, address: 10.0.0.11}]
    preset: hydra
    preset_settings: {client_id: c, username: u, password_file: secret}
probes:
  - {name: code, kind: login, <<: *client, username: u, password: CANARY-4, params: {id_token_hint: CANARY-5, x_code: CANARY-19, login_hint: monitoring}}
  - {name: env, kind: login, client_id: c, client_secret: "${PATH}", username: u, password_file: secret}
  - name: page
    kind: http
    url: "https://login.example.com/x?page=2&sig=CANARY-6#top"
    headers: *headers
    secret_headers: {X-Other: CANARY-7}
    method: POST
    body: '{"username":"u","password":"CANARY-8"}'
  - {name: path, kind: http, url: "/x?api_key=CANARY-9"}
  - {name: line, kind: tcp, address: "10.0.0.1:25", dialog: [{expect: "220"}, {send: AUTH PLAIN CANARY-10}, {send: "PIN CANARY-22"}]}
  - {name: status, kind: appliance, nodes: [n1], key: CANARY-11}
access:
  tokens:
    - {name: p, hash: "sha256:0000000000000000000000000000000000000000000000000000000000000000", scopes: [metrics]}
bridges:
  - {name: chat, kind: webhook, template: slack, url: "https://hooks.example.com/services/CANARY-12"}
  - {name: pd, kind: webhook, template: pagerduty, routing_key: CANARY-13}
  - {name: sh, kind: exec, command: [/bin/echo, --password, CANARY-14, --token=CANARY-15, -v, "Authorization: Basic CANARY-16", -u, "bob:CANARY-20", "curl -u bob:CANARY-21 x"], env: {MY_TOKEN: CANARY-17, LANG: C}}
  - {name: noc, kind: snmp, destinations: [{name: a, address: "10.0.0.20:162", version: v2c, community: CANARY-18}]}
`

func TestNoSecretIsPrinted(t *testing.T) {
	t.Parallel()
	text := strings.ReplaceAll(secretive, "CANARY", canary)
	dir := folder(t, map[string]string{"c.yml": text})
	kinds := app.NewKinds()
	printed, c, err := config.Expanded(filepath.Join(dir, "c.yml"), kinds)
	require.NoError(t, err)
	require.NotContains(t, string(printed), canary)
	require.Equal(t, strings.Count(text, canary), strings.Count(string(printed), "# left out"), "each is marked:\n%s", printed)
	for _, stays := range []string{
		"Accept: text/plain", "login_hint: monitoring", "LANG: C", "password_file: secret", `client_secret: "${PATH}"`, "https://login.example.com/x?page=2&sig=SECRET_LEFT_OUT#top",
		"url: https://hooks.example.com/SECRET_LEFT_OUT", "sha256:0000", "--password", "# SECRET_LEFT_OUT stands for secrets that the file holds itself.",
		"- name: acme-health", "# Preset hydra of provider acme: ",
	} {
		require.Contains(t, string(printed), stays)
	}
	for _, gone := range []string{"preset", "x-client", "<<", "*", "&client"} {
		require.NotContains(t, withoutComments(printed), gone)
	}
	file := filepath.Join(dir, "expanded.yml")
	require.NoError(t, os.WriteFile(file, printed, 0o600))
	_, err = config.Load(file, kinds)
	var problems strict.Problems
	require.ErrorAs(t, err, &problems)
	require.Len(t, problems, strings.Count(string(printed), "# left out"), "no mark is sent as a password: %s", problems)
	require.ErrorContains(t, err, "fill in client_secret; SECRET_LEFT_OUT marks a secret that was left out when this file was printed")
	require.NoError(t, os.WriteFile(file, filledIn(printed), 0o600))
	again, err := config.Load(file, kinds)
	require.NoError(t, err, "it is a configuration itself")
	require.Len(t, again.Probes, len(c.Probes))
	require.Len(t, again.Bridges, len(c.Bridges))
	for i, p := range again.Probes {
		require.Equal(t, c.Probes[i].Name, p.Name)
		require.Equal(t, c.Probes[i].Nodes, p.Nodes)
		require.Equal(t, c.Probes[i].Severity, p.Severity)
	}
}

// What is not filled in yet, wherever that is, is written out all the same, and no
// secret with it.
func TestWhatIsNotFilledInIsExpanded(t *testing.T) {
	t.Parallel()
	kinds := app.NewKinds()
	text := strings.ReplaceAll(strings.ReplaceAll(secretive, "CANARY", canary), "password_file: secret", "password_file: not-there")
	printed, _, err := config.ExpandedText([]byte(text), "c.yml", kinds)
	require.ErrorContains(t, err, "secret file not-there: no such file or directory; create it")
	require.Contains(t, string(printed), "name: acme-login")
	require.NotContains(t, string(printed), canary)

	n := 0
	var root yaml.Node
	require.NoError(t, yaml.Unmarshal([]byte(text), &root))
	var each func(node *yaml.Node)
	each = func(node *yaml.Node) {
		for i, child := range node.Content {
			each(child)
			if node.Kind == yaml.MappingNode && i%2 == 0 || node.Kind == yaml.DocumentNode || child.Kind == yaml.AliasNode {
				continue
			}
			marked := *child
			*child = yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: strict.Unknown}
			content, err := yaml.Marshal(&root)
			*child = marked
			if err != nil {
				continue // without an anchor that is used
			}
			printed, _, err := config.ExpandedText(content, "c.yml", kinds)
			require.Error(t, err)
			require.NotContains(t, string(printed), canary, "%s", content)
			if strings.Contains(string(printed), strict.Unknown) {
				n++
			}
		}
	}
	each(&root)
	require.Greater(t, n, 20, "most are written out")
}

// A preset that could not be expanded stays, or whoever fills in what is printed
// would watch nothing.
func TestAPresetThatIsNotExpandedStays(t *testing.T) {
	t.Parallel()
	printed, _, err := config.ExpandedText([]byte("providers:\n  - name: p\n    issuer: CHANGE_ME\n    tls: {ca_file: CHANGE_ME}\n    preset: keycloak\n    preset_settings: {client_id: c, username: u, password_file: CHANGE_ME}\n"+
		"  - {name: q, issuer: 'https://q.example', tls: {ca_file: CHANGE_ME}, preset: generic, preset_settings: {without: login}}\n"), "c.yml", app.NewKinds())
	var problems strict.Problems
	require.ErrorAs(t, err, &problems)
	require.Len(t, problems, 4, "each mark is told once: %s", problems)
	require.Contains(t, string(printed), "preset: keycloak")
	require.Contains(t, string(printed), "client_id: c")
	require.Contains(t, string(printed), "name: q-discovery")
	require.NotContains(t, string(printed), "preset: generic")
}

func filledIn(printed []byte) []byte {
	return bytes.ReplaceAll(printed, []byte(strict.LeftOut), []byte("filled-in"))
}

func TestWhatCannotBeExpanded(t *testing.T) {
	t.Parallel()
	_, _, err := config.ExpandedText([]byte("providers: [{issuer: nonsense}]\n"), "c.yml", app.NewKinds())
	require.ErrorContains(t, err, `c.yml:1:22: "nonsense" is not an issuer`)
	_, _, err = config.Expanded(filepath.Join(t.TempDir(), "none.yml"), app.NewKinds())
	require.ErrorContains(t, err, "no such file")
	many := "x-a: &a [1,1,1,1,1,1,1,1]\nx-b: &b [*a,*a,*a,*a,*a,*a,*a,*a]\nx-c: &c [*b,*b,*b,*b,*b,*b,*b,*b]\nx-d: &d [*c,*c,*c,*c,*c,*c,*c,*c]\n" +
		"x-e: &e [*d,*d,*d,*d,*d,*d,*d,*d]\nx-f: &f [*e,*e,*e,*e,*e,*e,*e,*e]\nproviders: [{issuer: \"https://a.example\"}]\nprobes: [{kind: oidc}]\n"
	_, _, err = config.ExpandedText([]byte(many), "c.yml", app.NewKinds())
	require.NoError(t, err, "what is left out costs nothing")
}

// FuzzExpanded looks for files that are good and whose expansion is not.
func FuzzExpanded(f *testing.F) {
	for _, text := range presetFiles {
		f.Add(strings.ReplaceAll(text, "_file: secret", ": s"))
	}
	f.Add(strings.ReplaceAll(secretive, "password_file: secret", "password: s"))
	f.Add("providers: &p [{issuer: \"https://a.example\", preset: &n generic, preset_settings: {without: login}}]\nprobes: null\n")
	f.Add("providers: [{issuer: \"https://a.example\", preset: generic, preset_settings: {without: login}}]\nprobes: []\nstatus: {}\n")
	f.Add("a: &a {b: *a}\n")
	kinds := app.NewKinds()
	f.Fuzz(func(t *testing.T, text string) {
		if strings.Contains(text, "_file") {
			return // of this machine
		}
		printed, c, err := config.ExpandedText([]byte(text), "c.yml", kinds)
		if err != nil {
			return
		}
		again, err := config.Parse(filledIn(printed), "expanded.yml", kinds)
		require.NoError(t, err, "%s\n---\n%s", text, printed)
		require.Len(t, again.Probes, len(c.Probes), "%s\n---\n%s", text, printed)
		for i, p := range again.Probes {
			require.Equal(t, c.Probes[i].Name, p.Name)
			require.Equal(t, c.Probes[i].Every, p.Every)
			require.Equal(t, c.Probes[i].Nodes, p.Nodes)
		}
	})
}

func TestEveryPresetIsListed(t *testing.T) {
	t.Parallel()
	for _, name := range preset.Names() {
		require.NotEmpty(t, preset.About(name), name)
		for _, s := range preset.Settings(name) {
			require.NotEmpty(t, s.About, "%s of %s", s.Name, name)
			require.True(t, s.Example != "" || len(s.Choices) > 0 || s.Default != "", "%s of %s", s.Name, name)
		}
	}
	require.Empty(t, preset.About("okta"))
	require.Empty(t, preset.Settings("okta"))
}
