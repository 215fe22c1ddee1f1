package fetch

import (
	"net/http"
	"strconv"
	"strings"
	"time"
)

// MaxRetryAfter bounds the pause that a server can ask for: a hostile or
// mistaken header must not switch a probe off for good.
const MaxRetryAfter = time.Hour

// epochFloor parts spans from points in time in X-RateLimit-Reset: as seconds
// since 1970 it lies in 2001, as a span it would last thirty years.
const epochFloor = 1_000_000_000

// RetryAfter returns how long a server asks its clients to wait, between 0 and
// MaxRetryAfter. It reads Retry-After, in seconds or as a date (RFC 9110,
// 10.2.3), and failing that X-RateLimit-Reset, which providers such as Auth0
// and Okta send as seconds since 1970 and others as seconds from now. A date is
// taken relative to the server's own Date header, if it sent one, and otherwise
// to now. The answer is false where neither header says anything usable.
func RetryAfter(h http.Header, now time.Time) (time.Duration, bool) {
	if date, err := http.ParseTime(h.Get("Date")); err == nil {
		now = date
	}
	value := strings.TrimSpace(h.Get("Retry-After"))
	if n, ok := seconds(value); ok {
		return bound(n), true
	}
	if t, err := http.ParseTime(value); err == nil {
		return min(max(t.Sub(now), 0), MaxRetryAfter), true
	}
	n, ok := seconds(strings.TrimSpace(h.Get("X-RateLimit-Reset")))
	if !ok {
		return 0, false
	}
	if n >= epochFloor {
		n -= now.Unix()
	}
	return bound(n), true
}

// seconds reads a decimal number of seconds, a fraction being cut off. Numbers
// too large to hold count as the largest.
func seconds(s string) (int64, bool) {
	whole, fraction, _ := strings.Cut(s, ".")
	if whole == "" || strings.Trim(whole+fraction, "0123456789") != "" {
		return 0, false
	}
	n, _ := strconv.ParseInt(whole, 10, 64) // saturates
	return n, true
}

func bound(n int64) time.Duration {
	return time.Duration(min(max(n, 0), int64(MaxRetryAfter/time.Second))) * time.Second
}
