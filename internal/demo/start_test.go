package demo

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestStartRefusals(t *testing.T) {
	t.Parallel()
	r := started(t, StartOptions{})
	u, err := url.Parse(r.Issuer)
	require.NoError(t, err)
	for _, tc := range []struct {
		o    StartOptions
		want string
	}{
		{StartOptions{Addr: "0.0.0.0:0"}, "not of loopback"},
		{StartOptions{CRMAddr: ":0"}, "not of loopback"},
		{StartOptions{Addr: "example.org:80"}, "not of loopback"},
		{StartOptions{Addr: "nonsense"}, "missing port"},
		{StartOptions{Addr: u.Host}, "address already in use"},
		{StartOptions{SigningAlg: "HS256"}, "use RS256"},
	} {
		_, err := Start(t.Context(), tc.o)
		require.ErrorContains(t, err, tc.want)
	}
	for _, issuer := range []string{"", "127.0.0.1", "http://127.0.0.1/", "http://127.0.0.1/path", "ldap://127.0.0.1", "http://%"} {
		_, err := NewProvider(Options{Issuer: issuer})
		require.ErrorContains(t, err, "no origin", issuer)
	}
}

func TestStop(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	r, err := Start(ctx, StartOptions{SigningAlg: "EdDSA", SlowLogin: time.Hour})
	require.NoError(t, err)
	require.NoError(t, r.Provider.Set(SwitchSlowLogin, true))
	client := newClient(t)
	var waiting sync.WaitGroup
	waiting.Go(func() {
		resp, err := client.PostForm(r.Issuer+PathToken, passwordForm("client_id", OpaqueClientID, "client_secret", OpaqueClientSecret))
		if assert.NoError(t, err) {
			assert.Equal(t, http.StatusServiceUnavailable, resp.StatusCode, "ended, not cut off")
			_ = resp.Body.Close()
		}
	})
	require.Eventually(t, func() bool { return r.Provider.Stats().Requests["POST "+PathToken] == 1 }, 10*time.Second, time.Millisecond)
	cancel() // ends as Close does
	require.NoError(t, r.Wait())
	waiting.Wait()
	require.NoError(t, r.Close())
	require.NoError(t, r.Close())
	_, err = client.Get(r.Issuer + PathDiscovery)
	require.Error(t, err)
}

func TestTLSAndStats(t *testing.T) {
	t.Parallel()
	certified := httptest.NewUnstartedServer(nil) // for its certificate
	certified.StartTLS()
	config := &tls.Config{Certificates: certified.TLS.Certificates, MinVersion: tls.VersionTLS12}
	pool := x509.NewCertPool()
	pool.AddCert(certified.Certificate())
	certified.Close()

	r := started(t, StartOptions{TLS: config})
	require.Contains(t, r.Issuer, "https://127.0.0.1:")
	b := newBrowser(t)
	b.http.Transport.(*http.Transport).TLSClientConfig = &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}
	p := b.get(r.Issuer + PathAuthorize + "?" + url.Values{
		"response_type": {"code"}, "client_id": {ClientID}, "redirect_uri": {RedirectURI}, "scope": {"openid"},
		"code_challenge": {"0123456789012345678901234567890123456789012"}, "code_challenge_method": {"S256"},
	}.Encode())
	require.Equal(t, http.StatusOK, p.StatusCode)
	require.NotNil(t, p.TLS)
	b.submit(b.submit(p, credentials(Username, "wrong")), credentials(Username, Password))
	stats := r.Provider.Stats()
	require.Equal(t, uint64(1), stats.Connections)
	require.Equal(t, uint64(1), stats.TLSHandshakes)
	require.Equal(t, uint64(1), stats.SignIns)
	require.Equal(t, map[string]uint64{
		"GET /authorize": 1, "GET /login/{id}": 1, "POST /login/{id}": 2, "GET /consent/{id}": 1,
	}, stats.Requests)
	require.Equal(t, map[string]uint64{Username: 1}, stats.RefusedPasswords)
	jar := b.http.Jar.Cookies(p.Request.URL)
	require.Empty(t, jar, "the login cookie is gone")
}

// TestLogCarriesNoSecret signs in and fails in many ways and looks for secrets in the log.
func TestLogCarriesNoSecret(t *testing.T) {
	t.Parallel()
	var log lockedBuffer
	r := started(t, StartOptions{Logger: slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))})
	rp := newRelyingParty(t, r, ClientID)
	token := rp.signIn()
	const canary = "canary-7f3a"
	passwordLogin(t, r, "password", canary)
	passwordLogin(t, r, "username", canary)
	passwordLogin(t, r, "grant_type", canary)
	passwordLogin(t, r, "scope", canary)
	passwordLogin(t, r, "username", BlockedUsername, "password", BlockedPassword)
	tokenRequest(t, r, ClientID, canary, passwordForm())
	tokenRequest(t, r, canary, canary, passwordForm())
	tokenRequest(t, r, ClientID, ClientSecret, url.Values{"grant_type": {"authorization_code"}, "code": {canary}})
	tokenRequest(t, r, ClientID, ClientSecret, url.Values{"grant_type": {"refresh_token"}, "refresh_token": {canary}})
	b := newBrowser(t)
	b.submit(b.get(rp.authorizeURL(canary)), credentials(canary, canary))
	b.get(rp.authorizeURL(canary) + "&prompt=none")
	require.NoError(t, r.Provider.Set(SwitchCRMDown, true))
	passwordLogin(t, r)
	text := log.String()
	require.Contains(t, text, "password refused")
	require.Contains(t, text, "account is suspended")
	require.Contains(t, text, "status 503")
	for _, secret := range []string{
		canary, Password, BlockedPassword, ClientSecret, OpaqueClientSecret, MachineClientSecret, testState, testNonce,
		token.AccessToken, token.RefreshToken, token.Extra("id_token").(string),
	} {
		require.NotContains(t, text, secret)
	}
}

type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}
