package web

import (
	"context"
	"encoding/base64"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/crypto/bcrypt"

	"github.com/idp-exporter/idp_exporter/internal/state"
	"github.com/idp-exporter/idp_exporter/internal/web/access"
	"github.com/idp-exporter/idp_exporter/probes"
)

// scopeOf is written by hand, so that a route whose scope changes by mistake shows.
var scopeOf = map[string]access.Scope{
	"/metrics": access.Metrics, "/testall": access.Testall, "/test": access.Testall,
	"/-/healthy": access.Public, "/-/ready": access.Public, "/-/reload": access.Admin,
	"/probe": access.Probe, "/api/v1/probes": access.Page, "/api/v1/results": access.Page, "/": access.Page,
	"/-/drain": access.Admin, "/-/windows": access.Admin, "/-/windows/": access.Admin, "/api/v1/windows": access.Page,
	"/api/v1/alarms": access.Page, "/bridge/alertmanager": access.Bridge,
	"/-/bridges/": access.Admin, "/-/dead-letters/": access.Admin, "/-/dead-letters/replay": access.Admin,
	"/demo": access.Admin, "/demo/": access.Admin,
}

// healthPaths are written by hand too: what the health listener serves, and of
// it what needs no credential elsewhere.
var healthPaths = map[string]bool{"/test": false, "/testall": false, "/-/healthy": true, "/-/ready": true}

// request is one that a route lets a credential do, and how it answers.
type request struct {
	url, body string
	code      int
}

func requestOf(r Route) request {
	switch r.Path {
	case "/probe":
		return request{"/probe?probe=login", "", http.StatusOK}
	case "/demo/":
		return request{"/demo/crm-down/on", "", http.StatusOK}
	case "/-/drain":
		return request{"/-/drain?node=n1", "", http.StatusOK}
	case "/bridge/alertmanager":
		return request{r.Path, `{"version": "4", "alerts": []}`, http.StatusOK}
	case "/-/bridges/":
		return request{"/-/bridges/noc/test", "", http.StatusOK}
	case "/-/dead-letters/":
		return request{"/-/dead-letters/5-abc/replay", "", http.StatusOK}
	case "/-/windows":
		return request{"/-/windows", `{"for": "1h"}`, http.StatusCreated}
	case "/-/windows/":
		return request{"/-/windows/none", "", http.StatusNotFound}
	}
	return request{r.Path, "", http.StatusOK}
}

// everyMethod is every method, and one that is none.
var everyMethod = []string{"GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "MADEUP"}

// everyRoute are options that bring every route there is.
func everyRoute(t *testing.T) Options {
	o := options()
	o.Switches = &fakeSwitches{on: map[string]bool{}}
	o.Maintenance = newBook(t, &fakeStore{})
	o.Alarms = someAlarms()
	return o
}

type credential struct {
	name   string
	header []string
	scope  access.Scope // 0 for one that is not valid
	all    bool
}

func basic(user, password string) string {
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(user+":"+password))
}

// everyCredential configures one credential of every kind and scope.
func everyCredential(t *testing.T) (*access.Config, []credential) {
	c := &access.Config{GuessLimit: new(0), RateLimit: access.RateLimit{PerSecond: new(0.0)}}
	var list []credential
	for _, scope := range access.Scopes() {
		token, e := tokenFor(t, scope.String())
		c.Tokens = append(c.Tokens, e)
		list = append(list,
			credential{"bearer " + scope.String(), []string{"Authorization", "Bearer " + token}, scope, false},
			credential{"lower-case bearer " + scope.String(), []string{"Authorization", "bearer " + token}, scope, false},
			credential{"API key " + scope.String(), []string{"X-API-Key", token}, scope, false},
			credential{"Basic password " + scope.String(), []string{"Authorization", basic("anybody", token)}, scope, false},
			credential{"wrong scheme " + scope.String(), []string{"Authorization", "Token " + token}, 0, false},
			credential{"shortened " + scope.String(), []string{"Authorization", "Bearer " + token[:len(token)-1]}, 0, false},
		)
		hash, err := bcrypt.GenerateFromPassword([]byte("pass "+scope.String()), bcrypt.MinCost)
		require.NoError(t, err)
		user := "user-" + scope.String()
		c.Users = append(c.Users,
			access.User{Name: user, Hashes: []access.Hash{{Hash: string(hash)}, {Hash: access.HashToken("second " + scope.String())}}, Scopes: []string{scope.String()}})
		list = append(list,
			credential{"bcrypt user " + scope.String(), []string{"Authorization", basic(user, "pass "+scope.String())}, scope, false},
			credential{"sha256 user " + scope.String(), []string{"Authorization", basic(user, "second "+scope.String())}, scope, false},
			credential{"foreign password " + scope.String(), []string{"Authorization", basic(user, "pass of another")}, 0, false},
			credential{"password as bearer " + scope.String(), []string{"Authorization", "Bearer pass " + scope.String()}, 0, false},
		)
	}
	token, e := tokenFor(t, access.All)
	c.Tokens = append(c.Tokens, e)
	return c, append(list,
		credential{"bearer all", []string{"Authorization", "Bearer " + token}, 0, true},
		credential{"none", nil, 0, false},
		credential{"empty bearer", []string{"Authorization", "Bearer "}, 0, false},
		credential{"broken Basic", []string{"Authorization", "Basic !!!"}, 0, false},
		credential{"empty Basic", []string{"Authorization", basic("", "")}, 0, false},
		credential{"unknown user", []string{"Authorization", basic("nobody", "secret")}, 0, false},
		credential{"the hash itself", []string{"Authorization", "Bearer " + e.Hash}, 0, false},
		credential{"huge", []string{"Authorization", "Bearer " + strings.Repeat("x", 8000)}, 0, false},
	)
}

