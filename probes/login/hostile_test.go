package login

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/idp-exporter/idp_exporter/internal/secret"
	"github.com/idp-exporter/idp_exporter/probes"
)

type handlers = map[string]http.HandlerFunc

func TestPages(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name     string
		handlers handlers
		step     string
		reason   probes.Reason
		detail   string
	}{
		{"through", handlers{"/authorize": shows(plainLogin), "/login": backHome}, StepToken, probes.ReasonOAuthError, "reached"},
		{"consent of its own", handlers{"/authorize": shows(plainLogin), "/login": markup(hydraConsent), "/consent": backHome}, StepToken, probes.ReasonOAuthError, "reached"},
		{"two pages", handlers{
			"/authorize": shows(`<form method=post action=/password><input name=username autocomplete=username><button>Next</button></form>`),
			"/password":  markup(`<form method=post action=/login><input type=password name=password><button>Sign in</button></form>`), "/login": backHome,
		}, StepToken, probes.ReasonOAuthError, "reached"},
		{"automatic form", handlers{"/authorize": shows(plainLogin), "/login": markup(auth0Hidden), "/login/callback": backHome}, StepToken, probes.ReasonOAuthError, "reached"},
		{"307 keeps the password with the issuer", handlers{"/authorize": shows(plainLogin), "/login": to(307, "/login2"), "/login2": backHome}, StepToken, probes.ReasonOAuthError, "reached"},
		{"refused", handlers{"/authorize": shows(plainLogin), "/login": markup(keycloakRefused)}, StepCredentials, probes.ReasonCredentialsRefused, "Invalid username or password."},
		{"refused after a redirect", handlers{"/authorize": shows(plainLogin), "/login": to(303, "/authorize?state=x")}, StepCredentials, probes.ReasonCredentialsRefused, "came back"},
		{"unknown user on the first of two pages", handlers{"/authorize": shows(auth0Identifier)}, StepLoginPage, probes.ReasonCredentialsRefused, "came back"},
		{"locked", handlers{"/authorize": shows(plainLogin), "/login": markup(auth0Blocked)}, StepCredentials, probes.ReasonLockedOut, "blocked after multiple"},
		{"second factor", handlers{"/authorize": shows(plainLogin), "/login": markup(keycloakOTP)}, StepCredentials, probes.ReasonMFARequired, "second factor"},
		{"new password", handlers{"/authorize": shows(plainLogin), "/login": markup(keycloakNewPassword)}, StepCredentials, probes.ReasonInteractionRequired, "new password"},
		{"captcha", handlers{"/authorize": shows(auth0Captcha)}, StepLoginPage, probes.ReasonInteractionRequired, "captcha"},
		{"drawn by JavaScript", handlers{"/authorize": to(302, "/app"), "/app": markup(authentik)}, StepLoginPage, probes.ReasonInteractionRequired, "JavaScript"},
		{"no form", handlers{"/authorize": markup(`<h1>Hello</h1>`)}, StepLoginPage, probes.ReasonLoginFormMissing, `"Hello"`},
		{"consent without a known button", handlers{"/authorize": shows(plainLogin), "/login": markup(`<form method=post><button>Jatka</button></form>`)}, StepCredentials, probes.ReasonConsentRefused, "form.consent_button"},
		{"ten thousand forms", handlers{"/authorize": markup(strings.Repeat(`<form><input></form>`, 10_000))}, StepLoginPage, probes.ReasonTooLarge, ""},
		{"redirect loop", handlers{"/authorize": to(302, "/authorize?again=1")}, StepLoginPage, probes.ReasonTooManyRedirects, "10 redirects"},
		{"page loop", handlers{"/authorize": markup(`<meta http-equiv=refresh content="0;url=/authorize">`)}, StepLoginPage, probes.ReasonInteractionRequired, "10 pages"},
		{"redirect to nowhere", handlers{"/authorize": to(302, "")}, StepAuthorize, probes.ReasonBadResponse, "Location"},
		{"page error", handlers{"/authorize": to(302, "/x"), "/x": func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) }}, StepLoginPage, probes.ReasonHTTPStatus, "503"},
		{"not a page", handlers{"/authorize": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "image/png")
		}}, StepLoginPage, probes.ReasonBadResponse, "image/png"},
		{"JSON error", handlers{"/authorize": oauthError(400, "unauthorized_client", "no such flow")}, StepLoginPage, probes.ReasonClientRefused, "no such flow"},
		{"callback error", handlers{"/authorize": to(302, "http://127.0.0.1/callback?error=access_denied&error_description=You+shall+not+pass")}, StepCallback, probes.ReasonAccessDenied, "You shall not pass"},
		{"login required", handlers{"/authorize": to(302, "http://127.0.0.1/callback?error=login_required")}, StepCallback, probes.ReasonInteractionRequired, ""},
		{"foreign state", handlers{"/authorize": to(302, "http://127.0.0.1/callback?code=c&state=evil")}, StepCallback, probes.ReasonCallbackInvalid, "state"},
		{"no code", handlers{"/authorize": shows(plainLogin), "/login": func(w http.ResponseWriter, r *http.Request) {
			c, _ := r.Cookie("state-cookie")
			to(302, "http://127.0.0.1/callback?state="+c.Value)(w, r)
		}}, StepCallback, probes.ReasonCallbackInvalid, "no code"},
		{"foreign iss", handlers{"/authorize": func(w http.ResponseWriter, r *http.Request) {
			to(302, "http://127.0.0.1/callback?code=c&iss=https://evil.example&state="+r.FormValue("state"))(w, r)
		}}, StepCallback, probes.ReasonCallbackInvalid, "evil.example"},
		{"multipart form", handlers{"/authorize": markup(`<form method=post enctype="multipart/form-data"><input name=user><input type=password name=p></form>`)}, StepLoginPage, probes.ReasonInteractionRequired, "enctype"},
		{"script for an action", handlers{"/authorize": markup(`<form method=post action="javascript:void(0)"><input name=user><input type=password name=p></form>`)}, StepLoginPage, probes.ReasonInteractionRequired, "javascript:"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := script(t, c.handlers)
			r := s.login(t, nil).Run(t.Context())
			require.Equal(t, probes.Fail, r.Outcome)
			require.Equal(t, c.reason, r.Reason, r.Detail)
			require.Equal(t, c.step, r.FailedStep, r.Detail)
			require.Contains(t, r.Detail, c.detail)
			require.NotContains(t, r.Detail, canary)
		})
	}
}

