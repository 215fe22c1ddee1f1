package access

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"slices"
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

// passwords are the Basic users of one configuration. A right password is
// remembered, so that a scrape every few seconds costs no bcrypt. A wrong one,
// and one of an unknown user, cost the same number of bcrypt comparisons.
type passwords struct {
	*vault
	users []user
	// most is the largest number of bcrypt hashes of one user, decoy a hash of
	// the highest cost among them.
	most  int
	decoy []byte

	compare func(hash, password []byte) error // bcrypt; tests count
}

// vault remembers, by a keyed digest of user and password, which hashes the
// password was right for. It outlives a configuration: what no longer has the
// hash does not count.
type vault struct {
	key   [32]byte
	turns chan struct{}

	mu       sync.Mutex
	verified map[digest][]string
}

type user struct {
	name    digest
	digests []token
	bcrypt  []bcryptKey
}

type bcryptKey struct {
	key
	hash string
}

func newVault() *vault {
	v := &vault{turns: make(chan struct{}, bcryptAtOnce), verified: make(map[digest][]string)}
	_, _ = rand.Read(v.key[:]) // never fails (Go 1.24)
	return v
}

func newPasswords(v *vault) *passwords {
	return &passwords{vault: v, compare: bcrypt.CompareHashAndPassword}
}

// add adds a user with a key for each hash.
func (p *passwords) add(name string, hashes []Hash, keys []key) error {
	u := user{name: sha256.Sum256([]byte(name))}
	for i, h := range hashes {
		if strings.HasPrefix(h.Hash, hashPrefix) {
			d, err := parseDigest(h.Hash)
			if err != nil {
				return err
			}
			u.digests = append(u.digests, token{keys[i], d})
			continue
		}
		if err := p.raiseDecoy(h.Hash); err != nil {
			return err
		}
		u.bcrypt = append(u.bcrypt, bcryptKey{keys[i], h.Hash})
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
func (p *passwords) check(name, password string, q *inquiry) error {
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
	known := false
	for i := range u.digests {
		if subtle.ConstantTimeCompare(passwordSum[:], u.digests[i].digest[:]) == 1 {
			known = true
			q.admit(&u.digests[i].key)
		}
	}
	switch {
	case known:
		return nil
	case p.most == 0:
		q.wrong()
		return nil
	}
	return p.slow(u, p.cacheKey(nameSum, password), password, q)
}

// slow is for a password that no digest fits.
func (p *passwords) slow(u user, at digest, password string, q *inquiry) error {
	// Whoever guesses gets no turn, so that others need not wait behind it.
	if p.remembered(u, at, q) || q.throttled() {
		return nil
	}
	if err := p.turn(q.r.Context()); err != nil {
		return err
	}
	defer func() { <-p.turns }()
	if p.remembered(u, at, q) || q.throttled() {
		return nil // while this request waited
	}
	var right []string
	for i := range p.most {
		hash := p.decoy
		if i < len(u.bcrypt) {
			hash = []byte(u.bcrypt[i].hash)
		}
		if p.compare(hash, []byte(password)) == nil && i < len(u.bcrypt) {
			right = append(right, u.bcrypt[i].hash)
		}
	}
	if right == nil {
		q.wrong()
		return nil
	}
	p.mu.Lock()
	if len(p.verified) >= maxVerified {
		clear(p.verified)
	}
	p.verified[at] = right
	p.mu.Unlock()
	p.remembered(u, at, q)
	return nil
}

func (v *vault) turn(ctx context.Context) error {
	wait := time.NewTimer(bcryptWait)
	defer wait.Stop()
	select {
	case v.turns <- struct{}{}:
		return nil
	case <-wait.C:
		return ErrBusy
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (v *vault) cacheKey(name digest, password string) digest {
	m := hmac.New(sha256.New, v.key[:])
	_, _ = m.Write(name[:])
	_, _ = m.Write([]byte(password))
	return digest(m.Sum(nil))
}

// remembered tells whether the password was right for a hash that the user
// still has, and adds what that is good for.
func (v *vault) remembered(u user, at digest, q *inquiry) bool {
	v.mu.Lock()
	right := v.verified[at]
	v.mu.Unlock()
	known := false
	for i := range u.bcrypt {
		if slices.Contains(right, u.bcrypt[i].hash) {
			known = true
			q.admit(&u.bcrypt[i].key)
		}
	}
	return known
}
