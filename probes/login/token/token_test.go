package token

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"maps"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/stretchr/testify/require"
)

const (
	issuer = "https://id.example/"
	client = "probe"
)

type keyring struct {
	rsa, other *rsa.PrivateKey
	p256, p384 *ecdsa.PrivateKey
	p521       *ecdsa.PrivateKey
	ed         ed25519.PrivateKey
}

var ring = sync.OnceValue(func() keyring {
	must := func(err error) {
		if err != nil {
			panic(err)
		}
	}
	var k keyring
	var err error
	k.rsa, err = rsa.GenerateKey(rand.Reader, 2048)
	must(err)
	k.other, err = rsa.GenerateKey(rand.Reader, 2048)
	must(err)
	k.p256, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(err)
	k.p384, err = ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	must(err)
	k.p521, err = ecdsa.GenerateKey(elliptic.P521(), rand.Reader)
	must(err)
	_, k.ed, err = ed25519.GenerateKey(rand.Reader)
	must(err)
	return k
})

func sign(t testing.TB, alg string, key any, kid, typ string, claims any) string {
	t.Helper()
	opts := &jose.SignerOptions{}
	if kid != "" {
		opts = opts.WithHeader("kid", kid)
	}
	if typ != "" {
		opts = opts.WithType(jose.ContentType(typ))
	}
	s, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.SignatureAlgorithm(alg), Key: key}, opts)
	require.NoError(t, err)
	payload, err := json.Marshal(claims)
	require.NoError(t, err)
	jws, err := s.Sign(payload)
	require.NoError(t, err)
	raw, err := jws.CompactSerialize()
	require.NoError(t, err)
	return raw
}

func keySet(t testing.TB, keys ...jose.JSONWebKey) *KeySet {
	t.Helper()
	b, err := json.Marshal(jose.JSONWebKeySet{Keys: keys})
	require.NoError(t, err)
	set, err := ParseKeySet(b)
	require.NoError(t, err)
	return set
}

func jwk(key crypto.PublicKey, kid, alg, use string) jose.JSONWebKey {
	return jose.JSONWebKey{Key: key, KeyID: kid, Algorithm: alg, Use: use}
}

type m = map[string]any

func claimsWith(change m) m {
	now := time.Now().Unix()
	c := m{"iss": issuer, "sub": "alice", "aud": client, "exp": now + 300, "iat": now, "nonce": "n-1"}
	maps.Copy(c, change)
	maps.DeleteFunc(c, func(_ string, v any) bool { return v == nil })
	return c
}

