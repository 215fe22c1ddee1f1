package demo

import (
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/oauth2"
)

func TestPasswordGrantAgreesWithCodeFlow(t *testing.T) {
	t.Parallel()
	r := started(t, StartOptions{})
	rp := newRelyingParty(t, r, ClientID)
	byCode := rp.signIn()
	byPassword, err := rp.config.PasswordCredentialsToken(rp.ctx(), Username, Password)
	require.NoError(t, err)
	id, err := rp.verify(byPassword)
	require.NoError(t, err)
	require.NoError(t, id.VerifyAccessToken(byPassword.AccessToken))
	require.NotEmpty(t, byPassword.RefreshToken)

	names := func(token string) []string { return slices.Sorted(maps.Keys(claimsOf(t, token))) }
	without := func(names []string, drop ...string) []string {
		return slices.DeleteFunc(names, func(n string) bool { return slices.Contains(drop, n) })
	}
	codeID, passwordID := byCode.Extra("id_token").(string), byPassword.Extra("id_token").(string)
	require.Equal(t, without(names(codeID), "nonce", "c_hash"), names(passwordID))
	require.Equal(t, names(byCode.AccessToken), names(byPassword.AccessToken))
	for _, name := range []string{"sub", "aud", "azp", "amr", "email", ClaimCRMID, ClaimRule} {
		require.Equal(t, claimsOf(t, codeID)[name], claimsOf(t, passwordID)[name], name)
	}
	require.Equal(t, uint64(2), r.CRM.Requests(), "the rule ran on both ways")
}

func TestPasswordGrant(t *testing.T) {
	t.Parallel()
	r := started(t, StartOptions{})
	for name, tc := range map[string]struct {
		changes []string
		status  int
		err     string
	}{
		"good":                {nil, 200, ""},
		"good realm":          {[]string{"grant_type", GrantTypePasswordRealm, "realm", Realm}, 200, ""},
		"good audience":       {[]string{"audience", Audience}, 200, ""},
		"default scope":       {[]string{"scope", ""}, 200, ""},
		"wrong password":      {[]string{"password", "wrong"}, 400, "invalid_grant"},
		"wrong user":          {[]string{"username", "nobody"}, 400, "invalid_grant"},
		"no password":         {[]string{"password", ""}, 400, "invalid_request"},
		"no user":             {[]string{"username", ""}, 400, "invalid_request"},
		"foreign scope":       {[]string{"scope", "openid admin"}, 400, "invalid_scope"},
		"foreign audience":    {[]string{"audience", "https://other.example"}, 400, "invalid_request"},
		"no realm":            {[]string{"grant_type", GrantTypePasswordRealm}, 400, "invalid_request"},
		"foreign realm":       {[]string{"grant_type", GrantTypePasswordRealm, "realm", "others"}, 400, "invalid_request"},
		"no grant":            {[]string{"grant_type", ""}, 400, "invalid_request"},
		"foreign grant":       {[]string{"grant_type", "magic"}, 400, "unsupported_grant_type"},
		"unregistered grant":  {[]string{"grant_type", "client_credentials"}, 400, "unauthorized_client"},
		"suspended":           {[]string{"username", BlockedUsername, "password", BlockedPassword}, 403, "access_denied"},
		"suspended and wrong": {[]string{"username", BlockedUsername, "password", "wrong"}, 400, "invalid_grant"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := passwordLogin(t, r, tc.changes...)
			require.Equal(t, tc.status, a.status, a.body)
			require.Equal(t, "no-store", a.header.Get("Cache-Control"))
			if tc.err != "" {
				require.Equal(t, tc.err, a.body["error"])
				require.NotContains(t, a.body, "access_token")
				return
			}
			require.NotEmpty(t, a.body["access_token"])
			require.NotEmpty(t, a.body["id_token"])
			require.Equal(t, "Bearer", a.body["token_type"])
			require.InDelta(t, accessTokenLifetime.Seconds(), a.body["expires_in"], 5)
		})
	}
}

func TestPasswordGrantWithoutOpenID(t *testing.T) {
	t.Parallel()
	r := started(t, StartOptions{})
	a := passwordLogin(t, r, "scope", "email")
	require.Equal(t, http.StatusOK, a.status)
	require.NotContains(t, a.body, "id_token")
	info := userinfo(t, r, a.body["access_token"].(string))
	require.Equal(t, http.StatusForbidden, info.status)
	require.Contains(t, info.header.Get("WWW-Authenticate"), "insufficient_scope")
}