// A password is never sent to an origin that is not allowed, whatever leads there.
func TestOrigins(t *testing.T) {
	t.Parallel()
	received := make(chan string, 100)
	evil := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		received <- r.RequestURI
	}))
	t.Cleanup(evil.Close)
	form := func(action string) string {
		return `<form method="post" action="` + action + `"><input name="username"><input type="password" name="password"><button>Log in</button></form>`
	}
	for _, c := range []struct {
		name     string
		handlers handlers
		metadata map[string]any
		flow     string
	}{
		{"form", handlers{"/authorize": markup(form(evil.URL + "/steal"))}, nil, FlowCode},
		{"formaction", handlers{"/authorize": markup(strings.Replace(form("/login"), "<button>", `<button formaction="`+evil.URL+`/steal">`, 1))}, nil, FlowCode},
		{"base", handlers{"/authorize": markup(`<base href="` + evil.URL + `/">` + form("login"))}, nil, FlowCode},
		{"scheme-relative", handlers{"/authorize": markup(form(strings.TrimPrefix(evil.URL, "http:") + "/steal"))}, nil, FlowCode},
		{"https to http", handlers{"/authorize": markup(form("https://127.0.0.1:1/steal"))}, nil, FlowCode},
		{"redirect", handlers{"/authorize": to(302, evil.URL+"/authorize")}, nil, FlowCode},
		{"307 with the password", handlers{"/authorize": shows(plainLogin), "/login": to(307, evil.URL+"/steal")}, nil, FlowCode},
		{"308 with the password", handlers{"/authorize": shows(plainLogin), "/login": to(308, evil.URL+"/steal")}, nil, FlowCode},
		{"303 after the password", handlers{"/authorize": shows(plainLogin), "/login": to(303, evil.URL+"/steal")}, nil, FlowCode},
		{"meta refresh", handlers{"/authorize": markup(`<meta http-equiv=refresh content="0;url=` + evil.URL + `/x">`)}, nil, FlowCode},
		{"automatic form", handlers{"/authorize": shows(plainLogin), "/login": markup(`<body onload="document.forms[0].submit()"><form method=post action="` + evil.URL + `/x"><input type=hidden name=a></form>`)}, nil, FlowCode},
		{"user info in the URL", handlers{"/authorize": to(302, strings.Replace(evil.URL, "http://", "http://127.0.0.1@", 1)+"/x")}, nil, FlowCode},
		{"authorization endpoint", nil, map[string]any{"authorization_endpoint": evil.URL + "/authorize"}, FlowCode},
		{"token endpoint", nil, map[string]any{"token_endpoint": evil.URL + "/token"}, FlowPassword},
		{"key set", nil, map[string]any{"jwks_uri": evil.URL + "/jwks"}, FlowPassword},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := script(t, c.handlers)
			for k, v := range c.metadata {
				s.metadata[k] = v
			}
			r := s.login(t, func(o *Options) { o.Flow = c.flow }).Run(t.Context())
			require.Equal(t, probes.ReasonOriginRefused, r.Reason, r.Detail)
			require.Contains(t, r.Detail, "allowed_origins")
			require.Contains(t, r.Detail, "nothing was sent")
			require.Empty(t, received)
		})
	}

	get := script(t, handlers{
		"/authorize": markup(`<form action="/login"><input name="user"><input type="password" name="password"></form>`),
		"/login":     func(http.ResponseWriter, *http.Request) { t.Error("the password was put into a URL") },
	})
	r := get.login(t, func(*Options) {}).Run(t.Context())
	require.Equal(t, probes.ReasonOriginRefused, r.Reason, r.Detail)
	require.Contains(t, r.Detail, "into a URL")

	s := script(t, handlers{"/authorize": markup(form(evil.URL + "/allowed"))})
	r = s.login(t, func(o *Options) { o.AllowedOrigins = []string{evil.URL + "/"} }).Run(t.Context())
	require.NotEqual(t, probes.ReasonOriginRefused, r.Reason, r.Detail)
	require.Equal(t, "/allowed", <-received)
}

