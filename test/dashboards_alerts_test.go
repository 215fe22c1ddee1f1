package test

import (
	"bufio"
	"errors"

	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"github.com/idp-exporter/idp_exporter/internal/app"
	"github.com/idp-exporter/idp_exporter/internal/dashboards/draw"
	"github.com/idp-exporter/idp_exporter/test/incident"
)

// liveThrough lives through the incident and returns the file of what was scraped,
// and which alerts fired. What Alertmanager told the exporter meanwhile is what the
// shipped rules and the example of Alertmanager's configuration make of it: the
// rules are evaluated on what was scraped, and since alerts become alarms, which
// are scraped and which bridges are judged by, that is done until nothing new comes
// of it.
func liveThrough(t *testing.T) (samples string, fired []incident.Firing) {
	t.Helper()
	counterpart(t, "promtool")
	kinds := app.NewKinds().All()
	am, err := incident.ReadAlertmanager("../examples/alertmanager/alertmanager.yml")
	require.NoError(t, err)
	for range 6 {
		samples = filepath.Join(t.TempDir(), "samples.txt")
		f, err := os.Create(samples)
		require.NoError(t, err)
		synctest.Test(t, func(t *testing.T) {
			require.NoError(t, incident.Play(t.Context(), kinds, am.Webhooks(fired), f))
		})
		require.NoError(t, f.Close())
		now := firing(t, samples)
		if same := sameSpells(spells(fired), spells(now)); same {
			return samples, now
		}
		fired = now
	}
	t.Fatal("what the rules say of the incident does not settle")
	return "", nil
}

// spell is a time during which an alert fires.
type spell struct{ from, to time.Time }

// spells returns by alert when it fires.
func spells(fired []incident.Firing) map[string][]spell {
	all := map[string][]spell{}
	for i, now := range fired {
		for _, a := range now.Alerts {
			name := a.ID()
			if n := len(all[name]); n > 0 && i > 0 && all[name][n-1].to.Equal(fired[i-1].At) {
				all[name][n-1].to = now.At
			} else {
				all[name] = append(all[name], spell{now.At, now.At})
			}
		}
	}
	return all
}

// sameSpells tells whether the same alerts fire at the same times, give or take the
// minute that Alertmanager waits: not every run of the hour is the same to the second.
func sameSpells(a, b map[string][]spell) bool {
	near := func(a, b time.Time) bool { return a.Sub(b).Abs() <= time.Minute }
	return maps.EqualFunc(a, b, func(a, b []spell) bool {
		return slices.EqualFunc(a, b, func(a, b spell) bool { return near(a.from, b.from) && near(a.to, b.to) })
	})
}

// requireAlarmsOfTheRules checks that alarms which the pictures show as Alertmanager's
// are alerts that fire, with their severity, and that Alertmanager keeps to itself
// what docs/dashboards.md says.
func requireAlarmsOfTheRules(t *testing.T, s promServer, fired []incident.Firing) {
	t.Helper()
	hour := draw.Picture{From: fired[0].At, To: fired[len(fired)-1].At, Step: incident.ScrapeEvery}
	alarms, err := s.answer(draw.Question{Expr: `idp_alarm_active{alarm=~"IdP.+"} > 0`}, hour)
	require.NoError(t, err)
	require.NotEmpty(t, alarms)
	shown := map[string]map[float64]bool{}
	for _, series := range alarms {
		name, severity := series.Labels["alarm"], series.Labels["severity"]
		shown[name] = map[float64]bool{}
		for _, p := range series.Points {
			shown[name][p.At] = true
			// Told within Alertmanager's interval of a minute, its end too, and not to the minute.
			lately := slices.DeleteFunc(slices.Clone(fired), func(f incident.Firing) bool {
				ago := p.At - float64(f.At.Unix())
				return ago < 0 || ago > 150
			})
			require.True(t, slices.ContainsFunc(lately, func(f incident.Firing) bool {
				return slices.ContainsFunc(f.Alerts, func(a incident.Alert) bool { return a["alertname"] == name && a["severity"] == severity })
			}), "%s, %s: no such alert fires at %s", name, severity, time.Unix(int64(p.At), 0).UTC().Format(time.TimeOnly))
		}
	}
	require.Contains(t, shown, "IdPSignInDown")
	require.True(t, slices.ContainsFunc(fired, func(f incident.Firing) bool {
		return slices.ContainsFunc(f.Alerts, func(a incident.Alert) bool { return a["alertname"] == "IdPSignInFailingFast" })
	}))
	require.NotContains(t, shown, "IdPSignInFailingFast", "docs/dashboards.md says that it is kept back, and ends with IdPSignInDown")
}

// ruleTestFile is a file of unit tests for promtool.
type ruleTestFile struct {
	RuleFiles []string      `yaml:"rule_files"`
	Every     string        `yaml:"evaluation_interval"`
	Order     []string      `yaml:"group_eval_order"`
	Tests     []samplesTest `yaml:"tests"`
}

type samplesTest struct {
	Interval string            `yaml:"interval"`
	Input    []inputSeries     `yaml:"input_series"`
	Exprs    []expressionAsked `yaml:"promql_expr_test"`
}

type inputSeries struct {
	Series string `yaml:"series"`
	Values string `yaml:"values"`
}

type expressionAsked struct {
	Expr string `yaml:"expr"`
	At   string `yaml:"eval_time"`
}