func TestClientAuthentication(t *testing.T) {
	t.Parallel()
	r := started(t, StartOptions{})
	asPost := func(id, secret string) []string { return []string{"client_id", id, "client_secret", secret} }
	for name, tc := range map[string]struct {
		user, password string
		changes        []string
		status         int
		err            string
	}{
		"basic":                    {ClientID, ClientSecret, nil, 200, ""},
		"basic and same client_id": {ClientID, ClientSecret, []string{"client_id", ClientID}, 200, ""},
		"basic, other client_id":   {ClientID, ClientSecret, []string{"client_id", OpaqueClientID}, 400, "invalid_request"},
		"basic, wrong secret":      {ClientID, "wrong", nil, 401, "invalid_client"},
		"basic, unknown client":    {"nobody", "wrong", nil, 401, "invalid_client"},
		"basic and post":           {ClientID, ClientSecret, asPost(ClientID, ClientSecret), 400, "invalid_request"},
		"basic for a post client":  {OpaqueClientID, OpaqueClientSecret, nil, 401, "invalid_client"},
		"post":                     {"", "", asPost(OpaqueClientID, OpaqueClientSecret), 200, ""},
		"post, wrong secret":       {"", "", asPost(OpaqueClientID, "wrong"), 401, "invalid_client"},
		"post for a basic client":  {"", "", asPost(ClientID, ClientSecret), 401, "invalid_client"},
		"none":                     {"", "", nil, 401, "invalid_client"},
		"none for a basic client":  {"", "", []string{"client_id", ClientID}, 401, "invalid_client"},
		"secret for a public one":  {"", "", asPost(PublicClientID, "x"), 401, "invalid_client"},
		"public without the grant": {"", "", []string{"client_id", PublicClientID}, 400, "unauthorized_client"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := tokenRequest(t, r, tc.user, tc.password, passwordForm(tc.changes...))
			require.Equal(t, tc.status, a.status, a.body)
			if tc.err != "" {
				require.Equal(t, tc.err, a.body["error"])
			}
			if tc.status == http.StatusUnauthorized {
				require.Contains(t, a.header.Get("WWW-Authenticate"), "Basic")
			}
		})
	}
	require.Empty(t, r.Provider.Stats().RefusedPasswords)
}

func TestTokenParameters(t *testing.T) {
	t.Parallel()
	r := started(t, StartOptions{})
	twice := passwordForm()
	twice.Add("username", Username)
	require.Equal(t, "invalid_request", tokenRequest(t, r, ClientID, ClientSecret, twice).body["error"])

	b := newBrowser(t)
	p := b.post(r.Issuer+PathToken+"?"+passwordForm("client_id", OpaqueClientID, "client_secret", OpaqueClientSecret).Encode(), nil)
	require.Equal(t, http.StatusUnauthorized, p.StatusCode, "nothing counts in the URI")
	basic, err := http.NewRequestWithContext(t.Context(), http.MethodPost, r.Issuer+PathToken+"?refresh_token="+
		passwordLogin(t, r, "scope", "openid offline_access").body["refresh_token"].(string),
		strings.NewReader("grant_type=refresh_token"))
	require.NoError(t, err)
	basic.SetBasicAuth(ClientID, ClientSecret)
	basic.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	require.Equal(t, http.StatusBadRequest, b.do(basic).StatusCode, "a token in the URI does not count")
	require.Equal(t, http.StatusMethodNotAllowed, b.get(r.Issuer+PathToken).StatusCode)
	huge := b.post(r.Issuer+PathToken, url.Values{"x": {string(make([]byte, bodyLimit))}})
	require.Equal(t, http.StatusBadRequest, huge.StatusCode)
}

func TestClientCredentials(t *testing.T) {
	t.Parallel()
	r := started(t, StartOptions{})
	rp := newRelyingParty(t, r, MachineClientID)
	get := func(extra url.Values) answer {
		form := url.Values{"grant_type": {"client_credentials"}, "scope": {ScopeStatus}}
		maps.Copy(form, extra)
		return tokenRequest(t, r, MachineClientID, MachineClientSecret, form)
	}
	a := get(nil)
	require.Equal(t, http.StatusOK, a.status, a.body)
	require.NotContains(t, a.body, "id_token")
	require.NotContains(t, a.body, "refresh_token")
	access := a.body["access_token"].(string)
	token := (&oauth2.Token{}).WithExtra(map[string]any{"id_token": access})
	rp.config.ClientID = Audience
	verified, err := rp.verify(token)
	require.NoError(t, err)
	require.Equal(t, MachineClientID, verified.Subject)
	claims := claimsOf(t, access)
	require.Equal(t, ScopeStatus, claims["scope"])
	require.NotContains(t, claims, ClaimCRMID, "no user, no rule")
	require.Zero(t, r.CRM.Requests())
	require.Equal(t, http.StatusForbidden, userinfo(t, r, access).status)

	require.Equal(t, http.StatusOK, get(url.Values{"scope": {""}}).status)
	require.Equal(t, "invalid_scope", get(url.Values{"scope": {"openid"}}).body["error"])
	require.Equal(t, "invalid_request", get(url.Values{"audience": {"https://other.example"}}).body["error"])
	require.Equal(t, http.StatusUnauthorized, userinfo(t, r, "").status)
}
