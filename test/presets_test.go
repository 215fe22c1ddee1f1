package test

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/idp-exporter/idp_exporter/internal/app"
	"github.com/idp-exporter/idp_exporter/internal/config"
	"github.com/idp-exporter/idp_exporter/internal/demo"
	"github.com/idp-exporter/idp_exporter/internal/fetch/fetchtest"
	"github.com/idp-exporter/idp_exporter/internal/preset"
	"github.com/idp-exporter/idp_exporter/probes"
)

const changeMe = "CHANGE_ME"

// initialized runs init for a real provider, fills in what it marks, and returns
// the file: it is good then.
func initialized(t *testing.T, issuer string, answers map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	file := filepath.Join(dir, "c.yml")
	out, stderr, code := command(t, "init", issuer, "--out", file)
	require.Equal(t, 0, code, stderr)
	content, err := os.ReadFile(file)
	require.NoError(t, err)
	_, stderr, code = command(t, "check-config", file)
	require.Equal(t, 1, code)
	require.Equal(t, strings.Count(string(content), ": "+changeMe), strings.Count(stderr, "\n"), "check-config names each mark and nothing else:\n%s", stderr)
	for line := range strings.Lines(stderr) {
		require.Contains(t, out, line, "init names them, too")
	}
	text := string(content)
	for key, value := range answers {
		if strings.HasSuffix(key, "_file") {
			writeFile(t, dir, key, value+"\n")
			value = key
		}
		text = regexp.MustCompile(`(\b`+key+`): \S+`).ReplaceAllString(text, "${1}: "+value)
	}
	writeFile(t, dir, "c.yml", text)
	_, stderr, code = command(t, "check-config", file)
	require.Equal(t, 0, code, "%s\n%s", stderr, text)
	require.Empty(t, stderr)
	return file
}

// passes expects every probe of a file to pass where it runs; the expanded file
// has the same probes.
func passes(t *testing.T, file string, want []string) {
	t.Helper()
	printed, stderr, code := command(t, "check-config", "--print-expanded", file)
	require.Equal(t, 0, code, stderr)
	expanded := writeFile(t, filepath.Dir(file), "expanded.yml", printed)
	var names []string
	for _, m := range regexp.MustCompile(`(?m)^  - name: (\S+)\n    kind: `).FindAllStringSubmatch(printed, -1) {
		names = append(names, m[1])
	}
	require.Equal(t, want, names, printed)
	for _, name := range names {
		for _, from := range []string{file, expanded} {
			out, stderr, code := command(t, "probe", name, "--config.file="+from)
			require.Equal(t, 0, code, "%s\n%s", out, stderr)
		}
	}
}

// TestInitSignsInAtTheDemoProvider goes the whole way at a real provider: from its
// issuer alone, and its credentials, to a login.
func TestInitSignsInAtTheDemoProvider(t *testing.T) {
	t.Parallel()
	p := provider(t, demo.StartOptions{})
	file := initialized(t, p.Issuer, map[string]string{
		"client_id": demo.ClientID, "client_secret_file": demo.ClientSecret, "username": demo.Username, "password_file": demo.Password,
		"redirect_uri": demo.RedirectURI,
	})
	passes(t, file, []string{"provider-discovery", "provider-login"})
	require.NoError(t, p.Provider.Set(demo.SwitchWrongPassword, true))
	out, _, code := command(t, "probe", "provider-login", "--config.file="+file)
	require.Equal(t, 2, code, out)
	_, stderr, code := command(t, "init", p.Issuer+"/realms/acme", "--out", "-")
	require.Equal(t, 1, code)
	require.Contains(t, stderr, "try idp_exporter init "+p.Issuer)
}

// TestInitSignsInAtOIDCProvider does the same at the certified oidc-provider.
func TestInitSignsInAtOIDCProvider(t *testing.T) {
	t.Parallel()
	file := initialized(t, oidcProvider(t, true), map[string]string{
		"client_id": "web", "client_secret_file": "web-secret-of-the-test", "username": "monitor", "password_file": "correct-horse-battery",
	})
	passes(t, file, []string{"provider-discovery", "provider-login"})
}

