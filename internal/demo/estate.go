package demo

import (
	"crypto/rand"
	"fmt"

	"github.com/go-jose/go-jose/v4"
)

// estate is what the nodes of one provider share: users, clients, keys, and all
// that a sign-in leaves behind, so that any node can go on with what another
// began.
type estate struct {
	directory *Directory
	clients   map[string]*client
	keys      *keyring
	// cryptoKey encrypts opaque access tokens.
	cryptoKey [32]byte

	// A browser's way through the code flow.
	logins   *expiring[*interaction]
	consents *expiring[*interaction]

	codes         *expiring[*signInGrant]
	accessTokens  *expiring[*userGrant]
	refreshTokens *expiring[*refreshGrant]
}

// newEstate makes the estate of a provider that signs with an algorithm, RS256 if empty.
func newEstate(alg string) (*estate, error) {
	if alg == "" {
		alg = string(jose.RS256)
	}
	keys, err := newKeyring(jose.SignatureAlgorithm(alg))
	if err != nil {
		return nil, fmt.Errorf("demo provider: %w", err)
	}
	e := &estate{
		directory:     newDirectory(),
		clients:       demoClients(),
		keys:          keys,
		logins:        newExpiring[*interaction](interactionLifetime, interactionLimit),
		consents:      newExpiring[*interaction](interactionLifetime, interactionLimit),
		codes:         newExpiring[*signInGrant](codeLifetime, storeLimit),
		accessTokens:  newExpiring[*userGrant](accessTokenLifetime, storeLimit),
		refreshTokens: newExpiring[*refreshGrant](refreshTokenLifetime, storeLimit),
	}
	if _, err := rand.Read(e.cryptoKey[:]); err != nil {
		return nil, fmt.Errorf("demo provider: %w", err)
	}
	return e, nil
}
