package access

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"strings"
)

const (
	tokenPrefix = "idp_"
	tokenBytes  = 32
	hashPrefix  = "sha256:"
)

type digest [sha256.Size]byte

// CreateToken makes a token of 256 random bits and the entry that lets it in.
// The token itself is kept nowhere; it is for the caller to show once. An error
// names a scope that does not exist.
func CreateToken(name string, scopes []string) (token string, entry Token, err error) {
	if _, err := parseScopes(scopes); err != nil {
		return "", Token{}, err
	}
	var b [tokenBytes]byte
	_, _ = rand.Read(b[:]) // never fails (Go 1.24)
	token = tokenPrefix + base64.RawURLEncoding.EncodeToString(b[:])
	return token, Token{Name: name, Hash: HashToken(token), Scopes: scopes}, nil
}

// HashToken returns the hash of a token as the configuration takes it. Plain
// SHA-256 is enough for a token, whose 256 bits nobody can guess through; it is
// not for passwords that people choose.
func HashToken(token string) string {
	sum := sha256.Sum256([]byte(token))
	return hashPrefix + hex.EncodeToString(sum[:])
}

func parseDigest(hash string) (digest, error) {
	var d digest
	b, err := hex.DecodeString(strings.TrimPrefix(hash, hashPrefix))
	if err != nil || len(b) != len(d) {
		return d, fmt.Errorf("want %s and 64 hexadecimal digits, as `idp_exporter token create` prints them", hashPrefix)
	}
	copy(d[:], b)
	return d, nil
}