// TestAppliancePresetAgainstTheEmulator runs the preset at the emulated appliance,
// behind a front that has the discovery document of one.
func TestAppliancePresetAgainstTheEmulator(t *testing.T) {
	t.Parallel()
	appliance, err := demo.StartAppliance(t.Context(), "", demo.ApplianceOptions{Logger: slog.New(slog.DiscardHandler)})
	require.NoError(t, err)
	t.Cleanup(func() { _ = appliance.Close() })
	front := fixtureServer(t, map[string]fixture{})
	dir := t.TempDir()
	writeFile(t, dir, "health-key", demo.ApplianceKey+"\n")
	printed, _, err := config.Expanded(writeFile(t, dir, "c.yml", `providers:
  - name: acme
    issuer: `+front.URL+`
    nodes: [{name: `+demo.ApplianceHost+`, address: 127.0.0.1}]
    preset: auth0-appliance
    preset_settings: {key_file: health-key, node_url: "`+appliance.URL+`", without: "login, testall"}
`), app.NewKinds())
	require.NoError(t, err)
	// An appliance's health service is at port 9110, the emulator's is not.
	port := appliance.URL[strings.LastIndex(appliance.URL, ":")+1:]
	text := strings.Replace(string(printed), "via: port\n", "via: port\n    port: "+port+"\n", 1)
	require.NotEqual(t, string(printed), text)
	c, err := config.Load(writeFile(t, dir, "expanded.yml", text), app.NewKinds())
	require.NoError(t, err)
	run := func(probe string) probes.Result { return runOnce(t, c, probe, demo.ApplianceHost) }
	for _, p := range []string{"acme-node-testall", "acme-clock", "acme-status"} {
		r := run(p)
		require.Equal(t, probes.Pass, r.Outcome, "%s: %s", p, r.Detail)
		require.Empty(t, r.Unverified, p)
	}
	require.Len(t, run("acme-status").Facts.ResourceStatus, 9)
	require.NoError(t, appliance.Set("appliance-cpu", true))
	require.Equal(t, probes.Warn, run("acme-status").Outcome, "the appliance's page has no alarm for it")
	require.NoError(t, appliance.Set("appliance-db", true))
	r := run("acme-status")
	require.Equal(t, probes.Fail, r.Outcome)
	require.Equal(t, "db", r.FailedStep)
	require.Equal(t, "db is not well (520); also: cpu is not well (520)", r.Detail)

	require.NoError(t, appliance.Set("appliance-clock", true))
	require.Equal(t, probes.ReasonClockOffset, run("acme-clock").Reason)
	require.NoError(t, appliance.SetComponentDown("docs", true))
	r = run("acme-node-testall")
	require.Equal(t, probes.ReasonReportedDown, r.Reason)
	require.Contains(t, r.Assertions, probes.Assertion{Name: "component docs"})
	require.Contains(t, r.Assertions, probes.Assertion{Name: "component api2", Pass: true})
}

func runOnce(t *testing.T, c *config.Config, name, node string) probes.Result {
	t.Helper()
	r, err := app.RunOnce(t.Context(), c, name, node, slog.New(slog.DiscardHandler))
	require.NoError(t, err)
	return r
}

// fixture is an answer of a provider: a file of internal/preset/testdata/health.
type fixture struct {
	status int
	file   string
}

// fixtureServer answers with fixtures, by path.
func fixtureServer(t *testing.T, answers map[string]fixture) *httptest.Server {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		a, known := answers[r.URL.RequestURI()]
		if !known {
			http.NotFound(w, r)
			return
		}
		w.WriteHeader(a.status)
		if a.file != "" {
			content, err := os.ReadFile("../internal/preset/testdata/health/" + a.file)
			if err != nil {
				panic(err)
			}
			_, _ = w.Write(content)
		}
	}))
	t.Cleanup(s.Close)
	return s
}

