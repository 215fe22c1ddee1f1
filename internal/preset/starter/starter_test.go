package starter

import (
	"context"
	"encoding/pem"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/idp-exporter/idp_exporter/internal/app"
	"github.com/idp-exporter/idp_exporter/internal/config"
	"github.com/idp-exporter/idp_exporter/internal/config/strict"
	"github.com/idp-exporter/idp_exporter/internal/preset"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// answers are those of a server, by path; * is any other.
type answers map[string]func(http.ResponseWriter, *http.Request)

func says(status int, body string) func(http.ResponseWriter, *http.Request) {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}
}

// leads redirects to a path, or a URL.
func leads(to string) func(http.ResponseWriter, *http.Request) {
	return func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, to, http.StatusFound) }
}

// document serves the fixture of a provider whose issuer is below the server.
func document(name, path string) func(http.ResponseWriter, *http.Request) {
	return func(w http.ResponseWriter, r *http.Request) {
		content, err := os.ReadFile("../testdata/discovery/" + name + ".json")
		if err != nil {
			panic(err)
		}
		origin := "http://" + r.Host
		if r.TLS != nil {
			origin = "https://" + r.Host
		}
		_, _ = io.WriteString(w, strings.NewReplacer("ISSUER", origin+path, "ORIGIN", origin).Replace(string(content)))
	}
}

func (a answers) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	answer, known := a[r.URL.Path]
	if !known {
		answer, known = a["*"]
	}
	if !known {
		answer = says(http.StatusNotFound, "not found")
	}
	answer(w, r)
}

func serve(t *testing.T, a answers) *httptest.Server {
	t.Helper()
	s := httptest.NewServer(a)
	t.Cleanup(s.Close)
	return s
}

const wk = preset.WellKnown

