package test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"

	"github.com/stretchr/testify/require"
)

// mayStand are the alerts that are about the machine that the test runs on.
var mayStand = regexp.MustCompile(`^IdPHost.+$`)

// nothingFires fails while Prometheus says that an alert fires.
func (s *stack) nothingFires() error {
	var answer struct {
		Data *struct {
			Alerts []struct {
				Labels map[string]string
				State  string
			}
		}
	}
	if err := s.prometheus.get("/api/v1/alerts", &answer); err != nil {
		return err
	}
	if answer.Data == nil {
		return errors.New("Prometheus does not say which alerts fire")
	}
	for _, a := range answer.Data.Alerts {
		if name := a.Labels["alertname"]; a.State == "firing" && !mayStand.MatchString(name) {
			return fmt.Errorf("%s still fires", name)
		}
	}
	return nil
}

// hasNotBurned requires that no alert of a burn rate has fired since Prometheus
// was started, although that has seen little else than the break: these look
// back at hours, and a short break is little of an hour.
func (s *stack) hasNotBurned() {
	s.t.Helper()
	const fired = `count_over_time(ALERTS{alertstate="firing",alertname%s}[1h])`
	require.NoError(s.t, s.prometheus.returns(fmt.Sprintf(fired, `="IdPSignInDown"`)))
	require.NoError(s.t, s.prometheus.returns(`absent(`+fmt.Sprintf(fired, `=~"IdP(SignIn|Verdict)Failing(Fast|Slow)"`)+`)`))
}

// burns waits until the burn rates know of the break.
func (s *stack) burns() {
	s.t.Helper()
	s.prometheus.until("the login's burn rate", func() error { return s.prometheus.returns(`idp:signin_error:ratio_1h{probe="login"} > 0`) })
	s.prometheus.until("the verdict's burn rate", func() error { return s.prometheus.returns(`idp:testall_error:ratio_1h > 0`) })
}

// promise gives Prometheus another objective, as people do who edit the rules.
func (s *stack) promise(objective string) {
	s.t.Helper()
	file := filepath.Join(s.dir, "rules", "recording.rules.yml")
	content, err := os.ReadFile(file)
	require.NoError(s.t, err)
	const shipped = "vector(0.995)"
	require.Equal(s.t, 1, strings.Count(string(content), shipped))
	require.NoError(s.t, os.WriteFile(file, []byte(strings.Replace(string(content), shipped, "vector("+objective+")", 1)), 0o600))
	ids, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%[1]d/children", s.cmd.Process.Pid))
	require.NoError(s.t, err)
	reloaded := 0
	for id := range strings.FieldsSeq(string(ids)) {
		if name, err := os.ReadFile("/proc/" + id + "/comm"); err == nil && strings.TrimSpace(string(name)) == "prometheus" {
			pid, err := strconv.Atoi(id)
			require.NoError(s.t, err)
			require.NoError(s.t, syscall.Kill(pid, syscall.SIGHUP))
			reloaded++
		}
	}
	require.Equal(s.t, 1, reloaded, "processes of Prometheus that the script has started")
	s.prometheus.until("the objective is another", func() error { return s.prometheus.returns("idp:signin:objective == " + objective) })
}