// TestHealthIsReadComponentByComponent runs the presets' health probes against
// what providers answer; internal/preset/testdata says whence that is known.
func TestHealthIsReadComponentByComponent(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		preset, probe, path string
		fixture             fixture
		fails               []string // assertions; the outcome is a failure if there are any, or if a reason is given
		reason              probes.Reason
		untold              string // assertions that the answer does not tell of
	}{
		{preset.Keycloak, "health", "/health/ready", fixture{200, "keycloak-up.json"}, nil, "", ""},
		{preset.Keycloak, "health", "/health/ready", fixture{200, "keycloak-bare.json"}, nil, "", "cluster, database"},
		{preset.Keycloak, "health", "/health/ready", fixture{503, "keycloak-down.json"}, []string{"database", "ready"}, probes.ReasonJSONMismatch, ""},
		{preset.Keycloak, "live", "/health/live", fixture{200, "keycloak-bare.json"}, nil, "", ""},
		{preset.Dex, "health", "/healthz", fixture{200, "dex-healthz.txt"}, nil, "", ""},
		{preset.Dex, "health", "/healthz", fixture{500, ""}, nil, probes.ReasonHTTPStatus, ""},
		{preset.Dex, "components", "/healthz/ready?type=short", fixture{200, "dex-up.json"}, nil, "", ""},
		{preset.Dex, "components", "/healthz/ready?type=short", fixture{503, "dex-down.json"}, []string{"ready", "storage"}, probes.ReasonJSONMismatch, ""},
		{preset.Dex, "components", "/healthz/ready?type=short", fixture{200, "dex-bare.json"}, nil, "", "storage"},
		{preset.Hydra, "health", "/health/ready", fixture{200, "hydra-up.json"}, nil, "", ""},
		{preset.Hydra, "health", "/health/ready", fixture{503, "hydra-down.json"}, []string{"database", "ready"}, probes.ReasonJSONMismatch, ""},
		{preset.Hydra, "health", "/health/ready", fixture{503, "hydra-migrations.json"}, []string{"migrations", "ready"}, probes.ReasonJSONMismatch, ""},
		{preset.Hydra, "live", "/health/alive", fixture{200, "hydra-up.json"}, nil, "", ""},
		{preset.Authentik, "health", "/-/health/ready/", fixture{200, ""}, nil, "", ""},
		{preset.Authentik, "health", "/-/health/ready/", fixture{204, ""}, nil, "", ""},
		{preset.Authentik, "health", "/-/health/ready/", fixture{503, ""}, nil, probes.ReasonHTTPStatus, ""},
		{preset.Authentik, "live", "/-/health/live/", fixture{302, ""}, nil, probes.ReasonHTTPStatus, ""},
		{preset.ZITADEL, "health", "/debug/ready", fixture{200, "zitadel-up.json"}, nil, "", ""},
		{preset.ZITADEL, "health", "/debug/ready", fixture{412, "zitadel-down.txt"}, []string{"database"}, probes.ReasonJSONMismatch, ""},
		{preset.ZITADEL, "live", "/debug/healthz", fixture{200, "zitadel-up.json"}, nil, "", ""},
		{preset.Auth0, "test", "/test", fixture{200, "auth0-test.json"}, nil, "", ""},
		{preset.Auth0, "status", "/feed?domain=acme.eu.auth0.com", fixture{200, "auth0-status-quiet.xml"}, nil, "", ""},
		{preset.Auth0, "status", "/feed?domain=acme.eu.auth0.com", fixture{200, "auth0-status-open.xml"}, nil, probes.ReasonBodyMismatch, ""},
		{preset.Auth0, "status", "/feed?domain=acme.eu.auth0.com", fixture{200, "auth0-test.json"}, nil, probes.ReasonBodyMismatch, ""},
	} {
		t.Run(tt.preset+" "+tt.probe+" "+tt.fixture.file+http.StatusText(tt.fixture.status), func(t *testing.T) {
			t.Parallel()
			s := fixtureServer(t, map[string]fixture{tt.path: tt.fixture})
			settings := "without: login"
			switch tt.preset {
			case preset.Auth0:
				settings += ", tenant: acme.eu.auth0.com"
			case preset.Generic, preset.Auth0Appliance:
			default:
				settings += `, health_url: "` + s.URL + `"`
			}
			text := `providers: [{name: p, issuer: "` + s.URL + `", preset: ` + tt.preset + `, preset_settings: {` + settings + "}}]\n"
			printed, _, err := config.ExpandedText([]byte(text), "c.yml", app.NewKinds())
			require.NoError(t, err)
			// What is told elsewhere is told by the fixture.
			c, err := config.Parse([]byte(strings.ReplaceAll(string(printed), "https://status.auth0.com", s.URL)), "expanded.yml", app.NewKinds())
			require.NoError(t, err)
			r := runOnce(t, c, "p-"+tt.probe, "")
			require.Equal(t, tt.reason, r.Reason, r.Detail)
			require.Equal(t, tt.reason == "", r.Outcome == probes.Pass, r.Detail)
			var untold []string
			for _, u := range r.Unverified {
				name, _, _ := strings.Cut(u, ": the answer does not tell")
				untold = append(untold, name)
			}
			require.Equal(t, tt.untold, strings.Join(untold, ", "))
			var failed []string
			for _, a := range r.Assertions {
				require.NotContains(t, untold, a.Name)
				if !a.Pass {
					failed = append(failed, a.Name)
				}
			}
			require.Equal(t, tt.fails, failed)
		})
	}
}