func TestStarters(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		answers answers
		path    string
		force   string // a preset
		preset  string
		holds   []string
		marks   []string // the keys to be filled in
	}{
		"keycloak": {answers{"/realms/acme" + wk: document("keycloak", "/realms/acme")}, "/realms/acme", "", preset.Keycloak,
			nil, []string{"client_id", "client_secret_file", "health_url", "password_file", "username"}},
		"keycloak with health": {answers{"/realms/acme" + wk: document("keycloak", "/realms/acme"), "/health/ready": says(503, `{"status":"DOWN","checks":[]}`)}, "/realms/acme", "", preset.Keycloak,
			[]string{"health_url: ORIGIN # answers;"}, []string{"client_id", "client_secret_file", "password_file", "username"}},
		"auth0": {answers{wk: document("auth0", "")}, "/", "", preset.Auth0,
			[]string{"client_auth: post", "issuer: ORIGIN/\n"}, []string{"client_id", "client_secret_file", "password_file", "tenant", "username"}},
		"appliance": {answers{wk: document("auth0", ""), "/testall": says(200, "OK")}, "", "", preset.Auth0Appliance,
			[]string{"/mfa/challenge, and the answer of ORIGIN/testall"}, []string{"address", "client_id", "client_secret_file", "key_file", "name", "password_file", "username"}},
		"dex": {answers{"/dex" + wk: document("dex", "/dex")}, "/dex/", "", preset.Dex,
			[]string{"issuer: ORIGIN/dex\n"}, []string{"client_id", "client_secret_file", "password_file", "username"}},
		"hydra": {answers{wk: document("hydra", ""), "/health/ready": says(200, `{"status":"ok"}`)}, "", "", preset.Hydra,
			[]string{"health_url: ORIGIN # answers;"}, []string{"client_id", "client_secret_file", "password_file", "username"}},
		"hydra behind a page": {answers{wk: document("hydra", ""), "*": says(200, `<html>`)}, "", "", preset.Hydra,
			nil, []string{"client_id", "client_secret_file", "health_url", "password_file", "username"}},
		"authentik": {answers{"/application/o/app/" + wk[1:]: document("authentik", "/application/o/app"), "/-/health/live/": says(204, "")}, "/application/o/app/", "", preset.Authentik,
			[]string{"health_url: ORIGIN # answers;"}, []string{"client_id", "client_secret_file", "password_file", "username"}},
		"zitadel": {answers{wk: document("zitadel", ""), "/debug/healthz": says(200, "ok")}, "", "", preset.ZITADEL,
			[]string{"health_url: ORIGIN # answers;"}, []string{"client_id", "client_secret_file", "password_file", "username"}},
		"by its health alone": {answers{wk: says(200, `{"issuer":"ORIGIN","authorization_endpoint":"ORIGIN/a","token_endpoint":"ORIGIN/t","jwks_uri":"https://keys.example/"}`), "/healthz": says(200, "Health check passed\n")}, "", "", preset.Dex,
			[]string{"(the answer of ORIGIN/healthz)", "allowed_origins: https://keys.example # found in the document, please confirm"}, []string{"client_id", "client_secret_file", "password_file", "username"}},
		"any": {answers{wk: says(200, `{"issuer":"ORIGIN","authorization_endpoint":"ORIGIN/a","token_endpoint":"ORIGIN/t","jwks_uri":"ORIGIN/k","token_endpoint_auth_methods_supported":["client_secret_post"]}`), "*": says(200, "hello")}, wk, "", preset.Generic,
			[]string{"name: provider # the beginning", "client_auth: post"}, []string{"client_id", "client_secret_file", "password_file", "username"}},
		"as told": {answers{wk: document("dex", ""), "/healthz": says(200, "Health check passed")}, "", preset.Generic, preset.Generic,
			[]string{"(named by --preset)"}, []string{"client_id", "client_secret_file", "password_file", "username"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var s *httptest.Server
			s = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				rec := httptest.NewRecorder()
				tt.answers.ServeHTTP(rec, r)
				w.WriteHeader(rec.Code)
				_, _ = io.WriteString(w, strings.ReplaceAll(rec.Body.String(), "ORIGIN", s.URL))
			}))
			t.Cleanup(s.Close)
			got, err := Look(t.Context(), Options{Issuer: s.URL + tt.path, Preset: tt.force, Patience: 30 * time.Second})
			require.NoError(t, err)
			require.Equal(t, tt.preset, got.Preset)
			text := string(got.Text)
			for _, want := range tt.holds {
				require.Contains(t, text, strings.ReplaceAll(want, "ORIGIN", s.URL))
			}
			require.Equal(t, tt.marks, marks(t, text))
			filled(t, text)
		})
	}
}

// marks lists what the loader says is to be filled in, and makes sure that it
// says nothing else, and each by its line.
func marks(t *testing.T, text string) []string {
	t.Helper()
	_, err := config.Parse([]byte(text), "f.yml", app.NewKinds())
	var problems strict.Problems
	require.ErrorAs(t, err, &problems, text)
	var keys []string
	lines := strings.Split(text, "\n")
	for _, p := range problems {
		rest, is := strings.CutPrefix(p.Message, "fill in ")
		require.True(t, is, p)
		key, about, found := strings.Cut(rest, ", ")
		require.True(t, found, "it is said what it is: %s", p)
		require.NotEmpty(t, about)
		require.Contains(t, lines[p.Line-1], key+": "+strict.Unknown)
		keys = append(keys, key)
	}
	require.Len(t, keys, strings.Count(text, ": "+strict.Unknown))
	for i := 1; i < len(keys); i++ { // several lists of keys, each sorted
		for j := i; j > 0 && keys[j] < keys[j-1]; j-- {
			keys[j], keys[j-1] = keys[j-1], keys[j]
		}
	}
	return keys
}

