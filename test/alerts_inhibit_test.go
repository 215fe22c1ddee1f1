package test

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/alertmanager/pkg/labels"
	"github.com/stretchr/testify/require"
)

// inhibitRule is an item of Alertmanager's `inhibit_rules`.
type inhibitRule struct {
	Source []string `yaml:"source_matchers"`
	Target []string `yaml:"target_matchers"`
	Equal  []string
}

// inhibition is a pair of alerts of which the first inhibits the second.
type inhibition struct{ source, target string }

func matcher(t *testing.T, text string) *labels.Matcher {
	t.Helper()
	m, err := labels.ParseMatcher(text)
	require.NoError(t, err)
	require.Contains(t, []string{"alertname", "severity"}, m.Name, "no other labels are looked at here")
	return m
}

// severity returns one that the matchers let through, and one that they do not,
// "" where they take any.
func severity(t *testing.T, matchers []string) (some, other string) {
	t.Helper()
	for _, text := range matchers {
		m := matcher(t, text)
		if m.Name != "severity" {
			continue
		}
		for _, s := range []string{"critical", "major"} {
			if m.Matches(s) {
				some = s
			} else {
				other = s
			}
		}
		require.NotEmpty(t, some)
		require.NotEmpty(t, other)
	}
	return some, other
}

// inhibitions returns all pairs of our alerts that an inhibit rule names.
func (r inhibitRule) inhibitions(t *testing.T, alerts []alertRule) (pairs []inhibition) {
	t.Helper()
	matching := func(texts []string) (names []string) {
		for _, a := range alerts {
			all := true
			for _, text := range texts {
				if m := matcher(t, text); m.Name == "alertname" {
					all = all && m.Matches(a.Alert)
				}
			}
			if all {
				names = append(names, a.Alert)
			}
		}
		return names
	}
	for _, source := range matching(r.Source) {
		for _, target := range matching(r.Target) {
			pairs = append(pairs, inhibition{source, target})
		}
	}
	require.NotEmpty(t, pairs, "%v", r.Source)
	return pairs
}

// firingLabels returns the labels with which an alert fires in its unit tests.
func firingLabels(t *testing.T, tests map[string]ruleTest, alert, name string) map[string]string {
	t.Helper()
	for _, a := range tests[name].AlertRules {
		if a.Alertname == alert && len(a.ExpAlerts) > 0 {
			all := maps.Clone(a.ExpAlerts[0].Labels)
			all["alertname"] = alert
			return all
		}
	}
	t.Fatalf("%s does not fire in the unit test %q", alert, name)
	return nil
}

