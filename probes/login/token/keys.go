package token

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/go-jose/go-jose/v4"
)

// The bounds of a key set. A larger modulus would cost more time than a probe has;
// a smaller one than 1024 bits nobody verifies with, and less than 2048 is not
// allowed (RFC 7518, 3.3).
const (
	maxKeys    = 100
	minRSABits = 1024
	oddRSABits = 2048
	maxRSABits = 16384
)

// KeySet is a provider's published key set (RFC 7517).
type KeySet struct {
	keys []jose.JSONWebKey
	// signing are those of the keys that can verify the signature of a token.
	signing []jose.JSONWebKey
	notes   []string
	// other says of one key why it is not among them.
	other error
}

// ParseKeySet reads a key set. Keys of unknown types are left out (RFC 7517, 5)
// and named by Notes; an error tells that no key in it can verify a signature.
func ParseKeySet(data []byte) (*KeySet, error) {
	var doc struct {
		Keys []json.RawMessage `json:"keys"`
	}
	if err := json.Unmarshal(data, &doc); err != nil {
		return nil, fmt.Errorf("the key set is not a JSON object with a list `keys`: %w", plain(err))
	}
	if len(doc.Keys) == 0 {
		return nil, errors.New("the key set is empty")
	}
	if len(doc.Keys) > maxKeys {
		return nil, fmt.Errorf("the key set has %d keys, at most %d are read", len(doc.Keys), maxKeys)
	}
	set := &KeySet{}
	for i, raw := range doc.Keys {
		set.add(i, raw)
	}
	switch {
	case len(set.signing) > 0:
		return set, nil
	case set.other != nil:
		return nil, fmt.Errorf("none of the %d keys can verify a signature: %w", len(doc.Keys), set.other)
	default:
		return nil, fmt.Errorf("none of the %d keys can verify a signature: %s", len(doc.Keys), set.notes[0])
	}
}

func (s *KeySet) add(i int, raw json.RawMessage) {
	var key jose.JSONWebKey
	if err := key.UnmarshalJSON(raw); err != nil {
		s.note("key %d of the set cannot be read", i+1)
		return
	}
	switch {
	case key.Key != nil && !key.IsPublic():
		if _, symmetric := key.Key.([]byte); symmetric {
			s.note("key %s of the set is symmetric, so it is no secret any more", quote(key.KeyID))
			return
		}
		s.note("key %s is published with its private part, so anybody can sign with it", quote(key.KeyID))
		key = key.Public()
	case !key.Valid():
		s.note("key %s of the set is not valid", quote(key.KeyID))
		return
	}
	if k, ok := key.Key.(*rsa.PublicKey); ok {
		switch bits := k.N.BitLen(); {
		case bits > maxRSABits || bits < minRSABits:
			s.note("key %s has %d bits; %d to %d are accepted", quote(key.KeyID), bits, minRSABits, maxRSABits)
			return
		case bits < oddRSABits:
			s.note("key %s has %d bits, fewer than %d (RFC 7518, 3.3)", quote(key.KeyID), bits, oddRSABits)
		}
	}
	s.keys = append(s.keys, key)
	if err := signs(key, raw); err != nil {
		s.other = err // such as one for encryption, which is nothing odd
		return
	}
	s.signing = append(s.signing, key)
}

// signs returns why a key can verify no signature of a token, nil if it can
// (RFC 7517, 4.2 to 4.4).
func signs(key jose.JSONWebKey, raw json.RawMessage) error {
	var more struct {
		Ops []string `json:"key_ops"`
	}
	if err := json.Unmarshal(raw, &more); err == nil && len(more.Ops) > 0 && !slices.Contains(more.Ops, "verify") {
		return fmt.Errorf("key %s is not for verifying (key_ops %s)", quote(key.KeyID), quote(strings.Join(more.Ops, ", ")))
	}
	switch alg := current(key.Algorithm); {
	case alg == "":
		return misfit(key, Algorithms())
	case !slices.Contains(Algorithms(), alg):
		return fmt.Errorf("key %s is for %s, by which no signature is verified here", quote(key.KeyID), quote(key.Algorithm))
	default:
		return fits(key, alg)
	}
}

// current spells an algorithm as tokens do: RFC 9864 has a name of its own for EdDSA
// with Ed25519.
func current(alg string) string {
	if alg == "Ed25519" {
		return "EdDSA"
	}
	return alg
}

// misfit returns why a key can have made no signature of any of the algorithms, nil
// if it can.
func misfit(key jose.JSONWebKey, algorithms []string) (err error) {
	for _, alg := range algorithms {
		if err = fits(key, alg); err == nil {
			return nil
		}
	}
	return err
}

func (s *KeySet) note(format string, args ...any) {
	s.notes = append(s.notes, fmt.Sprintf(format, args...))
}

// Len returns the number of keys that can verify a token's signature.
func (s *KeySet) Len() int { return len(s.signing) }

// IDs returns their ids, in the order of the set.
func (s *KeySet) IDs() []string {
	ids := make([]string, 0, len(s.signing))
	for _, k := range s.signing {
		ids = append(ids, k.KeyID)
	}
	return ids
}

// Serves tells whether one of the keys can verify what is signed by one of the
// algorithms. Those that use no key of the set (HMAC, none) do not count: whoever
// offers others besides has to have a key for one of them. Where there is one that
// is not known here, the answer is yes.
func (s *KeySet) Serves(algorithms []string) bool {
	var known []string
	for _, alg := range algorithms {
		switch {
		case slices.Contains(Algorithms(), current(alg)):
			known = append(known, current(alg))
		case alg != "none" && !strings.HasPrefix(alg, "HS"):
			return true
		}
	}
	return len(known) == 0 || slices.ContainsFunc(s.signing, func(k jose.JSONWebKey) bool { return misfit(k, known) == nil })
}

// Notes says what is odd about the set, for people.
func (s *KeySet) Notes() []string { return s.notes }

// named returns the keys with the id; all of them for an empty id (RFC 7515, 4.1.4).
func (s *KeySet) named(id string) []jose.JSONWebKey {
	if id == "" {
		return s.keys
	}
	var keys []jose.JSONWebKey
	for _, k := range s.keys {
		if k.KeyID == id {
			keys = append(keys, k)
		}
	}
	return keys
}

// fits returns why a key cannot have made a signature of the algorithm, nil if it can.
func fits(k jose.JSONWebKey, alg string) error {
	if k.Use != "" && k.Use != "sig" {
		return fmt.Errorf("key %s is not for signatures (use %s)", quote(k.KeyID), quote(k.Use))
	}
	if k.Algorithm != "" && current(k.Algorithm) != alg {
		return fmt.Errorf("key %s is for %s, not for alg %s", quote(k.KeyID), quote(k.Algorithm), alg)
	}
	var fit bool
	switch key := k.Key.(type) {
	case *rsa.PublicKey:
		fit = alg[:2] == "RS" || alg[:2] == "PS"
	case *ecdsa.PublicKey:
		fit = key.Curve.Params().Name == map[string]string{"ES256": "P-256", "ES384": "P-384", "ES512": "P-521"}[alg]
	case ed25519.PublicKey:
		fit = alg == "EdDSA"
	}
	if !fit {
		return fmt.Errorf("key %s is of a type that cannot make a signature of alg %s", quote(k.KeyID), alg)
	}
	return nil
}

// quote makes a foreign string short and printable.
func quote(s string) string {
	const most = 80
	if len(s) > most {
		s = s[:most] + "…"
	}
	return fmt.Sprintf("%q", s)
}
