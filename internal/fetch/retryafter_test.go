package fetch

import (
	"net/http"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func TestRetryAfter(t *testing.T) {
	t.Parallel()
	date := func(d time.Duration) string { return noon.Add(d).Format(http.TimeFormat) }
	epoch := func(d time.Duration) string { return strconv.FormatInt(noon.Add(d).Unix(), 10) }
	for _, c := range []struct {
		name         string
		after, reset string
		serverDate   string
		want         time.Duration
		ok           bool
	}{
		{name: "nothing"},
		{name: "seconds", after: "120", want: 2 * time.Minute, ok: true},
		{name: "spaces", after: " 5 ", want: 5 * time.Second, ok: true},
		{name: "fraction", after: "2.9", want: 2 * time.Second, ok: true},
		{name: "zero", after: "0", ok: true},
		{name: "negative", after: "-5"},
		{name: "date", after: date(90 * time.Second), want: 90 * time.Second, ok: true},
		{name: "date, RFC 850", after: noon.Add(time.Minute).Format("Monday, 02-Jan-06 15:04:05 GMT"), want: time.Minute, ok: true},
		{name: "date gone by", after: date(-time.Hour), ok: true},
		{name: "date by the server's clock", after: date(10 * time.Minute), serverDate: date(9 * time.Minute), want: time.Minute, ok: true},
		{name: "too long", after: "86400", want: time.Hour, ok: true},
		{name: "far too long", after: "99999999999999999999999999", want: time.Hour, ok: true},
		{name: "overflow", after: "9223372036854775807", want: time.Hour, ok: true},
		{name: "year 9999", after: "Fri, 31 Dec 9999 23:59:59 GMT", want: time.Hour, ok: true},
		{name: "words", after: "soon"},
		{name: "reset, epoch", reset: epoch(30 * time.Second), want: 30 * time.Second, ok: true},
		{name: "reset, epoch gone by", reset: epoch(-30 * time.Second), ok: true},
		{name: "reset, by the server's clock", reset: epoch(time.Minute), serverDate: date(30 * time.Second), want: 30 * time.Second, ok: true},
		{name: "reset, far away", reset: "9999999999999", want: time.Hour, ok: true},
		{name: "reset, span", reset: "17", want: 17 * time.Second, ok: true},
		{name: "reset, words", reset: "never"},
		{name: "both", after: "7", reset: "17", want: 7 * time.Second, ok: true},
		{name: "useless and reset", after: "soon", reset: "17", want: 17 * time.Second, ok: true},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			h := http.Header{}
			for name, value := range map[string]string{"Retry-After": c.after, "X-Ratelimit-Reset": c.reset, "Date": c.serverDate} {
				if value != "" {
					h.Set(name, value)
				}
			}
			got, ok := RetryAfter(h, noon)
			require.Equal(t, c.want, got)
			require.Equal(t, c.ok, ok)
		})
	}
}

func FuzzRetryAfter(f *testing.F) {
	for _, s := range []string{"", "1", "-1", "1e9", "Sun, 06 Nov 1994 08:49:37 GMT", "9223372036854775808", ".", "1.", ".1"} {
		f.Add(s, s, s)
	}
	f.Fuzz(func(t *testing.T, after, reset, date string) {
		got, ok := RetryAfter(http.Header{"Retry-After": {after}, "X-Ratelimit-Reset": {reset}, "Date": {date}}, noon)
		if got < 0 || got > MaxRetryAfter || !ok && got != 0 {
			t.Fatalf("%v %v", got, ok)
		}
	})
}
