package maintenance

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/idp-exporter/idp_exporter/internal/config/strict"
)

func TestMistakesInTheConfiguration(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		file string
		at   strict.Position
		says string
	}{
		"unknown key":          {"- {name: a, time_intervals: [{years: [2031], weekday: [monday]}]}", strict.Position{Line: 2, Column: 46}, `unknown key "weekday"`},
		"unknown key in times": {"- name: a\n  time_intervals:\n  - times: [{start_time: '01:00', end_time: '02:00', zone: UTC}]", strict.Position{Line: 4, Column: 54}, `unknown key "zone"`},
		"no name":              {"- time_intervals: [{weekdays: [monday]}]", strict.Position{Line: 2, Column: 3}, "no name"},
		"two names":            {"- {name: a, time_intervals: [{weekdays: [monday]}]}\n- {name: a, time_intervals: [{weekdays: [monday]}]}", strict.Position{Line: 3, Column: 10}, "earlier window"},
		"control characters":   {`- {name: "a\nb", time_intervals: [{weekdays: [monday]}]}`, strict.Position{Line: 2, Column: 10}, "control characters"},
		"no time":              {"- name: a", strict.Position{Line: 2, Column: 3}, "names no time"},
		"no intervals":         {"- {name: a, time_intervals: []}", strict.Position{Line: 2, Column: 3}, "names no time"},
		"weekday":              {"- name: a\n  time_intervals:\n  - weekdays:\n    - monday\n    - caturday", strict.Position{Line: 6, Column: 7}, "caturday is not a valid weekday; write saturday or monday:friday"},
		"weekdays backwards":   {"- {name: a, time_intervals: [{weekdays: ['friday:monday']}]}", strict.Position{Line: 2, Column: 42}, "start day cannot be before end day"},
		"empty weekday":        {"- {name: a, time_intervals: [{weekdays: [~]}]}", strict.Position{Line: 2, Column: 42}, "not a valid weekday"},
		"no weekdays":          {"- {name: a, time_intervals: [{weekdays: []}]}", strict.Position{Line: 2, Column: 41}, "never be open"},
		"day of month":         {"- {name: a, time_intervals: [{days_of_month: ['1:32']}]}", strict.Position{Line: 2, Column: 47}, "out of range"},
		"month 13":             {"- {name: a, time_intervals: [{months: [13]}]}", strict.Position{Line: 2, Column: 40}, "no such month"},
		"year":                 {"- {name: a, time_intervals: [{years: [soon]}]}", strict.Position{Line: 2, Column: 39}, "2027:2030"},
		"time of day":          {"- name: a\n  time_intervals:\n  - times:\n    - {start_time: '22:00', end_time: '24:01'}", strict.Position{Line: 5, Column: 7}, "24:00"},
		"past midnight":        {"- {name: a, time_intervals: [{times: [{start_time: 22:00, end_time: 02:00}]}]}", strict.Position{Line: 2, Column: 39}, "as two"},
		"half a time":          {"- {name: a, time_intervals: [{times: [{start_time: 22:00}]}]}", strict.Position{Line: 2, Column: 39}, "both start and end"},
		"no times":             {"- {name: a, time_intervals: [{times: []}]}", strict.Position{Line: 2, Column: 38}, "never be open"},
		"zone":                 {"- {name: a, time_intervals: [{weekdays: [monday], location: Europe/Berln}]}", strict.Position{Line: 2, Column: 61}, "Europe/Berlin"},
		"always":               {"- {name: a, time_intervals: [{location: UTC}]}", strict.Position{Line: 2, Column: 30}, "always open"},
		"always, by times":     {"- {name: a, time_intervals: [{times: [{start_time: '00:00', end_time: '24:00'}], location: Europe/Berlin}]}", strict.Position{Line: 2, Column: 30}, "always open"},
		"always, by parts":     {"- {name: a, time_intervals: [{times: [{start_time: '00:00', end_time: '07:00'}, {start_time: '06:00', end_time: '24:00'}]}]}", strict.Position{Line: 2, Column: 30}, "always open"},
		"always, by weekdays":  {"- {name: a, time_intervals: [{weekdays: ['sunday:saturday']}]}", strict.Position{Line: 2, Column: 30}, "always open"},
		"always, by everything": {"- {name: a, time_intervals: [{weekdays: [monday]}, {days_of_month: ['1:31'], months: ['1:12'], weekdays: ['sunday:thursday', 'friday:saturday']}]}",
			strict.Position{Line: 2, Column: 52}, "always open"},
		"always, together": {"- {name: a, time_intervals: [{weekdays: ['monday:friday']}, {weekdays: [saturday, sunday]}]}", strict.Position{Line: 2, Column: 29}, "always open"},
		"for years":        {"- {name: a, time_intervals: [{years: ['2020:2099']}]}", strict.Position{Line: 2, Column: 30}, "does not close within the next 400 days"},
		"never":            {"- {name: a, time_intervals: [{months: [february], days_of_month: [30]}]}", strict.Position{Line: 2, Column: 29}, "400 days"},
		"past":             {"- {name: a, time_intervals: [{years: [2020]}]}", strict.Position{Line: 2, Column: 29}, "400 days"},
		"no nodes":         {"- {name: a, time_intervals: [{weekdays: [monday]}], nodes: []}", strict.Position{Line: 2, Column: 60}, "every node"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, problems := decode("maintenance:\n" + c.file)
			require.Len(t, problems, 1, "%v", problems)
			require.Contains(t, problems[0].Message, c.says)
			require.Equal(t, c.at, problems[0].Position, problems[0].Message)
		})
	}
}

