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
