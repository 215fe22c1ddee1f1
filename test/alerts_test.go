package test

import (
	"cmp"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"
)

const alertsDir = "../alerts/prometheus"

// alertRule is a rule of a rule file.
type alertRule struct {
	Alert, Record, Expr, For string
	KeepFiringFor            string `yaml:"keep_firing_for"`
	Labels, Annotations      map[string]string
	file                     string
}

// alertRules reads all rules that are shipped.
func alertRules(t *testing.T) (alerts []alertRule, records map[string]string) {
	t.Helper()
	files, err := filepath.Glob(alertsDir + "/*.rules.yml")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	records = map[string]string{}
	for _, file := range files {
		var content struct {
			Groups []struct{ Rules []alertRule }
		}
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		require.NoError(t, yaml.Unmarshal(text, &content), file)
		for _, g := range content.Groups {
			for _, r := range g.Rules {
				r.file = filepath.Base(file)
				if r.Record != "" {
					require.NotContains(t, records, r.Record)
					records[r.Record] = r.Expr
					continue
				}
				alerts = append(alerts, r)
			}
		}
	}
	return alerts, records
}

var (
	metricName = regexp.MustCompile(`\bidp_[a-z0-9_]+`)
	recordName = regexp.MustCompile(`\bidp:[a-z0-9_:]+`)
	quoted     = regexp.MustCompile(`"[^"]*"`)
)

// metricsUsed returns the metrics that an expression rests on, those of the
// recording rules it names included.
func metricsUsed(t *testing.T, expr string, records map[string]string) map[string]bool {
	t.Helper()
	used := map[string]bool{}
	bare := quoted.ReplaceAllString(expr, "")
	for _, m := range metricName.FindAllString(bare, -1) {
		used[m] = true
	}
	for _, r := range recordName.FindAllString(bare, -1) {
		require.Contains(t, records, r, "no recording rule of that name")
		others := maps.Clone(records)
		others[r] = "" // some carry themselves on
		for m := range metricsUsed(t, records[r], others) {
			used[m] = true
		}
	}
	return used
}

// metricsShown returns the names in the collectors that docs/ explain as well.
func metricsShown(t *testing.T) map[string]bool {
	t.Helper()
	read := func(pattern string) string {
		files, err := filepath.Glob(pattern)
		require.NoError(t, err)
		var all strings.Builder
		for _, f := range files {
			if strings.HasSuffix(f, "_test.go") {
				continue
			}
			text, err := os.ReadFile(f)
			require.NoError(t, err)
			all.Write(text)
		}
		return all.String()
	}
	docs := read("../docs/*.md") + read("../docs/probes/*.md")
	shown := map[string]bool{"idp_exporter_build_info": true} // client_golang's own
	for _, name := range regexp.MustCompile(`"(idp_[a-z0-9_]+)"`).FindAllStringSubmatch(read("../collector/*.go"), -1) {
		if strings.Contains(docs, name[1]) || strings.HasPrefix(name[1], "idp_host_") { // docs/metrics.md has idp_host_*
			shown[name[1]] = true
		}
	}
	require.Greater(t, len(shown), 40)
	return shown
}

func TestEveryAlertIsCompleteAndRestsOnMetricsThatExist(t *testing.T) {
	t.Parallel()
	alerts, records := alertRules(t)
	shown := metricsShown(t)
	exists := func(expr string) {
		t.Helper()
		for m := range metricsUsed(t, expr, records) {
			base := strings.TrimSuffix(strings.TrimSuffix(m, "_sum"), "_count")
			require.True(t, shown[m] || shown[base], "%s is no metric of the exporter", m)
		}
	}
	for _, expr := range records {
		exists(expr)
	}
	severities := []string{"critical", "major", "minor", "warning", "indeterminate", "{{ $labels.severity }}"}
	names := map[string]bool{}
	for _, r := range alerts {
		require.False(t, names[r.Alert], "%s is there twice", r.Alert)
		names[r.Alert] = true
		used := metricsUsed(t, r.Expr, records)
		require.True(t, used["idp_probe_info"], "%s does not join idp_probe_info", r.Alert)
		require.True(t, used["idp_probe_suppressed"], "%s does not join idp_probe_suppressed", r.Alert)
		require.NotRegexp(t, `\ble\s*(=|,|\))`, quoted.ReplaceAllString(r.Expr, ""), r.Alert)
		exists(r.Expr)
		require.Contains(t, severities, r.Labels["severity"], r.Alert)
		require.NotEmpty(t, r.Labels["component"], r.Alert)
		for _, a := range []string{"summary", "description", "target"} {
			require.NotEmpty(t, r.Annotations[a], "%s: %s", r.Alert, a)
		}
		_, page, ok := strings.Cut(r.Annotations["runbook_url"], "/docs/runbooks/")
		require.True(t, ok, r.Alert)
		require.Equal(t, r.Alert+".md", page)
		text, err := os.ReadFile("../docs/runbooks/" + page)
		require.NoError(t, err)
		for _, heading := range []string{"# " + r.Alert, "## What it means for people signing in", "## How to confirm", "## What to do", "## How to silence"} {
			require.Contains(t, string(text), heading+"\n\n", r.Alert)
		}
	}
	for _, expr := range records {
		require.NotRegexp(t, `\ble\s*(=|,|\))`, quoted.ReplaceAllString(expr, ""))
	}
	pages, err := filepath.Glob("../docs/runbooks/IdP*.md")
	require.NoError(t, err)
	require.Len(t, pages, len(alerts), "pages of alerts that are gone")
}

