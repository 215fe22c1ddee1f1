package config_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/idp-exporter/idp_exporter/bridges"
	"github.com/idp-exporter/idp_exporter/internal/app"
	"github.com/idp-exporter/idp_exporter/internal/config"
	"github.com/idp-exporter/idp_exporter/internal/config/strict"
	"github.com/idp-exporter/idp_exporter/internal/secret"
	"github.com/idp-exporter/idp_exporter/probes"
)

const canary = "canary-5f1c7d"

// ping stands for any kind of probe.
type ping struct {
	Target   string            `yaml:"target"`
	Count    int               `yaml:"count"`
	Ratio    float64           `yaml:"ratio"`
	Loud     bool              `yaml:"loud"`
	Password secret.Secret     `yaml:"password"`
	Words    []string          `yaml:"words"`
	Headers  map[string]string `yaml:"headers"`
	Nested   struct {
		Wait time.Duration `yaml:"wait"`
	} `yaml:"nested"`
}

func (p *ping) Check(probes.Setting) []probes.Problem {
	var problems []probes.Problem
	if p.Target == "" {
		problems = append(problems, probes.Problem{Message: "target is missing; name a host"})
	}
	if p.Count > 10 {
		problems = append(problems, probes.Problem{Path: "count", Message: "too many; use 10 or fewer"})
	}
	return problems
}

func (p *ping) New(probes.Target) (probes.Probe, error) {
	return probes.Func(nil), nil
}

type kinds struct{}

func (kinds) Kind(name string) (*probes.Kind, bool) {
	return &probes.Kind{Name: "ping", NewOptions: func() probes.Options { return &ping{Count: 3} }}, name == "ping"
}

func (kinds) Names() []string { return []string{"ping"} }

// pigeon stands for any kind of bridge.
type pigeon struct {
	To    string        `yaml:"to"`
	Token secret.Secret `yaml:"token"`
}

func (p *pigeon) Check(s bridges.Setting) []probes.Problem {
	if p.To == "" {
		return []probes.Problem{{Path: "to", Message: s.Name + " flies nowhere; name a roof"}}
	}
	return nil
}

func (p *pigeon) New(bridges.Setting) ([]bridges.Destination, error) { return nil, nil }

func (kinds) Bridge(name string) (*bridges.Kind, bool) {
	return &bridges.Kind{Name: "pigeon", NewOptions: func() bridges.Options { return &pigeon{} }}, name == "pigeon"
}

func (kinds) BridgeNames() []string { return []string{"pigeon"} }

func parse(text string) (*config.Config, error) {
	return config.Parse([]byte(text), "f.yml", kinds{})
}

func TestFiveLinesMonitorAProvider(t *testing.T) {
	t.Parallel()
	c, err := parse(`providers:
  - issuer: https://login.example.com/
probes:
  - kind: ping
    target: x`)
	require.NoError(t, err)
	require.Len(t, c.Probes, 1)
	p := c.Probes[0]
	require.Equal(t, "ping", p.Name)
	require.Equal(t, "login.example.com", p.Provider.Name)
	require.Equal(t, "https://login.example.com/", p.Provider.Issuer)
	require.Equal(t, time.Minute, p.Every)
	require.Equal(t, 30*time.Second, p.Timeout)
	require.Equal(t, probes.Critical, p.Severity)
	require.True(t, p.Gates)
	require.Equal(t, 2, p.FailAfter)
	require.Equal(t, 1, p.PassAfter)
	require.Equal(t, []probes.Node{{}}, p.Nodes)
	require.Equal(t, 3, p.Options.(*ping).Count, "the kind's own default stays")
	require.Nil(t, c.Access)
	require.Empty(t, c.Warnings)
}

