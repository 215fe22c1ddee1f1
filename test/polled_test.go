package test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/idp-exporter/idp_exporter/bridges/snmp/mib"
	"github.com/idp-exporter/idp_exporter/internal/netsnmp"
)

// TestConsolesPollTheTree reads what consoles read of a device before they hear
// its traps, with the real snmpwalk and snmptable: by the built-in agent.
func TestConsolesPollTheTree(t *testing.T) {
	t.Parallel()
	port := netsnmp.Port(t)
	m, err := mib.New("")
	require.NoError(t, err)
	folder := netsnmp.MIBs(t, map[string][]byte{m.Module: mib.Generate(m)})
	e := serve(t, `exporter: {name: idp-of-the-test}
snmp:
  agent: {listen: '127.0.0.1:`+port+`', community: reading}
probes:
  - {name: page, kind: http, url: 'http://127.0.0.1:9/', every: 1s, severity: major}
`)
	e.waitResult("page", "fail", "connect", "connect", 10*time.Second)
	walk := func(program string, args ...string) string {
		t.Helper()
		c := netsnmp.Command(t, program, append([]string{"-v2c", "-c", "reading", "-M", folder, "-m", m.Module + ":SNMPv2-MIB", "127.0.0.1:" + port}, args...)...)
		out, err := c.CombinedOutput()
		require.NoError(t, err, string(out))
		return string(out)
	}
	eventually(t, 20*time.Second, func() error {
		out := walk("snmpwalk", m.Module+"::idpExporterMIB")
		for _, want := range []string{"page", "connect", "idp-of-the-test"} {
			if !strings.Contains(out, want) {
				return fmt.Errorf("no %q in\n%s", want, out)
			}
		}
		return nil
	})
	require.Contains(t, walk("snmpget", "SNMPv2-MIB::sysObjectID.0"), "OID: ")
	eventually(t, 20*time.Second, func() error {
		if out := walk("snmpget", m.Module+"::idpActiveMajor.0"); !strings.Contains(out, "Gauge32: 1") {
			return fmt.Errorf("no major alarm: %s", out)
		}
		return nil
	})
	require.Contains(t, walk("snmptable", m.Module+"::idpActiveTable"), "page")
}
