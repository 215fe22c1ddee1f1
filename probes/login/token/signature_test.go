package token

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func unsigned(header, payload string) string {
	e := base64.RawURLEncoding.EncodeToString
	return e([]byte(header)) + "." + e([]byte(payload)) + "."
}

func TestSignatures(t *testing.T) {
	t.Parallel()
	k := ring()
	set := keySet(t, jwk(k.rsa.Public(), "a", "RS256", "sig"), jwk(k.other.Public(), "enc", "", "enc"), jwk(k.p256.Public(), "ec", "", "sig"))
	good := sign(t, "RS256", k.rsa, "a", "", claimsWith(nil))
	public, err := x509.MarshalPKIXPublicKey(k.rsa.Public())
	require.NoError(t, err)
	body := string(mustJSON(t, claimsWith(nil)))
	for _, c := range []struct{ name, raw, why string }{
		{"none", unsigned(`{"alg":"none"}`, body), "alg none: the token is unsigned"},
		{"None", unsigned(`{"alg":"nOnE"}`, body), "alg none: the token is unsigned"},
		{"no alg", unsigned(`{}`, body), "the token names no alg"},
		{"HS256 keyed with the public key", sign(t, "HS256", public, "a", "", claimsWith(nil)), "alg HS256 is not accepted: it would be keyed with the public key"},
		{"unknown alg", unsigned(`{"alg":"ES256K"}`, body), `alg "ES256K" is not accepted`},
		{"key outside the set", sign(t, "RS256", k.other, "x", "", claimsWith(nil)), `key id "x" is not in the provider's key set (3 keys, fetched once)`},
		{"another key of that id", sign(t, "RS256", k.other, "a", "", claimsWith(nil)), `signature does not verify with key "a"`},
		{"no id, unknown key", sign(t, "RS256", k.other, "", "", claimsWith(nil)), "verifies with none of the provider's key set"},
		{"encryption key", sign(t, "RS256", k.other, "enc", "", claimsWith(nil)), `key "enc" is not for signatures (use "enc")`},
		{"key for another alg", sign(t, "PS256", k.rsa, "a", "", claimsWith(nil)), `key "a" is for "RS256", not for alg PS256`},
		{"key of another type", sign(t, "RS256", k.rsa, "ec", "", claimsWith(nil)), `key "ec" is of a type that cannot make a signature of alg RS256`},
		{"claims changed", changed(t, good, claimsWith(m{"sub": "eve"})), `signature does not verify with key "a"`},
		{"access token", sign(t, "RS256", k.rsa, "a", "at+jwt", claimsWith(nil)), "this is not an ID token"},
		{"crit", unsigned(`{"alg":"RS256","crit":["b64"],"b64":false}`, body), "crit"},
		{"opaque", "F25VQ", "not a JWT"},
		{"five parts", "eyJhbGciOiJSU0EtT0FFUCJ9.a.b.c.d", "encrypted"},
		{"claims are a list", unsigned(`{"alg":"RS256"}`, `[]`), "not a JSON object"},
		{"too long", strings.Repeat("a", MaxBytes+1), "at most"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			v := &Verifier{Issuer: issuer, ClientID: client, Keys: set}
			_, err := v.ID(t.Context(), c.raw, ID{})
			require.ErrorContains(t, err, c.why)
		})
	}
}

func mustJSON(t testing.TB, v any) []byte {
	t.Helper()
	b, err := json.Marshal(v)
	require.NoError(t, err)
	return b
}

func changed(t testing.TB, raw string, claims m) string {
	t.Helper()
	parts := strings.Split(raw, ".")
	parts[1] = base64.RawURLEncoding.EncodeToString(mustJSON(t, claims))
	return strings.Join(parts, ".")
}

func TestDuplicateKeyIDs(t *testing.T) {
	t.Parallel()
	k := ring()
	set := keySet(t, jwk(k.other.Public(), "a", "", ""), jwk(k.p256.Public(), "a", "", ""), jwk(k.rsa.Public(), "a", "", ""))
	v := &Verifier{Issuer: issuer, ClientID: client, Keys: set}
	_, err := v.ID(t.Context(), sign(t, "RS256", k.rsa, "a", "", claimsWith(nil)), ID{})
	require.NoError(t, err)
	third, err := rsa.GenerateKey(rand.Reader, 2048)
	require.NoError(t, err)
	_, err = v.ID(t.Context(), sign(t, "RS256", third, "a", "", claimsWith(nil)), ID{})
	require.ErrorContains(t, err, `any of the 2 keys named "a"`)
}

