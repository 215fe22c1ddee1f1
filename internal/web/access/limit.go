package access

import (
	"math"
	"time"

	"golang.org/x/time/rate"
)

// limits are a rate in requests a second, 0 for none, and a burst.
type limits struct {
	perSecond float64
	burst     int
}

// limiter returns nil where there is no limit.
func (l limits) limiter() *rate.Limiter {
	if l.perSecond <= 0 {
		return nil
	}
	return rate.NewLimiter(rate.Limit(l.perSecond), l.burst)
}

// fits tells whether the limiter is one of these limits.
func (l limits) fits(r *rate.Limiter) bool {
	return r != nil && r.Limit() == rate.Limit(l.perSecond) && r.Burst() == l.burst
}

// Limit counts a request of the grant's credential. It returns 0 where the
// request is within the credential's rate, and otherwise how long to wait.
func (g *Guard) Limit(grant Grant) time.Duration {
	if grant.holder == nil || grant.holder.limiter == nil {
		return 0
	}
	l, now := grant.holder.limiter, g.memory.now()
	if l.AllowN(now, 1) {
		return 0
	}
	return max(untilToken(l, now), 1)
}

// untilToken tells how long it takes until the limiter allows one more.
func untilToken(l *rate.Limiter, now time.Time) time.Duration {
	missing := 1 - l.TokensAt(now)
	if missing <= 0 {
		return 0
	}
	wait := missing / float64(l.Limit()) * float64(time.Second)
	if wait >= math.MaxInt64 {
		return math.MaxInt64
	}
	return max(time.Duration(wait), 1)
}

// RetryAfter returns how long to wait as the header Retry-After takes it: in
// whole seconds, rounded up, one at least (RFC 9110, section 10.2.3).
func RetryAfter(d time.Duration) int { return max(1, int(math.Ceil(d.Seconds()))) }
