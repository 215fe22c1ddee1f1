// Package token checks what an identity provider issues: ID tokens (OpenID
// Connect Core 1.0, section 3.1.3.7) and JWT access tokens (RFC 9068, section
// 4), each with the precise cause where a check fails.
//
// It does no I/O of its own: the key set, and how to fetch it again, come from
// the caller. Signatures are verified by go-jose.
package token

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strings"
	"time"
)

// MaxBytes bounds a token.
const MaxBytes = 64 << 10

// Token is a parsed JWT (RFC 7519).
type Token struct {
	// Algorithm, KeyID and Type are the header's alg, kid and typ.
	Algorithm, KeyID, Type string
	// Payload is the JSON of the claims.
	Payload []byte
	// Issuer, Subject, Audience, AuthorizedParty, ClientID, Nonce, ATHash and
	// CHash are the claims iss, sub, aud, azp, client_id, nonce, at_hash and
	// c_hash; empty where absent.
	Issuer, Subject  string
	Audience         []string
	AuthorizedParty  string
	ClientID, Nonce  string
	ATHash, CHash    string
	Expiry, IssuedAt time.Time
	// NotBefore is the claim nbf; zero where absent, like Expiry and IssuedAt.
	NotBefore time.Time

	raw string
}

// Lifetime is the time between the claims iat and exp; zero if one is absent.
func (t *Token) Lifetime() time.Duration {
	if t.Expiry.IsZero() || t.IssuedAt.IsZero() {
		return 0
	}
	return t.Expiry.Sub(t.IssuedAt)
}

// ErrOpaque says that a token is not a JWT, so nobody but its issuer can read it.
var ErrOpaque = errors.New("the token is opaque")

var errEncrypted = errors.New("the token is encrypted (JWE); turn encryption off for this client, the probe holds no key for it")

type header struct {
	Algorithm string          `json:"alg"`
	KeyID     string          `json:"kid"`
	Type      string          `json:"typ"`
	Critical  json.RawMessage `json:"crit"`
}

type claims struct {
	Issuer          string   `json:"iss"`
	Subject         string   `json:"sub"`
	Audience        audience `json:"aud"`
	AuthorizedParty string   `json:"azp"`
	ClientID        string   `json:"client_id"`
	Nonce           string   `json:"nonce"`
	ATHash          string   `json:"at_hash"`
	CHash           string   `json:"c_hash"`
	Expiry          numeric  `json:"exp"`
	IssuedAt        numeric  `json:"iat"`
	NotBefore       numeric  `json:"nbf"`
}

// Parse reads a token without verifying anything. It returns ErrOpaque for what
// is no JWT at all.
func Parse(raw string) (*Token, error) {
	if len(raw) > MaxBytes {
		return nil, fmt.Errorf("the token is %d bytes long, at most %d are read", len(raw), MaxBytes)
	}
	parts := strings.Split(raw, ".")
	h, ok := parseHeader(parts[0])
	switch {
	case !ok, len(parts) != 3 && len(parts) != 5:
		return nil, ErrOpaque
	case len(parts) == 5:
		return nil, errEncrypted
	case len(h.Critical) > 0:
		return nil, fmt.Errorf("the header's crit names extensions that are not understood (RFC 7515, 4.1.11)")
	}
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		return nil, fmt.Errorf("the claims are not base64url: %w", err)
	}
	if !bytes.HasPrefix(bytes.TrimSpace(payload), []byte("{")) {
		return nil, fmt.Errorf("the claims are not a JSON object")
	}
	var c claims
	if err := json.Unmarshal(payload, &c); err != nil {
		return nil, fmt.Errorf("the claims cannot be read: %w", plain(err))
	}
	return &Token{
		Algorithm: h.Algorithm, KeyID: h.KeyID, Type: h.Type, Payload: payload, raw: raw,
		Issuer: c.Issuer, Subject: c.Subject, Audience: c.Audience, AuthorizedParty: c.AuthorizedParty,
		ClientID: c.ClientID, Nonce: c.Nonce, ATHash: c.ATHash, CHash: c.CHash,
		Expiry: time.Time(c.Expiry), IssuedAt: time.Time(c.IssuedAt), NotBefore: time.Time(c.NotBefore),
	}, nil
}

func parseHeader(part string) (header, bool) {
	var h header
	b, err := base64.RawURLEncoding.DecodeString(part)
	if err != nil || json.Unmarshal(b, &h) != nil {
		return h, false
	}
	return h, true
}

// plain keeps what is wrong with JSON and drops the values it quotes.
func plain(err error) error {
	var wrong *json.UnmarshalTypeError
	if errors.As(err, &wrong) {
		return fmt.Errorf("%s is of the wrong type", wrong.Field)
	}
	return err
}

// audience is one string or a list of them (RFC 7519, 4.1.3).
type audience []string

func (a *audience) UnmarshalJSON(b []byte) error {
	var one string
	if json.Unmarshal(b, &one) == nil {
		*a = audience{one}
		return nil
	}
	var many []string
	if json.Unmarshal(b, &many) != nil {
		return errors.New("aud is neither a string nor a list of strings")
	}
	*a = many
	return nil
}

// numeric is a NumericDate (RFC 7519, 2): seconds since 1970, fractions allowed.
type numeric time.Time

func (n *numeric) UnmarshalJSON(b []byte) error {
	if string(b) == "null" {
		return nil
	}
	var s float64
	if json.Unmarshal(b, &s) != nil {
		return errors.New("a time (exp, iat or nbf) is not a number")
	}
	const farthest = 1 << 40 // some 34,000 years: beyond it durations overflow
	if math.Abs(s) > farthest {
		return errors.New("a time (exp, iat or nbf) is out of range")
	}
	whole, part := math.Modf(s)
	*n = numeric(time.Unix(int64(whole), int64(part*1e9)))
	return nil
}
