package login

import (
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/idp-exporter/idp_exporter/probes"
)

func TestRead(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, html string
		sent       bool
		view       view
		method     string
		to         string // path of the submission
		fields     string // encoded, with user U and password P
	}{
		{"keycloak", keycloakLogin, false, viewLogin, "POST", "/realms/acme/login-actions/authenticate", "credentialId=&login=Sign+In&password=P&username=U"},
		{"keycloak otp", keycloakOTP, true, viewOTP, "", "", ""},
		{"keycloak otp unasked", keycloakOTP, false, viewOTP, "", "", ""},
		{"keycloak consent", keycloakConsent, true, viewConsent, "POST", "/consent", "accept=Yes&code=CD"},
		{"keycloak new password", keycloakNewPassword, true, viewNewPassword, "", "", ""},
		{"auth0 identifier", auth0Identifier, false, viewIdentifier, "POST", "/page", "action=default&state=ST&username=U"},
		{"auth0 password", auth0Password, false, viewLogin, "POST", "/page", "action=default&password=P&state=ST&username=U"},
		{"auth0 captcha", auth0Captcha, false, viewCaptcha, "", "", ""},
		{"auth0 hidden form", auth0Hidden, true, viewAuto, "POST", "/login/callback", "wa=wsignin1.0&wctx=%7B%22a%22%3A1%7D&wresult=eyJ"},
		{"auth0 consent", auth0Consent, true, viewConsent, "POST", "/page", "action=accept&state=ST"},
		{"auth0 blocked", auth0Blocked, true, viewLocked, "", "", ""},
		{"dex", dexLogin, false, viewLogin, "POST", "/dex/auth/local/login", "login=U&password=P"},
		{"dex approval", dexApproval, true, viewConsent, "POST", "/page", "approval=approve&req=RQ"},
		{"hydra", hydraLogin, false, viewLogin, "POST", "/login", "_csrf=CS&challenge=CH&email=U&password=P&submit=Log+in"},
		{"hydra consent", hydraConsent, true, viewConsent, "POST", "/consent", "challenge=CH&grant_scope=openid&grant_scope=email&submit=Allow+access"},
		{"oidc-provider", nodeLogin, false, viewLogin, "POST", "/interaction/UID/login", "login=U&password=P&prompt=login"},
		{"oidc-provider consent", nodeConsent, true, viewConsent, "POST", "/interaction/UID/confirm", "prompt=consent"},
		{"authentik", authentik, false, viewScript, "", "", ""},
		{"form_post", formPost, true, viewAuto, "POST", "/callback", "code=CODE-CODE&state=ST"},
		{"buttons outside the form", outside, true, viewConsent, "POST", "/y", "go=yes&xsrf=X"},
		{"form inside a table", insideTable, false, viewLogin, "POST", "/t", "j_password=P&j_username=U"},
		{"registration beside login", registration, false, viewLogin, "POST", "/login", "email=U&p=P"},
		{"get form", `<form action="/g?old=1"><input name="user"><input type="password" name="pw"></form>`, false, viewLogin, "GET", "/g", "pw=P&user=U"},
		{"base", `<base href="https://other.example/deep/"><form action="x" method="post"><input name="user"><input type="password" name="pw"></form>`, false, viewLogin, "POST", "/deep/x", "pw=P&user=U"},
		{"meta refresh", `<meta http-equiv="Refresh" content="0; url=/next">`, true, viewRefresh, "", "", ""},
		{"locked in words", `<body>Your account has been temporarily locked. Try again later.</body>`, true, viewLocked, "", "", ""},
		{"select, textarea, radio, required box", `<form method=post><input name=user><input type=password name=pw><select name=s><option value=1>a<option value=2 selected>b</select>` +
			`<textarea name=t>x</textarea><input type=radio name=r value=1><input type=radio name=r value=2 checked><input type=checkbox name=terms required><input type=checkbox name=ads>` +
			`<input name=off disabled></form>`, false, viewLogin, "POST", "/page", "pw=P&r=2&s=2&t=x&terms=on&user=U"},
		{"only a refusing button", `<form method=post><button name=x value=deny>Don't allow</button></form>`, true, viewUndecided, "", "", ""},
		{"unknown button", `<form method=post><button name=x value=q>Jatka</button></form>`, true, viewUndecided, "", "", ""},
		{"webauthn", `<form id="webauth" action="/mfa/webauthn" method=post><input type=hidden name=data></form><script src=x></script>`, true, viewOTP, "", "", ""},
		{"agreeing button before the password is no consent", `<form method=post><button name=cookies value=yes>Accept</button></form>`, false, viewUnknown, "", "", ""},
		{"empty", ``, false, viewUnknown, "", "", ""},
		{"words only", `<body><h1>Welcome</h1></body>`, false, viewUnknown, "", "", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			at, err := url.Parse("https://id.example/page?q=1#frag")
			require.NoError(t, err)
			p, err := parsePage([]byte(c.html), at)
			require.NoError(t, err)
			r := p.read(Form{}, c.sent)
			require.Equal(t, c.view, r.view)
			if c.method == "" {
				return
			}
			typed := map[*control]string{}
			if r.user != nil {
				typed[r.user] = "U"
			}
			if r.password != nil {
				typed[r.password] = "P"
			}
			s, err := p.submit(r.form, typed, r.button, r.view == viewConsent)
			require.NoError(t, err)
			require.Equal(t, c.method, s.method)
			require.Equal(t, c.to, s.to.Path)
			require.Equal(t, c.fields, s.fields.Encode())
		})
	}
}

