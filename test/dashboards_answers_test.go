package test

import (
	"bufio"
	"fmt"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/idp-exporter/idp_exporter/internal/dashboards/draw"
)

// tale is what was scraped over a while: series with their values, where they had one.
type tale map[string]func(at time.Duration) (value float64, scraped bool)

// taleBegin is when every tale begins.
var taleBegin = time.Date(2026, 1, 5, 0, 0, 0, 0, time.UTC)

// always is a series with one value.
func always(v float64) func(time.Duration) (float64, bool) {
	return func(time.Duration) (float64, bool) { return v, true }
}

// during is a series with one value that is there only from one time to another.
func during(from, to time.Duration, v float64) func(time.Duration) (float64, bool) {
	return func(at time.Duration) (float64, bool) { return v, at >= from && at < to }
}

// tellTale starts a Prometheus that knows a tale.
func tellTale(t *testing.T, name string, every, length time.Duration, all tale) promServer {
	t.Helper()
	counterpart(t, "promtool")
	file := filepath.Join(t.TempDir(), "samples.txt")
	f, err := os.Create(file)
	require.NoError(t, err)
	w := bufio.NewWriter(f)
	for _, series := range slices.Sorted(maps.Keys(all)) {
		for at := time.Duration(0); at <= length; at += every {
			if v, scraped := all[series](at); scraped {
				_, _ = fmt.Fprintf(w, "%s %g %d\n", series, v, taleBegin.Add(at).Unix())
			}
		}
	}
	_, _ = fmt.Fprintln(w, "# EOF")
	require.NoError(t, w.Flush())
	require.NoError(t, f.Close())
	return filledServer(t, name, file, every)
}

// shows returns what a panel that shows the present says at a time, text and color
// of each series by its labels.
func (s promServer) shows(t *testing.T, dashboard, title string, at time.Duration) map[string]string {
	t.Helper()
	now := taleBegin.Add(at)
	all := map[string]string{}
	panel := panelOf(t, dashboard, title)
	for _, target := range panel.Targets {
		answer, err := s.answer(target.Question(), draw.Picture{From: now.Add(-time.Hour), To: now, Step: 15 * time.Second})
		require.NoError(t, err, target.Expr)
		for _, series := range answer {
			text, color := panel.Looks(series.Points[len(series.Points)-1].Value)
			name := target.LegendFormat
			for label, value := range series.Labels {
				name = strings.ReplaceAll(name, "{{"+label+"}}", value)
			}
			all[name] = text + ", " + color
		}
	}
	return all
}

func panelOf(t *testing.T, dashboard, title string) draw.Panel {
	t.Helper()
	for _, panel := range readBoard(t, dashboard).Panels {
		if panel.Title == title {
			return panel
		}
	}
	t.Fatalf("%s has no panel %q", dashboard, title)
	return draw.Panel{}
}

// TestHowLongLoginsTakeIsOfThoseThatPass has logins take 4 seconds, and then fail
// within a moment.
func TestHowLongLoginsTakeIsOfThoseThatPass(t *testing.T) {
	t.Parallel()
	const fail = 30 * time.Minute
	runs := func(from, to time.Duration) func(time.Duration) (float64, bool) {
		return func(at time.Duration) (float64, bool) { return max(0, min(at, to)-from).Minutes(), true }
	}
	all := tale{`idp_probe_info{probe="login",kind="login",node="",provider="acme",severity="critical",gates="true"}`: always(1)}
	for _, le := range []string{"1", "5", "10", "+Inf"} {
		series := `idp_probe_duration_seconds_bucket{probe="login",kind="login",node="",result="%s",le="` + le + `"}`
		all[fmt.Sprintf(series, "fail")] = runs(fail, time.Hour)
		all[fmt.Sprintf(series, "pass")] = runs(0, fail)
		if le == "1" {
			all[fmt.Sprintf(series, "pass")] = always(0)
		}
	}
	s := tellTale(t, "durations", 15*time.Second, time.Hour, all)
	for dashboard, title := range map[string]string{
		"idp-exporter-sign-in": "How long a login takes", "idp-exporter-logins": "Duration of half of the runs",
		"idp-exporter-cluster": "How long a login takes on each node",
	} {
		question := panelOf(t, dashboard, title).Targets[0].Question()
		answer, err := s.answer(question, draw.Picture{From: taleBegin, To: taleBegin.Add(time.Hour), Step: time.Minute})
		require.NoError(t, err)
		require.Len(t, answer, 1, title)
		seen := 0
		for _, p := range answer[0].Points {
			if !math.IsNaN(p.Value) {
				require.Greater(t, p.Value, 1.0, title)
				require.Less(t, p.At, float64(taleBegin.Add(fail+2*time.Minute).Unix()), "%s: no login passes any more", title)
				seen++
			}
		}
		require.Greater(t, seen, 25, title)
	}
}

