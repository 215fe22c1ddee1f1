package demo

import (
	"encoding/json"
	"net/http"
	"net/url"
	"testing"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/stretchr/testify/require"
	"golang.org/x/oauth2"
)

func TestCodeFlow(t *testing.T) {
	t.Parallel()
	for _, alg := range []string{"RS256", "PS256", "ES256", "EdDSA"} {
		t.Run(alg, func(t *testing.T) {
			t.Parallel()
			r := started(t, StartOptions{SigningAlg: alg})
			for _, clientID := range []string{ClientID, PublicClientID} {
				rp := newRelyingParty(t, r, clientID)
				token := rp.signIn()
				id, err := rp.verify(token)
				require.NoError(t, err)
				require.NoError(t, id.VerifyAccessToken(token.AccessToken), "at_hash")
				require.Equal(t, testNonce, id.Nonce)
				require.Equal(t, []string{clientID}, id.Audience)
				require.Equal(t, Subject, id.Subject)
				claims := claimsOf(t, token.Extra("id_token").(string))
				require.Equal(t, clientID, claims["azp"])
				require.Equal(t, CRMID, claims[ClaimCRMID])
				require.Equal(t, RuleName, claims[ClaimRule])
				require.Equal(t, Username, claims["email"])
				require.Equal(t, "openid profile email offline_access", token.Extra("scope"))

				access, err := rp.op.Verifier(&oidc.Config{ClientID: Audience, SupportedSigningAlgs: []string{alg}}).
					Verify(t.Context(), token.AccessToken)
				require.NoError(t, err, "the access token is a JWT for the API")
				require.Equal(t, []string{Audience}, access.Audience)
				require.Equal(t, CRMID, claimsOf(t, token.AccessToken)[ClaimCRMID])

				info := userinfo(t, r, token.AccessToken)
				require.Equal(t, http.StatusOK, info.status)
				require.Equal(t, Subject, info.body["sub"])
				require.Equal(t, CRMID, info.body[ClaimCRMID])
			}
		})
	}
}

func TestOpaqueAccessToken(t *testing.T) {
	t.Parallel()
	r := started(t, StartOptions{})
	rp := newRelyingParty(t, r, OpaqueClientID)
	token := rp.signIn()
	_, err := tokenClaims(token.AccessToken)
	require.Error(t, err, "nothing to read in it")
	id, err := rp.verify(token)
	require.NoError(t, err)
	require.NoError(t, id.VerifyAccessToken(token.AccessToken))
	info := userinfo(t, r, token.AccessToken)
	require.Equal(t, http.StatusOK, info.status)
	require.Equal(t, id.Subject, info.body["sub"])
	require.Equal(t, http.StatusUnauthorized, userinfo(t, r, token.AccessToken+"x").status)
}

func TestRefresh(t *testing.T) {
	t.Parallel()
	r := started(t, StartOptions{})
	rp := newRelyingParty(t, r, ClientID)
	first := rp.signIn()
	require.NotEmpty(t, first.RefreshToken)
	refresh := func(token string, extra ...string) answer {
		form := url.Values{"grant_type": {"refresh_token"}, "refresh_token": {token}}
		for i := 0; i < len(extra); i += 2 {
			form.Set(extra[i], extra[i+1])
		}
		return tokenRequest(t, r, ClientID, ClientSecret, form)
	}
	second := refresh(first.RefreshToken, "scope", "openid")
	require.Equal(t, http.StatusOK, second.status)
	claims := claimsOf(t, second.body["id_token"].(string))
	require.NotContains(t, claims, "nonce")
	require.NotContains(t, claims, "email", "the scope was narrowed")
	require.Equal(t, CRMID, claims[ClaimCRMID])

	again := refresh(first.RefreshToken)
	require.Equal(t, http.StatusBadRequest, again.status, "a refresh token is good once")
	require.Equal(t, "invalid_grant", again.body["error"])

	third := refresh(second.body["refresh_token"].(string))
	require.Equal(t, http.StatusOK, third.status)
	require.Contains(t, claimsOf(t, third.body["id_token"].(string)), "email", "narrowing lasted one request")

	foreign := tokenRequest(t, r, "", "", url.Values{
		"grant_type": {"refresh_token"}, "client_id": {PublicClientID}, "refresh_token": {third.body["refresh_token"].(string)},
	})
	require.Equal(t, "invalid_grant", foreign.body["error"], "it belongs to another client")
	require.Equal(t, "invalid_scope", refresh(third.body["refresh_token"].(string), "scope", "openid admin").body["error"])
}

