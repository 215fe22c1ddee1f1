package login

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/idp-exporter/idp_exporter/internal/secret"
	"github.com/idp-exporter/idp_exporter/probes"
)

// scripted is a provider whose every answer a test writes. Its token endpoint
// says invalid_request, so a run that ends there passed the callback.
type scripted struct {
	*httptest.Server
	mux      *http.ServeMux
	metadata map[string]any

	mu    sync.Mutex
	posts []string // bodies of POST requests
	seen  []string // request URIs
}

const canary = "canary-password-4711"

func script(t testing.TB, handlers map[string]http.HandlerFunc) *scripted {
	t.Helper()
	s := &scripted{mux: http.NewServeMux()}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_ = r.ParseForm()
		s.mu.Lock()
		s.seen = append(s.seen, r.RequestURI)
		if r.Method == http.MethodPost {
			s.posts = append(s.posts, r.PostForm.Encode())
		}
		s.mu.Unlock()
		s.mux.ServeHTTP(w, r)
	}))
	t.Cleanup(s.Close)
	s.metadata = map[string]any{
		"issuer": s.URL, "authorization_endpoint": s.URL + "/authorize", "token_endpoint": s.URL + "/token",
		"jwks_uri": s.URL + "/jwks", "userinfo_endpoint": s.URL + "/userinfo",
	}
	defaults := map[string]http.HandlerFunc{
		"/.well-known/openid-configuration": func(w http.ResponseWriter, _ *http.Request) { _ = json.NewEncoder(w).Encode(s.metadata) },
		"/jwks": func(w http.ResponseWriter, _ *http.Request) {
			_, _ = w.Write([]byte(`{"keys":[{"kty":"OKP","crv":"Ed25519","kid":"k","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}`))
		},
		"/token": oauthError(http.StatusBadRequest, "invalid_request", "reached"),
	}
	for path, h := range handlers {
		defaults[path] = h
	}
	for path, h := range defaults {
		s.mux.HandleFunc(path, h)
	}
	return s
}

func oauthError(status int, code, description string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		_ = json.NewEncoder(w).Encode(map[string]string{"error": code, "error_description": description})
	}
}

func markup(s string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = w.Write([]byte(s))
	}
}

func to(code int, where string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Location", where)
		w.WriteHeader(code)
	}
}

// backHome redirects to the callback with a good answer.
func backHome(w http.ResponseWriter, r *http.Request) {
	c, err := r.Cookie("state-cookie")
	if err != nil {
		http.Error(w, "no cookie", http.StatusBadRequest)
		return
	}
	w.Header().Set("Location", "http://127.0.0.1/callback?code=good-code-1234&state="+c.Value)
	w.WriteHeader(http.StatusFound)
}

// shows answers an authorization request with a page and remembers the state.
func shows(page string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		http.SetCookie(w, &http.Cookie{Name: "state-cookie", Value: r.FormValue("state"), Path: "/"})
		markup(page)(w, r)
	}
}

const plainLogin = `<title>Login</title><form method="post" action="/login"><input type="hidden" name="csrf" value="c"><input name="username"><input type="password" name="password"><button>Log in</button></form>`

func (s *scripted) login(t testing.TB, change func(*Options)) *Login {
	t.Helper()
	o := Defaults(NewAccounts())
	o.ClientID, o.Username, o.Password = "probe", "alice", secret.New(canary)
	o.Budget.PerMinute = 0
	if change != nil {
		change(&o)
	}
	p := &probes.Provider{Issuer: s.URL}
	for _, problem := range o.Check(probes.Setting{Provider: p}) {
		require.True(t, problem.Warning, "%s: %s", problem.Path, problem.Message)
	}
	l, err := New(o, probes.Target{Provider: p})
	require.NoError(t, err)
	return l
}

// got is what the provider received.
func (s *scripted) got() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return fmt.Sprint(strings.Join(s.seen, "\n"), strings.Join(s.posts, "\n"))
}