// TestAlertmanagerInhibitsWhatTheExampleSays posts, for each pair of alerts that
// the example names, both to a real Alertmanager, with the labels that they have in
// the unit tests of the rules, and the second without the first besides.
func TestAlertmanagerInhibitsWhatTheExampleSays(t *testing.T) {
	t.Parallel()
	am := startAlertmanager(t, http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	alerts, _ := alertRules(t)
	tests := ruleTests(t)
	var config struct {
		Rules []inhibitRule `yaml:"inhibit_rules"`
	}
	readYAML(t, "../examples/alertmanager/alertmanager.yml", &config)
	var all []map[string]string
	want := map[string]string{} // state by instance and name
	inhibited := map[inhibition]bool{}
	for i, r := range config.Rules {
		for j, pair := range r.inhibitions(t, alerts) {
			inhibited[pair] = true
			source, target := firingLabels(t, tests, pair.source, pair.source+": firing"), firingLabels(t, tests, pair.target, pair.target+": firing")
			for which, l := range map[*[]string]map[string]string{&r.Source: source, &r.Target: target} {
				if some, _ := severity(t, *which); some != "" {
					l["severity"] = some
				}
			}
			for _, label := range r.Equal {
				// Unit tests of two files may call their probes differently.
				if (label == "probe" || label == "node" || label == "provider") && source[label] != "" && target[label] != "" {
					target[label] = source[label]
				}
			}
			if len(r.Equal) > 0 {
				source["instance"], target["instance"] = fmt.Sprintf("both-%d-%d", i, j), fmt.Sprintf("both-%d-%d", i, j)
				alone := maps.Clone(target)
				alone["instance"] = fmt.Sprintf("alone-%d-%d", i, j)
				all = append(all, alone)
				want[alone["instance"]+" "+pair.target] = "active"
				if slices.Contains(r.Equal, "probe") { // another probe's trouble is its own
					one, another := maps.Clone(source), maps.Clone(target)
					one["instance"] = fmt.Sprintf("another-%d-%d", i, j)
					another["instance"], another["probe"] = one["instance"], "another"
					all = append(all, one, another)
					want[another["instance"]+" "+pair.target] = "active"
				}
			}
			all = append(all, source, target)
			want[target["instance"]+" "+pair.target] = "suppressed"
			// What the matchers let be is told.
			_, mild := severity(t, r.Source)
			_, grave := severity(t, r.Target)
			if mild != "" || grave != "" {
				one, let := maps.Clone(source), maps.Clone(target)
				one["severity"], let["severity"] = cmp.Or(mild, one["severity"]), cmp.Or(grave, let["severity"])
				one["instance"] = fmt.Sprintf("let-%d-%d", i, j)
				let["instance"] = one["instance"]
				all = append(all, one, let)
				want[let["instance"]+" "+pair.target] = "active"
			}
		}
	}
	// Those that tell of the same trouble, with the labels of their crossing.
	for i, c := range crossings {
		if c.either {
			continue
		}
		require.True(t, inhibited[inhibition{c.graver, c.milder}], "%s does not inhibit %s", c.graver, c.milder)
		for _, name := range []string{c.milder, c.graver} {
			l := firingLabels(t, tests, name, c.graver+": crossing")
			l["instance"] = fmt.Sprintf("crossing-%d", i)
			all = append(all, l)
		}
		want[fmt.Sprintf("crossing-%d ", i)+c.milder] = "suppressed"
	}
	require.Greater(t, len(want), 100)
	am.post(t, time.Now().Add(time.Hour), all...)
	eventually(t, 10*time.Second, func() error {
		var wrong error
		states := am.states(t)
		for key, state := range want {
			if states[key] != state {
				wrong = errors.Join(wrong, fmt.Errorf("%s is %q, want %q", key, states[key], state))
			}
		}
		return wrong
	})
}

// TestAlertmanagerTellsOfAnInhibitedAlertsEnd shows what consoles learn of an
// alert that they were told of before a graver one inhibited it: its end, if that
// comes with the end of the other or later. docs/alarms.md says what becomes of it
// else.
func TestAlertmanagerTellsOfAnInhibitedAlertsEnd(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	told := map[string]string{} // the latest status by name
	am := startAlertmanager(t, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		var body struct {
			Alerts []struct {
				Status string
				Labels map[string]string
			}
		}
		if err := json.NewDecoder(r.Body).Decode(&body); err != nil {
			t.Errorf("webhook: %v", err)
		}
		mu.Lock()
		defer mu.Unlock()
		for _, a := range body.Alerts {
			told[a.Labels["alertname"]] = a.Status
		}
	}))
	is := func(alert, status string) func() error {
		return func() error {
			mu.Lock()
			defer mu.Unlock()
			if told[alert] != status {
				return fmt.Errorf("told is %q, want %q", told[alert], status)
			}
			return nil
		}
	}
	const milder, graver = "IdPCertificateExpires30Days", "IdPCertificateExpires7Days"
	tests := ruleTests(t)
	mild, grave := firingLabels(t, tests, milder, graver+": crossing"), firingLabels(t, tests, graver, graver+": crossing")
	later := time.Now().Add(time.Hour)
	am.post(t, later, mild)
	am.until("the milder alert is told", is(milder, "firing"))
	am.post(t, later, grave)
	am.until("the graver alert is told", is(graver, "firing"))
	require.Equal(t, "suppressed", am.states(t)[mild["instance"]+" "+milder])
	require.NoError(t, is(milder, "firing")(), "its end is told only when it has come")
	am.post(t, time.Now(), grave, mild)
	am.until("the graver alert's end is told", is(graver, "resolved"))
	am.until("the milder alert's end is told", is(milder, "resolved"))
}

// alertmanager is a running Alertmanager.
type alertmanager struct {
	*prometheusAPI
}

