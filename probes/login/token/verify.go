package token

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"
)

// Algorithms lists the signature algorithms that are accepted (RFC 7518, 3.1 and
// RFC 8037). Symmetric ones and `none` never are.
func Algorithms() []string {
	return []string{"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"}
}

// Verifier checks the tokens of one login. It is used by one goroutine.
type Verifier struct {
	// Issuer is what the claim iss must be, exactly.
	Issuer string
	// ClientID is the client the tokens are for.
	ClientID string
	// Algorithms restricts the accepted algorithms; empty means Algorithms().
	Algorithms []string
	// Skew is how far the clocks may differ.
	Skew time.Duration
	// Now is the time the check is made for; nil means time.Now.
	Now func() time.Time
	// Keys is the provider's key set.
	Keys *KeySet
	// Refetch fetches the key set again. It is called at most once, for a key id
	// that the set does not have. Its error is returned as it is, wrapped.
	Refetch func(context.Context) (*KeySet, error)

	refetched bool
}

// ID is what an ID token is checked against besides the Verifier.
type ID struct {
	// Nonce is the nonce that was sent, empty if none was.
	Nonce string
	// AccessToken and Code are what at_hash and c_hash speak of.
	AccessToken, Code string
	// RequireAZP and RequireATHash refuse a token without azp or at_hash.
	RequireAZP, RequireATHash bool
}

// ID verifies an ID token (OpenID Connect Core 1.0, 3.1.3.7). The token is
// returned, where it could be parsed, even with an error.
func (v *Verifier) ID(ctx context.Context, raw string, want ID) (*Token, error) {
	t, err := Parse(raw)
	if errors.Is(err, ErrOpaque) {
		return nil, errors.New("not a JWT")
	}
	if err != nil {
		return nil, err
	}
	if err := v.Signature(ctx, t); err != nil {
		return t, err
	}
	if strings.HasSuffix(strings.ToLower(t.Type), "at+jwt") || strings.HasSuffix(strings.ToLower(t.Type), "logout+jwt") {
		return t, fmt.Errorf("typ is %s: this is not an ID token", quote(t.Type))
	}
	for _, check := range []func() error{
		func() error { return v.issuer(t) },
		func() error { return present("sub", t.Subject != "") },
		func() error { return v.audience(t, v.ClientID, "client id") },
		func() error { return v.party(t, want.RequireAZP) },
		func() error { return present("iat", !t.IssuedAt.IsZero()) },
		func() error { return v.times(t) },
		func() error { return nonce(t, want.Nonce) },
		func() error { return hashes(t, want) },
	} {
		if err := check(); err != nil {
			return t, err
		}
	}
	return t, nil
}

// Access verifies a JWT access token: signature, iss, exp and, unless audience is
// empty, aud (RFC 9068, 4). It returns ErrOpaque for what it cannot read: a
// token that is no JWT, or is encrypted.
func (v *Verifier) Access(ctx context.Context, raw, audience string) (*Token, error) {
	t, err := Parse(raw)
	if errors.Is(err, errEncrypted) {
		return nil, ErrOpaque
	}
	if err != nil {
		return nil, err
	}
	if err := v.Signature(ctx, t); err != nil {
		return t, err
	}
	if err := v.issuer(t); err != nil {
		return t, err
	}
	if audience != "" {
		if err := v.audience(t, audience, "audience"); err != nil {
			return t, err
		}
	}
	if strings.EqualFold(strings.TrimPrefix(strings.ToLower(t.Type), "application/"), "at+jwt") {
		if err := v.rfc9068(t); err != nil {
			return t, err
		}
	}
	return t, v.times(t)
}

// rfc9068 checks what a token that calls itself at+jwt must have (RFC 9068, 2.2).
func (v *Verifier) rfc9068(t *Token) error {
	if err := present("sub", t.Subject != ""); err != nil {
		return err
	}
	if err := present("aud", len(t.Audience) > 0); err != nil {
		return err
	}
	if t.ClientID != "" && t.ClientID != v.ClientID {
		return fmt.Errorf("client_id is %s, want %s", quote(t.ClientID), quote(v.ClientID))
	}
	return nil
}

// Signature verifies a token's signature against the key set, which is fetched
// again, once, if it lacks the key.
func (v *Verifier) Signature(ctx context.Context, t *Token) error {
	if err := v.algorithm(t.Algorithm); err != nil {
		return err
	}
	jws, err := jose.ParseSignedCompact(t.raw, []jose.SignatureAlgorithm{jose.SignatureAlgorithm(t.Algorithm)})
	if err != nil {
		return errors.New("the signature cannot be read")
	}
	for {
		keys := v.Keys.named(t.KeyID)
		if len(keys) > 0 {
			err := tryKeys(jws, t, keys)
			if err == nil || t.KeyID != "" {
				return err
			}
		}
		if v.refetched || v.Refetch == nil {
			return v.noKey(t)
		}
		v.refetched = true
		fresh, err := v.Refetch(ctx)
		if err != nil {
			return fmt.Errorf("fetching the key set again for key id %s: %w", quote(t.KeyID), err)
		}
		v.Keys = fresh
	}
}

func (v *Verifier) noKey(t *Token) error {
	times := "once"
	if v.refetched {
		times = "twice"
	}
	if t.KeyID == "" {
		return fmt.Errorf("the token names no key, and its signature verifies with none of the provider's key set (%s, fetched %s)", count(len(v.Keys.keys)), times)
	}
	return fmt.Errorf("key id %s is not in the provider's key set (%s, fetched %s)", quote(t.KeyID), count(len(v.Keys.keys)), times)
}

func count(n int) string {
	if n == 1 {
		return "1 key"
	}
	return fmt.Sprintf("%d keys", n)
}

func (v *Verifier) algorithm(alg string) error {
	switch {
	case strings.EqualFold(alg, "none"):
		return errors.New("alg none: the token is unsigned")
	case alg == "":
		return errors.New("the token names no alg")
	case strings.HasPrefix(alg, "HS"):
		return fmt.Errorf("alg %s is not accepted: it would be keyed with the public key", quotedIfOdd(alg))
	case !slices.Contains(Algorithms(), alg):
		return fmt.Errorf("alg %s is not accepted; known are %s", quote(alg), strings.Join(Algorithms(), ", "))
	case len(v.Algorithms) > 0 && !slices.Contains(v.Algorithms, alg):
		return fmt.Errorf("alg %s is not accepted; signing_algs allows %s", alg, strings.Join(v.Algorithms, ", "))
	}
	return nil
}

func quotedIfOdd(alg string) string {
	if slices.Contains([]string{"HS256", "HS384", "HS512"}, alg) {
		return alg
	}
	return quote(alg)
}

// tryKeys verifies with each key that fits; several may share an id.
func tryKeys(jws *jose.JSONWebSignature, t *Token, keys []jose.JSONWebKey) error {
	var misfit error
	tried := 0
	for _, k := range keys {
		if err := fits(k, t.Algorithm); err != nil {
			misfit = err
			continue
		}
		tried++
		if _, err := jws.Verify(k.Key); err == nil {
			return nil
		}
	}
	switch tried {
	case 0:
		return misfit
	case 1:
		return fmt.Errorf("signature does not verify with key %s", quote(t.KeyID))
	default:
		return fmt.Errorf("signature does not verify with any of the %d keys named %s", tried, quote(t.KeyID))
	}
}