func TestEveryRouteWithEveryCredential(t *testing.T) {
	t.Parallel()
	config, credentials := everyCredential(t)
	o := everyRoute(t)
	o.Access = config
	s := start(t, o)
	routes := s.Routes()
	require.Len(t, routes, len(scopeOf))
	for _, r := range routes {
		require.Equal(t, scopeOf[r.Path], r.Scope, r.Path)
		require.NotZero(t, r.Scope, r.Path)
		for _, c := range credentials {
			ask := requestOf(r)
			got := s.send(t, r.Methods[0], ask.url, ask.body, c.header...)
			want := ask.code
			switch {
			case r.Scope == access.Public, c.all, c.scope == r.Scope:
			case c.scope != 0:
				want = http.StatusForbidden
			default:
				want = http.StatusUnauthorized
			}
			at := fmt.Sprintf("%s with %s: %s", r.Path, c.name, got.body)
			require.Equal(t, want, got.code, at)
			require.Equal(t, "nosniff", got.header.Get("X-Content-Type-Options"), at)
			require.Equal(t, "no-store", got.header.Get("Cache-Control"), at)
			if want == http.StatusUnauthorized {
				challenges := got.header.Values("WWW-Authenticate")
				require.Len(t, challenges, 2, at)
				require.True(t, strings.HasPrefix(challenges[0], "Bearer ") && strings.HasPrefix(challenges[1], "Basic "), at)
			}
		}
	}
	for _, path := range []string{"/nothing", "/metrics/", "//metrics", "/debug/pprof/", "/api/v1/", "/-/", "/status/cpu"} {
		require.Equal(t, http.StatusUnauthorized, s.get(t, path).code, path)
		require.Equal(t, http.StatusNotFound, s.get(t, path, credentials[0].header...).code, path)
	}
}

func TestMethods(t *testing.T) {
	t.Parallel()
	config, bearer := withToken(t, access.All)
	o := everyRoute(t)
	o.Access = config
	s := start(t, o)
	for _, r := range s.Routes() {
		ask := requestOf(r)
		for _, m := range everyMethod {
			allowed := false
			for _, a := range r.Methods {
				allowed = allowed || a == m
			}
			got := s.send(t, m, ask.url, ask.body, "Authorization", bearer)
			at := m + " " + r.Path
			if !allowed {
				require.Equal(t, http.StatusMethodNotAllowed, got.code, at)
				require.Equal(t, strings.Join(r.Methods, ", "), got.header.Get("Allow"), at)
				if r.Scope != access.Public {
					require.Equal(t, http.StatusUnauthorized, s.do(t, m, ask.url).code, at)
				}
				continue
			}
			require.Equal(t, ask.code, got.code, at)
			if m == http.MethodHead {
				require.Empty(t, got.body, at)
			}
		}
	}
}

