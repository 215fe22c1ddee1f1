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
