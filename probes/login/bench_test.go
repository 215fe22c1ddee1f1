package login

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/go-jose/go-jose/v4"
	"github.com/stretchr/testify/require"
	"golang.org/x/oauth2"

	"github.com/idp-exporter/idp_exporter/internal/fetch"
	"github.com/idp-exporter/idp_exporter/internal/secret"
	"github.com/idp-exporter/idp_exporter/probes"
)

// benchServer makes the test binary serve a provider in a process of its own,
// so that only the client's CPU is measured.
const benchServer = "LOGIN_BENCHMARK_CERTIFICATE"

// serveBenchmark serves discovery, keys and tokens until its input ends.
func serveBenchmark() {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.RS256, Key: key}, (&jose.SignerOptions{}).WithHeader("kid", "a").WithType("JWT"))
	if err != nil {
		panic(err)
	}
	mux := http.NewServeMux()
	server := httptest.NewUnstartedServer(mux)
	server.EnableHTTP2 = true
	server.StartTLS()
	defer server.Close()
	answer := func(path string, v func() any) {
		mux.HandleFunc(path, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			_ = json.NewEncoder(w).Encode(v())
		})
	}
	answer("/.well-known/openid-configuration", func() any {
		return map[string]any{
			"issuer": server.URL, "authorization_endpoint": server.URL + "/a", "token_endpoint": server.URL + "/token", "jwks_uri": server.URL + "/jwks",
			"id_token_signing_alg_values_supported": []string{"RS256"},
		}
	})
	answer("/jwks", func() any {
		return jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: key.Public(), KeyID: "a", Algorithm: "RS256", Use: "sig"}}}
	})
	answer("/token", func() any {
		now := time.Now().Unix()
		claims, _ := json.Marshal(map[string]any{"iss": server.URL, "sub": "alice", "aud": "probe", "iat": now, "exp": now + 300})
		jws, _ := signer.Sign(claims)
		raw, _ := jws.CompactSerialize()
		return map[string]any{"access_token": "opaque-access-token", "token_type": "Bearer", "expires_in": 300, "id_token": raw}
	})
	file := os.Getenv(benchServer)
	cert := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	if err := os.WriteFile(file, cert, 0o600); err != nil {
		panic(err)
	}
	fmt.Println(server.URL)
	_, _ = os.Stdin.Read(make([]byte, 1))
}

// benchProvider starts the other process and returns its issuer and certificate.
func benchProvider(b *testing.B) (issuer, ca string) {
	b.Helper()
	ca = b.TempDir() + "/ca.pem"
	cmd := exec.CommandContext(b.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), benchServer+"="+ca)
	in, err := cmd.StdinPipe()
	require.NoError(b, err)
	out, err := cmd.StdoutPipe()
	require.NoError(b, err)
	require.NoError(b, cmd.Start())
	b.Cleanup(func() {
		_ = in.Close()
		_ = cmd.Wait()
	})
	line := make([]byte, 200)
	n, err := out.Read(line)
	require.NoError(b, err)
	return strings.TrimSpace(string(line[:n])), ca
}

// cpu is the CPU time this process has used.
func cpu() time.Duration {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func measure(b *testing.B, once func()) {
	b.Helper()
	once()
	begin := cpu()
	for b.Loop() {
		once()
	}
	b.ReportMetric(float64((cpu()-begin).Microseconds())/float64(b.N), "cpu-µs/op")
}

func BenchmarkLogin(b *testing.B) {
	issuer, ca := benchProvider(b)
	o := Defaults(NewAccounts())
	o.Budget.PerMinute = 0
	o.Flow, o.ClientID, o.ClientSecret, o.Username, o.Password = FlowPassword, "probe", secret.New("client-secret"), "alice", secret.New("correct horse")
	o.Userinfo = UserinfoNever
	l, err := New(o, probes.Target{Provider: &probes.Provider{Issuer: issuer, Dial: fetch.Options{TLS: fetch.TLS{CAFile: ca}}}})
	require.NoError(b, err)
	measure(b, func() {
		r := l.Run(b.Context())
		require.Equal(b, probes.Pass, r.Outcome, r.Detail)
	})
}

func BenchmarkLoginBaseline(b *testing.B) {
	issuer, ca := benchProvider(b)
	pemBytes, err := os.ReadFile(ca)
	require.NoError(b, err)
	roots := x509.NewCertPool()
	require.True(b, roots.AppendCertsFromPEM(pemBytes))
	measure(b, func() {
		transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}, ForceAttemptHTTP2: true}
		defer transport.CloseIdleConnections()
		ctx := context.WithValue(b.Context(), oauth2.HTTPClient, &http.Client{Transport: transport})
		provider, err := oidc.NewProvider(ctx, issuer)
		require.NoError(b, err)
		endpoint := provider.Endpoint()
		endpoint.AuthStyle = oauth2.AuthStyleInHeader
		conf := oauth2.Config{ClientID: "probe", ClientSecret: "client-secret", Endpoint: endpoint, Scopes: []string{"openid"}}
		tokens, err := conf.PasswordCredentialsToken(ctx, "alice", "correct horse")
		require.NoError(b, err)
		raw, _ := tokens.Extra("id_token").(string)
		_, err = provider.Verifier(&oidc.Config{ClientID: "probe"}).Verify(ctx, raw)
		require.NoError(b, err)
	})
}