// A window that closes for a minute is not always open.
func TestNearlyAlwaysOpen(t *testing.T) {
	t.Parallel()
	for _, w := range []string{
		"{times: [{start_time: '00:00', end_time: '23:59'}]}", "{weekdays: ['sunday:friday']}", "{days_of_month: ['1:30']}", "{months: ['january:november']}",
		"{times: [{start_time: '00:00', end_time: '24:00'}], weekdays: ['monday:saturday']}",
	} {
		_, problems := decode("maintenance:\n- {name: a, time_intervals: [" + w + "]}")
		require.Empty(t, problems, w)
	}
}

func TestUnknownNames(t *testing.T) {
	t.Parallel()
	windows := decoded(t, "- {name: a, time_intervals: [{weekdays: [monday]}], nodes: [public, n1, n9], probes: [login, logon]}")
	is := func(known string) func(string) bool { return func(n string) bool { return n == known } }
	problems := Check(windows, Known{Node: is("n1"), Probe: is("login")}, start())
	require.Len(t, problems, 2)
	require.Equal(t, "[0].nodes[2]", problems[0].Path)
	require.Equal(t, `there is no node "n9"`, problems[0].Message)
	require.Equal(t, "[0].probes[1]", problems[1].Path)
	require.Empty(t, Check(windows, Known{}, start()), "where nodes are discovered, any may come")
}

func TestABadConfigurationChangesNothing(t *testing.T) {
	t.Parallel()
	b, _, _ := book(t, "- {name: a, time_intervals: [{weekdays: [wednesday]}]}")
	err := b.Configure([]Recurring{{Name: "b", TimeIntervals: []Interval{{Weekdays: []string{"caturday"}}}}})
	require.ErrorContains(t, err, "maintenance[0].time_intervals[0].weekdays[0]: caturday")
	require.Error(t, b.Configure(make([]Recurring, maxRecurring+1)))
	require.Len(t, b.ActiveWindows(), 1)
	require.NoError(t, b.Configure(nil))
	require.Empty(t, b.Windows())
}

// Whatever a file says: no panic, mistakes have a place, and a file without
// any gives windows that can be asked.
func FuzzConfiguration(f *testing.F) {
	for _, seed := range []string{
		"- {name: a, time_intervals: [{weekdays: ['monday:friday'], months: [1, 'june:july'], location: Europe/Berlin}]}",
		"- name: b\n  time_intervals:\n  - &x {times: [{start_time: '00:00', end_time: '24:00'}], days_of_month: ['1:7', -1], years: ['2031:2040']}\n  - <<: *x\n    location: Australia/Lord_Howe\n  nodes: [public]\n  probes: [login]",
		"- {name: [], time_intervals: [~]}", "[[", "- {name: c, time_intervals: [{location: Local}]}", "- ~",
	} {
		f.Add(seed, int64(1_900_000_000))
	}
	f.Fuzz(func(t *testing.T, content string, unix int64) {
		if len(content) > 2000 {
			t.Skip("long enough")
		}
		at := time.Unix(unix%10_000_000_000, 0)
		parsed, problems := decode("maintenance:\n" + content)
		errs, _ := problems.Split()
		for _, p := range problems {
			require.True(t, p.Line > 0 || strings.HasPrefix(p.Message, "not valid YAML"), p.Message)
		}
		if len(errs) > 0 {
			return
		}
		b := New(Options{Now: func() time.Time { return at }})
		require.NoError(t, b.Configure(parsed.Maintenance), fmt.Sprintf("%q", content))
		until := b.NextChange(at)
		require.True(t, until.After(at))
		_, _, _, now := b.Suppressed("login", "", at)
		_, _, _, still := b.Suppressed("login", "", until.Add(-time.Second))
		require.Equal(t, now, still || until.Sub(at) < time.Second && now)
		for _, w := range b.Windows() {
			require.True(t, w.End.IsZero() || w.End.After(at))
		}
	})
}
