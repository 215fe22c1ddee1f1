package demo

import (
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

func TestSwitchNames(t *testing.T) {
	t.Parallel()
	p, err := NewProvider(Options{Issuer: "http://127.0.0.1:1", SigningAlg: "EdDSA"})
	require.NoError(t, err)
	var names []string
	for _, s := range p.Switches() {
		require.False(t, s.Broken)
		require.NotEmpty(t, s.Description)
		names = append(names, s.Name)
	}
	require.Equal(t, []string{"wrong-password", "rule-removed", "crm-down", "slow-login", "key-unpublished", "wrong-audience"}, names)
	err = p.Set("nonsense", true)
	for _, name := range names {
		require.ErrorContains(t, err, name)
	}
	require.ErrorContains(t, p.Set(SwitchCRMDown, true), "Options.CRM")
	require.NoError(t, p.Set(SwitchSlowLogin, true))
	require.True(t, p.Switches()[3].Broken)
	require.NoError(t, p.Set(SwitchSlowLogin, false))
	require.False(t, p.Switches()[3].Broken)
}

// TestSwitches throws each switch, sees its effect, and sees it gone again.
func TestSwitches(t *testing.T) {
	t.Parallel()
	r := started(t, StartOptions{})
	rp := newRelyingParty(t, r, ClientID)
	good := func(t *testing.T) {
		t.Helper()
		token := rp.signIn()
		id, err := rp.verify(token)
		require.NoError(t, err)
		require.NoError(t, id.VerifyAccessToken(token.AccessToken))
		require.Equal(t, CRMID, claimsOf(t, token.AccessToken)[ClaimCRMID])
	}
	for name, check := range map[string]func(*testing.T){
		SwitchWrongPassword: func(t *testing.T) {
			a := passwordLogin(t, r)
			require.Equal(t, http.StatusBadRequest, a.status)
			require.Equal(t, "invalid_grant", a.body["error"])
			b := newBrowser(t)
			p := b.submit(b.get(rp.authorizeURL("v")), credentials(Username, Password))
			require.Equal(t, 1, p.doc.Find("[role=alert]").Length())
			require.Equal(t, uint64(2), r.Provider.Stats().RefusedPasswords[Username])
			other := passwordLogin(t, r, "username", BlockedUsername, "password", BlockedPassword)
			require.Equal(t, "access_denied", other.body["error"], "the other user's password is good")
		},
		SwitchRuleRemoved: func(t *testing.T) {
			token := rp.signIn()
			_, err := rp.verify(token)
			require.NoError(t, err)
			info := userinfo(t, r, token.AccessToken).body
			for _, claims := range []map[string]any{claimsOf(t, token.Extra("id_token").(string)), claimsOf(t, token.AccessToken), info} {
				require.Equal(t, Subject, claims["sub"])
				require.NotContains(t, claims, ClaimCRMID)
				require.NotContains(t, claims, ClaimRule)
			}
			require.Equal(t, http.StatusOK, passwordLogin(t, r, "username", BlockedUsername, "password", BlockedPassword).status)
		},
		SwitchCRMDown: func(t *testing.T) {
			require.Equal(t, "access_denied", passwordLogin(t, r).body["error"])
		},
		SwitchKeyUnpublished: func(t *testing.T) {
			token := rp.signIn()
			_, err := rp.verify(token)
			require.ErrorContains(t, err, "failed to verify signature")
			require.Equal(t, http.StatusOK, userinfo(t, r, token.AccessToken).status, "the provider knows its own key")
		},
		SwitchWrongAudience: func(t *testing.T) {
			token := rp.signIn()
			_, err := rp.verify(token)
			require.ErrorContains(t, err, "audience")
			claims := claimsOf(t, token.Extra("id_token").(string))
			require.Equal(t, []any{OtherClientID}, claims["aud"])
			require.Equal(t, []any{Audience}, claimsOf(t, token.AccessToken)["aud"])
			rp := newRelyingParty(t, r, ClientID)
			rp.config.ClientID = OtherClientID
			_, err = rp.verify(token)
			require.NoError(t, err, "good but for its audience")
		},
	} {
		good(t)
		require.NoError(t, r.Provider.Set(name, true))
		t.Run(name, check)
		require.NoError(t, r.Provider.Set(name, false))
	}
	good(t)
}

func TestSwitchesTogether(t *testing.T) {
	t.Parallel()
	r := started(t, StartOptions{})
	rp := newRelyingParty(t, r, ClientID)
	for _, s := range []string{SwitchRuleRemoved, SwitchKeyUnpublished, SwitchWrongAudience, SwitchCRMDown} {
		require.NoError(t, r.Provider.Set(s, true))
	}
	token := rp.signIn()
	require.NotContains(t, claimsOf(t, token.AccessToken), ClaimCRMID)
	require.Equal(t, []any{OtherClientID}, claimsOf(t, token.Extra("id_token").(string))["aud"])
	rp.config.ClientID = OtherClientID
	_, err := rp.verify(token)
	require.ErrorContains(t, err, "failed to verify signature")
}

func TestSlowLogin(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		v := newVisitor(t)
		require.NoError(t, v.p.Set(SwitchSlowLogin, true))
		start := time.Now()
		require.Equal(t, http.StatusOK, v.password().Code)
		require.Equal(t, defaultSlowLogin, time.Since(start))
		start = time.Now()
		v.codeFlow()
		require.Equal(t, defaultSlowLogin, time.Since(start), "the login page is slow once")

		require.NoError(t, v.p.Set(SwitchSlowLogin, false))
		start = time.Now()
		v.codeFlow()
		require.Zero(t, time.Since(start))
	})
}

func TestSlowLoginEndsWithTheClient(t *testing.T) {
	t.Parallel()
	r := started(t, StartOptions{SlowLogin: time.Hour})
	require.NoError(t, r.Provider.Set(SwitchSlowLogin, true))
	b := newBrowser(t)
	b.http.Timeout = 100 * time.Millisecond
	_, err := b.http.Get(newRelyingParty(t, r, ClientID).authorizeURL("v"))
	require.ErrorContains(t, err, "Timeout")
	require.Zero(t, r.Provider.Stats().SignIns)
	// that Close returns and goleak finds nothing shows that the handler ended
}