func TestRefetch(t *testing.T) {
	t.Parallel()
	k := ring()
	stale, fresh := keySet(t, jwk(k.other.Public(), "old", "", "")), keySet(t, jwk(k.rsa.Public(), "new", "", ""))
	fetched := 0
	v := &Verifier{Issuer: issuer, ClientID: client, Keys: stale, Refetch: func(context.Context) (*KeySet, error) {
		fetched++
		return fresh, nil
	}}
	_, err := v.ID(t.Context(), sign(t, "RS256", k.rsa, "new", "", claimsWith(nil)), ID{})
	require.NoError(t, err)
	_, err = v.ID(t.Context(), sign(t, "RS256", k.rsa, "newer", "", claimsWith(nil)), ID{})
	require.ErrorContains(t, err, `key id "newer" is not in the provider's key set (1 key, fetched twice)`)
	require.Equal(t, 1, fetched)

	boom := errors.New("no route")
	v = &Verifier{Issuer: issuer, ClientID: client, Keys: stale, Refetch: func(context.Context) (*KeySet, error) { return nil, boom }}
	_, err = v.ID(t.Context(), sign(t, "RS256", k.rsa, "new", "", claimsWith(nil)), ID{})
	require.ErrorIs(t, err, boom)
}

func TestAccess(t *testing.T) {
	t.Parallel()
	k := ring()
	set := keySet(t, jwk(k.rsa.Public(), "a", "", ""))
	for _, c := range []struct {
		name, typ, audience, why string
		change                   m
	}{
		{name: "no audience asked for"},
		{name: "audience", audience: "api", change: m{"aud": []string{"api", "userinfo"}}},
		{name: "foreign audience", audience: "api", why: `aud is ["probe"], want audience "api"`},
		{name: "foreign issuer", change: m{"iss": "https://evil.example"}, why: "iss is"},
		{name: "expired", change: m{"exp": 5}, why: "expired"},
		{name: "at+jwt", typ: "at+jwt", change: m{"client_id": client}},
		{name: "at+jwt for another client", typ: "application/at+jwt", change: m{"client_id": "other"}, why: `client_id is "other"`},
		{name: "at+jwt without sub", typ: "at+jwt", change: m{"sub": nil}, why: "sub is absent"},
		{name: "at+jwt without aud", typ: "at+jwt", change: m{"aud": nil}, why: "aud is absent"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			v := &Verifier{Issuer: issuer, ClientID: client, Keys: set, Skew: time.Second}
			_, err := v.Access(t.Context(), sign(t, "RS256", k.rsa, "a", c.typ, claimsWith(c.change)), c.audience)
			if c.why == "" {
				require.NoError(t, err)
				return
			}
			require.ErrorContains(t, err, c.why)
		})
	}
	v := &Verifier{Issuer: issuer, ClientID: client, Keys: set}
	for _, opaque := range []string{"", "F25VQ", "a.b.c", "eyJhbGciOiJSU0EtT0FFUCJ9.a.b.c.d", "..."} {
		_, err := v.Access(t.Context(), opaque, "api")
		require.ErrorIs(t, err, ErrOpaque, opaque)
	}
}

func FuzzVerify(f *testing.F) {
	k := ring()
	set := keySet(f, jwk(k.rsa.Public(), "a", "", ""), jwk(k.p256.Public(), "b", "", ""))
	good := sign(f, "RS256", k.rsa, "a", "", claimsWith(nil))
	f.Add(good)
	f.Add(unsigned(`{"alg":"none"}`, `{"iss":"x"}`))
	f.Add(sign(f, "ES256", k.p256, "b", "at+jwt", claimsWith(m{"aud": []string{"probe", "x"}})))
	f.Fuzz(func(t *testing.T, raw string) {
		v := &Verifier{Issuer: issuer, ClientID: client, Keys: set, Skew: 100 * 365 * 24 * time.Hour}
		if _, err := v.ID(t.Context(), raw, ID{}); err == nil {
			require.Equal(t, strings.Split(good, ".")[1], strings.Split(raw, ".")[1], "a token that nobody signed was accepted")
		}
		_, _ = v.Access(t.Context(), raw, "api")
	})
}
