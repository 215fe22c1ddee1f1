package token

import (
	"encoding/base64"
	"fmt"
	"strings"
	"testing"

	"github.com/go-jose/go-jose/v4"
	"github.com/stretchr/testify/require"
)

func TestParseKeySet(t *testing.T) {
	t.Parallel()
	k := ring()
	private := mustJSON(t, jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: k.rsa, KeyID: "p"}}})
	set, err := ParseKeySet(private)
	require.NoError(t, err)
	require.Contains(t, set.Notes()[0], "private part")
	_, err = (&Verifier{Issuer: issuer, ClientID: client, Keys: set}).ID(t.Context(), sign(t, "RS256", k.rsa, "p", "", claimsWith(nil)), ID{})
	require.NoError(t, err)

	mixed := fmt.Sprintf(`{"keys":[{"kty":"moon","kid":"m"},%s]}`, mustJSON(t, jwk(k.ed.Public(), "ed", "EdDSA", "sig")))
	set, err = ParseKeySet([]byte(mixed))
	require.NoError(t, err)
	require.Equal(t, []string{"ed"}, set.IDs())
	require.Len(t, set.Notes(), 1)

	// What signs nothing is no key for a login, however well the set looks.
	point := string(mustJSON(t, jwk(k.ed.Public(), "e", "", "")))
	modulus := func(bits int) string {
		n := make([]byte, bits/8)
		for i := range n {
			n[i] = 0xff
		}
		return base64.RawURLEncoding.EncodeToString(n)
	}
	rsaKey := func(bits int, more string) string {
		return `{"kty":"RSA","kid":"r","e":"AQAB","n":"` + modulus(bits) + `"` + more + `}`
	}
	for _, c := range []struct {
		name, key, want string
	}{
		{"for encryption", rsaKey(2048, `,"use":"enc","alg":"RSA-OAEP"`), `key "r" is for "RSA-OAEP", by which no signature is verified here`},
		{"for encryption, without alg", rsaKey(2048, `,"use":"enc"`), `key "r" is not for signatures (use "enc")`},
		{"by its operations", rsaKey(2048, `,"key_ops":["encrypt","wrapKey"]`), `key "r" is not for verifying (key_ops "encrypt, wrapKey")`},
		{"of another type than its alg", rsaKey(2048, `,"alg":"ES256"`), `cannot make a signature of alg ES256`},
		{"too short", rsaKey(480, ""), "480 bits"},
	} {
		_, err := ParseKeySet([]byte(`{"keys":[` + c.key + `]}`))
		require.ErrorContains(t, err, "none of the 1 keys can verify a signature: ", c.name)
		require.ErrorContains(t, err, c.want, c.name)
		set, err := ParseKeySet([]byte(`{"keys":[` + c.key + `,` + point + `]}`))
		require.NoError(t, err, c.name)
		require.Equal(t, []string{"e"}, set.IDs(), c.name)
		require.Equal(t, 1, set.Len(), c.name)
		require.Len(t, set.Notes(), map[bool]int{true: 1}[c.name == "too short"], "a key for something else is nothing odd")
	}
	set, err = ParseKeySet([]byte(`{"keys":[` + rsaKey(1024, `,"key_ops":["verify"]`) + `]}`))
	require.NoError(t, err)
	require.Contains(t, set.Notes()[0], "fewer than 2048")
	require.True(t, set.Serves([]string{"RS256", "HS256"}))
	require.True(t, set.Serves([]string{"ES256", "moon"}), "who knows")
	ed, err := ParseKeySet([]byte(`{"keys":[` + strings.Replace(point, `"kty"`, `"alg":"Ed25519","kty"`, 1) + `]}`))
	require.NoError(t, err, "RFC 9864's name of EdDSA")
	require.True(t, ed.Serves([]string{"RS256", "Ed25519"}))
	require.False(t, ed.Serves([]string{"RS256", "HS256"}))
	require.True(t, set.Serves(nil), "nothing is offered")
	require.True(t, set.Serves([]string{"HS256"}), "nothing that keys of the set are for")
	require.False(t, set.Serves([]string{"ES256"}))

	huge := base64.RawURLEncoding.EncodeToString([]byte(strings.Repeat("\xff", 4000)))
	for name, bad := range map[string]string{
		"not JSON": `<html>`, "no keys": `{}`, "empty": `{"keys":[]}`, "only unknown": `{"keys":[{"kty":"moon"}]}`,
		"symmetric": `{"keys":[{"kty":"oct","kid":"s","k":"c2VjcmV0c2VjcmV0"}]}`, "list of numbers": `{"keys":[1,2]}`,
		"too many": `{"keys":[` + strings.Repeat(`{},`, 100) + `{}]}`, "huge modulus": `{"keys":[{"kty":"RSA","kid":"h","e":"AQAB","n":"` + huge + `"}]}`,
	} {
		_, err := ParseKeySet([]byte(bad))
		require.Error(t, err, name)
		require.NotContains(t, err.Error(), "c2VjcmV0")
	}
}

func FuzzParseKeySet(f *testing.F) {
	f.Add(mustJSON(f, jose.JSONWebKeySet{Keys: []jose.JSONWebKey{jwk(ring().rsa.Public(), "a", "RS256", "sig")}}))
	f.Add([]byte(`{"keys":[{"kty":"EC","crv":"P-256","x":"AA","y":"AA"}]}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		if set, err := ParseKeySet(b); err == nil {
			require.Len(t, set.IDs(), set.Len())
			require.Positive(t, set.Len())
		}
	})
}
