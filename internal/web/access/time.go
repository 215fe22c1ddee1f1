package access

import (
	"fmt"
	"time"
)

// Time is a moment in the configuration: a time as in RFC 3339, or a date,
// which is a whole day of UTC. The zero Time is none.
type Time struct {
	at  time.Time
	day bool
}

// At returns the moment t.
func At(t time.Time) Time { return Time{at: t} }

// UnmarshalText reads a time or a date.
func (t *Time) UnmarshalText(text []byte) error {
	at, err := time.Parse(time.DateOnly, string(text))
	day := err == nil
	if !day {
		at, err = time.Parse(time.RFC3339, string(text))
	}
	if err != nil || at.Year() < 1970 {
		return fmt.Errorf("%.40q is no moment; write a date (2026-12-31, in UTC) or a time (2026-12-31T18:00:00Z)", text)
	}
	*t = Time{at, day}
	return nil
}

// IsZero tells whether there is none.
func (t Time) IsZero() bool { return t.at.IsZero() }

// String spells the moment as the configuration takes it; "" is none.
func (t Time) String() string {
	switch {
	case t.IsZero():
		return ""
	case t.day:
		return t.at.Format(time.DateOnly)
	}
	return t.at.Format(time.RFC3339)
}

// end is when the moment is over: a day at the next midnight.
func (t Time) end() time.Time {
	if t.day {
		return t.at.AddDate(0, 0, 1)
	}
	return t.at
}

// window is when a key counts; a zero time sets no bound.
type window struct{ from, until time.Time }

func newWindow(notBefore, notAfter Time) window { return window{notBefore.at, notAfter.end()} }

// within returns the window that lies in both.
func (w window) within(o window) window {
	if o.from.After(w.from) {
		w.from = o.from
	}
	if w.until.IsZero() || !o.until.IsZero() && o.until.Before(w.until) {
		w.until = o.until
	}
	return w
}

// empty tells whether there is no moment in it.
func (w window) empty() bool { return !w.until.IsZero() && !w.from.Before(w.until) }

// refuses tells why a key does not count now; 0 where it does.
func (w window) refuses(now time.Time) Reason {
	switch {
	case !w.until.IsZero() && !now.Before(w.until):
		return ReasonExpired
	case now.Before(w.from):
		return ReasonNotYet
	}
	return 0
}
