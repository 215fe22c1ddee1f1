package demo

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"fmt"
	"slices"
	"sync"

	"github.com/go-jose/go-jose/v4"
	"github.com/zitadel/oidc/v3/pkg/oidc"
	"github.com/zitadel/oidc/v3/pkg/op"
)

// rsaBits is the size of RSA keys (RFC 7518 section 3.3 wants 2048 or more).
const rsaBits = 2048

// signingKey is a private key with its id; it implements [op.SigningKey].
type signingKey struct {
	id      string
	alg     jose.SignatureAlgorithm
	private crypto.Signer
}

func (k *signingKey) ID() string                                  { return k.id }
func (k *signingKey) SignatureAlgorithm() jose.SignatureAlgorithm { return k.alg }
func (k *signingKey) Key() any                                    { return k.private }

// publicKey is its public half; it implements [op.Key].
type publicKey struct{ *signingKey }

func (k publicKey) Algorithm() jose.SignatureAlgorithm { return k.alg }
func (k publicKey) Use() string                        { return oidc.KeyUseSignature }
func (k publicKey) Key() any                           { return k.private.Public() }

func newSigningKey(alg jose.SignatureAlgorithm) (*signingKey, error) {
	var private crypto.Signer
	var err error
	switch alg {
	case jose.RS256, jose.PS256:
		private, err = rsa.GenerateKey(rand.Reader, rsaBits)
	case jose.ES256:
		private, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	case jose.EdDSA:
		_, private, err = ed25519.GenerateKey(rand.Reader)
	default:
		return nil, fmt.Errorf("signing algorithm %q is not supported: use RS256, PS256, ES256 or EdDSA", alg)
	}
	if err != nil {
		return nil, fmt.Errorf("generating a %s key: %w", alg, err)
	}
	return &signingKey{id: rand.Text(), alg: alg, private: private}, nil
}

// keyring holds the provider's keys. Keys beyond the current one are made when
// first needed, because RSA keys take their time.
type keyring struct {
	alg jose.SignatureAlgorithm

	mu        sync.Mutex
	published []*signingKey // newest first; the first one signs
	hidden    *signingKey   // never in the key set
	foreign   *signingKey   // carries the id of the signing key, but is another
}

func newKeyring(alg jose.SignatureAlgorithm) (*keyring, error) {
	current, err := newSigningKey(alg)
	if err != nil {
		return nil, err
	}
	return &keyring{alg: alg, published: []*signingKey{current}}, nil
}

// rotate makes a new key the signing one and keeps the one before published.
func (k *keyring) rotate() error {
	fresh, err := newSigningKey(k.alg)
	if err != nil {
		return err
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.published = []*signingKey{fresh, k.published[0]}
	return nil
}

func (k *keyring) current() *signingKey {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.published[0]
}

// unpublished returns the key that is in no key set.
func (k *keyring) unpublished() (*signingKey, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	var err error
	if k.hidden == nil {
		k.hidden, err = newSigningKey(k.alg)
	}
	return k.hidden, err
}

// impostor returns a key that claims to be the current one.
func (k *keyring) impostor() (*signingKey, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.foreign == nil {
		key, err := newSigningKey(k.alg)
		if err != nil {
			return nil, err
		}
		k.foreign = key
	}
	return &signingKey{id: k.published[0].id, alg: k.alg, private: k.foreign.private}, nil
}

// publicKeys returns the key set the world may see.
func (k *keyring) publicKeys() []op.Key {
	k.mu.Lock()
	defer k.mu.Unlock()
	keys := make([]op.Key, 0, len(k.published))
	for _, key := range k.published {
		keys = append(keys, publicKey{key})
	}
	return keys
}

// VerifySignature checks an access token against every key the provider itself
// knows, the unpublished one included: a provider that forgot to publish a key
// still accepts its own tokens at userinfo. It implements [oidc.KeySet].
func (k *keyring) VerifySignature(_ context.Context, jws *jose.JSONWebSignature) ([]byte, error) {
	k.mu.Lock()
	keys := slices.Clone(k.published)
	if k.hidden != nil {
		keys = append(keys, k.hidden)
	}
	k.mu.Unlock()
	for _, key := range keys {
		if len(jws.Signatures) == 1 && jws.Signatures[0].Header.KeyID == key.id {
			return jws.Verify(key.private.Public())
		}
	}
	return nil, oidc.ErrKeyNone
}
