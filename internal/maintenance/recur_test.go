package maintenance

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestWindowsOfTheCalendar(t *testing.T) {
	t.Parallel()
	night := "- {name: w, time_intervals: [{times: [{start_time: '01:00', end_time: '04:00'}], location: Europe/Berlin}]}"
	for name, c := range map[string]struct {
		window           string
		zone, open, shut string // the wall clock of the zone; shut is the first moment after
	}{
		"first Saturday of the month": {
			"- {name: w, time_intervals: [{weekdays: [saturday], days_of_month: ['1:7'], times: [{start_time: '22:00', end_time: '24:00'}], location: Europe/Berlin}]}",
			"Europe/Berlin", "2031-02-01 22:00", "2031-02-02 00:00"},
		"past midnight": {
			"- {name: w, time_intervals: [{weekdays: [friday], times: [{start_time: '22:00', end_time: '24:00'}]}, {weekdays: [saturday], times: [{start_time: '00:00', end_time: '03:00'}]}]}",
			"UTC", "2031-01-10 22:00", "2031-01-11 03:00"},
		"without a zone it is UTC": {
			"- {name: w, time_intervals: [{times: [{start_time: '14:00', end_time: '15:00'}]}]}",
			"America/New_York", "2031-01-08 09:00", "2031-01-08 10:00"},
		"a half-hour zone": {
			"- {name: w, time_intervals: [{times: [{start_time: '09:00', end_time: '10:15'}], location: Asia/Kolkata}]}",
			"Asia/Kolkata", "2031-01-09 09:00", "2031-01-09 10:15"},
		"last day of a short month": {
			"- {name: w, time_intervals: [{months: [february], days_of_month: ['-1']}]}",
			"UTC", "2031-02-28 00:00", "2031-03-01 00:00"},
		"last day of the month in which clocks go forward": {
			"- {name: w, time_intervals: [{months: [march], days_of_month: ['-1'], location: Europe/Berlin}]}",
			"Europe/Berlin", "2031-03-31 00:00", "2031-04-01 00:00"},
		"day 31 of that month": {
			"- {name: w, time_intervals: [{months: [march], days_of_month: [31], location: America/New_York}]}",
			"America/New_York", "2031-03-31 00:00", "2031-04-01 00:00"},
		"day 31 skips shorter months": {
			"- {name: w, time_intervals: [{days_of_month: [31], months: ['february:may']}]}",
			"UTC", "2031-03-31 00:00", "2031-04-01 00:00"},
		"across the turn of the year": {
			"- {name: w, time_intervals: [{years: [2031], months: [december], days_of_month: [31]}, {years: [2032], months: [january], days_of_month: [1]}]}",
			"UTC", "2031-12-31 00:00", "2032-01-02 00:00"},
		"a night": {night, "Europe/Berlin", "2031-01-09 01:00", "2031-01-09 04:00"},
		"overlapping intervals are one": {
			"- {name: w, time_intervals: [{times: [{start_time: '13:00', end_time: '15:00'}]}, {times: [{start_time: '14:00', end_time: '16:00'}, {start_time: '16:00', end_time: '17:00'}]}]}",
			"UTC", "2031-01-08 13:00", "2031-01-08 17:00"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b, _, clock := book(t, c.window)
			open, shut := in(t, c.zone, c.open), in(t, c.zone, c.shut)
			list := b.Windows()
			require.False(t, list[0].Open)
			require.Equal(t, open.UTC(), list[0].Start)
			require.Equal(t, shut.UTC(), list[0].End)
			for _, x := range []struct {
				at   time.Time
				open bool
			}{{open.Add(-time.Nanosecond), false}, {open, true}, {open.Add(shut.Sub(open) / 2), true}, {shut.Add(-time.Nanosecond), true}, {shut, false}} {
				clock.set(x.at)
				cause, until, name, ok := b.Suppressed("login", "n1", x.at)
				require.Equal(t, x.open, ok, "%v", x.at)
				require.Equal(t, x.open, len(b.ActiveWindows()) == 1)
				require.Equal(t, map[string]bool{"w": x.open}, b.WindowNames(x.at))
				if ok {
					require.Equal(t, CauseMaintenance, cause)
					require.Equal(t, "w", name)
					require.True(t, shut.Equal(until), "%v instead of %v", until, shut)
				}
			}
		})
	}
}

