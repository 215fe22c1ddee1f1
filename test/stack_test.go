package test

import (
	"errors"
	"fmt"
	"maps"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"github.com/idp-exporter/idp_exporter/internal/netsnmp"
)

const stackDir = "../examples/stack"

// stackSpeed divides every wait of rules and Alertmanager: a minute is a second.
const stackSpeed = 60

// stack is what examples/stack/run.sh has started.
type stack struct {
	*exporter
	dir          string
	prometheus   *prometheusAPI
	alertmanager *prometheusAPI // which is asked in the same way
	ports        map[string]string
}

// startStack runs the script of a folder, with further bridges, and waits until it
// says that all runs.
func startStack(t *testing.T, folder, bridges string) *stack {
	t.Helper()
	for _, program := range []string{"prometheus", "snmptrapd"} {
		counterpart(t, program)
	}
	alertmanagerProgram(t)
	netsnmp.MIBs(t, map[string][]byte{}) // skips where there are no base MIBs
	root, err := filepath.Abs("../.cache/debian")
	require.NoError(t, err)
	dir := t.TempDir()
	s := &stack{dir: filepath.Join(dir, "stack"), ports: map[string]string{}}
	env := append(os.Environ(), "STACK_DIR="+s.dir, "STACK_ROOT="+root, fmt.Sprint("STACK_SPEED=", stackSpeed), "STACK_EXPORTER="+binary(t),
		"STACK_BRIDGES="+writeFile(t, dir, "bridges.yml", bridges),
		"IDP_EXPORTER_TOKEN="+testToken)
	for _, name := range []string{"EXPORTER", "PROVIDER", "PROMETHEUS", "ALERTMANAGER", "TRAP"} {
		s.ports[name] = freePort(t)
		env = append(env, "STACK_"+name+"_PORT="+s.ports[name])
	}
	cmd := stackScript(folder, env)
	s.exporter = &exporter{process: startCommand(t, cmd), url: "http://127.0.0.1:" + s.ports["EXPORTER"], token: testToken}
	s.prometheus = &prometheusAPI{t, "http://127.0.0.1:" + s.ports["PROMETHEUS"]}
	s.alertmanager = &prometheusAPI{t, "http://127.0.0.1:" + s.ports["ALERTMANAGER"]}
	eventually(t, 60*time.Second, func() error {
		select {
		case err := <-s.done:
			t.Fatalf("the script ended: %v\n%s", err, s.output())
		default:
		}
		if !strings.Contains(s.output(), "The stack is running.") {
			return errors.New("the script has not said that the stack runs")
		}
		return nil
	})
	return s
}

// throw breaks or repairs something as README.md tells people to.
func (s *stack) throw(verb, name string) {
	s.t.Helper()
	_, stderr, code := command(s.t, "demo", verb, name, "--web.listen-address="+strings.TrimPrefix(s.url, "http://"), "--token="+testToken)
	require.Zero(s.t, code, stderr)
}

// fires tells whether Prometheus says that an alert of a probe fires.
func (s *stack) fires(alert, probe string) (bool, error) {
	err := s.prometheus.returns(fmt.Sprintf(`ALERTS{alertstate="firing",alertname=%q,probe=%q}`, alert, probe))
	if err == nil {
		return true, nil
	}
	return false, s.prometheus.returns(fmt.Sprintf(`absent(ALERTS{alertstate="firing",alertname=%q,probe=%q})`, alert, probe))
}

// routed returns the state in which Alertmanager has an alert of a probe:
// active, suppressed, or none.
func (s *stack) routed(alert, probe string) (string, error) {
	var alerts []struct {
		Labels map[string]string
		Status struct {
			State       string
			InhibitedBy []string
		}
	}
	if err := s.alertmanager.get("/api/v2/alerts", &alerts); err != nil {
		return "", err
	}
	for _, a := range alerts {
		if a.Labels["alertname"] == alert && a.Labels["probe"] == probe {
			return a.Status.State, nil
		}
	}
	return "", nil
}

