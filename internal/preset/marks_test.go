package preset

import (
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// fixture is a discovery document of testdata for an issuer.
func fixture(t testing.TB, name, issuer string) []byte {
	t.Helper()
	content, err := os.ReadFile(filepath.Join("testdata", "discovery", name+".json"))
	require.NoError(t, err)
	return []byte(strings.NewReplacer("ISSUER", strings.TrimSuffix(issuer, "/"), "ORIGIN", originOf(issuer)).Replace(string(content)))
}

func TestRecognize(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ fixture, issuer, want string }{
		{Keycloak, "https://sso.example.com/realms/acme", Keycloak},
		{Keycloak, "https://sso.example.com/auth/realms/acme", Keycloak},
		{Keycloak, "https://sso.example.com/acme", Generic},
		{Auth0, "https://acme.eu.auth0.com/", Auth0},
		{Auth0, "https://login.example.com/", Auth0},
		{Dex, "https://dex.example.com/dex", Dex},
		{Dex, "https://dex.example.com", Dex},
		{Hydra, "https://id.example.com/", Hydra},
		{Authentik, "https://id.example.com/application/o/app/", Authentik},
		{ZITADEL, "https://id.example.com", ZITADEL},
	} {
		d, err := ParseDocument(fixture(t, tt.fixture, tt.issuer))
		require.NoError(t, err)
		require.Equal(t, strings.TrimSuffix(tt.issuer, "/"), strings.TrimSuffix(d.Issuer, "/"))
		name, mark := Recognize(d)
		require.Equal(t, tt.want, name, tt.issuer)
		require.Equal(t, tt.want == Generic, mark == "")
		require.Empty(t, d.Origins())
	}
	d, err := ParseDocument([]byte(`{"issuer":"https://a.example","authorization_endpoint":"https://login.a.example/auth","token_endpoint":"https://a.example/token","jwks_uri":"https://keys.a.example/"}`))
	require.NoError(t, err)
	require.Equal(t, []string{"https://login.a.example", "https://keys.a.example"}, d.Origins())
}

func TestParseDocumentRefusesWhatIsNone(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"":                            "not a JSON object",
		"null":                        "not a JSON object",
		"[]":                          "not a JSON object",
		"<html>":                      "not a JSON object",
		"{}":                          "no issuer",
		`{"issuer":7}`:                "no issuer",
		`{"issuer":"javascript:x"}`:   "no issuer",
		`{"issuer":"https://a\nb/"}`:  "no issuer",
		`{"issuer":"https://u:p@a/"}`: "no issuer",
		`{"issuer":"https://a/"}`:     "no jwks_uri",
		`{"issuer":"https://a/","jwks_uri":"https://a/k"}`:                                                            "nobody can sign in",
		`{"issuer":"https://a/","jwks_uri":"https://a/k","authorization_endpoint":[],"token_endpoint":"https://a/t"}`: "nobody can sign in",
		`{"issuer":"https://` + strings.Repeat("a", maxURL) + `/"}`:                                                   "no issuer",
	} {
		_, err := ParseDocument([]byte(text))
		require.ErrorIs(t, err, ErrNoDocument)
		require.ErrorContains(t, err, want, text)
	}
}