func TestEveryMistakeNamesItsPlaceAndRemedy(t *testing.T) {
	t.Parallel()
	const good = "providers:\n  - issuer: https://a.example/\n"
	for name, tt := range map[string]struct{ text, want string }{
		"empty":             {"", "f.yml:1:1: the file is empty; give at least `providers` and `probes`"},
		"not yaml":          {"a: [", "f.yml:1:1: not valid YAML:"},
		"open bracket":      {good + "a: 1\nb: {x: 1\nc: 2\n", "f.yml:4:1: not valid YAML: did not find expected ',' or '}'; near here a bracket is open"},
		"bad indent":        {good + "probes:\n  - kind: ping\n   target: x\n", "f.yml:4:1: not valid YAML: did not find expected '-' indicator; near here"},
		"second document":   {good + "probes: [{kind: ping, target: x}]\n---\na: 1\n", "f.yml:4:1: a second document; write everything into one, without ---"},
		"unknown key":       {good + "probs: []\nprobes: [{kind: ping, target: x}]\n", `f.yml:3:1: unknown key "probs"; did you mean "probes"?`},
		"unknown probe key": {good + "probes:\n  - {kind: ping, target: x, timout: 3s}\n", `f.yml:4:29: unknown key "timout"; did you mean "timeout"?`},
		"far-off key":       {good + "probes:\n  - {kind: ping, target: x, zzzzzz: 3s}\n", `f.yml:4:29: unknown key "zzzzzz"; known here: count, every,`},
		"nested key":        {good + "probes:\n  - kind: ping\n    target: x\n    nested:\n      wiat: 1s\n", `f.yml:7:7: unknown key "wiat"; did you mean "wait"?`},
		"duplicate key":     {good + "probes:\n  - {kind: ping, target: x, target: y}\n", `f.yml:4:29: "target" stands twice in this mapping, first on line 4; keep one`},
		"duplicate probe":   {good + "probes:\n  - {kind: ping, target: x}\n  - {kind: ping, target: y}\n", `f.yml:5:5: the probe name "ping" is already used on line 4; names must differ`},
		"duplicate names":   {good + "probes:\n  - {kind: ping, target: x, name: a}\n  - {kind: ping, target: y, name: a}\n", `f.yml:5:35: the probe name "a" is already used on line 4; names must differ`},
		"no probes":         {good, "f.yml:1:1: there is no probe; give at least one"},
		"no kind":           {good + "probes:\n  - {target: x}\n", "f.yml:4:5: a probe needs its kind; use one of ping"},
		"unknown kind":      {good + "probes:\n  - {target: x, kind: pong}\n", `f.yml:4:23: "pong" is not a kind of probe; use one of ping`},
		"kind's own check":  {good + "probes:\n  - {kind: ping}\n", "f.yml:4:5: target is missing; name a host"},
		"kind's own path":   {good + "probes:\n  - {kind: ping, target: x, count: 99}\n", "f.yml:4:36: too many; use 10 or fewer"},
		"no unit":           {good + "probes:\n  - {kind: ping, target: x, every: 30}\n", `f.yml:4:36: "30" has no unit; write 30s for seconds, or use ms, m, h, d`},
		"bad duration":      {good + "probes:\n  - {kind: ping, target: x, every: soon}\n", `f.yml:4:36: "soon" is not a duration; write one such as 500ms, 30s, 5m or 1d`},
		"negative duration": {good + "probes:\n  - {kind: ping, target: x, every: -5s}\n", `f.yml:4:36: "-5s" is negative`},
		"too often":         {good + "probes:\n  - {kind: ping, target: x, every: 10ms}\n", "f.yml:4:36: every 10ms is too often; use 1s or more"},
		"worst case":        {good + "probes:\n  - {kind: ping, target: x, every: 30s, timeout: 40s}\n", "f.yml:4:50: a run may take 40s but the next is due after 30s; set timeout to 30s or less, or every to 40s or more"},
		"zero timeout":      {good + "probes:\n  - {kind: ping, target: x, timeout: 0}\n", "f.yml:4:38: the timeout must be more than 0; use 1m0s or less"},
		"not a number":      {good + "probes:\n  - {kind: ping, target: x, count: many}\n", `f.yml:4:36: "many" is not a whole number; write digits alone, such as 30`},
		"not a truth value": {good + "probes:\n  - {kind: ping, target: x, gates: yes please}\n", `f.yml:4:36: "yes please" is not a truth value; write true or false`},
		"not a list":        {good + "probes: yes\n", `f.yml:3:9: "yes" is not a list`},
		"not a mapping":     {good + "probes: [1]\n", `f.yml:3:10: a probe is a mapping`},
		"severity":          {good + "probes:\n  - {kind: ping, target: x, severity: loud}\n", `f.yml:4:39: "loud" is not known; use one of critical, major, minor, warning, indeterminate`},
		"damping":           {good + "probes:\n  - {kind: ping, target: x, fail_after: 0}\n", "f.yml:4:41: 0 is out of range; use 1 to 100 runs"},
		"no issuer":         {"providers: [{name: a}]\nprobes: [{kind: ping, target: x}]\n", "f.yml:1:13: a provider needs its issuer"},
		"bad issuer":        {"providers: [{issuer: login.example.com}]\nprobes: [{kind: ping, target: x}]\n", `f.yml:1:22: "login.example.com" is not an issuer`},
		"issuer with query": {"providers: [{issuer: 'https://a/?b'}]\nprobes: [{kind: ping, target: x}]\n", "f.yml:1:22: an issuer has no user, query or fragment"},
		"several providers": {"providers: [{issuer: https://a}, {issuer: https://b}]\nprobes: [{kind: ping, target: x}]\n", "f.yml:2:10: there are several providers; say which with provider: NAME"},
		"unknown provider":  {good + "probes: [{kind: ping, target: x, provider: z}]\n", `f.yml:3:44: "z" is not known; use one of a.example`},
		"same provider":     {"providers: [{issuer: https://a}, {issuer: https://a}]\nprobes: [{kind: ping, target: x, provider: a}]\n", `the provider name "a" is already used on line 1`},
		"node address":      {"providers: [{issuer: https://a, nodes: [{name: n}]}]\nprobes: [{kind: ping, target: x}]\n", "f.yml:1:41: a node needs its address"},
		"bad node address":  {"providers: [{issuer: https://a, nodes: [{address: 'a:b:c'}]}]\nprobes: [{kind: ping, target: x}]\n", `"a:b:c" is not an address; write HOST, HOST:PORT or [IPV6]:PORT`},
		"unknown node":      {good + "probes: [{kind: ping, target: x, nodes: [n9]}]\n", `f.yml:3:42: "n9" is not known; use one of public`},
		"bad tls":           {"providers: [{issuer: https://a, tls: {min_version: '9'}}]\nprobes: [{kind: ping, target: x}]\n", `min_version: "9" is not a TLS version`},
		"bad proxy":         {"providers: [{issuer: https://a, proxy: nowhere}]\nprobes: [{kind: ping, target: x}]\n", "f.yml:1:40: proxy: not a URL; write http://HOST:PORT, socks5://HOST:PORT or env"},
		"missing secret":    {good + "probes: [{kind: ping, target: x, password_file: nothing-here}]\n", "f.yml:3:49: secret file nothing-here: no such file or directory; create it with the secret as its only line"},
		"missing variable":  {good + "probes: [{kind: ping, target: x, password: '${IDP_TEST_UNSET}'}]\n", "f.yml:3:44: the environment variable IDP_TEST_UNSET is not set"},
		"secret twice":      {good + "probes: [{kind: ping, target: x, password: a, password_file: b}]\n", "f.yml:3:34: password and password_file are both set; keep one"},
		"log level":         {good + "probes: [{kind: ping, target: x}]\nlog: {level: loud}\n", `f.yml:4:14: "loud" is not known; use one of debug, info, warn, error`},
		"start":             {good + "probes: [{kind: ping, target: x}]\nverdict: {start: ajar}\n", `f.yml:4:18: "ajar" is not known; use one of closed, open`},
		"access":            {good + "probes: [{kind: ping, target: x}]\naccess: {tokens: [{name: a, hash: nonsense, scopes: [metrics]}]}\n", "f.yml:4:35: "},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := parse(tt.text)
			var problems strict.Problems
			require.ErrorAs(t, err, &problems)
			require.Contains(t, err.Error(), tt.want)
		})
	}
}