func TestTokenErrors(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name    string
		handler http.HandlerFunc
		reason  probes.Reason
		detail  string
	}{
		{"invalid_grant", oauthError(400, "invalid_grant", "Invalid user credentials"), probes.ReasonCredentialsRefused, "Invalid user credentials"},
		{"auth0 wrong password", oauthError(403, "invalid_grant", "Wrong email or password."), probes.ReasonCredentialsRefused, "Wrong email"},
		{"auth0 older", func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusUnauthorized)
			_, _ = w.Write([]byte(`{"code":"invalid_user_password","description":"Wrong email or password."}`))
		}, probes.ReasonCredentialsRefused, "Wrong email"},
		{"text", func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "Unauthorized", http.StatusUnauthorized) }, probes.ReasonCredentialsRefused, "401"},
		{"leaked", oauthError(401, "password_leaked", "This login has been blocked"), probes.ReasonCredentialsRefused, ""},
		{"keycloak disabled", oauthError(400, "invalid_grant", "Account disabled"), probes.ReasonLockedOut, ""},
		{"entra locked", oauthError(400, "invalid_grant", "AADSTS50053: IdsLocked"), probes.ReasonLockedOut, ""},
		{"entra mfa", oauthError(400, "invalid_grant", "AADSTS50076: Due to a configuration change"), probes.ReasonMFARequired, ""},
		{"too many attempts", oauthError(429, "too_many_attempts", "Your account has been blocked"), probes.ReasonLockedOut, ""},
		{"mfa", oauthError(403, "mfa_required", "Multifactor authentication required"), probes.ReasonMFARequired, ""},
		{"rule", oauthError(403, "access_denied", "no CRM entry"), probes.ReasonAccessDenied, "no CRM entry"},
		{"auth0 rule", oauthError(401, "unauthorized", "not today"), probes.ReasonAccessDenied, "not today"},
		{"auth0 blocked user", oauthError(401, "unauthorized", "user is blocked"), probes.ReasonLockedOut, ""},
		{"client", oauthError(401, "invalid_client", ""), probes.ReasonClientRefused, ""},
		{"grant", oauthError(400, "unsupported_grant_type", ""), probes.ReasonClientRefused, ""},
		{"other", oauthError(400, "invalid_scope", "what?"), probes.ReasonOAuthError, "what?"},
		{"500", oauthError(500, "server_error", ""), probes.ReasonHTTPStatus, "500"},
		{"redirect", to(302, "/elsewhere"), probes.ReasonHTTPStatus, "redirect"},
		{"404", http.NotFound, probes.ReasonHTTPStatus, "404"},
		{"html", markup("<h1>Hi</h1>"), probes.ReasonBadResponse, ""},
		{"error with status 200", oauthError(200, "invalid_grant", "no"), probes.ReasonCredentialsRefused, ""},
		{"nothing", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(`{}`)) }, probes.ReasonBadResponse, "access_token"},
		{"no id_token", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(`{"access_token":"abcd-opaque"}`)) }, probes.ReasonTokenInvalid, "id_token"},
		{"endless", func(w http.ResponseWriter, _ *http.Request) {
			for range 4000 {
				if _, err := w.Write([]byte(strings.Repeat("x", 1000))); err != nil {
					return
				}
			}
		}, probes.ReasonTooLarge, ""},
		{"canary in the error", oauthError(400, "invalid_scope", "you sent "+canary), probes.ReasonOAuthError, "you sent <secret>"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := script(t, handlers{"/token": c.handler})
			r := s.login(t, byPassword).Run(t.Context())
			require.Equal(t, probes.Fail, r.Outcome)
			require.Equal(t, c.reason, r.Reason, r.Detail)
			require.Contains(t, r.Detail, c.detail)
			require.NotContains(t, r.Detail, canary)
			require.LessOrEqual(t, strings.Count(s.got(), canary), 1, "the password is sent once")
			require.Equal(t, c.reason == probes.ReasonCredentialsRefused || c.reason == probes.ReasonLockedOut, !r.NotBefore.IsZero())
		})
	}
}