func TestLeapDay(t *testing.T) {
	t.Parallel()
	b, _, clock := book(t, "- {name: w, time_intervals: [{months: [february], days_of_month: ['-1']}]}")
	clock.set(in(t, "UTC", "2032-02-27 12:00"))
	w := b.Windows()[0]
	require.Equal(t, in(t, "UTC", "2032-02-29 00:00"), w.Start)
	require.Equal(t, in(t, "UTC", "2032-03-01 00:00"), w.End)
}

func TestClockChanges(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		window     string
		from       string // UTC
		open, shut string // UTC
	}{
		// Clocks go from 02:00 to 03:00 at 01:00 UTC on 30 March 2031.
		"a night loses an hour":                      {"times: [{start_time: '01:00', end_time: '04:00'}]", "2031-03-29 12:00", "2031-03-30 00:00", "2031-03-30 02:00"},
		"one that begins in the gap begins after it": {"times: [{start_time: '02:30', end_time: '03:30'}]", "2031-03-29 12:00", "2031-03-30 01:00", "2031-03-30 01:30"},
		"one inside the gap is left out that day":    {"times: [{start_time: '02:10', end_time: '02:50'}]", "2031-03-29 12:00", "2031-03-31 00:10", "2031-03-31 00:50"},
		// They go from 03:00 back to 02:00 at 01:00 UTC on 26 October 2031.
		"a night gains an hour":            {"times: [{start_time: '01:00', end_time: '04:00'}]", "2031-10-25 12:00", "2031-10-25 23:00", "2031-10-26 03:00"},
		"the hour that comes twice":        {"times: [{start_time: '02:00', end_time: '03:00'}]", "2031-10-25 12:00", "2031-10-26 00:00", "2031-10-26 02:00"},
		"a part of that hour, first time":  {"times: [{start_time: '02:10', end_time: '02:50'}]", "2031-10-25 12:00", "2031-10-26 00:10", "2031-10-26 00:50"},
		"a part of that hour, second time": {"times: [{start_time: '02:10', end_time: '02:50'}]", "2031-10-26 00:55", "2031-10-26 01:10", "2031-10-26 01:50"},
		"a day of 23 hours":                {"days_of_month: [30]", "2031-03-29 12:00", "2031-03-29 23:00", "2031-03-30 22:00"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b, _, clock := book(t, "- {name: w, time_intervals: [{"+c.window+", location: Europe/Berlin}]}")
			clock.set(in(t, "UTC", c.from))
			w := b.Windows()[0]
			require.False(t, w.Open)
			require.Equal(t, in(t, "UTC", c.open), w.Start)
			require.Equal(t, in(t, "UTC", c.shut), w.End)
			require.Equal(t, w.Start, b.NextChange(clock.now()).UTC())
			require.Equal(t, w.End, b.NextChange(w.Start).UTC())
		})
	}
}

// next finds exactly what asking every minute finds.
func TestNextAgainstEveryMinute(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(5, 6))
	pick := func(from ...string) string { return from[random.IntN(len(from))] }
	rounds := 150
	if testing.Short() {
		rounds = 20
	}
	for range rounds {
		zone := pick("UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu", "America/Sao_Paulo", "Pacific/Apia", "Africa/Casablanca", "America/Santiago")
		from := random.IntN(1400)
		to := from + 1 + random.IntN(1440-from)
		window := fmt.Sprintf("- name: w\n  time_intervals:\n  - {times: [{start_time: '%02d:%02d', end_time: '%02d:%02d'}], weekdays: [%s], location: %s}\n  - {days_of_month: [%s], location: %s}",
			from/60, from%60, to/60, to%60, pick("'sunday:saturday'", "sunday", "'saturday', monday"), zone, pick("1", "'-2:-1'", "31", "'10:12'"), pick(zone, "UTC"))
		var c compiler
		r := c.windows(decoded(t, window))[0]
		// Days around a change of the clocks, wherever there are any.
		begin := time.Unix(int64(1_000_000_000+random.IntN(1_000_000_000)), 0).In(r.parts[0].location)
		if _, end := begin.ZoneBounds(); !end.IsZero() && end.Year() < 2036 {
			begin = end.Add(-time.Duration(random.IntN(36*60)) * time.Minute)
		}
		begin = begin.Truncate(time.Minute)
		next := r.next(begin, 48*time.Hour)
		var want time.Time
		for t := begin; !t.After(begin.Add(48 * time.Hour)); t = t.Add(time.Minute) {
			if r.holds(t) != r.holds(begin) {
				want = t
				break
			}
		}
		require.True(t, want.Equal(next), "%s\nfrom %v: %v, want %v", window, begin, next, want)
	}
}
