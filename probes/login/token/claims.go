package token

import (
	"crypto/sha256"
	"crypto/sha512"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

func present(name string, ok bool) error {
	if !ok {
		return fmt.Errorf("%s is absent", name)
	}
	return nil
}

func (v *Verifier) issuer(t *Token) error {
	if t.Issuer != v.Issuer {
		return fmt.Errorf("iss is %s, want %s", quote(t.Issuer), quote(v.Issuer))
	}
	return nil
}

// audience checks that aud names what it must (OpenID Connect Core 1.0, 3.1.3.7 item 3).
func (v *Verifier) audience(t *Token, want, what string) error {
	if len(t.Audience) == 0 {
		return errors.New("aud is absent")
	}
	if !slices.Contains(t.Audience, want) {
		return fmt.Errorf("aud is %s, want %s %s", list(t.Audience), what, quote(want))
	}
	return nil
}

func list(values []string) string {
	const most = 5
	var quoted []string
	for i, s := range values {
		if i == most {
			quoted = append(quoted, fmt.Sprintf("and %d more", len(values)-most))
			break
		}
		quoted = append(quoted, quote(s))
	}
	return "[" + strings.Join(quoted, " ") + "]"
}

// party checks azp (OpenID Connect Core 1.0, 3.1.3.7 items 4 and 5).
func (v *Verifier) party(t *Token, required bool) error {
	switch {
	case t.AuthorizedParty == "" && required:
		return errors.New("azp is absent, though it is required")
	case t.AuthorizedParty == "" && len(t.Audience) > 1:
		return fmt.Errorf("azp is absent, though aud names several: %s", list(t.Audience))
	case t.AuthorizedParty != "" && t.AuthorizedParty != v.ClientID:
		return fmt.Errorf("azp is %s, want client id %s", quote(t.AuthorizedParty), quote(v.ClientID))
	}
	return nil
}

// times checks exp, iat and nbf.
func (v *Verifier) times(t *Token) error {
	now := time.Now
	if v.Now != nil {
		now = v.Now
	}
	at := now()
	if t.Expiry.IsZero() {
		return errors.New("exp is absent")
	}
	if late := at.Sub(t.Expiry); late >= v.Skew {
		return fmt.Errorf("expired %s ago (skew allowed %s)", late.Round(time.Second), v.Skew)
	}
	if early := t.IssuedAt.Sub(at); !t.IssuedAt.IsZero() && early > v.Skew {
		return fmt.Errorf("issued %s in the future (skew allowed %s)", early.Round(time.Second), v.Skew)
	}
	if early := t.NotBefore.Sub(at); !t.NotBefore.IsZero() && early > v.Skew {
		return fmt.Errorf("not valid before %s from now (skew allowed %s)", early.Round(time.Second), v.Skew)
	}
	return nil
}

func nonce(t *Token, want string) error {
	switch {
	case want == "":
		return nil
	case t.Nonce == "":
		return errors.New("nonce is absent, though one was sent")
	case subtle.ConstantTimeCompare([]byte(t.Nonce), []byte(want)) != 1:
		return errors.New("nonce is not the one that was sent")
	}
	return nil
}

// hashes checks at_hash and c_hash (OpenID Connect Core 1.0, 3.1.3.6 and 3.3.2.11).
func hashes(t *Token, want ID) error {
	if t.ATHash == "" && want.RequireATHash {
		return errors.New("at_hash is absent, though it is required")
	}
	if t.ATHash != "" && want.AccessToken != "" && t.ATHash != halfHash(t.Algorithm, want.AccessToken) {
		return errors.New("at_hash does not match the access token")
	}
	if t.CHash != "" && want.Code != "" && t.CHash != halfHash(t.Algorithm, want.Code) {
		return errors.New("c_hash does not match the code")
	}
	return nil
}

// halfHash is the left half of the hash that the algorithm uses. Ed25519 uses SHA-512.
func halfHash(alg, s string) string {
	var sum []byte
	switch {
	case strings.HasSuffix(alg, "256"):
		h := sha256.Sum256([]byte(s))
		sum = h[:]
	case strings.HasSuffix(alg, "384"):
		h := sha512.Sum384([]byte(s))
		sum = h[:]
	default:
		h := sha512.Sum512([]byte(s))
		sum = h[:]
	}
	return base64.RawURLEncoding.EncodeToString(sum[:len(sum)/2])
}
