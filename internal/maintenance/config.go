package maintenance

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/prometheus/alertmanager/timeinterval"

	"github.com/idp-exporter/idp_exporter/probes"
)

// Recurring is a window of the configuration: an entry of Alertmanager's
// time_intervals, with the nodes and probes it is for.
type Recurring struct {
	Name string `yaml:"name"`
	// TimeIntervals are when the window is open: while any of them holds.
	TimeIntervals []Interval `yaml:"time_intervals"`
	// Nodes and Probes narrow the window; an empty list means all.
	Nodes  []string `yaml:"nodes"`
	Probes []string `yaml:"probes"`
}

// Interval is a time interval as Alertmanager spells it
// (https://prometheus.io/docs/alerting/latest/configuration/#time_interval-0).
// It holds at a time that every field that is set agrees with.
type Interval struct {
	Times       []TimeRange `yaml:"times"`
	Weekdays    []string    `yaml:"weekdays"`
	DaysOfMonth []string    `yaml:"days_of_month"`
	Months      []string    `yaml:"months"`
	Years       []string    `yaml:"years"`
	// Location is a name of the IANA time zone database; empty means UTC.
	Location string `yaml:"location"`
}

// TimeRange is a part of a day, HH:MM to just before HH:MM, up to 24:00.
type TimeRange struct {
	Start string `yaml:"start_time" json:"start_time"`
	End   string `yaml:"end_time" json:"end_time"`
}

// The limits of the configuration.
const (
	maxRecurring = 1000
	maxIntervals = 100
	maxEntries   = 100
)

// compiler turns windows of the configuration into what is evaluated, and
// collects what is wrong with them.
type compiler struct{ problems []probes.Problem }

func (c *compiler) add(path string, warning bool, format string, args ...any) {
	c.problems = append(c.problems, probes.Problem{Path: path, Warning: warning, Message: fmt.Sprintf(format, args...)})
}

func (c *compiler) failed() bool {
	return slices.ContainsFunc(c.problems, func(p probes.Problem) bool { return !p.Warning })
}

func (c *compiler) windows(windows []Recurring) []*recurring {
	if len(windows) > maxRecurring {
		c.add("", false, "%d windows; at most %d are possible", len(windows), maxRecurring)
		return nil
	}
	all := make([]*recurring, len(windows))
	for i, w := range windows {
		path := "[" + strconv.Itoa(i) + "]"
		switch problem := text(w.Name, maxName); {
		case w.Name == "":
			c.add(path, false, "the window has no name; give it one, which its metric and its page will show")
		case problem != "":
			c.add(path+".name", false, "%s", problem)
		case slices.ContainsFunc(windows[:i], func(o Recurring) bool { return o.Name == w.Name }):
			c.add(path+".name", false, "%q is the name of an earlier window; give each its own, or put the intervals into one", w.Name)
		}
		all[i] = &recurring{name: w.Name, scope: newScope(w.Nodes, w.Probes), nodes: w.Nodes, probes: w.Probes}
		switch {
		case len(w.TimeIntervals) == 0:
			c.add(path, false, "the window names no time; give time_intervals, as in Alertmanager")
		case len(w.TimeIntervals) > maxIntervals:
			c.add(path+".time_intervals", false, "%d intervals; at most %d are possible", len(w.TimeIntervals), maxIntervals)
			continue
		}
		for j, in := range w.TimeIntervals {
			all[i].parts = append(all[i].parts, c.interval(path+".time_intervals["+strconv.Itoa(j)+"]", in))
		}
	}
	return all
}

func (c *compiler) interval(path string, in Interval) part {
	p := part{location: time.UTC}
	if in.Location != "" {
		l, err := parse[timeinterval.Location](in.Location)
		if err != nil {
			c.add(path+".location", false, "%v; write a name such as Europe/Berlin or UTC", err)
		} else {
			p.location = l.Location
		}
	}
	p.interval = timeinterval.TimeInterval{
		Weekdays:    ranges[timeinterval.WeekdayRange](c, path+".weekdays", in.Weekdays, "saturday or monday:friday"),
		DaysOfMonth: ranges[timeinterval.DayOfMonthRange](c, path+".days_of_month", in.DaysOfMonth, "1:7, or -1 for the last day"),
		Months:      ranges[timeinterval.MonthRange](c, path+".months", in.Months, "january:march or 1:3"),
		Years:       ranges[timeinterval.YearRange](c, path+".years", in.Years, "2027 or 2027:2030"),
	}
	for i, m := range p.interval.Months {
		if m.Begin < 1 || m.End > 12 {
			c.add(path+".months["+strconv.Itoa(i)+"]", false, "there is no such month; write january to december, or 1 to 12")
		}
	}
	if c.length(path+".times", in.Times == nil, len(in.Times)) {
		for i, t := range in.Times {
			r, err := parse[timeinterval.TimeRange](t)
			if err != nil {
				c.add(path+".times["+strconv.Itoa(i)+"]", false,
					"%v; write start_time and end_time as HH:MM, 00:00 to 24:00, and a window past midnight as two", err)
			}
			p.interval.Times = append(p.interval.Times, r)
		}
	}
	p.minutes = marks(p.interval.Times)
	return p
}

// length tells whether a list has entries. A list that is present but empty
// never holds in Alertmanager, which nobody can mean.
func (c *compiler) length(path string, absent bool, n int) bool {
	switch {
	case absent:
	case n == 0:
		c.add(path, false, "the list is empty, so the window would never be open; leave the key out to mean any")
	case n > maxEntries:
		c.add(path, false, "%d entries; at most %d are possible", n, maxEntries)
	default:
		return true
	}
	return false
}

func ranges[T any, P unmarshaler[T]](c *compiler, path string, texts []string, example string) []T {
	if !c.length(path, texts == nil, len(texts)) {
		return nil
	}
	all := make([]T, len(texts))
	for i, text := range texts {
		var err error
		if all[i], err = parse[T, P](text); err != nil {
			c.add(path+"["+strconv.Itoa(i)+"]", false, "%v; write %s", err, example)
		}
	}
	return all
}

type unmarshaler[T any] interface {
	*T
	json.Unmarshaler
}

// parse reads a value with Alertmanager's own parser for it, which takes JSON
// (and YAML, though not of the decoder used here).
func parse[T any, P unmarshaler[T]](v any) (T, error) {
	var parsed T
	content, err := json.Marshal(v)
	if err == nil {
		err = P(&parsed).UnmarshalJSON(content)
	}
	return parsed, err
}
