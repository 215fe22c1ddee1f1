package demo

import (
	"bytes"
	"context"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/zitadel/oidc/v3/pkg/crypto"
	"github.com/zitadel/oidc/v3/pkg/oidc"
	"github.com/zitadel/oidc/v3/pkg/op"
)

// faults are what the next tokens shall suffer from.
type faults struct {
	mu              sync.Mutex
	idToken, access Fault
}

// SetIDTokenFault makes every ID token issued from now on suffer from the fault;
// FaultNone ends that.
func (p *Provider) SetIDTokenFault(f Fault) {
	p.faults.mu.Lock()
	defer p.faults.mu.Unlock()
	p.faults.idToken = f
}

// SetAccessTokenFault makes every JWT access token issued from now on suffer
// from the fault; FaultNone ends that. The ID token's at_hash fits the faulty
// access token. Opaque access tokens have nothing to be faulty.
func (p *Provider) SetAccessTokenFault(f Fault) {
	p.faults.mu.Lock()
	defer p.faults.mu.Unlock()
	p.faults.access = f
}

// RotateKeys makes a new key the signing one. The key before stays published,
// so that its tokens stay good; older ones go.
func (p *Provider) RotateKeys() error { return p.keys.rotate() }

// forge applies the faults that are set, and a clock that is off, to a good token response.
func (p *Provider) forge(ctx context.Context, resp *oidc.AccessTokenResponse) error {
	p.faults.mu.Lock()
	idFault, accessFault := p.faults.idToken, p.faults.access
	p.faults.mu.Unlock()
	offset := p.clock.offset()
	jwt := strings.Count(resp.AccessToken, ".") == 2 // or opaque
	if !jwt {
		accessFault = FaultNone
	}
	if idFault == FaultNone && accessFault == FaultNone && offset == 0 {
		return nil
	}
	key, err := p.storage.SigningKey(ctx)
	if err != nil {
		return err
	}
	if accessFault != FaultNone || jwt && offset != 0 {
		claims, err := tokenClaims(resp.AccessToken)
		if err != nil {
			return err
		}
		shiftTimes(claims, offset)
		if resp.AccessToken, err = p.sign(accessFault, claims, key); err != nil {
			return err
		}
	}
	if resp.IDToken == "" {
		return nil
	}
	claims, err := tokenClaims(resp.IDToken)
	if err != nil {
		return err
	}
	if claims["at_hash"], err = oidc.ClaimHash(resp.AccessToken, key.SignatureAlgorithm()); err != nil {
		return err
	}
	shiftTimes(claims, offset)
	resp.IDToken, err = p.sign(idFault, claims, key)
	return err
}

// tokenClaims reads the claims of a token that was signed a moment ago.
func tokenClaims(token string) (map[string]any, error) {
	payload, err := base64.RawURLEncoding.DecodeString(strings.Split(token, ".")[1])
	if err != nil {
		return nil, fmt.Errorf("reading an own token: %w", err)
	}
	claims := map[string]any{}
	d := json.NewDecoder(bytes.NewReader(payload))
	d.UseNumber()
	if err := d.Decode(&claims); err != nil {
		return nil, fmt.Errorf("reading an own token: %w", err)
	}
	return claims, nil
}

// sign makes the faulty token.
func (p *Provider) sign(f Fault, claims map[string]any, key op.SigningKey) (string, error) {
	f.edit(claims, time.Now().Add(p.clock.offset()))
	switch f {
	case FaultAlgNone:
		payload, err := json.Marshal(claims)
		if err != nil {
			return "", err
		}
		b64 := base64.RawURLEncoding.EncodeToString
		return b64([]byte(`{"alg":"none","typ":"JWT"}`)) + "." + b64(payload) + ".", nil
	case FaultHS256PublicKey:
		return signWithPublicKey(claims, p.storage.signing().current())
	case FaultForeignKey:
		impostor, err := p.storage.signing().impostor()
		if err != nil {
			return "", err
		}
		return signClaims(claims, impostor)
	case FaultNoKeyID:
		signer, err := jose.NewSigner(jose.SigningKey{Algorithm: key.SignatureAlgorithm(), Key: key.Key()},
			(&jose.SignerOptions{}).WithType("JWT"))
		if err != nil {
			return "", err
		}
		return crypto.Sign(claims, signer)
	case FaultBadSignature:
		token, err := signClaims(claims, key)
		if err != nil {
			return "", err
		}
		claims["tampered"] = true
		payload, err := json.Marshal(claims)
		if err != nil {
			return "", err
		}
		parts := strings.Split(token, ".")
		return parts[0] + "." + base64.RawURLEncoding.EncodeToString(payload) + "." + parts[2], nil
	default:
		return signClaims(claims, key)
	}
}

func signClaims(claims map[string]any, key op.SigningKey) (string, error) {
	signer, err := op.SignerFromKey(key)
	if err != nil {
		return "", err
	}
	return crypto.Sign(claims, signer)
}

// signWithPublicKey takes what everybody knows for an HMAC secret: the attack on
// verifiers that let the token choose the algorithm (RFC 8725 section 2.1).
func signWithPublicKey(claims map[string]any, key *signingKey) (string, error) {
	der, err := x509.MarshalPKIXPublicKey(key.private.Public())
	if err != nil {
		return "", fmt.Errorf("encoding the public key: %w", err)
	}
	secret := pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.HS256, Key: secret},
		(&jose.SignerOptions{}).WithType("JWT").WithHeader("kid", key.id))
	if err != nil {
		return "", err
	}
	return crypto.Sign(claims, signer)
}