// What is shown of an answer or a page ends somewhere, and that may be within the
// password.
func TestNoPartOfThePasswordIsShown(t *testing.T) {
	t.Parallel()
	for before := maxDescription - len(canary) - 5; before <= maxDescription; before++ {
		s := script(t, handlers{"/token": oauthError(400, "invalid_scope", strings.Repeat("=", before)+canary)})
		r := s.login(t, byPassword).Run(t.Context())
		require.Contains(t, r.Detail, "====")
		require.NotContains(t, r.Detail, canary[:4])
	}
	p, err := parsePage([]byte(`<title>`+strings.Repeat("=", 90)+canary+`</title><div class="error">`+strings.Repeat("=", 590)+canary+`</div>`), nil)
	require.NoError(t, err)
	var redactor secret.Redactor
	redactor.Add(canary)
	r := probes.NewRun(redactor.String).Finish(probes.Failf(probes.ReasonLockedOut, "%s", p.describe()))
	require.Contains(t, r.Detail, `====<secret>", which says: ====`)
	require.NotContains(t, r.Detail, canary[:4])
}

// What went wrong is told by the beginning of an alert, not by what else a page has
// to say there.
func TestLongAlerts(t *testing.T) {
	t.Parallel()
	notes := strings.Repeat("Please read our notes on signing in carefully. ", 6)
	for html, want := range map[string]view{
		`<form method=post><div class="alert">Wrong user name or password. ` + notes + `After ten tries an account is locked.</div><input name=username><input type=password name=password></form>`: viewLogin,
		`<div class="alert">` + notes + `Cookies must not be blocked.</div><form method=post action=/consent><button name=consent value=allow>Allow</button></form>`:                                viewConsent,
	} {
		p, err := parsePage([]byte(html), &url.URL{Scheme: "https", Host: "id.example"})
		require.NoError(t, err)
		require.Equal(t, want, p.read(Form{}, true).view)
	}
}