// TestTheLoginThatLagsMostIsShown has two providers. The logins of one run on, each
// in its own interval, and those of the other stand still.
func TestTheLoginThatLagsMostIsShown(t *testing.T) {
	t.Parallel()
	const stop, never = time.Hour, 100 * time.Hour
	runs := func(every, until time.Duration) func(time.Duration) (float64, bool) {
		return func(at time.Duration) (float64, bool) {
			return float64(taleBegin.Add(min(at, until).Truncate(every)).Unix()), true
		}
	}
	probe := `probe="%s",node=""`
	all := tale{`process_start_time_seconds`: always(float64(taleBegin.Unix()))}
	for name, p := range map[string]struct{ every, until time.Duration }{
		"quick": {time.Minute, stop}, "slow": {time.Hour, never}, "steady": {time.Minute, never}, "new": {2 * time.Hour, 0},
	} {
		labels := fmt.Sprintf(probe, name)
		all[`idp_probe_info{`+labels+`,kind="login",provider="`+map[bool]string{true: "beta", false: "acme"}[name == "quick"]+`",severity="critical",gates="true"}`] = always(1)
		all[`idp_probe_interval_seconds{`+labels+`}`] = always(p.every.Seconds())
		if p.until > 0 {
			all[`idp_probe_last_run_timestamp_seconds{`+labels+`}`] = runs(p.every, p.until)
		}
	}
	s := tellTale(t, "lags", time.Minute, 9*time.Hour, all)
	for at, want := range map[time.Duration]string{
		59 * time.Minute:     "0.983 intervals, green", // the hourly one
		stop + 2*time.Minute: "2 intervals, yellow",
		6 * time.Hour:        "300 intervals, red",
	} {
		require.Equal(t, map[string]string{"": want}, s.shows(t, "idp-exporter-sign-in", "Last login tried", at), at)
	}
	// One that never ran is not overlooked.
	for series := range all {
		if strings.Contains(series, `"quick"`) {
			delete(all, series)
		}
	}
	s = tellTale(t, "new", time.Minute, 9*time.Hour, all)
	require.Equal(t, map[string]string{"": "4 intervals, red"}, s.shows(t, "idp-exporter-sign-in", "Last login tried", 8*time.Hour))
}

// TestWhetherNodesAreEnoughIsByHowManyAreNeeded has providers in which some nodes
// pass, some fail, and some are drained.
func TestWhetherNodesAreEnoughIsByHowManyAreNeeded(t *testing.T) {
	t.Parallel()
	all, want := tale{}, map[string]string{}
	const enough, spare, few = "enough, green", "none to spare, yellow", "TOO FEW, red"
	for _, p := range []struct {
		name                       string
		pass, fail, drained, aside int // aside is in a maintenance window, and fails
		quorum                     int
		want                       string
	}{
		{"one", 1, 0, 0, 0, 0, enough},
		{"one-out", 0, 1, 0, 0, 0, few},
		{"all", 5, 0, 0, 0, 3, enough},
		{"spare", 4, 1, 0, 0, 3, enough},
		{"last", 3, 2, 0, 0, 3, spare},
		{"lost", 2, 3, 0, 0, 3, few},
		{"none", 0, 3, 0, 0, 1, few},
		{"half", 2, 2, 0, 0, 0, spare},
		{"less", 1, 2, 0, 0, 0, few},
		{"drained", 3, 0, 2, 0, 3, spare},
		{"drained-below", 2, 0, 3, 0, 3, spare},
		{"drained-all", 0, 0, 2, 0, 1, spare},
		{"drained-and-out", 2, 1, 2, 0, 3, few},
		{"window", 2, 0, 0, 1, 2, spare},
		{"too-small", 2, 0, 0, 0, 3, few},
		{"all-gone", 0, 0, 0, 0, 2, few},
	} {
		want[p.name] = p.want
		if p.quorum > 0 {
			all[fmt.Sprintf(`idp_provider_quorum{provider=%q}`, p.name)] = always(float64(p.quorum))
		}
		n := 0
		add := func(count int, verdict, drained, suppressed float64) {
			for range count {
				n++
				place := fmt.Sprintf(`probe="login-%s",node="%s-%d"`, p.name, p.name, n)
				all[`idp_probe_info{`+place+`,kind="login",provider="`+p.name+`",severity="critical",gates="true"}`] = always(1)
				all[`idp_probe_verdict{`+place+`,kind="login"}`] = always(verdict)
				all[`idp_probe_suppressed{`+place+`,cause="maintenance"}`] = always(suppressed)
				all[`idp_probe_last_run_timestamp_seconds{`+place+`}`] = always(float64(taleBegin.Unix()))
				all[fmt.Sprintf(`idp_node_drained{node="%s-%d"}`, p.name, n)] = always(drained)
			}
		}
		add(p.pass, 1, 0, 0)
		add(p.fail, 0, 0, 0)
		add(p.drained, 1, 1, 0)
		add(p.aside, 0, 0, 1)
	}
	s := tellTale(t, "nodes", time.Minute, 2*time.Minute, all)
	require.Equal(t, want, s.shows(t, "idp-exporter-cluster", "Enough nodes", time.Minute))
	figures := s.shows(t, "idp-exporter-cluster", "Nodes that pass", time.Minute)
	require.Equal(t, []string{"2, text", "3, text", "5, text"}, []string{figures["drained-and-out: pass"], figures["drained-and-out: needed"], figures["drained-and-out: all"]})
	require.Equal(t, []string{"0, text", "1, text", "2, text"}, []string{figures["drained-all: pass"], figures["drained-all: needed"], figures["drained-all: all"]})
}

