package login

import (
	"context"
	"fmt"
	"time"

	"github.com/idp-exporter/idp_exporter/probes"
	"github.com/idp-exporter/idp_exporter/probes/internal/line"
)

// Budget is how often one account may sign in, whatever the number of nodes and
// probes that use it. Providers count logins by user and address: Auth0 allows
// one user from one address 20 a minute, and 10 a minute from then on.
type Budget struct {
	// PerMinute is the most logins in a minute. Their starts are spread, at least
	// a minute divided by it apart. 0 means that they are not held back.
	PerMinute int `yaml:"per_minute"`
}

// The bounds of Budget.PerMinute.
const (
	defaultPerMinute = 10
	maxPerMinute     = 6000
)

// The share of its time, and the most, that a run waits for its turn. Whoever
// would have to wait longer is told when to come back: time spent on waiting is
// missing at the login, and a login that fails for it would tell a lie.
const (
	patienceShare = 4
	patienceMost  = 10 * time.Second
)

// gap is the least time between the starts of two logins.
func (b Budget) gap() time.Duration {
	if b.PerMinute <= 0 {
		return 0
	}
	n := time.Duration(b.PerMinute)
	return (time.Minute + n - 1) / n
}

// patience is how long a run may wait for its turn.
func patience(ctx context.Context, now time.Time) time.Duration {
	if deadline, ok := ctx.Deadline(); ok {
		return min(deadline.Sub(now)/patienceShare, patienceMost)
	}
	return patienceMost
}

// turnError says that a login's turn is too far off.
type turnError struct {
	at     time.Time
	budget Budget
}

func (e *turnError) Error() string {
	return fmt.Sprintf("not tried: other logins of this account come first; within its budget of %d a minute it is this one's turn at %s",
		e.budget.PerMinute, e.at.Format(time.TimeOnly))
}

func (e *turnError) result(start time.Time) probes.Result {
	return probes.Result{Start: start, Skipped: probes.SkipBudget, NotBefore: e.at, Detail: e.Error()}
}

// turn waits for the login's turn.
func (l *Login) turn(ctx context.Context) *turnError {
	a := l.options.accounts
	return a.turn(ctx, a.key(l.issuer, l.options.accountName()), l.user, l.options.Budget)
}

// accountName names who signs in.
func (o *Options) accountName() string {
	if o.OfUser() {
		return "user " + o.Username
	}
	return "client " + o.ClientID
}

// turn waits until a login of the account may start. The user names the one who
// asks, a probe on a node, which keeps its place in the line: where its turn is
// too far off the error says when it is, and a run that starts then does not
// wait. A forced context and a budget without limit do not wait, but count.
func (a *Accounts) turn(ctx context.Context, k accountKey, user string, b Budget) *turnError {
	a.mu.Lock()
	defer a.mu.Unlock()
	l := a.lines[k]
	if l == nil {
		if b.PerMinute <= 0 {
			return nil
		}
		a.forgetLines(time.Now())
		l = &line.Line{}
		a.lines[k] = l
	}
	now := time.Now()
	if forced(ctx) || b.PerMinute <= 0 {
		l.Push(b.gap(), now)
		return nil
	}
	p := l.Join(user, b.gap(), b.gap(), now)
	if !l.Wait(ctx, &a.mu, p, patience(ctx, now)) {
		return &turnError{p.At, b}
	}
	return nil
}

// forgetLines makes room for another line: those that nobody stands in go.
func (a *Accounts) forgetLines(now time.Time) {
	if len(a.lines) < maxAccounts {
		return
	}
	for k, l := range a.lines {
		if l.Idle(now) {
			delete(a.lines, k)
		}
	}
}