func TestRateLimited(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		header, value string
		want          time.Duration
	}{
		"none": {"X", "y", time.Minute}, "seconds": {"Retry-After", "120", 2 * time.Minute}, "far": {"Retry-After", "999999999", time.Hour},
		"date":  {"Retry-After", time.Now().Add(5 * time.Minute).UTC().Format(http.TimeFormat), 5 * time.Minute},
		"past":  {"Retry-After", "Mon, 02 Jan 2006 15:04:05 GMT", time.Second},
		"reset": {"X-RateLimit-Reset", strconv.FormatInt(time.Now().Add(3*time.Minute).Unix(), 10), 3 * time.Minute},
		"odd":   {"Retry-After", "-5", time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			limited := func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set(c.header, c.value)
				oauthError(429, "too_many_requests", "Rate limit exceeded.")(w, r)
			}
			s := script(t, handlers{"/token": limited})
			l := s.login(t, byPassword)
			r := l.Run(t.Context())
			require.Equal(t, probes.Unknown, r.Outcome)
			require.Equal(t, probes.ReasonRateLimited, r.Reason)
			require.WithinDuration(t, time.Now().Add(c.want), r.NotBefore, 25*time.Second)
			if c.want > time.Second {
				again := l.Run(t.Context())
				require.Equal(t, probes.SkipBackoff, again.Skipped)
				require.Equal(t, r.NotBefore, again.NotBefore)
				require.Contains(t, again.Detail, "rate limit")
			}
		})
	}
}

func TestDiscoveryAndKeys(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		change func(*scripted)
		reason probes.Reason
		detail string
	}{
		{"foreign issuer", func(s *scripted) { s.metadata["issuer"] = "https://evil.example" }, probes.ReasonDiscoveryInvalid, "https://evil.example"},
		{"issuer with a slash", func(s *scripted) { s.metadata["issuer"] = s.URL + "/" }, probes.ReasonDiscoveryInvalid, "final slash"},
		{"no token endpoint", func(s *scripted) { delete(s.metadata, "token_endpoint") }, probes.ReasonDiscoveryInvalid, "token_endpoint"},
		{"relative endpoint", func(s *scripted) { s.metadata["jwks_uri"] = "/jwks" }, probes.ReasonDiscoveryInvalid, "jwks_uri"},
		{"no authorization endpoint", func(s *scripted) { delete(s.metadata, "authorization_endpoint") }, probes.ReasonDiscoveryInvalid, "authorization_endpoint"},
		{"wrong type", func(s *scripted) { s.metadata["token_endpoint"] = 7 }, probes.ReasonDiscoveryInvalid, ""},
		{"no key set", func(s *scripted) { s.metadata["jwks_uri"] = s.URL + "/none" }, probes.ReasonHTTPStatus, "404"},
		{"useless key set", func(s *scripted) {
			s.metadata["jwks_uri"] = s.URL + "/empty"
			s.mux.HandleFunc("/empty", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(`{"keys":[]}`)) })
		}, probes.ReasonJWKSInvalid, "empty"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := script(t, nil)
			c.change(s)
			r := s.login(t, nil).Run(t.Context())
			require.Equal(t, c.reason, r.Reason, r.Detail)
			require.Contains(t, r.Detail, c.detail)
		})
	}
	s := script(t, handlers{"/elsewhere/doc": func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "{}", http.StatusTeapot) }})
	r := s.login(t, func(o *Options) { o.DiscoveryURL = s.URL + "/elsewhere/doc" }).Run(t.Context())
	require.Equal(t, probes.ReasonHTTPStatus, r.Reason)
	require.Contains(t, r.Detail, "418")
}

func TestFrozenProvider(t *testing.T) {
	t.Parallel()
	release := make(chan struct{})
	s := script(t, handlers{"/authorize": func(_ http.ResponseWriter, r *http.Request) {
		select {
		case <-release:
		case <-r.Context().Done():
		}
	}})
	defer close(release)
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	begin := time.Now()
	r := s.login(t, nil).Run(ctx)
	require.Equal(t, probes.ReasonTimeout, r.Reason, r.Detail)
	require.Equal(t, StepAuthorize, r.FailedStep)
	require.Less(t, time.Since(begin), 5*time.Second)
	require.NotNil(t, r.Facts.JWKSKeys, "facts are kept")
}