// startAlertmanager starts the example's Alertmanager with short waits, and with
// one receiver in the place of the exporter's webhook. The test is skipped where
// there is none.
func startAlertmanager(t *testing.T, receiver http.Handler) alertmanager {
	t.Helper()
	program := alertmanagerProgram(t)
	server := httptest.NewServer(receiver)
	t.Cleanup(server.Close)
	dir := t.TempDir()
	text, err := os.ReadFile(stackDir + "/alertmanager.yml")
	require.NoError(t, err)
	config := string(text)
	for old, replacement := range map[string]string{
		"http://127.0.0.1:9110/bridge/alertmanager": server.URL,
		"/etc/alertmanager/idp_exporter.token":      writeFile(t, dir, "token", testToken),
		"group_wait: 10s":                           "group_wait: 1s",
		"group_interval: 1m":                        "group_interval: 1s",
	} {
		require.Equal(t, 1, strings.Count(config, old), old)
		config = strings.Replace(config, old, replacement, 1)
	}
	address := "127.0.0.1:" + freePort(t)
	start(t, program, "--config.file="+writeFile(t, dir, "alertmanager.yml", config), "--storage.path="+filepath.Join(dir, "data"),
		"--web.listen-address="+address, "--cluster.listen-address=")
	am := alertmanager{&prometheusAPI{t, "http://" + address}}
	am.until("Alertmanager is ready", func() error { return am.get("/api/v2/status", &struct{}{}) })
	return am
}

// alertmanagerProgram returns the path of Debian's Alertmanager.
func alertmanagerProgram(t *testing.T) string {
	t.Helper()
	program := counterpart(t, "prometheus-alertmanager")
	if _, err := os.Stat("/usr/share/prometheus/alertmanager/default.tmpl"); err != nil {
		t.Skip("Debian's Alertmanager finds no templates here: run test/setup as root")
	}
	return program
}

// post tells Alertmanager of alerts that began a minute ago and end at a time,
// which may be to come.
func (am alertmanager) post(t *testing.T, ends time.Time, all ...map[string]string) {
	t.Helper()
	type alert struct {
		Labels           map[string]string `json:"labels"`
		StartsAt, EndsAt time.Time
	}
	var body []alert
	for _, l := range all {
		body = append(body, alert{l, time.Now().Add(-time.Minute), ends})
	}
	content, err := json.Marshal(body)
	require.NoError(t, err)
	resp, err := (&http.Client{Timeout: slack * 5 * time.Second}).Post(am.base+"/api/v2/alerts", "application/json", bytes.NewReader(content))
	require.NoError(t, err)
	require.NoError(t, resp.Body.Close())
	require.Equal(t, http.StatusOK, resp.StatusCode)
}

// states returns the state of every alert, by instance and name.
func (am alertmanager) states(t *testing.T) map[string]string {
	t.Helper()
	var alerts []struct {
		Labels map[string]string
		Status struct{ State string }
	}
	require.NoError(t, am.get("/api/v2/alerts", &alerts))
	states := map[string]string{}
	for _, a := range alerts {
		states[a.Labels["instance"]+" "+a.Labels["alertname"]] = a.Status.State
	}
	return states
}

// TestNoProbesSeverityDecidesOverAnotherProbe requires that an alert with the
// severity that its probe was given, which may be a minor one, inhibits alerts of
// that probe only, unless it has to be critical.
func TestNoProbesSeverityDecidesOverAnotherProbe(t *testing.T) {
	t.Parallel()
	alerts, _ := alertRules(t)
	own := map[string]bool{}
	for _, a := range alerts {
		own[a.Alert] = a.Labels["severity"] == "{{ $labels.severity }}"
	}
	var config struct {
		Rules []inhibitRule `yaml:"inhibit_rules"`
	}
	readYAML(t, "../examples/alertmanager/alertmanager.yml", &config)
	found := 0
	for _, r := range config.Rules {
		for _, pair := range r.inhibitions(t, alerts) {
			if own[pair.source] && !slices.Contains(r.Source, `severity="critical"`) {
				found++
				require.Subset(t, r.Equal, []string{"job", "instance", "probe", "node"}, "%s inhibits %s", pair.source, pair.target)
			}
		}
	}
	require.Positive(t, found)
}
