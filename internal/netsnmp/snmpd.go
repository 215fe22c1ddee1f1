package netsnmp

import (
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/idp-exporter/idp_exporter/bridges"
	"github.com/idp-exporter/idp_exporter/bridges/snmp/mib"
	"github.com/idp-exporter/idp_exporter/probes"
)

// Snmpd starts snmpd as a master agent with more configuration.
func Snmpd(t testing.TB, port, socket, more string) *Daemon {
	t.Helper()
	work := t.TempDir()
	file, log := filepath.Join(work, "snmpd.conf"), filepath.Join(work, "log")
	require.NoError(t, os.WriteFile(file, []byte("master agentx\n"+more), 0o600))
	d := Start(t, Command(t, "snmpd", "-f", "-r", "-I", "-smux", "-Lf", log, "-C", "-c", file, "-m", "", "-x", socket,
		"-p", filepath.Join(work, "pid"), "udp:127.0.0.1:"+port), log)
	d.Wait("NET-SNMP version")
	return d
}

// Client asks an agent.
type Client struct {
	t testing.TB
	// Agent is the agent's address.
	Agent string
	// Credentials are the options that show who asks.
	Credentials []string
	mibs        string
	module      string
}

// NewClient returns a client that knows a module.
func NewClient(t testing.TB, agent string, m mib.Model, credentials ...string) Client {
	t.Helper()
	return Client{t, agent, credentials, MIBs(t, map[string][]byte{m.Module: mib.Generate(m)}), m.Module}
}

// As returns the client with other credentials.
func (c Client) As(credentials ...string) Client {
	c.Credentials = credentials
	return c
}

// Try runs a program of net-snmp and returns what it printed. The objects
// follow the agent; options stand before an argument "@", which is the agent,
// where there are any.
func (c Client) Try(program string, args ...string) (string, error) {
	c.t.Helper()
	options, objects := []string(nil), args
	if i := slices.Index(args, "@"); i >= 0 {
		options, objects = args[:i], args[i+1:]
	}
	all := slices.Concat([]string{"-M", c.mibs, "-m", c.module + ":SNMPv2-MIB:RFC1213-MIB", "-r", "2", "-t", "10"},
		c.Credentials, options, []string{c.Agent}, objects)
	out, err := Command(c.t, program, all...).CombinedOutput()
	return string(out), err
}

// Run is Try of what has to succeed.
func (c Client) Run(program string, args ...string) string {
	c.t.Helper()
	out, err := c.Try(program, args...)
	require.NoError(c.t, err, "%s %v: %s", program, args, out)
	return out
}

// Sample is a view with something of everything.
func Sample() mib.View {
	when := time.Date(2026, 11, 24, 3, 4, 5, 0, time.UTC)
	return mib.View{
		Name: "here", Version: "1.2.3", Site: "https://probe.example.com", Contact: "noc@example.com", Location: "Bern",
		Start: when, Verdict: probes.Fail, Text: "login fails",
		Probes: []mib.Probe{
			{Name: "login", Kind: "login", Provider: "keycloak", Severity: probes.Critical, Gates: true, Verdict: probes.Fail, Reason: "timeout", Text: "schön langsam", Since: when, LastRun: when},
			{Name: "login", Node: "n1", Kind: "login", Provider: "keycloak", Severity: probes.Critical, Verdict: probes.Pass, Since: when, LastRun: when, Suppressed: "drained"},
		},
		Alarms: []bridges.Alarm{
			{ID: "a-1", Name: "login", Severity: probes.Critical, Target: "keycloak", Text: strings.Repeat("lang ", 150), Probe: "login", Reason: "timeout", Raised: when, Changed: when, Runbook: "https://example.com/r"},
			{ID: "a-2", Name: "certificate", Severity: probes.Warning, Target: "keycloak", Text: "ends soon", Raised: when, Changed: when},
		},
	}
}

// Source is a mib.Source.
type Source func() mib.View

// View implements mib.Source.
func (s Source) View() mib.View { return s() }

// UDP returns the loopback with a port.
func UDP(port string) string { return net.JoinHostPort("127.0.0.1", port) }