// filled fills the marks in, as an owner would, and checks that the file is good.
func filled(t *testing.T, text string) {
	t.Helper()
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "secret"), []byte("s\n"), 0o600))
	var lines []string
	for line := range strings.Lines(text) {
		key, _, _ := strings.Cut(strings.TrimLeft(line, " -"), ":")
		value := "x1"
		switch {
		case strings.HasSuffix(key, "_file"):
			value = "secret"
		case key == "health_url":
			value = "http://10.0.0.1:9000"
		case key == "address":
			value = "10.0.0.1"
		}
		lines = append(lines, strings.Replace(line, ": "+strict.Unknown, ": "+value, 1))
	}
	file := filepath.Join(dir, "c.yml")
	require.NoError(t, os.WriteFile(file, []byte(strings.Join(lines, "")), 0o600))
	c, err := config.Load(file, app.NewKinds())
	require.NoError(t, err, text)
	for _, w := range c.Warnings { // Dex's telemetry is optional, and not among them
		t.Error(w)
	}
	require.True(t, hasLogin(c), "with its credentials there is a login")
}

func hasLogin(c *config.Config) bool {
	for _, p := range c.Probes {
		if p.Kind.Name == "login" {
			return true
		}
	}
	return false
}

func TestErrorsNameTheRemedy(t *testing.T) {
	t.Parallel()
	none := serve(t, answers{})
	large := serve(t, answers{"*": says(200, `{"issuer":"`+strings.Repeat("x", 2<<20)+`"}`)})
	keycloak := serve(t, answers{"/realms/master" + wk: document("keycloak", "/realms/master"), "/realms/none" + wk: says(404, `{"error":"Realm does not exist"}`)})
	old := serve(t, answers{"/auth/realms/master" + wk: document("keycloak", "/auth/realms/master")})
	dex := serve(t, answers{"/dex" + wk: document("dex", "/dex")})
	elsewhere := serve(t, answers{wk: says(200, `{"issuer":"https://public.example/$(x)","authorization_endpoint":"https://a/a","token_endpoint":"https://a/t","jwks_uri":"https://a/k"}`)})
	portal := serve(t, answers{"/p" + wk: leads("/login?back=secret"), "/q" + wk: leads("https://new.example/q" + wk), "/page" + wk: says(200, "<html>"), "/401" + wk: says(401, ""), "/403" + wk: says(403, ""),
		"/429" + wk: says(429, ""), "/503" + wk: says(503, ""), "/empty" + wk: says(200, "{}"), "/204" + wk: says(204, "")})
	secure := httptest.NewTLSServer(answers{wk: document("hydra", "")})
	t.Cleanup(secure.Close)
	secure.Config.ErrorLog = nil
	gone := httptest.NewServer(answers{})
	gone.Close()
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = silent.Close() })

	for name, tt := range map[string]struct {
		issuer string
		wants  []string
	}{
		"no scheme":             {"login.example.com/x", []string{"has no https:// in front; try idp_exporter init https://login.example.com/x"}},
		"another scheme":        {"ldap://login.example.com", []string{"try idp_exporter init https://login.example.com"}},
		"host and port":         {"127.0.0.1:9111", []string{"has no https:// in front; try idp_exporter init https://127.0.0.1:9111"}},
		"nothing":               {"", []string{"is not an issuer; write the URL"}},
		"no host":               {"https:///x", []string{"is not an issuer; write the URL under which /.well-known/openid-configuration is found"}},
		"a query":               {"https://a.example/x?y=1", []string{"has no user, query or fragment", "https://a.example/x"}},
		"a password":            {"https://u:canary-pw@a.example/x", []string{"has no user"}},
		"nothing there":         {none.URL, []string{"no discovery document at " + none.URL + wk + " (404)", "Keycloak's ends in /realms/REALM"}},
		"not running":           {gone.URL, []string{"is the provider running, and is " + gone.URL + " its host and port?"}},
		"no such name":          {"https://login.invalid/", []string{"check how login.invalid is spelled, and the DNS of this machine"}},
		"https, speaks http":    {strings.Replace(dex.URL, "http:", "https:", 1) + "/dex", []string{"there is one of the issuer \"" + dex.URL + "/dex\"; try idp_exporter init " + dex.URL + "/dex"}},
		"own authority":         {secure.URL, []string{"where its authority is your own, name it with --ca-file"}},
		"keycloak, no realm":    {keycloak.URL, []string{"this is a Keycloak: name the realm, as in idp_exporter init " + keycloak.URL + "/realms/REALM"}},
		"keycloak, wrong realm": {keycloak.URL + "/realms/none", []string{"Keycloak has no realm of this name", "capital letters count"}},
		"keycloak, no answer":   {keycloak.URL + "/realms/other", []string{"this is a Keycloak"}},
		"keycloak of old":       {old.URL + "/realms/acme", []string{"init " + old.URL + "/auth/realms/REALM"}},
		"a path is missing":     {dex.URL, []string{"try idp_exporter init " + dex.URL + "/dex"}},
		"a path too much":       {serve(t, answers{wk: document("zitadel", "")}).URL + "/oauth", []string{"there is one of the issuer"}},
		"known by another name": {elsewhere.URL, []string{"says that the issuer is", "try idp_exporter init 'https://public.example/$(x)'", "mend the public name"}},
		"a portal":              {portal.URL + "/p", []string{"redirects (302) to \"" + portal.URL + "/login\", which is no discovery document"}},
		"moved":                 {portal.URL + "/q", []string{"programs do not follow; try idp_exporter init https://new.example/q"}},
		"a page":                {portal.URL + "/page", []string{"not a discovery document: not a JSON object; is the path right?"}},
		"not that":              {portal.URL + "/empty", []string{"it has no issuer that is a URL"}},
		"a credential":          {portal.URL + "/401", []string{"asks for a credential (401); discovery is public"}},
		"forbidden":             {portal.URL + "/403", []string{"asks for a credential (403)"}},
		"too often":             {portal.URL + "/429", []string{"wait a minute and try again"}},
		"ill":                   {portal.URL + "/503", []string{"is there but ill (503)"}},
		"empty":                 {portal.URL + "/204", []string{"no discovery document at", "(204)"}},
		"endless":               {large.URL, []string{"larger than 1048576 bytes; no provider's document is that large"}},
		"silent":                {"http://" + silent.Addr().String(), []string{"is there a firewall between here and", "--timeout"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := Options{Issuer: tt.issuer, Patience: 30 * time.Second}
			ctx := t.Context()
			if name == "silent" {
				var cancel func()
				ctx, cancel = context.WithTimeout(ctx, time.Second)
				defer cancel()
			}
			_, err := Look(ctx, o)
			require.Error(t, err)
			for _, want := range tt.wants {
				require.ErrorContains(t, err, want)
			}
			require.NotContains(t, err.Error(), "canary-pw")
			require.NotContains(t, err.Error(), "back=secret")
			require.NotContains(t, err.Error(), "\n")
		})
	}
	t.Run("http, speaks https", func(t *testing.T) {
		t.Parallel()
		// The certificate is not trusted, so that the other way cannot be offered...
		_, err := Look(t.Context(), Options{Issuer: strings.Replace(secure.URL, "https:", "http:", 1), Patience: 30 * time.Second})
		require.ErrorContains(t, err, "(400)")
		// ...until it is.
		ca := authority(t, secure)
		_, err = Look(t.Context(), Options{Issuer: strings.Replace(secure.URL, "https:", "http:", 1), CAFile: ca, Patience: 30 * time.Second})
		require.ErrorContains(t, err, "try idp_exporter init "+secure.URL)
		got, err := Look(t.Context(), Options{Issuer: secure.URL, CAFile: ca, Patience: 30 * time.Second})
		require.NoError(t, err)
		require.Equal(t, preset.Hydra, got.Preset)
		require.Contains(t, string(got.Text), "ca_file: "+ca)
		filled(t, string(got.Text))
	})
	_, err = Look(t.Context(), Options{Issuer: none.URL, Preset: "okta"})
	require.ErrorContains(t, err, "--preset: \"okta\" is not a preset; use one of auth0-appliance,")
	_, err = Look(t.Context(), Options{Issuer: none.URL, CAFile: "none.pem"})
	require.ErrorContains(t, err, "ca_file")
}

func authority(t *testing.T, s *httptest.Server) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "ca.pem")
	content := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw})
	require.NoError(t, os.WriteFile(file, content, 0o600))
	return file
}
