package access

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"strings"
	"sync"
	"time"

	"golang.org/x/crypto/bcrypt"
)

const (
	// bcryptAtOnce bounds the processor cores that wrong passwords can occupy;
	// bcryptWait is how long a request waits for its turn.
	bcryptAtOnce = 1
	bcryptWait   = 3 * time.Second
	// maxVerified bounds the cache of passwords that were right.
	maxVerified = 1024
)

// passwords are the Basic users. A right password is remembered, by a keyed
// digest, for as long as the configuration stays, so that a scrape every few
// seconds costs no bcrypt. A wrong one, and one of an unknown user, cost the
// same number of bcrypt comparisons.
type passwords struct {
	users []user
	// most is the largest number of bcrypt hashes of one user, decoy a hash of
	// the highest cost among them.
	most  int
	decoy []byte

	compare func(hash, password []byte) error // bcrypt; tests count

	key   [32]byte
	turns chan struct{}

	mu       sync.Mutex
	verified map[digest]struct{}
}

type user struct {
	name    digest
	digests []digest
	bcrypt  [][]byte
	scopes  Set
	label   string
}

func newPasswords() *passwords {
	p := &passwords{compare: bcrypt.CompareHashAndPassword, turns: make(chan struct{}, bcryptAtOnce), verified: make(map[digest]struct{})}
	_, _ = rand.Read(p.key[:]) // never fails (Go 1.24)
	return p
}

func (p *passwords) add(name string, hashes []string, scopes Set) error {
	u := user{name: sha256.Sum256([]byte(name)), scopes: scopes, label: name}
	for _, h := range hashes {
		if strings.HasPrefix(h, hashPrefix) {
			d, err := parseDigest(h)
			if err != nil {
				return err
			}
			u.digests = append(u.digests, d)
			continue
		}
		if err := p.raiseDecoy(h); err != nil {
			return err
		}
		u.bcrypt = append(u.bcrypt, []byte(h))
	}
	p.most = max(p.most, len(u.bcrypt))
	p.users = append(p.users, u)
	return nil
}

// raiseDecoy keeps, as the decoy, a hash that nobody's password fits, with the
// highest cost seen: the salt of the user's hash with its result blanked out.
func (p *passwords) raiseDecoy(hash string) error {
	cost, err := bcrypt.Cost([]byte(hash))
	if err != nil {
		return err
	}
	if p.decoy != nil {
		if known, err := bcrypt.Cost(p.decoy); err == nil && known >= cost {
			return nil
		}
	}
	const saltEnd = 29 // $2y$10$ and 22 characters of salt
	p.decoy = []byte(hash[:saltEnd] + strings.Repeat(".", bcryptLength-saltEnd))
	return nil
}

// check adds to the grant what user and password are good for.
func (p *passwords) check(ctx context.Context, name, password string, grant *Grant) error {
	nameSum, passwordSum := sha256.Sum256([]byte(name)), sha256.Sum256([]byte(password))
	found := -1
	for i := range p.users {
		hit := subtle.ConstantTimeCompare(nameSum[:], p.users[i].name[:])
		found = subtle.ConstantTimeSelect(hit, i, found)
	}
	var u user
	if found >= 0 {
		u = p.users[found]
	}
	ok := 0
	for i := range u.digests {
		ok |= subtle.ConstantTimeCompare(passwordSum[:], u.digests[i][:])
	}
	if ok == 0 && p.most > 0 {
		right, err := p.slow(ctx, u, nameSum, password)
		if err != nil {
			return err
		}
		if right {
			ok = 1
		}
	}
	if ok == 1 && found >= 0 {
		grant.add(u.label, u.scopes)
	}
	return nil
}

func (p *passwords) slow(ctx context.Context, u user, name digest, password string) (bool, error) {
	key := p.cacheKey(name, password)
	if p.isVerified(key) {
		return true, nil
	}
	if err := p.turn(ctx); err != nil {
		return false, err
	}
	defer func() { <-p.turns }()
	if p.isVerified(key) {
		return true, nil // while this request waited
	}
	right := false
	for i := range p.most {
		hash := p.decoy
		if i < len(u.bcrypt) {
			hash = u.bcrypt[i]
		}
		if p.compare(hash, []byte(password)) == nil && i < len(u.bcrypt) {
			right = true
		}
	}
	if right {
		p.mu.Lock()
		if len(p.verified) >= maxVerified {
			clear(p.verified)
		}
		p.verified[key] = struct{}{}
		p.mu.Unlock()
	}
	return right, nil
}

func (p *passwords) turn(ctx context.Context) error {
	wait := time.NewTimer(bcryptWait)
	defer wait.Stop()
	select {
	case p.turns <- struct{}{}:
		return nil
	case <-wait.C:
		return ErrBusy
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (p *passwords) cacheKey(name digest, password string) digest {
	m := hmac.New(sha256.New, p.key[:])
	_, _ = m.Write(name[:])
	_, _ = m.Write([]byte(password))
	return digest(m.Sum(nil))
}

func (p *passwords) isVerified(key digest) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	_, ok := p.verified[key]
	return ok
}