func TestFormOverrides(t *testing.T) {
	t.Parallel()
	at := &url.URL{Scheme: "https", Host: "id.example", Path: "/"}
	p, err := parsePage([]byte(`<form method=post><input name=feld1><input name=feld2><input name=feld3 type=text></form>`), at)
	require.NoError(t, err)
	r := p.read(Form{UsernameField: "feld2", PasswordField: "feld3"}, false)
	require.Equal(t, viewLogin, r.view)
	require.Equal(t, "feld2", r.user.name)
	require.Equal(t, "feld3", r.password.name)
	p, err = parsePage([]byte(`<form method=post><button name=x value=q>Jatka</button><button name=x value=z>Ei</button></form>`), at)
	require.NoError(t, err)
	r = p.read(Form{ConsentButton: "jatka"}, true)
	require.Equal(t, viewConsent, r.view)
	require.Equal(t, "q", r.button.value)
}

func TestPageLimits(t *testing.T) {
	t.Parallel()
	at := &url.URL{Scheme: "https", Host: "id.example", Path: "/"}
	for name, c := range map[string]struct {
		html   string
		reason probes.Reason // empty: it is read, and nothing is found
	}{
		"ten thousand forms":        {strings.Repeat(`<form><input></form>`, 10_000), probes.ReasonTooLarge},
		"ten thousand empty forms":  {strings.Repeat(`<form></form>`, 10_000), ""},
		"as many controls as allow": {`<form>` + strings.Repeat(`<input name=x>`, 19_000) + `</form>`, ""},
		"deep":                      {strings.Repeat(`<div>`, 19_000), ""},
		"misnested":                 {strings.Repeat(`<a><p>`, 9_000), ""},
		"formatting":                {strings.Repeat(`<b><i><p>`, 6_000), ""},
		"table":                     {strings.Repeat(`<table><form>`, 9_000), ""},
		"many attributes":           {`<form ` + strings.Repeat(`a b `, 100_000) + `>`, ""},
		"large":                     {strings.Repeat("x", maxBody+1), probes.ReasonTooLarge},
	} {
		t.Run(name, func(t *testing.T) {
			begin := time.Now()
			p, err := parsePage([]byte(c.html), at)
			took := time.Since(begin)
			if err == nil {
				p.read(Form{}, true)
				p.read(Form{}, false)
			}
			t.Log(took, time.Since(begin), err)
			require.Less(t, time.Since(begin), 10*time.Second)
			var f *probes.Failure
			if c.reason != "" {
				require.ErrorAs(t, err, &f)
				require.Equal(t, c.reason, f.Reason)
			} else if err != nil {
				require.ErrorAs(t, err, &f)
				require.Equal(t, probes.ReasonBadResponse, f.Reason)
			}
		})
	}
}

func FuzzPage(f *testing.F) {
	for _, s := range []string{keycloakLogin, keycloakOTP, auth0Identifier, auth0Hidden, dexApproval, hydraConsent, formPost, outside, insideTable, registration, authentik} {
		f.Add(s, true)
		f.Add(s, false)
	}
	at := &url.URL{Scheme: "https", Host: "id.example", Path: "/"}
	f.Fuzz(func(t *testing.T, s string, sent bool) {
		p, err := parsePage([]byte(s), at)
		if err != nil {
			return
		}
		r := p.read(Form{}, sent)
		p.describe()
		if r.form == nil {
			return
		}
		typed := map[*control]string{}
		if r.user != nil {
			typed[r.user] = "U"
		}
		if r.password != nil {
			typed[r.password] = "P"
		}
		if r.button != nil {
			require.True(t, r.button.submits())
			require.False(t, r.button.says(denyWords))
		}
		sub, err := p.submit(r.form, typed, r.button, r.view == viewConsent)
		if err == nil {
			require.Contains(t, []string{"http", "https"}, sub.to.Scheme)
			_, _ = sub.request(p)
		}
	})
}

func FuzzMetadata(f *testing.F) {
	f.Add([]byte(`{"issuer":"https://id.example","token_endpoint":"https://id.example/t","jwks_uri":"https://id.example/k","authorization_endpoint":"https://id.example/a"}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		if m, err := parseMetadata(b, "https://id.example", FlowCode); err == nil {
			require.Equal(t, "https://id.example", m.Issuer)
			require.NotEmpty(t, m.AuthorizationEndpoint)
		}
	})
}