func TestHealthIsTold(t *testing.T) {
	t.Parallel()
	body := func(name string) []byte {
		content, err := os.ReadFile(filepath.Join("testdata", "health", name))
		require.NoError(t, err)
		return content
	}
	issuer, err := url.Parse("https://[2001:db8::1]/dex")
	require.NoError(t, err)
	for _, tt := range []struct {
		preset string
		i      int
		url    string
		status int
		body   []byte
		want   bool
	}{
		{Keycloak, 0, "https://[2001:db8::1]:9000/health/ready", 200, body("keycloak-up.json"), true},
		{Keycloak, 1, "http://[2001:db8::1]:9000/health/ready", 503, body("keycloak-down.json"), true},
		{Keycloak, 2, "https://[2001:db8::1]/health/ready", 200, body("keycloak-bare.json"), true},
		{Keycloak, 2, "https://[2001:db8::1]/health/ready", 200, body("hydra-up.json"), false},
		{Dex, 0, "http://[2001:db8::1]:5558/healthz/ready?type=short", 200, body("dex-up.json"), true},
		{Dex, 0, "http://[2001:db8::1]:5558/healthz/ready?type=short", 503, body("dex-down.json"), true},
		{Dex, 0, "http://[2001:db8::1]:5558/healthz/ready?type=short", 200, body("hydra-up.json"), false},
		{Dex, 0, "http://[2001:db8::1]:5558/healthz/ready?type=short", 200, []byte("{}"), false},
		{Hydra, 2, "https://[2001:db8::1]/health/ready", 200, body("hydra-up.json"), true},
		{Hydra, 2, "https://[2001:db8::1]/health/ready", 503, body("hydra-migrations.json"), true},
		{Hydra, 2, "https://[2001:db8::1]/health/ready", 200, body("keycloak-up.json"), false},
		{Authentik, 0, "https://[2001:db8::1]/-/health/live/", 204, nil, true},
		{Authentik, 0, "https://[2001:db8::1]/-/health/live/", 200, []byte("<html>"), false},
		{ZITADEL, 0, "https://[2001:db8::1]/debug/healthz", 200, []byte("ok"), true},
		{ZITADEL, 0, "https://[2001:db8::1]/debug/healthz", 404, []byte("ok"), false},
		{Auth0, 0, "https://[2001:db8::1]/testall", 200, []byte("OK"), true},
		{Auth0, 0, "https://[2001:db8::1]/testall", 200, []byte("FAIL"), false},
		{Generic, 0, "https://[2001:db8::1]/dex/healthz", 200, body("dex-healthz.txt"), true},
		{Generic, 1, "https://[2001:db8::1]/health/alive", 200, []byte(`{"status":"ok"}`), true},
	} {
		h := HealthOf(tt.preset, issuer)[tt.i]
		require.Equal(t, tt.url, h.URL)
		require.Equal(t, tt.want, h.Is(tt.status, tt.body), "%s %d %s", tt.url, tt.status, tt.body)
	}
	require.Empty(t, HealthOf("okta", issuer))
}

// FuzzParseDocument looks for documents that are taken and are none, and for
// texts in them that could leave their place.
func FuzzParseDocument(f *testing.F) {
	for _, name := range []string{Keycloak, Auth0, Dex, Hydra, Authentik, ZITADEL} {
		f.Add(fixture(f, name, "https://id.example.com/realms/x"))
	}
	f.Add([]byte(`{"issuer":"https://a/","jwks_uri":"https://a/k","authorization_endpoint":"http://[::1]:1/","token_endpoint":"https://a/t","token_endpoint_auth_methods_supported":{}}`))
	f.Fuzz(func(t *testing.T, content []byte) {
		d, err := ParseDocument(content)
		if err != nil {
			require.ErrorIs(t, err, ErrNoDocument)
			return
		}
		for _, text := range []string{d.Issuer, d.Authorization, d.Token, d.JWKS} {
			require.True(t, isPlainURL(text), "%q", text)
			require.NotContains(t, text, "\n")
		}
		name, _ := Recognize(d)
		require.Contains(t, Names(), name)
		require.LessOrEqual(t, len(d.Origins()), 3)
		u, err := url.Parse(d.Issuer)
		require.NoError(t, err)
		for _, h := range HealthOf(name, u) {
			require.True(t, isPlainURL(h.URL), "%q", h.URL)
			h.Is(200, content)
			h.Is(503, content)
		}
		_, problems := Expand(name, Provider{Name: "p", Issuer: u}, nil)
		for _, p := range problems {
			require.True(t, p.Warning, p.Message)
		}
	})
}