// firesWhen tells of each case that every alert is tested in whether the alert
// has to fire in it, must not, or either: one that tells of what comes and goes
// fires when it flaps, and one that tells of what is missing without data.
var firesWhen = map[string]string{"firing": "yes", "not firing": "no", "suppressed": "", "flapping": "", "missing data": ""}

// burnsWhen tells the same of further cases of alerts that rest on burn rates.
var burnsWhen = map[string]string{"a short break on a fresh Prometheus": "no", "an outage on a fresh Prometheus": "yes"}

// ruleTest is a case of promtool's unit tests.
type ruleTest struct {
	Name       string
	AlertRules []struct {
		EvalTime  string `yaml:"eval_time"`
		Alertname string
		ExpAlerts []struct {
			Labels map[string]string `yaml:"exp_labels"`
		} `yaml:"exp_alerts"`
	} `yaml:"alert_rule_test"`
	Expressions []struct {
		EvalTime   string `yaml:"eval_time"`
		Expr       string
		ExpSamples []struct{ Value float64 } `yaml:"exp_samples"`
	} `yaml:"promql_expr_test"`
}

// ruleTests reads all unit tests, by name: the alert, a colon, the case.
func ruleTests(t *testing.T) map[string]ruleTest {
	t.Helper()
	files, err := filepath.Glob(alertsDir + "/tests/*.yml")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	all := map[string]ruleTest{}
	for _, file := range files {
		var content struct{ Tests []ruleTest }
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		require.NoError(t, yaml.Unmarshal(text, &content), file)
		for _, c := range content.Tests {
			require.NotContains(t, all, c.Name, file)
			all[c.Name] = c
		}
	}
	return all
}

func TestEveryAlertIsTestedInEveryCase(t *testing.T) {
	t.Parallel()
	alerts, _ := alertRules(t)
	tested := ruleTests(t)
	for _, c := range tested {
		alert, name, ok := strings.Cut(c.Name, ": ")
		require.True(t, ok, c.Name)
		require.NotEmpty(t, c.AlertRules, c.Name)
		if name == "crossing" { // has two alerts: see TestNoAlertEndsBeforeAGraverOneFires
			continue
		}
		fired, quiet := false, false
		for _, a := range c.AlertRules {
			require.Equal(t, alert, a.Alertname, c.Name)
			fired = fired || len(a.ExpAlerts) > 0
			quiet = quiet || len(a.ExpAlerts) == 0
		}
		switch cmp.Or(firesWhen[name], burnsWhen[name]) {
		case "yes":
			require.True(t, fired, c.Name)
		case "no":
			require.False(t, fired, c.Name)
		}
		if name == "suppressed" {
			require.True(t, quiet, c.Name)
			// That it fires once it is armed again shows that nothing but
			// the suppression kept it quiet.
			require.True(t, fired || alert == "IdPMaintenanceOverrun", c.Name)
		}
	}
	burning := 0
	for _, r := range alerts {
		cases := slices.Collect(maps.Keys(firesWhen))
		if strings.Contains(r.Expr, "_error:ratio_") {
			cases = slices.AppendSeq(cases, maps.Keys(burnsWhen))
			burning++
		}
		for _, name := range cases {
			require.Contains(t, tested, r.Alert+": "+name, "it is not tested")
		}
	}
	require.Equal(t, 5, burning)
	// There may be further cases, though none of an alert that is gone.
	for name := range tested {
		alert, _, _ := strings.Cut(name, ": ")
		require.True(t, slices.ContainsFunc(alerts, func(r alertRule) bool { return r.Alert == alert }), name)
	}
}