func TestCodeIsSpentByFirstUse(t *testing.T) {
	t.Parallel()
	r := started(t, StartOptions{})
	rp := newRelyingParty(t, r, ClientID)
	verifier := oauth2.GenerateVerifier()
	exchange := func(code, redirect string, verifier string) string {
		a := tokenRequest(t, r, ClientID, ClientSecret, url.Values{
			"grant_type": {"authorization_code"}, "code": {code}, "redirect_uri": {redirect}, "code_verifier": {verifier},
		})
		e, _ := a.body["error"].(string)
		return e
	}
	code := rp.authorizeWith(verifier, Username, Password).Get("code")
	require.Empty(t, exchange(code, RedirectURI, verifier))
	require.Equal(t, "invalid_grant", exchange(code, RedirectURI, verifier))

	code = rp.authorizeWith(verifier, Username, Password).Get("code")
	require.Equal(t, "invalid_grant", exchange(code, RedirectURI, oauth2.GenerateVerifier()), "another verifier")
	require.Equal(t, "invalid_grant", exchange(code, RedirectURI, verifier), "spent by the failed attempt")

	code = rp.authorizeWith(verifier, Username, Password).Get("code")
	require.Equal(t, "invalid_request", exchange(code, RedirectURI, ""), "no verifier")

	code = rp.authorizeWith(verifier, Username, Password).Get("code")
	require.Equal(t, "invalid_grant", exchange(code, "http://127.0.0.1/other", verifier))
	require.Equal(t, "invalid_request", exchange("", RedirectURI, verifier))
}

func TestAuthorizeRefusals(t *testing.T) {
	t.Parallel()
	r := started(t, StartOptions{})
	rp := newRelyingParty(t, r, ClientID)
	for name, tc := range map[string]struct{ param, value, wantError string }{
		"no PKCE":           {"code_challenge", "", "invalid_request"},
		"plain PKCE":        {"code_challenge_method", "plain", "invalid_request"},
		"unknown PKCE":      {"code_challenge_method", "S1", "invalid_request"},
		"no scope":          {"scope", "", "invalid_request"},
		"no openid":         {"scope", "email", "invalid_scope"},
		"foreign scope":     {"scope", "openid admin", "invalid_scope"},
		"implicit flow":     {"response_type", "id_token", "unauthorized_client"},
		"no response type":  {"response_type", "", "invalid_request"},
		"fragment":          {"response_mode", "fragment", "invalid_request"},
		"silent":            {"prompt", "none", "login_required"},
		"request object":    {"request", "e30.e30.", "request_not_supported"},
		"foreign client":    {"client_id", "nobody", ""},
		"machine":           {"client_id", MachineClientID, ""},
		"foreign redirect":  {"redirect_uri", "https://evil.example/callback", ""},
		"no redirect":       {"redirect_uri", "", ""},
		"oversized request": {"state", string(make([]byte, authorizeLimit)), ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			u, err := url.Parse(rp.authorizeURL(oauth2.GenerateVerifier()))
			require.NoError(t, err)
			q := u.Query()
			q.Set(tc.param, tc.value)
			if tc.value == "" {
				q.Del(tc.param)
			}
			u.RawQuery = q.Encode()
			got := newBrowser(t).get(u.String())
			if tc.wantError == "" {
				require.Equal(t, http.StatusBadRequest, got.StatusCode)
				require.Equal(t, 1, got.doc.Find("[role=alert]").Length(), "a person is told")
				return
			}
			answer := callback(t, got)
			require.Equal(t, tc.wantError, answer.Get("error"))
			require.Equal(t, testState, answer.Get("state"))
			require.Empty(t, answer.Get("code"))
		})
	}
}

func TestDiscovery(t *testing.T) {
	t.Parallel()
	r := started(t, StartOptions{})
	rp := newRelyingParty(t, r, ClientID)
	var doc map[string]any
	require.NoError(t, rp.op.Claims(&doc))
	for _, name := range []string{"authorization_endpoint", "token_endpoint", "userinfo_endpoint", "jwks_uri"} {
		require.Contains(t, doc[name], r.Issuer, name)
	}
	for _, name := range []string{"introspection_endpoint", "revocation_endpoint", "end_session_endpoint", "device_authorization_endpoint"} {
		require.NotContains(t, doc, name, "there is none")
	}
	require.ElementsMatch(t, []any{
		"authorization_code", "refresh_token", "client_credentials", GrantTypePassword, GrantTypePasswordRealm,
	}, doc["grant_types_supported"])
	require.Equal(t, []any{"S256"}, doc["code_challenge_methods_supported"])
	require.Equal(t, []any{"ES256"}, doc["id_token_signing_alg_values_supported"])
	require.Equal(t, []any{"code"}, doc["response_types_supported"])
	require.Equal(t, true, doc["authorization_response_iss_parameter_supported"])
	pretty, err := json.MarshalIndent(doc, "", "  ")
	require.NoError(t, err)
	t.Logf("%s", pretty)
}
