package test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

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
	const alert, probe = "IdPSignInDown", "login"
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
	s.throw("break", "crm-down") // the provider asks it on every login, and refuses
	raised := watch(t, alarms, true)
	for _, c := range consoles {
		arrivedWell(t, c, alert, probe)
	}
	s.burns()
	s.throw("repair", "crm-down")
	cleared := watch(t, alarms, false)
	s.allClear(consoles)
	s.hasNotBurned()
	summary := fmt.Sprintf("One broken login goes all the way, with the waits of rules and Alertmanager %d times shorter: seconds\n%-25s %s %s\n",
		stackSpeed, "", "after the break", "after the repair")
	for _, h := range alarms {
		summary += fmt.Sprintf("%-25s %15.1f %16.1f\n", h.name, raised[h.name], cleared[h.name])
	}
	t.Log("\n" + summary)
	// `make e2e` prints it, since `go test` keeps what a passing test says to itself.
	require.NoError(t, os.MkdirAll(filepath.Dir(summaryFile), 0o755)) //nolint:gosec // nothing in it is secret
	require.NoError(t, os.WriteFile(summaryFile, []byte(summary), 0o600))

	s.crosses(consoles)
	s.endsAll()
}

// summaryFile is where the seconds are left.
const summaryFile = "../.cache/one-broken-login.txt"

// allClear waits until no alert fires and no console shows an alarm.
func (s *stack) allClear(consoles []console) {
	s.t.Helper()
	eventually(s.t, 60*time.Second, func() error {
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
		other := also[c.name]
		if c.name == "OMNIbus webhook" && e.name == probe {
			other += "@demo" // what another exporter sees is another alarm
		}
		require.Equal(t, other, e.also, "%s: %s", c.name, e.name)
		target := "demo"
		if c.name == "OMNIbus webhook" && e.name == alert {
			target += "/" + probe // else alerts of two probes are one to OMNIbus
		}
		require.Equal(t, target, e.target, "%s: %s", c.name, e.name)
		require.True(t, strings.HasSuffix(e.runbook, "/docs/runbooks/IdPSignInDown.md"), "%s: %s: %q", c.name, e.name, e.runbook)
		require.Contains(t, e.text, "access_denied", "%s: %s", c.name, e.name)
	}
	require.Contains(t, through.text, "Sign-in at demo fails (probe login)", c.name)
	require.Contains(t, direct.text, "login fails at step callback", c.name)
}
