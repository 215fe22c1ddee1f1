package test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestPromtoolChecksAndTestsTheRules(t *testing.T) {
	t.Parallel()
	promtool := counterpart(t, "promtool")
	rules, err := filepath.Glob(alertsDir + "/*.rules.yml")
	require.NoError(t, err)
	out, err := exec.Command(promtool, append([]string{"check", "rules", "--lint=all", "--lint-fatal"}, rules...)...).CombinedOutput()
	require.NoError(t, err, "%s", out)
	tests, err := filepath.Glob(alertsDir + "/tests/*.yml")
	require.NoError(t, err)
	require.NotEmpty(t, tests)
	for _, file := range tests {
		t.Run(filepath.Base(file), func(t *testing.T) {
			t.Parallel()
			cmd := exec.Command(promtool, "test", "rules", filepath.Base(file))
			cmd.Dir = filepath.Dir(file)
			out, err := cmd.CombinedOutput()
			require.NoError(t, err, "%s", tail(string(out), 6000))
		})
	}
}

func TestAmtoolChecksTheAlertmanagerExampleAndItsRoutes(t *testing.T) {
	t.Parallel()
	amtool := counterpart(t, "amtool")
	const config = "../examples/alertmanager/alertmanager.yml"
	out, err := exec.Command(amtool, "check-config", config).CombinedOutput()
	require.NoError(t, err, "%s", out)
	alerts, _ := alertRules(t)
	known := map[string]bool{}
	for _, r := range alerts {
		known[r.Alert] = true
		severity := r.Labels["severity"]
		if strings.HasPrefix(severity, "{{") {
			severity = "critical"
		}
		want := "idp_exporter"
		if severity == "critical" {
			want = "on-call," + want
		}
		if c := r.Labels["component"]; c == "exporter" || c == "bridge" || c == "storage" {
			want = "mail," + want
		}
		out, err := exec.Command(amtool, "config", "routes", "test", "--config.file="+config, "--verify.receivers="+want,
			"alertname="+r.Alert, "severity="+severity, "component="+r.Labels["component"]).CombinedOutput()
		require.NoError(t, err, "%s: %s", r.Alert, out)
	}
	text, err := os.ReadFile(config)
	require.NoError(t, err)
	for _, name := range regexp.MustCompile(`IdP[A-Z]\w+(\(\w+\|\w+\)|\.\+)?`).FindAllString(string(text), -1) {
		stem, rest, _ := strings.Cut(strings.TrimSuffix(name, ")"), "(")
		for end := range strings.SplitSeq(rest, "|") {
			whole, isPrefix := strings.CutSuffix(stem+end, ".+")
			require.True(t, known[whole] || isPrefix && slices.ContainsFunc(alerts, func(r alertRule) bool { return strings.HasPrefix(r.Alert, whole) }),
				"%s is no alert", name)
		}
	}
}

// TestTheRulesWorkOnARealPrometheus has the rules evaluated on what the demo
// shows, in both the formats that histograms travel in.
func TestTheRulesWorkOnARealPrometheus(t *testing.T) {
	t.Parallel()
	prometheus := counterpart(t, "prometheus")
	e := startDemo(t)
	for name, features := range map[string][]string{"classic": nil, "native": {"--enable-feature=native-histograms"}} {
		dir := t.TempDir()
		writeFile(t, dir, "token", testToken)
		rules, err := filepath.Abs(alertsDir)
		require.NoError(t, err)
		config := writeFile(t, dir, "prometheus.yml", fmt.Sprintf(`global: {scrape_interval: 1s, scrape_timeout: 1s, evaluation_interval: 1s}
rule_files: [%q]
scrape_configs:
  - job_name: idp_exporter
    authorization: {credentials_file: token}
    static_configs: [{targets: [%q]}]
`, rules+"/*.rules.yml", strings.TrimPrefix(e.url, "http://")))
		address := "127.0.0.1:" + freePort(t)
		start(t, prometheus, append(features, "--config.file="+config, "--storage.tsdb.path="+filepath.Join(dir, "data"), "--web.listen-address="+address)...)
		p := &prometheusAPI{t, "http://" + address}
		p.until(name+": rules are evaluated without error", func() error { return p.healthy() })
		p.until(name+": logins are timed", func() error { return p.returns("idp:signin_duration:mean10m > 0") })
		p.until(name+": runs are counted", func() error { return p.returns("idp:signin_error:ratio_1h") })
		if name == "native" {
			code, body := e.request(http.MethodPost, "/demo/rule-removed/on", "")
			require.Equal(t, http.StatusOK, code, body)
			p.until("the rule that does not run is an alert", func() error {
				return p.returns(`ALERTS{alertname="IdPRuleNotRun",reason="claim_mismatch",severity="critical",component="signin"}`)
			})
			code, body = e.request(http.MethodPost, "/demo/rule-removed/off", "")
			require.Equal(t, http.StatusOK, code, body)
			p.until("it is over", func() error { return p.returns(`absent(ALERTS{alertname="IdPRuleNotRun"})`) })
		}
	}
}

// prometheusAPI asks a Prometheus.
type prometheusAPI struct {
	t    *testing.T
	base string
}

func (p *prometheusAPI) until(what string, f func() error) {
	p.t.Helper()
	eventually(p.t, 90*time.Second, func() error {
		if err := f(); err != nil {
			return fmt.Errorf("%s: %w", what, err)
		}
		return nil
	})
}

func (p *prometheusAPI) get(path string, into any) error {
	resp, err := (&http.Client{Timeout: 5 * time.Second}).Get(p.base + path)
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return err
	}
	return json.Unmarshal(body, into)
}

// returns fails unless a query has a result.
func (p *prometheusAPI) returns(query string) error {
	var answer struct {
		Error string
		Data  struct{ Result []any }
	}
	if err := p.get("/api/v1/query?query="+url.QueryEscape(query), &answer); err != nil {
		return err
	}
	if answer.Error != "" || len(answer.Data.Result) == 0 {
		return fmt.Errorf("%s: no result %s", query, answer.Error)
	}
	return nil
}

// healthy fails unless all rules were evaluated without error.
func (p *prometheusAPI) healthy() error {
	var answer struct {
		Data struct {
			Groups []struct {
				Rules []struct{ Name, Health, LastError string }
			}
		}
	}
	if err := p.get("/api/v1/rules", &answer); err != nil {
		return err
	}
	n := 0
	for _, g := range answer.Data.Groups {
		for _, r := range g.Rules {
			if n++; r.Health != "ok" && r.Name != "idp:signin_error_budget:remaining_ratio_30d" { // every 5 minutes only
				return fmt.Errorf("%s is %s: %s", r.Name, r.Health, r.LastError)
			}
		}
	}
	if n == 0 {
		return fmt.Errorf("no rules were loaded")
	}
	return nil
}