// TestASilentExporterIsNotOverlooked has one of two exporters fall silent, which
// watched a provider alone or with the other, and looks soon and a day after.
func TestASilentExporterIsNotOverlooked(t *testing.T) {
	t.Parallel()
	const (
		scrape, length = 10 * time.Minute, 30 * time.Hour
		dies           = 6 * time.Hour

		soon, later, long = dies + 2*scrape, dies + 3*time.Hour, length
		yes, no, unknown  = "YES, green", "NO, red", "nobody knows, orange"
	)
	heard := func(all tale, job, instance string, until time.Duration, passes float64, providers ...string) {
		scraped := fmt.Sprintf(`job=%q,instance=%q`, job, instance)
		all[`idp_exporter_build_info{`+scraped+`,version="1.0.0",revision="0123456",branch="main",goversion="go1.26",goos="linux",goarch="amd64",tags=""}`] = during(0, until, 1)
		all[`idp_testall_pass{`+scraped+`}`] = during(0, until, passes)
		for _, p := range providers {
			all[`idp_probe_info{`+scraped+`,probe="`+p+`",kind="login",node="",provider="`+p+`",severity="critical",gates="true"}`] = during(0, until, 1)
			all[`idp_probe_verdict{`+scraped+`,probe="`+p+`",kind="login",node=""}`] = during(0, until, passes)
		}
	}
	up := func(until time.Duration) func(time.Duration) (float64, bool) {
		return func(at time.Duration) (float64, bool) { return map[bool]float64{true: 1}[at < until], true }
	}
	type look struct {
		at               time.Duration
		silent, headline string
		providers        map[string]string
	}
	pass, fail := map[string]string{"acme": "pass, green"}, map[string]string{"acme": "FAIL, red"}
	dark := map[string]string{"acme": "pass, green", "beta": unknown}
	const none, one = "0, green", "1, red"
	for _, tt := range []struct {
		name, job string
		watched   []string // by the one that falls silent
		vanishes  bool     // from discovery
		passes    float64  // what the other says
		looks     []look
	}{
		{"another watches the same", "sso", []string{"acme"}, false, 1, []look{
			{dies - 1, none, yes, pass}, {soon, one, yes, pass}, {later, one, yes, pass}, {long, one, yes, pass},
		}},
		{"it alone watched a provider", "sso", []string{"acme", "beta"}, false, 1, []look{
			{soon, one, unknown, dark}, {later, one, unknown, dark}, {long, one, unknown, dark},
		}},
		{"the other says no", "sso", []string{"acme", "beta"}, false, 0, []look{
			{long, one, no, map[string]string{"acme": "FAIL, red", "beta": unknown}},
		}},
		{"it never answered", "idp_exporter", nil, false, 0, []look{{soon, one, no, fail}, {long, one, no, fail}}},
		{"it is another program", "node", nil, false, 1, []look{{soon, none, yes, pass}, {long, none, yes, pass}}},
		{"it was taken away", "sso", []string{"acme"}, true, 1, []look{{soon, one, yes, pass}, {later, none, yes, pass}}},
		{"it was taken away with what it watched", "sso", []string{"acme", "beta"}, true, 1, []look{{soon, one, unknown, dark}, {later, none, yes, pass}}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			all := tale{`up{job="sso",instance="a"}`: always(1)}
			heard(all, "sso", "a", length+1, tt.passes, "acme")
			series := fmt.Sprintf(`up{job=%q,instance="b"}`, tt.job)
			all[series] = up(dies)
			if tt.vanishes {
				all[series] = during(0, dies, 1)
			}
			if tt.watched != nil {
				heard(all, tt.job, "b", dies, 1, tt.watched...)
			}
			s := tellTale(t, "exporters", scrape, length, all)
			for _, l := range tt.looks {
				require.Equal(t, map[string]string{"": l.silent}, s.shows(t, "idp-exporter-sign-in", "Silent exporters", l.at), l.at)
				require.Equal(t, map[string]string{"": l.headline}, s.shows(t, "idp-exporter-sign-in", "Can people sign in?", l.at), l.at)
				require.Equal(t, l.providers, s.shows(t, "idp-exporter-sign-in", "By provider", l.at), l.at)
			}
		})
	}
	t.Run("the only one", func(t *testing.T) {
		t.Parallel()
		all := tale{`up{job="sso",instance="a"}`: up(dies)}
		heard(all, "sso", "a", dies, 1, "acme")
		s := tellTale(t, "exporters", scrape, length, all)
		for _, at := range []time.Duration{soon, later, long} {
			require.Equal(t, map[string]string{"": unknown}, s.shows(t, "idp-exporter-sign-in", "Can people sign in?", at), at)
			require.Equal(t, map[string]string{"": one}, s.shows(t, "idp-exporter-sign-in", "Silent exporters", at), at)
		}
	})
}