func TestAllMistakesAreToldAtOnceInOrder(t *testing.T) {
	t.Parallel()
	_, err := parse(`providers:
  - issuer: nonsense
probes:
  - {kind: ping, evry: 1s}
  - {kind: pong}
log: {level: loud}
`)
	var problems strict.Problems
	require.ErrorAs(t, err, &problems)
	var lines []int
	for _, p := range problems {
		lines = append(lines, p.Line)
	}
	require.Equal(t, []int{2, 4, 4, 5, 6}, lines, err)
}

func TestSecretsNeverShow(t *testing.T) {
	t.Setenv("IDP_TEST_SECRET", canary+"-env")
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "secret"), []byte(canary+"-file\n"), 0o600))
	file := filepath.Join(dir, "c.yml")
	require.NoError(t, os.WriteFile(file, []byte(`providers: [{issuer: https://a}]
probes:
  - {kind: ping, name: a, target: x, password_file: secret}
  - {kind: ping, name: b, target: x, password: "${IDP_TEST_SECRET}"}
  - {kind: ping, name: c, target: x, password: `+canary+`-inline}
`), 0o600))
	c, err := config.Load(file, kinds{})
	require.NoError(t, err)
	for i, want := range []string{"-file", "-env", "-inline"} {
		got, err := c.Probes[i].Options.(*ping).Password.Value()
		require.NoError(t, err)
		require.Equal(t, canary+want, got)
		require.NotContains(t, c.Probes[i].Fingerprint, canary)
	}
	require.Len(t, c.Warnings, 1)
	require.Equal(t, 5, c.Warnings[0].Line)
	require.Contains(t, c.Warnings[0].Message, "a secret stands in the file itself")
	require.NotContains(t, c.Warnings.Error(), canary)

	// Nor in the message of a mistake around them.
	_, err = parse("providers: [{issuer: https://a}]\nprobes: [{kind: ping, target: x, password: [" + canary + "]}, {kind: ping, target: x, passwort: " + canary + "}]\n")
	require.Error(t, err)
	require.NotContains(t, err.Error(), canary)
}

