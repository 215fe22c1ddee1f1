package access

import (
	"crypto/sha256"
	"crypto/subtle"
	"net/http"
	"net/netip"
	"strings"
	"time"
)

// inquiry is what is found out about one request.
type inquiry struct {
	*Guard
	r     *http.Request
	grant Grant
	now   time.Time

	from  netip.Addr
	found bool
}

// Identify adds up what the request's credentials are good for. Each one that
// nobody has is counted against the network it came from; once those are too
// many, a password that would cost a comparison by bcrypt is not looked at, and
// wrong ones are throttled. What is right goes on being right. The error is
// ErrBusy, or that of the request's context; the grant then holds what was found
// before.
func (g *Guard) Identify(r *http.Request) (Grant, error) {
	q := inquiry{Guard: g, r: r, grant: Grant{Scopes: NewSet(Public)}}
	if r.TLS != nil {
		q.certificate(r.TLS)
	}
	if value := r.Header.Get("X-Api-Key"); value != "" {
		q.show()
		q.bearer(value)
	}
	scheme, value, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	switch {
	case scheme == "":
	case strings.EqualFold(scheme, "Bearer"):
		q.show()
		q.bearer(strings.Trim(value, " \t"))
	case strings.EqualFold(scheme, "Basic"):
		q.show()
		user, password, ok := r.BasicAuth()
		if !ok {
			q.refuse(ReasonWrong, nil)
			break
		}
		if q.token(password) {
			break
		}
		if err := g.users.check(user, password, &q); err != nil {
			return q.grant, err
		}
	default:
		q.show()
		q.refuse(ReasonWrong, nil)
	}
	return q.grant, nil
}

// show notes that there is a credential to judge, and the time.
func (q *inquiry) show() {
	q.grant.Shown = true
	if q.now.IsZero() {
		q.now = q.memory.now()
	}
}

// addr is the client's address.
func (q *inquiry) addr() netip.Addr {
	if !q.found {
		q.from, q.found = q.ClientAddr(q.r), true
	}
	return q.from
}

// admit adds what the key is good for, if it counts here and now.
func (q *inquiry) admit(k *key) {
	why := k.window.refuses(q.now)
	if why == 0 && len(k.networks) > 0 && !contains(k.networks, q.addr()) {
		why = ReasonNetwork
	}
	if why != 0 {
		q.refuse(why, k.holder)
		return
	}
	k.used(q.now)
	q.grant.Scopes |= k.scopes
	if q.grant.Known {
		return
	}
	q.grant.Known, q.grant.Kind, q.grant.Name, q.grant.holder = true, k.kind, k.name, k.holder
}

// refuse notes why a credential does not count, and whose it is (or nil).
func (q *inquiry) refuse(why Reason, whose *holder) {
	if why < q.grant.Refused {
		return
	}
	q.grant.Refused, q.grant.Whose = why, ""
	if whose != nil {
		q.grant.Whose = whose.kind + " " + whose.name
	}
}

// wrong counts a credential that nobody has.
func (q *inquiry) wrong() {
	if wait := q.memory.guesses.count(networkOf(q.addr()), q.now, q.guessing); wait > 0 {
		q.throttle(wait)
		return
	}
	q.refuse(ReasonWrong, nil)
}

// throttled tells whether the request comes from where too many wrong
// credentials came from.
func (q *inquiry) throttled() bool {
	wait := q.memory.guesses.wait(networkOf(q.addr()), q.now, q.guessing)
	if wait > 0 {
		q.throttle(wait)
	}
	return wait > 0
}

func (q *inquiry) throttle(wait time.Duration) {
	q.refuse(ReasonThrottled, nil)
	q.grant.Wait = max(q.grant.Wait, wait)
}

func (q *inquiry) bearer(value string) {
	if !q.token(value) {
		q.wrong()
	}
}

// token looks the token up among all, in a time that does not depend on which
// one it is or how much of it fits. It tells whether there is such a token, be
// it one that counts or not.
func (q *inquiry) token(value string) bool {
	sum := sha256.Sum256([]byte(value))
	known := false
	for i := range q.tokens {
		t := &q.tokens[i]
		if subtle.ConstantTimeCompare(sum[:], t.digest[:]) == 1 {
			known = true
			q.admit(&t.key)
		}
	}
	return known
}
