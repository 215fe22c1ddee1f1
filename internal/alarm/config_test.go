package alarm

import (
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/idp-exporter/idp_exporter/bridges"
	"github.com/idp-exporter/idp_exporter/internal/config/strict"
	"github.com/idp-exporter/idp_exporter/probes"
)

func TestConfigIsDecodedAndChecked(t *testing.T) {
	t.Parallel()
	var raw struct {
		Alarms Config `yaml:"alarms"`
	}
	raw.Alarms = NewConfig()
	doc := strict.Parse(strings.NewReader(`
alarms:
  stale_after: 1d
  replica_labels: [replica]
  severity_label: prio
  severities: {sev1: critical}
  unknown_severity: minor
  runbook_url: https://wiki.example.com/{{ .Name }}
  heartbeat: 0
  resend: 10m
  clear_resend_for: 2h
  transitions: all
  max_alarms: 10
  max_transitions: 100
  webhook_max_bytes: 1048576
`), "f", ".")
	doc.Decode(doc.Root, "", &raw)
	require.Empty(t, doc.Problems())
	c := raw.Alarms
	require.Empty(t, c.Check())
	require.Equal(t, 24*time.Hour, c.StaleAfter)
	require.Equal(t, Common{Resend: 10 * time.Minute, ClearResendFor: 2 * time.Hour, Transitions: All}, c.NewCommon())
	require.Equal(t, probes.Critical, Severities(c)["sev1"])
	require.Empty(t, NewConfig().Check())
}

func TestConfigMistakes(t *testing.T) {
	t.Parallel()
	for path, change := range map[string]func(*Config){
		"stale_after":       func(c *Config) { c.StaleAfter = time.Second },
		"severity_label":    func(c *Config) { c.SeverityLabel = "" },
		"replica_labels":    func(c *Config) { c.ReplicaLabels = []string{"alertname"} },
		"severities.x":      func(c *Config) { c.Severities = map[string]string{"x": "cleared"} },
		"unknown_severity":  func(c *Config) { c.UnknownSeverity = "odd" },
		"runbook_url":       func(c *Config) { c.RunbookURL = "https://x/{{ .Odd }}" },
		"max_alarms":        func(c *Config) { c.MaxAlarms = 0 },
		"max_transitions":   func(c *Config) { c.MaxTransitions = -1 },
		"webhook_max_bytes": func(c *Config) { c.WebhookMaxBytes = 1 << 30 },
		"heartbeat":         func(c *Config) { c.Heartbeat = time.Millisecond },
		"resend":            func(c *Config) { c.Resend = time.Millisecond },
		"clear_resend_for":  func(c *Config) { c.ClearResendFor = time.Minute },
		"transitions":       func(c *Config) { c.Transitions = "some" },
	} {
		c := NewConfig()
		change(&c)
		p := c.Check()
		require.Len(t, p, 1, path)
		require.Equal(t, path, p[0].Path)
		require.Equal(t, path == "clear_resend_for", p[0].Warning)
	}
	c := NewConfig()
	c.RunbookURL = "javascript:{{ .Name }}"
	require.Contains(t, c.Check()[0].Message, "no http")
	for path, change := range map[string]func(*Common){
		"name":         func(c *Common) { c.Name = "" },
		"min_severity": func(c *Common) { c.MinSeverity = "odd" },
		"matchers[1]":  func(c *Common) { c.Matchers = []string{`a="b"`, `a~b`} },
		"transitions":  func(c *Common) { c.Transitions = "" },
	} {
		c := NewConfig().NewCommon()
		c.Name = "snmp"
		require.Empty(t, c.Check())
		change(&c)
		p := c.Check()
		require.Len(t, p, 1, path)
		require.Equal(t, path, p[0].Path)
	}
}

func TestIdentity(t *testing.T) {
	t.Parallel()
	valid := regexp.MustCompile(`^[a-z0-9-]{1,64}$`)
	for _, names := range [][2]string{{"login", ""}, {"Sign-in by König!", "n/1"}, {"", ""}, {"日本", "x"}, {strings.Repeat("x", 500), strings.Repeat("y", 500)}} {
		require.Regexp(t, valid, ProbeID("exporter", names[0], names[1]))
	}
	require.NotEqual(t, ProbeID("e", "a", "b-c"), ProbeID("e", "a-b", "c"))
	require.NotEqual(t, ProbeID("e", "a", "b"), ProbeID("f", "a", "b"), "one exporter clears nothing of another's")
	require.Equal(t, "login-n1-", ProbeID("e", "login", "n1")[:9])
	of := func(labels ...string) string {
		m := map[string]string{}
		for i := 0; i < len(labels); i += 2 {
			m[labels[i]] = labels[i+1]
		}
		return AlertID(m, "severity", []string{"replica"})
	}
	require.Regexp(t, valid, of("alertname", "../../x"))
	require.Equal(t, of("alertname", "A", "severity", "page"), of("alertname", "A", "replica", "b"))
	require.NotEqual(t, of("alertname", "A", "x", "yz"), of("alertname", "A", "xy", "z"))
	require.NotEqual(t, of("alertname", "A"), of("alertname", "A", "x", ""))
	require.NotEqual(t, ProbeID("", "A", ""), of("alertname", "A"))
}

func TestRunbook(t *testing.T) {
	t.Parallel()
	r, err := newRunbook("https://wiki.example.com/{{ .Name }}?node={{ .Node }}")
	require.NoError(t, err)
	require.Equal(t, "https://wiki.example.com/a%2Fb?node=n1", r.link(bridges.Alarm{Name: "a/b", Node: "n1"}, ""))
	require.Empty(t, runbook{}.link(bridges.Alarm{}, ""))
	r, err = newRunbook(Runbooks)
	require.NoError(t, err)
	require.Regexp(t, `/docs/runbooks/IdPNodeOut\.md$`, r.link(bridges.Alarm{Name: "login"}, "IdPNodeOut"))
	require.Empty(t, r.link(bridges.Alarm{Name: "login"}, ""))
	for _, s := range []string{"javascript:alert(1)", "//x", "ftp://x/", "https://", "x", "https://" + strings.Repeat("x", maxLink)} {
		require.Empty(t, webLink(s), s)
	}
}