// active tells whether the exporter has an alarm of a probe.
func (s *stack) active(name, probe string) (bool, error) {
	var answer struct {
		Alarms []struct{ Name, Probe string }
	}
	code, body, err := s.try(http.MethodGet, "/api/v1/alarms?state=active", map[string]string{"Authorization": "Bearer " + s.token})
	if err != nil {
		return false, err
	}
	if code != http.StatusOK {
		return false, fmt.Errorf("/api/v1/alarms: %d", code)
	}
	if err := yaml.Unmarshal([]byte(body), &answer); err != nil {
		return false, err
	}
	for _, a := range answer.Alarms {
		if a.Name == name && a.Probe == probe {
			return true, nil
		}
	}
	return false, nil
}

// hop is a place that the news of a failure passes.
type hop struct {
	name string
	has  func() (bool, error)
}

// watch waits until every hop has the news, or none has it any more, and
// returns after how many seconds each did.
func watch(t *testing.T, hops []hop, want bool) map[string]float64 {
	t.Helper()
	begin, seconds := time.Now(), map[string]float64{}
	eventually(t, 60*time.Second, func() error {
		var missing error
		for _, h := range hops {
			if _, known := seconds[h.name]; known {
				continue
			}
			if has, err := h.has(); err != nil {
				missing = errors.Join(missing, fmt.Errorf("%s: %w", h.name, err))
			} else if has != want {
				missing = errors.Join(missing, fmt.Errorf("%s: has the news: %t, want %t", h.name, has, want))
			} else {
				seconds[h.name] = time.Since(begin).Seconds()
			}
		}
		return missing
	})
	return seconds
}

// TestOneBrokenLoginGoesAllTheWay runs the script that people are given, breaks
// a login in the demo, and follows the alert of Prometheus, and the alarm that
// the exporter raises by itself, to four consoles and back.
func TestOneBrokenLoginGoesAllTheWay(t *testing.T) {
	t.Parallel()
	consoles := []console{eifConsole(t), syslogConsole(t), omnibusConsole(t)}
	var bridges strings.Builder
	for _, c := range consoles {
		bridges.WriteString(c.bridge)
	}
	s := startStack(t, stackDir, bridges.String())
	consoles = slices.Insert(consoles, 0, trapConsole(filepath.Join(s.dir, "snmptrapd.log")))
	rulesDifferInWaitsAlone(t, filepath.Join(s.dir, "rules"))
	s.waitTestall("OK", 20*time.Second)
	s.prometheus.until("rules are evaluated without error", s.prometheus.healthy)
	s.prometheus.until("the demo is scraped", func() error { return s.prometheus.returns(`min(idp_probe_verdict) == 1`) })

	// The alert's name is that of the rule, the exporter's own alarm's that of the probe.
	const alert, probe = "IdPRuleNotRun", "rule-crm"
	alarms := []hop{
		{"Prometheus", func() (bool, error) { return s.fires(alert, probe) }},
		{"Alertmanager", func() (bool, error) {
			state, err := s.routed(alert, probe)
			return state == "active", err
		}},
		{"bridge", func() (bool, error) { return s.active(alert, probe) }},
	}
	for _, c := range consoles {
		alarms = append(alarms,
			hop{c.name, func() (bool, error) { _, stands := c.shows(alert, probe); return stands, nil }},
			hop{c.name + ", directly", func() (bool, error) { _, stands := c.shows(probe, probe); return stands, nil }})
	}
	for _, h := range alarms {
		has, err := h.has()
		require.NoError(t, err, h.name)
		require.False(t, has, "%s has the news before there is any", h.name)
	}
	s.throw("break", "rule-removed")
	raised := watch(t, alarms, true)
	for _, c := range consoles {
		arrivedWell(t, c, alert, probe)
	}
	s.burns()
	s.throw("repair", "rule-removed")
	cleared := watch(t, alarms, false)
	// So are all other alarms.
	eventually(t, 60*time.Second, func() error {
		if err := s.nothingFires(); err != nil {
			return err
		}
		for _, c := range consoles {
			for name, ids := range c.standing() {
				if len(ids) > 0 && !mayStand.MatchString(name) {
					return fmt.Errorf("%s still shows %s", c.name, name)
				}
			}
		}
		return nil
	})
	s.hasNotBurned()
	var summary []string
	for _, h := range alarms {
		t.Logf("%-25s has the alarm %4.1f s after the break, and is clear %4.1f s after the repair", h.name, raised[h.name], cleared[h.name])
		summary = append(summary, fmt.Sprintf("%s %.1f/%.1f", h.name, raised[h.name], cleared[h.name]))
	}
	fmt.Printf("one broken login, seconds after break/repair with waits of rules %d times shorter: %s\n", stackSpeed, strings.Join(summary, "; "))

	s.inhibits()
	s.endsAll()
}