// firing returns which alerts of the shipped rules fire at each scrape of a file of
// samples. Prometheus itself evaluates no alerts on what is past, but promtool does,
// in unit tests: each expects that nothing fires, and says what does.
func firing(t *testing.T, samples string) []incident.Firing {
	t.Helper()
	const asked = `ALERTS{alertstate="firing"}`
	words, groups := rulesRead(t)
	series, times := readSamples(t, samples, words)
	require.Greater(t, len(series), 100)
	rules, err := filepath.Abs(alertsDir + "/*.rules.yml")
	require.NoError(t, err)
	every := incident.ScrapeEvery.String()
	one := samplesTest{Interval: every, Exprs: []expressionAsked{{"vector(42)", "0s"}}}
	for _, name := range slices.Sorted(maps.Keys(series)) {
		one.Input = append(one.Input, inputSeries{name, values(series[name], times)})
	}
	for _, at := range times {
		one.Exprs = append(one.Exprs, expressionAsked{asked, at.Sub(times[0]).String()})
	}
	content, err := yaml.Marshal(ruleTestFile{[]string{rules}, every, groups, []samplesTest{one}})
	require.NoError(t, err)
	out, err := exec.Command(counterpart(t, "promtool"), "test", "rules", writeFile(t, t.TempDir(), "incident.yml", string(content))).CombinedOutput()
	var exit *exec.ExitError
	require.True(t, errors.As(err, &exit), "promtool: %v", err)

	answers := regexp.MustCompile(`expr: (".*"), time: (\S+),\s+exp:.*\s+got:(.*)`).FindAllStringSubmatch(string(out), -1)
	require.NotEmpty(t, answers, "promtool's answer was not understood: %s", tail(string(out), 2000))
	require.Contains(t, answers[0][3], "4.2E+01", "promtool's answer was not understood")
	found := map[time.Duration][]incident.Alert{}
	for _, a := range answers[1:] {
		at, err := time.ParseDuration(a[2])
		require.NoError(t, err)
		for _, sample := range regexp.MustCompile(`{(\w+="(?:[^"\\]|\\.)*"(?:, )?)*}`).FindAllString(a[3], -1) {
			alert := incident.Alert{}
			for _, l := range regexp.MustCompile(`(\w+)=("(?:[^"\\]|\\.)*")`).FindAllStringSubmatch(sample, -1) {
				value, err := strconv.Unquote(l[2])
				require.NoError(t, err)
				alert[l[1]] = value
			}
			delete(alert, "__name__")
			delete(alert, "alertstate")
			found[at] = append(found[at], alert)
		}
		require.NotEmpty(t, found[at], a[3])
	}
	all := []incident.Firing{}
	for _, at := range times {
		all = append(all, incident.Firing{At: at, Alerts: found[at.Sub(times[0])]})
	}
	return all
}

// rulesRead returns all words of the shipped rules, the names of metrics among
// them, and the groups in an order in which they can be evaluated, what is recorded
// first: left to itself promtool takes another order each time.
func rulesRead(t *testing.T) (words map[string]bool, groups []string) {
	t.Helper()
	files, err := filepath.Glob(alertsDir + "/*.rules.yml")
	require.NoError(t, err)
	words = map[string]bool{}
	var recording, alerting []string
	for _, file := range files {
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		for _, name := range regexp.MustCompile(`[a-zA-Z_:][a-zA-Z0-9_:]*`).FindAllString(string(text), -1) {
			words[name] = true
		}
		var content struct {
			Groups []struct {
				Name  string
				Rules []alertRule
			}
		}
		require.NoError(t, yaml.Unmarshal(text, &content), file)
		for _, g := range content.Groups {
			if slices.ContainsFunc(g.Rules, func(r alertRule) bool { return r.Record != "" }) {
				recording = append(recording, g.Name)
			} else {
				alerting = append(alerting, g.Name)
			}
		}
	}
	return words, append(recording, alerting...)
}

// readSamples reads the series of the given metrics, each with its values by time,
// and the times of the scrapes. Unit tests of rules begin at the Unix epoch, and so
// times that are values are told from the first scrape on as well.
func readSamples(t *testing.T, file string, names map[string]bool) (series map[string]map[int64]string, times []time.Time) {
	t.Helper()
	f, err := os.Open(file)
	require.NoError(t, err)
	defer func() { _ = f.Close() }()
	series = map[string]map[int64]string{}
	for lines := bufio.NewScanner(f); lines.Scan(); {
		if strings.HasPrefix(lines.Text(), "#") {
			continue
		}
		line, at := cutLast(lines.Text())
		name, value := cutLast(line)
		seconds, err := strconv.ParseInt(at, 10, 64)
		require.NoError(t, err)
		if n := len(times); n == 0 || times[n-1].Unix() != seconds {
			times = append(times, time.Unix(seconds, 0).UTC())
		}
		metric, _, _ := strings.Cut(name, "{")
		if !names[metric] {
			continue
		}
		if strings.HasSuffix(metric, "_timestamp_seconds") {
			v, err := strconv.ParseFloat(value, 64)
			require.NoError(t, err)
			value = strconv.FormatFloat(v-float64(times[0].Unix()), 'f', -1, 64)
		}
		if series[name] == nil {
			series[name] = map[int64]string{}
		}
		series[name][seconds] = value
	}
	return series, times
}

// cutLast cuts a text at its last space.
func cutLast(text string) (before, after string) {
	i := strings.LastIndexByte(text, ' ')
	return text[:i], text[i+1:]
}

// values spells the values of a series as unit tests of rules have them. Without a
// sample in a scrape it is over.
func values(series map[int64]string, times []time.Time) string {
	texts, there := []string{}, false
	for _, at := range times {
		value, is := series[at.Unix()]
		switch {
		case is:
		case there:
			value = "stale"
		default:
			value = "_"
		}
		texts, there = append(texts, value), is
	}
	return strings.Join(texts, " ")
}