func TestMergeKeysAndAnchors(t *testing.T) {
	t.Parallel()
	c, err := parse(`x-base: &base {target: x, count: 7, every: 20s}
providers: [{issuer: https://a}]
probes:
  - {kind: ping, name: a, <<: *base}
  - {kind: ping, name: b, count: 2, <<: *base}
`)
	require.NoError(t, err)
	require.Equal(t, 7, c.Probes[0].Options.(*ping).Count)
	require.Equal(t, 2, c.Probes[1].Options.(*ping).Count)
	require.Equal(t, 20*time.Second, c.Probes[1].Every)
	require.NotEqual(t, c.Probes[0].Fingerprint, c.Probes[1].Fingerprint)
}

func TestNestedAliasesDoNotExplode(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	b.WriteString("x-0: &a0 [x, x, x, x, x, x, x, x, x, x]\n")
	for i := 1; i < 12; i++ {
		was, is := string(rune('a'+i-1))+"0", string(rune('a'+i))+"0"
		b.WriteString("x-" + is + ": &" + is + " [" + strings.Repeat("*"+was+", ", 9) + "*" + was + "]\n")
	}
	b.WriteString("providers: [{issuer: https://a}]\nprobes: [{kind: ping, target: x, words: *l0}]\n")
	begin := time.Now()
	_, err := parse(b.String())
	require.Error(t, err)
	require.Less(t, time.Since(begin), 30*time.Second)
}

func TestFingerprintFollowsWhatARunDoes(t *testing.T) {
	t.Parallel()
	base := "providers: [{issuer: https://a}]\nprobes: [{kind: ping, target: x, severity: minor}]\n"
	of := func(text string) string {
		c, err := parse(text)
		require.NoError(t, err)
		return c.Probes[0].Fingerprint
	}
	same := of(base)
	require.Equal(t, same, of(strings.Replace(base, "minor", "major", 1)), "judging does not count")
	require.Equal(t, same, of("# a comment\n"+base))
	require.NotEqual(t, same, of(strings.Replace(base, "target: x", "target: y", 1)))
	require.NotEqual(t, same, of(strings.Replace(base, "https://a", "https://b", 1)))
	require.NotEqual(t, same, of(strings.Replace(base, "https://a", "https://a, proxy: env", 1)))
}

func TestNodes(t *testing.T) {
	t.Parallel()
	c, err := parse(`providers: [{issuer: https://a, nodes: [{name: n1, address: 10.0.0.1}, {address: "[::1]:8443"}]}]
probes:
  - {kind: ping, name: all, target: x}
  - {kind: ping, name: one, target: x, nodes: n1}
  - {kind: ping, name: two, target: x, nodes: [public, n1]}
`)
	require.NoError(t, err)
	require.Equal(t, []probes.Node{{}, {Name: "n1", Address: "10.0.0.1"}, {Name: "[::1]:8443", Address: "[::1]:8443"}}, c.Probes[0].Nodes)
	require.Equal(t, []probes.Node{{Name: "n1", Address: "10.0.0.1"}}, c.Probes[1].Nodes)
	require.Equal(t, []probes.Node{{}, {Name: "n1", Address: "10.0.0.1"}}, c.Probes[2].Nodes)

	c, err = config.Parse([]byte(`providers: [{issuer: https://a, nodes: [{name: n1, address: 10.0.0.1}]}]
probes:
  - {kind: http, name: page}
  - {kind: http, name: elsewhere, url: https://other.example/}
`), "f.yml", app.NewKinds())
	require.NoError(t, err)
	require.Len(t, c.Probes[0].Nodes, 2)
	require.Equal(t, []probes.Node{{}}, c.Probes[1].Nodes, "another host is not behind the provider's nodes")
}