// arrivedWell looks at what a console was told: the same alarm, in its own words.
func arrivedWell(t *testing.T, c console, alert, probe string) {
	t.Helper()
	critical := map[string]string{"snmptrapd": "critical(3)", "EIF": "CRITICAL", "rsyslogd": "25", "OMNIbus webhook": "critical"} // syslog: daemon, alert
	also := map[string]string{"EIF": "IDP_Alarm IDP_EXPORTER", "rsyslogd": "critical", "OMNIbus webhook": "idp_exporter"}
	through, _ := c.shows(alert, probe)
	direct, _ := c.shows(probe, probe)
	require.NotEqual(t, through.id, direct.id, c.name)
	for _, e := range []told{through, direct} {
		require.Equal(t, critical[c.name], e.severity, "%s: %s", c.name, e.name)
		require.Equal(t, also[c.name], e.also, "%s: %s", c.name, e.name)
		target := "demo"
		if c.name == "OMNIbus webhook" && e.name == alert {
			target += "/" + probe // else alerts of two probes are one to OMNIbus
		}
		require.Equal(t, target, e.target, "%s: %s", c.name, e.name)
		require.True(t, strings.HasSuffix(e.runbook, "/docs/runbooks/IdPRuleNotRun.md"), "%s: %s: %q", c.name, e.name, e.runbook)
	}
	require.Contains(t, through.text, "Tokens lack what the rule has to write into them", c.name)
	require.Contains(t, through.text, "crm id was stamped", c.name)
	require.Contains(t, direct.text, "claim_mismatch", c.name)
}

// endsAll ends the script and looks at whether something it started is left.
func (s *stack) endsAll() {
	s.t.Helper()
	took, err := s.end(syscall.SIGTERM)
	require.NoError(s.t, err, "%s", s.output())
	s.t.Logf("all of it ended within %s", took.Round(100*time.Millisecond))
	for _, name := range slices.Sorted(maps.Keys(s.ports)) {
		address := "127.0.0.1:" + s.ports[name]
		if name == "TRAP" {
			c, err := net.ListenPacket("udp", address)
			require.NoError(s.t, err, name)
			require.NoError(s.t, c.Close())
			continue
		}
		l, err := net.Listen("tcp", address)
		require.NoError(s.t, err, name)
		require.NoError(s.t, l.Close())
	}
}

// rulesDifferInWaitsAlone compares the rules that the script has made quicker
// with those that are shipped: they say the same but for how long they wait.
func rulesDifferInWaitsAlone(t *testing.T, dir string) {
	t.Helper()
	type file struct {
		Groups []map[string]any
	}
	read := func(path string) (f file) {
		content, err := os.ReadFile(path)
		require.NoError(t, err)
		require.NoError(t, yaml.Unmarshal(content, &f))
		return f
	}
	quick := func(entry map[string]any) {
		for _, key := range []string{"for", "keep_firing_for", "interval"} {
			if text, ok := entry[key].(string); ok {
				wait, err := time.ParseDuration(text)
				require.NoError(t, err)
				entry[key] = max(time.Second, (wait / stackSpeed).Round(time.Second)).String()
			}
		}
	}
	normal := func(entry map[string]any) {
		for _, key := range []string{"for", "keep_firing_for", "interval"} {
			if text, ok := entry[key].(string); ok {
				wait, err := time.ParseDuration(text)
				require.NoError(t, err)
				entry[key] = wait.String()
			}
		}
	}
	each := func(f file, change func(map[string]any)) (waits int) {
		for _, g := range f.Groups {
			change(g)
			for _, r := range g["rules"].([]any) {
				change(r.(map[string]any))
				waits++
			}
		}
		return waits
	}
	files, err := filepath.Glob(alertsDir + "/*.rules.yml")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, path := range files {
		shipped, used := read(path), read(filepath.Join(dir, filepath.Base(path)))
		require.NotZero(t, each(shipped, quick))
		each(used, normal)
		require.Equal(t, shipped, used, path)
	}
}
