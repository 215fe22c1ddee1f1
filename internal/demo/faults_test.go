package demo

import (
	"crypto/x509"
	"encoding/pem"
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/go-jose/go-jose/v4"
	"github.com/stretchr/testify/require"
	"golang.org/x/oauth2"
)

// verdict is what an independent verifier says of a faulty token: its error, or,
// for what it leaves to its caller, a check of the claims.
type verdict struct {
	err    string
	claims func(*testing.T, map[string]any)
}

func differs(name string, good any) verdict {
	return verdict{claims: func(t *testing.T, c map[string]any) {
		require.Contains(t, c, name)
		require.NotEqual(t, good, c[name])
	}}
}

func lacks(name string) verdict {
	return verdict{claims: func(t *testing.T, c map[string]any) { require.NotContains(t, c, name) }}
}

func future(name string) verdict {
	return verdict{claims: func(t *testing.T, c map[string]any) {
		at, err := c[name].(interface{ Int64() (int64, error) }).Int64()
		require.NoError(t, err)
		require.Greater(t, at, time.Now().Add(30*time.Minute).Unix())
	}}
}

func faultVerdicts() map[Fault]verdict {
	return map[Fault]verdict{
		FaultAlgNone:              {err: `unexpected signature algorithm "none"`},
		FaultHS256PublicKey:       {err: `unexpected signature algorithm "HS256"`},
		FaultForeignKey:           {err: "failed to verify signature"},
		FaultBadSignature:         {err: "failed to verify signature"},
		FaultNoKeyID:              {},
		FaultExpired:              {err: "token is expired"},
		FaultNoExpiry:             {err: "token is expired"},
		FaultIssuedInFuture:       future("iat"),
		FaultNotYetValid:          {err: "before the nbf (not before) time"},
		FaultWrongIssuer:          {err: "issued by a different provider"},
		FaultWrongAudience:        {err: "expected audience"},
		FaultExtraAudience:        differs("azp", ClientID),
		FaultWrongAuthorizedParty: differs("azp", ClientID),
		FaultWrongSubject:         differs("sub", Subject),
		FaultNoSubject:            lacks("sub"),
		FaultWrongNonce:           differs("nonce", testNonce),
		FaultNoNonce:              lacks("nonce"),
		FaultBadAtHash:            differs("at_hash", nil),
		FaultNoAtHash:             lacks("at_hash"),
	}
}

func TestFaults(t *testing.T) {
	t.Parallel()
	verdicts := faultVerdicts()
	require.Len(t, Faults(), len(verdicts))
	for _, alg := range []string{"RS256", "PS256", "ES256", "EdDSA"} {
		t.Run(alg, func(t *testing.T) {
			t.Parallel()
			r := started(t, StartOptions{SigningAlg: alg})
			rp := newRelyingParty(t, r, ClientID)
			for _, fault := range Faults() {
				want, ok := verdicts[fault]
				require.True(t, ok, fault)

				r.Provider.SetIDTokenFault(fault)
				token := rp.signIn()
				r.Provider.SetIDTokenFault(FaultNone)
				raw := token.Extra("id_token").(string)
				id, err := rp.verify(token)
				want.check(t, fault, raw, err)
				if err == nil && fault != FaultNoAtHash {
					err = id.VerifyAccessToken(token.AccessToken)
					require.Equal(t, fault == FaultBadAtHash, err != nil, "at_hash under %s: %v", fault, err)
				}
				_, err = rp.op.Verifier(&oidc.Config{ClientID: Audience, SupportedSigningAlgs: []string{alg}}).
					Verify(t.Context(), token.AccessToken)
				require.NoError(t, err, "the access token is good under %s", fault)
			}
			token := rp.signIn()
			_, err := rp.verify(token)
			require.NoError(t, err, "no fault stays")
		})
	}
}

