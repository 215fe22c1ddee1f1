package demo

import (
	"encoding/json"
	"net/http"
	"strconv"
	"sync/atomic"
	"time"
)

// clock is how far a provider's clock is off. The zero value is right.
type clock struct{ nanoseconds atomic.Int64 }

func (c *clock) offset() time.Duration { return time.Duration(c.nanoseconds.Load()) }

// stamp dates an answer; where the clock is right, net/http does.
func (c *clock) stamp(w http.ResponseWriter) {
	if offset := c.offset(); offset != 0 {
		w.Header().Set("Date", time.Now().Add(offset).UTC().Format(http.TimeFormat))
	}
}

// SetClock puts the provider's clock ahead by the offset, or behind if that is
// negative; 0 puts it right. The times in tokens issued from now on and the Date
// of every answer are those of that clock. What the provider itself lets expire,
// such as codes, and what it verifies at userinfo, goes by the right time.
func (p *Provider) SetClock(offset time.Duration) { p.clock.nanoseconds.Store(int64(offset)) }

// shiftTimes moves the times in claims (RFC 7519 section 4.1, OpenID Connect Core section 2).
func shiftTimes(claims map[string]any, offset time.Duration) {
	for _, name := range []string{"iat", "nbf", "exp", "auth_time"} {
		if number, ok := claims[name].(json.Number); ok {
			if seconds, err := number.Int64(); err == nil {
				claims[name] = json.Number(strconv.FormatInt(seconds+int64(offset/time.Second), 10))
			}
		}
	}
}
