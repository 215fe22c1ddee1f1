package maintenance

import (
	"slices"
	"time"

	"github.com/prometheus/alertmanager/timeinterval"
)

// recurring is a window of the configuration, ready to be asked.
type recurring struct {
	name string
	scope
	nodes, probes []string // as they were given
	parts         []part
}

// part is one interval of a window.
type part struct {
	interval timeinterval.TimeInterval // without its Location
	location *time.Location
	// minutes of the day, sorted, at which the interval may begin or end; the
	// last is the end of the day.
	minutes []int
}

const minutesPerDay = 24 * 60

func marks(times []timeinterval.TimeRange) []int {
	all := []int{minutesPerDay}
	for _, r := range times {
		all = append(all, r.StartMinute, r.EndMinute)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// holds tells whether the interval contains t. The wall clock of its zone is
// handed on as if it were UTC's: ContainsTime (alertmanager 0.34) counts the
// days of a month in units of 24 hours, and so misses the last day of a month
// in which clocks go forward (prometheus/alertmanager pull request 5447).
func (p part) holds(t time.Time) bool {
	l := t.In(p.location)
	return p.interval.ContainsTime(time.Date(l.Year(), l.Month(), l.Day(), l.Hour(), l.Minute(), 0, 0, time.UTC))
}

// after returns the first time after t at which the interval may begin or end.
func (p part) after(t time.Time) time.Time {
	t = t.Truncate(time.Second)
	l := t.In(p.location)
	second := l.Hour()*3600 + l.Minute()*60 + l.Second()
	i, found := slices.BinarySearch(p.minutes, second/60)
	if found {
		i++
	}
	next := t.Add(time.Duration(p.minutes[i]*60-second) * time.Second)
	// From a change of the zone's offset on, the wall clock tells another time.
	if _, end := l.ZoneBounds(); !end.IsZero() && end.Before(next) {
		return end
	}
	return next
}

func (r *recurring) holds(t time.Time) bool {
	return slices.ContainsFunc(r.parts, func(p part) bool { return p.holds(t) })
}

// next returns when the window opens or closes next, zero if it does neither
// within the given time after t.
func (r *recurring) next(t time.Time, within time.Duration) time.Time {
	was, limit := r.holds(t), t.Add(within)
	for len(r.parts) > 0 {
		next := r.parts[0].after(t)
		for _, p := range r.parts[1:] {
			if n := p.after(t); n.Before(next) {
				next = n
			}
		}
		if next.After(limit) {
			break
		}
		if r.holds(next) != was {
			return next
		}
		t = next
	}
	return time.Time{}
}