// TestKeycloakNodesAreAskedOneByOne has {node} in the place of the host: each
// node's own management port is asked, by HTTPS under the name that the
// certificate is made out to, those that are found included, and each is told by
// itself.
func TestKeycloakNodesAreAskedOneByOne(t *testing.T) {
	t.Parallel()
	ca := fetchtest.NewCA(t)
	var ill atomic.Bool
	s := fetchtest.Server(t, ca.Issue(t, time.Now().Add(time.Hour), "login.example.test"), http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !strings.HasPrefix(r.Host, "login.example.test:") {
			t.Errorf("asked as %s", r.Host)
		}
		if ill.Load() {
			w.WriteHeader(http.StatusServiceUnavailable)
			_, _ = w.Write([]byte(`{"status":"DOWN","checks":[{"name":"Keycloak cluster health check","status":"DOWN"}]}`))
			return
		}
		_, _ = w.Write([]byte(`{"status":"UP","checks":[]}`))
	}))
	port := s.URL[strings.LastIndex(s.URL, ":"):]
	file := func(nodes string) string {
		return `providers:
  - name: kc
    issuer: https://login.example.test/realms/acme
    tls: {ca_file: "` + ca.File + `"}
    ` + nodes + `
    preset: keycloak
    preset_settings: {health_url: "https://{node}` + port + `", without: login}
`
	}
	c, err := config.Parse([]byte(file(`nodes: [{name: n1, address: "127.0.0.1:8443"}, {name: n2, address: "[::1]:8443"}]`)), "c.yml", app.NewKinds())
	require.NoError(t, err)
	r := runOnce(t, c, "kc-health", "n1")
	require.Equal(t, probes.Pass, r.Outcome, r.Detail)
	require.Equal(t, probes.ReasonConnect, runOnce(t, c, "kc-health", "n2").Reason, "nothing listens at that address")
	ill.Store(true)
	r = runOnce(t, c, "kc-health", "n1")
	require.Equal(t, probes.Fail, r.Outcome)
	require.Contains(t, r.Detail, "cluster")
	ill.Store(false)

	// One node needs no --node, and one that is found is as good.
	c, err = config.Parse([]byte(file(`nodes: [{name: n1, address: "127.0.0.1:8443"}]`)), "c.yml", app.NewKinds())
	require.NoError(t, err)
	require.Equal(t, probes.Pass, runOnce(t, c, "kc-health", "").Outcome)
	dir := t.TempDir()
	writeFile(t, dir, "nodes.yml", `[{targets: ["127.0.0.1:8443"]}]`)
	c, err = config.Load(writeFile(t, dir, "c.yml", file("discover: {file: nodes.yml}")), app.NewKinds())
	require.NoError(t, err)
	require.Equal(t, probes.Pass, runOnce(t, c, "kc-live", "127.0.0.1:8443").Outcome)
}

// TestThePageOfPresetsNamesAll compares the page with the presets.
func TestThePageOfPresetsNamesAll(t *testing.T) {
	t.Parallel()
	content, err := os.ReadFile("../docs/presets.md")
	require.NoError(t, err)
	page := string(content)
	for _, name := range preset.Names() {
		require.Contains(t, page, "| `"+name+"` |", "a row of %s", name)
		require.FileExists(t, "../examples/presets/"+name+".yml")
		for _, s := range preset.Settings(name) {
			require.Contains(t, page, "`"+s.Name+"`")
		}
		c, err := os.ReadFile("../internal/config/testdata/preset-" + name + ".yml")
		require.NoError(t, err)
		for _, m := range regexp.MustCompile(`(?m)^  - name: [a-z]+?-([a-z-]+?)\n`).FindAllStringSubmatch(string(c), -1) {
			require.Contains(t, page, "| `"+m[1]+"` |", "a row of the probe %s of %s", m[1], name)
		}
	}
}

func TestPrintExpandedTellsMistakesApart(t *testing.T) {
	t.Parallel()
	file := writeFile(t, t.TempDir(), "c.yml", "providers:\n  - {issuer: \"https://login.example.com/\", preset: okta}\n  - issuer: CHANGE_ME # your own\n    name: b\n")
	out, stderr, code := command(t, "check-config", "--print-expanded", file)
	require.Equal(t, 1, code)
	require.Empty(t, out, "what is printed is a configuration or nothing")
	require.Equal(t, file+`:2:52: "okta" is not a preset; use one of `+strings.Join(preset.Names(), ", ")+"\n"+
		file+":3:13: fill in issuer, your own; CHANGE_ME marks what only you know\n", stderr)

	file = writeFile(t, t.TempDir(), "c.yml", "providers: [{issuer: \"https://login.example.com/\", preset: generic}]\n")
	out, stderr, code = command(t, "check-config", "--print-expanded", file)
	require.Equal(t, 0, code)
	require.Contains(t, out, "- name: login.example.com-discovery")
	require.Contains(t, stderr, "preset generic leaves out login; add to preset_settings client_id:")
	require.Contains(t, stderr, "(warning)")
}
