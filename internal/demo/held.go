package demo

import (
	"context"
	"slices"
	"sync"

	"github.com/go-jose/go-jose/v4"
)

// heldKeys are the keys that one node goes on using whatever the others rotate
// to; nil where it follows them.
type heldKeys struct {
	mu                 sync.Mutex
	signing, published *keyring
}

// HoldKeys makes the provider go on with the keys of this moment whatever
// RotateKeys makes of those it shares: to sign, to publish as its key set, or
// both, as a node does that missed a rotation. With neither it follows again.
func (p *Provider) HoldKeys(signing, published bool) {
	h := &p.storage.held
	h.mu.Lock()
	defer h.mu.Unlock()
	h.signing, h.published = nil, nil
	if signing {
		h.signing = p.keys.copy()
	}
	if published {
		h.published = p.keys.copy()
	}
}

// signing returns the keys of which the newest signs.
func (s *storage) signing() *keyring {
	s.held.mu.Lock()
	defer s.held.mu.Unlock()
	if s.held.signing != nil {
		return s.held.signing
	}
	return s.keys
}

// published returns the keys of the key set.
func (s *storage) published() *keyring {
	s.held.mu.Lock()
	defer s.held.mu.Unlock()
	if s.held.published != nil {
		return s.held.published
	}
	return s.keys
}

// VerifySignature checks an access token that came back to userinfo against the
// keys that the provider publishes and those it signs with. It implements
// [oidc.KeySet].
func (s *storage) VerifySignature(ctx context.Context, jws *jose.JSONWebSignature) ([]byte, error) {
	payload, err := s.published().VerifySignature(ctx, jws)
	if signing := s.signing(); err != nil && signing != s.published() {
		return signing.VerifySignature(ctx, jws)
	}
	return payload, err
}

// copy returns the keys of this moment, for nobody to rotate.
func (k *keyring) copy() *keyring {
	k.mu.Lock()
	defer k.mu.Unlock()
	return &keyring{alg: k.alg, published: slices.Clone(k.published), hidden: k.hidden, foreign: k.foreign}
}