func TestIDClaims(t *testing.T) {
	t.Parallel()
	now := time.Now().Unix()
	k := ring()
	set := keySet(t, jwk(k.rsa.Public(), "a", "RS256", "sig"))
	for _, c := range []struct {
		name   string
		change m
		want   ID
		why    string
	}{
		{name: "good"},
		{name: "issuer without its slash", change: m{"iss": "https://id.example"}, why: `iss is "https://id.example", want "https://id.example/"`},
		{name: "foreign audience", change: m{"aud": []string{"a", "b"}}, why: `aud is ["a" "b"], want client id "probe"`},
		{name: "no audience", change: m{"aud": nil}, why: "aud is absent"},
		{name: "audience of a wrong type", change: m{"aud": 7}, why: "aud is neither a string nor a list of strings"},
		{name: "several audiences, no azp", change: m{"aud": []string{"probe", "api"}}, why: `azp is absent, though aud names several: ["probe" "api"]`},
		{name: "several audiences with azp", change: m{"aud": []string{"probe", "api"}, "azp": "probe"}},
		{name: "foreign azp", change: m{"azp": "other"}, why: `azp is "other", want client id "probe"`},
		{name: "azp required", want: ID{RequireAZP: true}, why: "azp is absent, though it is required"},
		{name: "no sub", change: m{"sub": nil}, why: "sub is absent"},
		{name: "sub of a wrong type", change: m{"sub": 7}, why: "the claims cannot be read: sub is of the wrong type"},
		{name: "expired", change: m{"exp": now - 180}, why: "expired 3m0s ago (skew allowed 1m0s)"},
		{name: "expired within the skew", change: m{"exp": now - 20}},
		{name: "no exp", change: m{"exp": nil}, why: "exp is absent"},
		{name: "exp is text", change: m{"exp": "tomorrow"}, why: "a time (exp, iat or nbf) is not a number"},
		{name: "exp out of range", change: m{"exp": 1e300}, why: "a time (exp, iat or nbf) is out of range"},
		{name: "no iat", change: m{"iat": nil}, why: "iat is absent"},
		{name: "issued in the future", change: m{"iat": now + 7200}, why: "in the future"},
		{name: "not yet valid", change: m{"nbf": now + 7200}, why: "not valid before"},
		{name: "nonce", want: ID{Nonce: "n-1"}},
		{name: "foreign nonce", want: ID{Nonce: "n-2"}, why: "nonce is not the one that was sent"},
		{name: "no nonce", change: m{"nonce": nil}, want: ID{Nonce: "n-2"}, why: "nonce is absent, though one was sent"},
		{name: "at_hash", change: m{"at_hash": halfHash("RS256", "AT")}, want: ID{AccessToken: "AT", RequireATHash: true}},
		{name: "foreign at_hash", change: m{"at_hash": halfHash("RS256", "AT")}, want: ID{AccessToken: "BT"}, why: "at_hash does not match the access token"},
		{name: "at_hash required", want: ID{AccessToken: "AT", RequireATHash: true}, why: "at_hash is absent, though it is required"},
		{name: "foreign c_hash", change: m{"c_hash": halfHash("RS256", "C")}, want: ID{Code: "D"}, why: "c_hash does not match the code"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			v := &Verifier{Issuer: issuer, ClientID: client, Skew: time.Minute, Keys: set, Now: func() time.Time { return time.Unix(now, 0) }}
			_, err := v.ID(t.Context(), sign(t, "RS256", k.rsa, "a", "JWT", claimsWith(c.change)), c.want)
			if c.why == "" {
				require.NoError(t, err)
				return
			}
			require.ErrorContains(t, err, c.why)
		})
	}
}

func TestAlgorithms(t *testing.T) {
	t.Parallel()
	k := ring()
	set := keySet(t,
		jwk(k.rsa.Public(), "rsa", "", "sig"), jwk(k.p256.Public(), "ES256", "", ""), jwk(k.p384.Public(), "ES384", "", ""),
		jwk(k.p521.Public(), "ES512", "", ""), jwk(k.ed.Public(), "EdDSA", "", ""))
	keys := map[string]any{"ES256": k.p256, "ES384": k.p384, "ES512": k.p521, "EdDSA": k.ed}
	for _, alg := range Algorithms() {
		t.Run(alg, func(t *testing.T) {
			t.Parallel()
			key, kid := keys[alg], alg
			if key == nil {
				key, kid = k.rsa, "rsa"
			}
			for _, name := range []string{kid, ""} { // without a kid each fitting key is tried
				v := &Verifier{Issuer: issuer, ClientID: client, Keys: set}
				tok, err := v.ID(t.Context(), sign(t, alg, key, name, "", claimsWith(m{"at_hash": halfHash(alg, "AT")})), ID{AccessToken: "AT"})
				require.NoError(t, err)
				require.Equal(t, 5*time.Minute, tok.Lifetime())
			}
			v := &Verifier{Issuer: issuer, ClientID: client, Keys: set, Algorithms: []string{"XX"}}
			_, err := v.ID(t.Context(), sign(t, alg, key, kid, "", claimsWith(nil)), ID{})
			require.ErrorContains(t, err, "signing_algs allows XX")
		})
	}
}