func TestWithoutAccessSection(t *testing.T) {
	t.Parallel()
	s := start(t, everyRoute(t))
	local := access.LocalScopes()
	for _, r := range s.Routes() {
		want := http.StatusForbidden
		if local.Has(r.Scope) {
			want = requestOf(r).code
		}
		got := s.do(t, r.Methods[0], requestOf(r).url)
		require.Equal(t, want, got.code, r.Path)
		if want == http.StatusForbidden {
			require.Contains(t, got.body, "no access section", r.Path)
		}
		for _, host := range []string{"localhost", "LOCALHOST:80", "localhost.", "127.0.0.1:9110", "[::1]:9110", "[::1]", "127.0.0.2"} {
			require.Equal(t, want, s.do(t, r.Methods[0], requestOf(r).url, "Host", host).code, "%s Host %s", r.Path, host)
		}
		for _, host := range []string{"evil.example", "localhost.evil.example", "127.0.0.1.evil.example", "10.0.0.1", "127.0.0.1@evil.example", "0.0.0.0"} {
			got := s.do(t, r.Methods[0], requestOf(r).url, "Host", host)
			if r.Scope == access.Public {
				require.Equal(t, http.StatusOK, got.code, r.Path)
				continue
			}
			require.Equal(t, http.StatusForbidden, got.code, "%s Host %s", r.Path, host)
			require.NotContains(t, got.body, "login")
		}
	}
	// Nobody's credential means anything here; whoever may see the page may see
	// the details.
	for _, credential := range [][]string{nil, {"Authorization", "Bearer x"}} {
		require.Equal(t, "OK", s.get(t, "/testall", credential...).body)
		require.Contains(t, s.get(t, "/testall?verbose", credential...).body, "login")
		require.Contains(t, s.get(t, "/testall", append(credential, "Accept", "application/json")...).body, `"probe": "login"`)
		require.Equal(t, http.StatusOK, s.get(t, "/testall?probe=login", credential...).code)
	}
}

// Without a credential nothing but health is reached, by the router's own list:
// every route, spelled in many ways, with every method. And nothing happens.
func TestNothingButHealthWithoutCredential(t *testing.T) {
	t.Parallel()
	config, _ := withToken(t, access.All)
	o := everyRoute(t)
	o.Access, o.HealthAddresses = config, []string{"127.0.0.1:0"}
	did, alarms := &auditTrail{}, someAlarms()
	o.Alarms = alarms
	o.Audit = did
	o.Reload = func(context.Context) error { t.Error("reloaded"); return nil }
	o.Runner = fakeRunner(func(context.Context, state.Key) (probes.Result, error) { t.Error("run"); return probes.Result{}, nil })
	o.Metrics = http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("scraped") })
	s := start(t, o)
	health := s.health()
	served := map[string]bool{}
	for _, r := range s.Routes() {
		open, onHealth := healthPaths[r.Path]
		served[r.Path] = true
		require.Equal(t, open, r.Scope == access.Public, r.Path)
		require.Equal(t, onHealth, r.Health, r.Path)
		require.Equal(t, onHealth && !open, r.Open != "", r.Path)
		ask := requestOf(r)
		for _, m := range everyMethod {
			for _, path := range []string{ask.url, r.Path, r.Path + "/", r.Path + "/x", r.Path + "%2f", "/" + r.Path, "/." + r.Path, r.Path + "/..",
				"/x/.." + r.Path, strings.ToUpper(r.Path), r.Path + ";x", r.Path + "%00", r.Path + "?access_token=x", "/-/healthy/.." + r.Path} {
				got := s.send(t, m, path, ask.body)
				if path == r.Path && open {
					require.Contains(t, []int{http.StatusOK, http.StatusMethodNotAllowed}, got.code, "%s %s", m, path)
					continue
				}
				if clean, _, _ := strings.Cut(path, "?"); healthPaths[clean] {
					continue // upper case of "/", and the like
				}
				require.Equal(t, http.StatusUnauthorized, got.code, "%s %s: %s", m, path, got.body)
			}
			got := health.send(t, m, ask.url, ask.body)
			if !onHealth {
				require.Equal(t, http.StatusNotFound, got.code, "%s %s on the health listener", m, ask.url)
			}
		}
	}
	for path := range healthPaths {
		require.True(t, served[path], path)
	}
	require.Empty(t, s.options.Maintenance.Drains())
	require.Empty(t, s.options.Maintenance.Windows())
	require.False(t, s.options.Switches.List()[0].On)
	require.Empty(t, did.admin())
	require.Empty(t, alarms.did)
	require.Empty(t, alarms.bodies)
}

func TestZeroScopeIsClosed(t *testing.T) {
	t.Parallel()
	config, bearer := withToken(t, access.All)
	o := options()
	o.Access = config
	s := start(t, o, func(s *Server) {
		s.table.add(0, "/forgotten", read, s.healthy)
	})
	require.Equal(t, http.StatusUnauthorized, s.get(t, "/forgotten").code)
	require.Equal(t, http.StatusForbidden, s.get(t, "/forgotten", "Authorization", bearer).code)
	require.NoError(t, s.SetAccess(nil))
	require.Equal(t, http.StatusForbidden, s.get(t, "/forgotten").code)
}