func TestFilesAreFoundBesideTheConfiguration(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := filepath.Join(dir, "c.yml")
	require.NoError(t, os.WriteFile(file, []byte("providers: [{issuer: https://a, tls: {ca_file: ca.pem}}]\nprobes: [{kind: ping, target: x}]\n"), 0o600))
	_, err := config.Load(file, kinds{})
	require.ErrorContains(t, err, "open "+filepath.Join(dir, "ca.pem"))
}

func TestAMissingFileSaysWhatToDo(t *testing.T) {
	t.Parallel()
	_, err := config.Load(filepath.Join(t.TempDir(), "none.yml"), kinds{})
	require.ErrorIs(t, err, os.ErrNotExist)
	require.ErrorContains(t, err, "idp_exporter init ISSUER")
	var problems strict.Problems
	require.False(t, errors.As(err, &problems))
}

func FuzzParse(f *testing.F) {
	f.Add([]byte("providers: [{issuer: https://a}]\nprobes: [{kind: ping, target: x}]\n"))
	f.Add([]byte("a: &a [*a]\nprobes: *a"))
	f.Add([]byte("probes: [{<<: [{<<: 1}], kind: ping}]\n"))
	f.Fuzz(func(_ *testing.T, b []byte) {
		_, _ = config.Parse(b, "fuzz.yml", kinds{})
	})
}

func TestBridges(t *testing.T) {
	t.Parallel()
	const head = "probes: [{kind: ping, target: a}]\n"
	c, err := parse(head + `exporter: {name: idp-1, url: "https://idp-exporter.example.com/"}
alarms: {heartbeat: 1m}
snmp: {base_oid: 1.3.6.1.4.1.99999.1}
bridges:
  - {kind: pigeon, to: roof, token: ` + canary + `}
  - {name: second, kind: pigeon, to: tower, min_severity: major, heartbeat: 0s}
`)
	require.NoError(t, err)
	require.Equal(t, []string{"pigeon", "second"}, []string{c.Bridges[0].Name, c.Bridges[1].Name})
	require.Equal(t, []time.Duration{time.Minute, 0}, []time.Duration{c.Bridges[0].Heartbeat, c.Bridges[1].Heartbeat})
	require.Equal(t, bridges.Setting{Name: "second", Exporter: "idp-1", Site: "https://idp-exporter.example.com/", BaseOID: "1.3.6.1.4.1.99999.1"}, c.Setting(c.Bridges[1]))
	rotated, err := parse(head + "snmp: {base_oid: 1.3.6.1.4.1.99999.1}\nbridges: [{kind: pigeon, to: roof, token: another}]\n")
	require.NoError(t, err)
	moved, err := parse(head + "snmp: {base_oid: 1.3.6.1.4.1.99999.1}\nbridges: [{kind: pigeon, to: barn, token: another}]\n")
	require.NoError(t, err)
	require.Equal(t, rotated.Bridges[0].Fingerprint, mustParse(t, head+"snmp: {base_oid: 1.3.6.1.4.1.99999.1}\nbridges: [{kind: pigeon, to: roof, token: "+canary+"}]\n").Bridges[0].Fingerprint, "it goes to disk: no secret is in it")
	require.NotEqual(t, rotated.Bridges[0].Fingerprint, moved.Bridges[0].Fingerprint)

	_, err = parse(head + "bridges:\n  - {kind: dove, to: roof}\n  - {kind: pigeon}\n  - {kind: pigeon, to: roof, wings: 2}\n  - roof\n")
	require.Error(t, err)
	for _, want := range []string{
		`f.yml:3:12: "dove" is not a kind of bridge; use one of pigeon`, "f.yml:4:5: to: pigeon flies nowhere; name a roof", `unknown key "wings"`,
		`the bridge name "pigeon" is already used`, "a bridge is a mapping",
	} {
		require.ErrorContains(t, err, want)
	}
}

func mustParse(t *testing.T, text string) *config.Config {
	t.Helper()
	c, err := parse(text)
	require.NoError(t, err)
	return c
}