func (v verdict) check(t *testing.T, fault Fault, raw string, err error) {
	t.Helper()
	if v.err != "" {
		require.ErrorContains(t, err, v.err, "%s", fault)
		return
	}
	require.NoError(t, err, "%s", fault)
	if v.claims != nil {
		v.claims(t, claimsOf(t, raw))
	}
}

func TestAccessTokenFaults(t *testing.T) {
	t.Parallel()
	r := started(t, StartOptions{})
	rp := newRelyingParty(t, r, ClientID)
	for _, fault := range []Fault{
		FaultAlgNone, FaultHS256PublicKey, FaultForeignKey, FaultBadSignature,
		FaultExpired, FaultNotYetValid, FaultWrongIssuer, FaultWrongAudience, FaultWrongSubject,
	} {
		r.Provider.SetAccessTokenFault(fault)
		token := rp.signIn()
		r.Provider.SetAccessTokenFault(FaultNone)
		_, err := rp.op.Verifier(&oidc.Config{ClientID: Audience, SupportedSigningAlgs: []string{"ES256"}}).
			Verify(t.Context(), token.AccessToken)
		faultVerdicts()[fault].check(t, fault, token.AccessToken, err)
		id, err := rp.verify(token)
		require.NoError(t, err, "the ID token is good under %s", fault)
		require.NoError(t, id.VerifyAccessToken(token.AccessToken), "at_hash fits the faulty access token")
	}
	r.Provider.SetAccessTokenFault(FaultExpired)
	machine := tokenRequest(t, r, MachineClientID, MachineClientSecret, url.Values{"grant_type": {"client_credentials"}})
	exp, err := claimsOf(t, machine.body["access_token"].(string))["exp"].(interface{ Int64() (int64, error) }).Int64()
	require.NoError(t, err)
	require.Less(t, exp, time.Now().Unix())
	opaque := newRelyingParty(t, r, OpaqueClientID).signIn()
	require.Equal(t, http.StatusOK, userinfo(t, r, opaque.AccessToken).status)
}

// TestHS256FaultIsTheRealAttack shows that a verifier which takes the published
// key for an HMAC secret would accept the token.
func TestHS256FaultIsTheRealAttack(t *testing.T) {
	t.Parallel()
	r := started(t, StartOptions{})
	r.Provider.SetIDTokenFault(FaultHS256PublicKey)
	raw := passwordLogin(t, r).body["id_token"].(string)
	jws, err := jose.ParseSignedCompact(raw, []jose.SignatureAlgorithm{jose.HS256})
	require.NoError(t, err)
	der, err := x509.MarshalPKIXPublicKey(r.Provider.keys.current().private.Public())
	require.NoError(t, err)
	_, err = jws.Verify(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))
	require.NoError(t, err)
	require.Equal(t, r.Provider.keys.current().id, jws.Signatures[0].Header.KeyID)
}

func TestRotateKeys(t *testing.T) {
	t.Parallel()
	r := started(t, StartOptions{})
	rp := newRelyingParty(t, r, ClientID)
	old := rp.signIn()
	_, err := rp.verify(old)
	require.NoError(t, err)
	fetched := r.Provider.Stats().Requests["GET "+PathJWKS]

	require.NoError(t, r.Provider.RotateKeys())
	fresh := rp.signIn()
	_, err = rp.verify(fresh)
	require.NoError(t, err, "the verifier fetches the key set again")
	require.Equal(t, fetched+1, r.Provider.Stats().Requests["GET "+PathJWKS])
	_, err = rp.verify(old)
	require.NoError(t, err, "the key before is still published")

	require.NoError(t, r.Provider.RotateKeys())
	rp = newRelyingParty(t, r, ClientID) // without keys remembered
	_, err = rp.verify(old)
	require.ErrorContains(t, err, "failed to verify signature")
	_, err = rp.verify((&oauth2.Token{}).WithExtra(map[string]any{"id_token": fresh.Extra("id_token")}))
	require.NoError(t, err)
}
