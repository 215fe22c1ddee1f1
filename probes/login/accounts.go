package login

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"fmt"
	"sync"
	"time"

	"github.com/idp-exporter/idp_exporter/probes"
	"github.com/idp-exporter/idp_exporter/probes/internal/line"
)

// The bounds of the registry.
const (
	maxAccounts = 10_000
	// postingMost is how many logins may have a password on its way at one time:
	// many, refused together, could lock the account before any pause begins.
	postingMost = 3
	// postingWait bounds the wait for another login of the same account, so that
	// one hung instance does not hold up the others.
	postingWait = 5 * time.Second
)

// Accounts remembers which accounts were refused, so that a probe with a wrong
// password does not lock its own account. All probes that sign in with one
// account, on all nodes, share its pause, and take turns within its Budget. Make
// one with NewAccounts; it is safe for concurrent use and keeps no password.
type Accounts struct {
	salt [32]byte

	mu    sync.Mutex
	known map[accountKey]*account
	// lines are by issuer and user (or client): a provider counts the logins of
	// an account whatever password they try.
	lines map[accountKey]*line.Line

	siblings siblings
}

// accountKey is a keyed hash of issuer, client, user and credential: a changed
// password is another key, and so is tried at once.
type accountKey [sha256.Size]byte

type account struct {
	refusals  int       // in a row
	refusedAt time.Time // the latest
	until     time.Time // paused until then
	limited   bool      // by a rate limit, not by a refusal
	proven    bool      // the credential was accepted and not refused since
	posting   int       // logins that hold a slot
	waiting   int       // logins that wait for one
	freed     chan struct{}
	used      time.Time
}

// NewAccounts returns an empty registry.
func NewAccounts() *Accounts {
	a := &Accounts{known: map[accountKey]*account{}, lines: map[accountKey]*line.Line{}}
	_, _ = rand.Read(a.salt[:]) // never fails (crypto/rand)
	return a
}

type forceKey struct{}

// Force marks a context whose runs are tried even while the account pauses, and
// do not wait for their turn: a person asked for them.
func Force(ctx context.Context) context.Context { return context.WithValue(ctx, forceKey{}, true) }

func forced(ctx context.Context) bool { return ctx.Value(forceKey{}) != nil }

// pausedError says that an account pauses.
type pausedError struct {
	until    time.Time
	refusals int
	limited  bool
}

func (p *pausedError) Error() string {
	if p.limited {
		return fmt.Sprintf("not tried: the provider asked for a pause until %s (rate limit)", p.until.Format(time.TimeOnly))
	}
	return fmt.Sprintf("not tried: the account pauses until %s after refusal %d in a row, so that it is not locked",
		p.until.Format(time.TimeOnly), p.refusals)
}

func (p *pausedError) result(start time.Time) probes.Result {
	return probes.Result{Start: start, Skipped: probes.SkipBackoff, NotBefore: p.until, Detail: p.Error()}
}

func (a *Accounts) key(parts ...string) accountKey {
	h := hmac.New(sha256.New, a.salt[:])
	for _, p := range parts {
		_, _ = fmt.Fprintf(h, "%d:%s", len(p), p)
	}
	return accountKey(h.Sum(nil))
}

// get returns the account; the caller holds the lock.
func (a *Accounts) get(k accountKey) *account {
	now := time.Now()
	acc := a.known[k]
	if acc == nil {
		if len(a.known) >= maxAccounts {
			a.forget(now)
		}
		acc = &account{freed: make(chan struct{})}
		a.known[k] = acc
	}
	acc.used = now
	return acc
}

// forget makes room: whatever is idle goes, or else the account unused longest.
func (a *Accounts) forget(now time.Time) {
	var oldest accountKey
	for k, acc := range a.known {
		if acc.posting+acc.waiting == 0 && !acc.until.After(now) {
			delete(a.known, k)
		} else if o := a.known[oldest]; o == nil || acc.used.Before(o.used) {
			oldest = k
		}
	}
	if len(a.known) >= maxAccounts {
		delete(a.known, oldest)
	}
}

// paused returns an error while the account pauses.
func (a *Accounts) paused(k accountKey) *pausedError {
	a.mu.Lock()
	defer a.mu.Unlock()
	acc := a.known[k]
	if acc == nil {
		return nil
	}
	return acc.paused()
}

func (acc *account) paused() *pausedError {
	if !acc.until.After(time.Now()) {
		return nil
	}
	return &pausedError{until: acc.until, refusals: acc.refusals, limited: acc.limited}
}

// enter waits for a slot before a password is sent. Leave it by calling the
// function it returns. It returns an error where the account began to pause in
// the meantime, unless the context is forced, or where the context ended.
func (a *Accounts) enter(ctx context.Context, k accountKey) (leave func(), err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	acc := a.get(k)
	deadline := time.NewTimer(postingWait)
	defer deadline.Stop()
	for late := false; !late && acc.posting >= acc.slots(); {
		freed := acc.freed
		acc.waiting++
		a.mu.Unlock()
		select {
		case <-freed:
		case <-deadline.C:
			late = true
		case <-ctx.Done():
			err = ctx.Err()
			late = true
		}
		a.mu.Lock()
		acc.waiting--
	}
	if err != nil {
		return nil, err
	}
	if p := acc.paused(); p != nil && !forced(ctx) {
		return nil, p
	}
	acc.posting++
	return sync.OnceFunc(func() {
		a.mu.Lock()
		defer a.mu.Unlock()
		acc.posting--
		close(acc.freed)
		acc.freed = make(chan struct{})
	}), nil
}

func (acc *account) slots() int {
	if acc.proven {
		return postingMost
	}
	return 1
}

// refused notes a refusal of a login that began at the given time, and returns
// how many in a row that makes and when the account may be tried again. Logins
// that were under way together count as one.
func (a *Accounts) refused(k accountKey, began time.Time, b Backoff) (int, time.Time) {
	a.mu.Lock()
	defer a.mu.Unlock()
	acc := a.get(k)
	now := time.Now()
	acc.proven = false
	if acc.refusals == 0 || !acc.refusedAt.After(began) {
		acc.refusals++
		acc.refusedAt, acc.limited = now, false
		acc.until = now.Add(b.pause(acc.refusals))
	}
	return acc.refusals, acc.until
}

// pause returns the length of the nth pause.
func (b Backoff) pause(n int) time.Duration {
	d := b.Initial
	for range n - 1 {
		d *= 4
		if d >= b.Max {
			break
		}
	}
	return min(d, b.Max)
}

// limited notes that the provider asked for a pause.
func (a *Accounts) limited(k accountKey, until time.Time) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if acc := a.get(k); until.After(acc.until) {
		acc.until, acc.limited = until, true
	}
}

// passed notes that the credential was accepted. A rate limit stays in force.
func (a *Accounts) passed(k accountKey) {
	a.mu.Lock()
	defer a.mu.Unlock()
	acc := a.get(k)
	acc.refusals, acc.proven = 0, true
	if !acc.limited {
		acc.until = time.Time{}
	}
}
