package agent

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/gosnmp/gosnmp"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/idp-exporter/idp_exporter/bridges"
	"github.com/idp-exporter/idp_exporter/bridges/snmp/mib"
	"github.com/idp-exporter/idp_exporter/internal/netsnmp"
	"github.com/idp-exporter/idp_exporter/internal/secret"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func model(t testing.TB) mib.Model {
	t.Helper()
	m, err := mib.New("")
	require.NoError(t, err)
	return m
}

// start runs an agent until the test ends.
func start(t testing.TB, c Config, s mib.Source) *Agent {
	t.Helper()
	c.Listen = "127.0.0.1:0"
	if !c.Community.IsSet() {
		c.Community = secret.New("s3cret")
	}
	a, err := New(t.Context(), c, model(t), s, slog.New(slog.DiscardHandler))
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- a.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		require.NoError(t, <-ended)
	})
	return a
}

// body is a walk without what is said at the end of the tree.
func body(walk string) string {
	var b strings.Builder
	for line := range strings.Lines(walk) {
		if !strings.Contains(line, "No more variables left") && !strings.HasPrefix(line, "End of MIB") {
			b.WriteString(line)
		}
	}
	return b.String()
}

func TestRealClientsReadTheTree(t *testing.T) {
	t.Parallel()
	m := model(t)
	a := start(t, Config{}, netsnmp.Source(netsnmp.Sample))
	v1 := netsnmp.NewClient(t, a.Addr().String(), m, "-v1", "-cs3cret")
	v2 := v1.As("-v2c", "-cs3cret")
	root := "." + m.Base.String()

	walk := body(v2.Run("snmpwalk", root))
	require.Equal(t, 2*11+2*12+5+5, strings.Count(walk, "\n"), walk)
	for _, want := range []string{
		"IDP-EXPORTER-MIB::idpVerdict.0 = INTEGER: fail(3)",
		"IDP-EXPORTER-MIB::idpActiveCritical.0 = Gauge32: 1 alarms",
		"IDP-EXPORTER-MIB::idpActiveWarning.0 = Gauge32: 1 alarms",
		"IDP-EXPORTER-MIB::idpActiveMajor.0 = Gauge32: 0 alarms",
		"STRING: schön langsam", "STRING: 2026-11-24,3:4:5.0,+0:0", "INTEGER: critical(3)", "INTEGER: true(1)", "STRING: drained",
	} {
		require.Contains(t, walk, want)
	}
	require.Equal(t, walk, body(v1.Run("snmpwalk", root)))
	require.Equal(t, walk, body(v2.Run("snmpbulkwalk", root)))
	require.Equal(t, walk, body(v2.Run("snmpbulkwalk", "-Cr50", "@", root)))
	for _, c := range []netsnmp.Client{v1, v2} {
		table := c.Run("snmptable", "-Cf", "|", "@", "IDP-EXPORTER-MIB::idpActiveTable")
		require.Contains(t, table, "idpActiveId|idpActiveName|idpActiveSeverity|")
		require.Contains(t, table, "\na-1|login|critical|keycloak|")
		require.Contains(t, table, "\na-2|certificate|warning|keycloak|ends soon|")
		table = c.Run("snmptable", "-Cf", "|", "@", "IDP-EXPORTER-MIB::idpProbeTable")
		require.Contains(t, table, "\nlogin||login|keycloak|critical|true|fail|timeout|schön langsam|")
	}
	// What discovery asks for.
	system := v1.Run("snmpwalk", "SNMPv2-MIB::system")
	for _, want := range []string{
		"sysDescr.0 = STRING: idp_exporter 1.2.3 (here)", "sysObjectID.0 = OID: IDP-EXPORTER-MIB::idpAgent",
		"sysContact.0 = STRING: noc@example.com", "sysLocation.0 = STRING: Bern", "sysName.0 = STRING: ", "sysServices.0 = INTEGER: 72",
	} {
		require.Contains(t, system, want)
	}
	require.Contains(t, v2.Run("snmptable", "-Cf", "|", "@", "RFC1213-MIB::ifTable"), "|softwareLoopback|")
	// Everything, through the end.
	require.Contains(t, v2.Run("snmpwalk", ".1"), "No more variables left")
	require.Contains(t, v1.Run("snmpwalk", "-Cc", "@", ".1"), "End of MIB")
}

func TestRealClientsAreRefused(t *testing.T) {
	t.Parallel()
	m := model(t)
	a := start(t, Config{}, netsnmp.Source(netsnmp.Sample))
	v2 := netsnmp.NewClient(t, a.Addr().String(), m, "-v2c", "-cs3cret")
	v1 := v2.As("-v1", "-cs3cret")
	require.Contains(t, v2.Run("snmpget", "IDP-EXPORTER-MIB::idpActiveId.1"), "No Such Instance")
	require.Contains(t, v2.Run("snmpget", "IDP-EXPORTER-MIB::idpAlarmId.0"), "No Such Object")
	out, err := v1.Try("snmpget", "IDP-EXPORTER-MIB::idpVerdict.0", "IDP-EXPORTER-MIB::idpAlarmId.0")
	require.Error(t, err)
	require.Contains(t, out, "noSuchName")
	out, err = v2.Try("snmpset", "SNMPv2-MIB::sysName.0", "s", "x")
	require.Error(t, err)
	require.Contains(t, out, "notWritable")
	out, err = v1.Try("snmpset", "SNMPv2-MIB::sysName.0", "s", "x")
	require.Error(t, err)
	require.Contains(t, out, "readOnly")
	before := a.Stats()
	out, err = v2.As("-v2c", "-cwrong", "-r0", "-t1").Try("snmpget", "IDP-EXPORTER-MIB::idpVerdict.0")
	require.Error(t, err)
	require.Contains(t, out, "Timeout")
	require.Equal(t, before.Answered, a.Stats().Answered)
	require.Greater(t, a.Stats().Refused, before.Refused)
}

// Alarms come and go while somebody walks: the walk goes on, and up.
func TestWalkWhileThingsChange(t *testing.T) {
	t.Parallel()
	m := model(t)
	n := 0
	a := start(t, Config{MaxRate: 100_000}, netsnmp.Source(func() mib.View {
		n++
		v := netsnmp.Sample()
		for i := range 300 {
			v.Alarms = append(v.Alarms, bridges.Alarm{ID: fmt.Sprintf("%d-%d", n, i), Severity: "minor"})
		}
		return v
	}))
	host, port, _ := strings.Cut(a.Addr().String(), ":")
	var number uint16
	_, err := fmt.Sscan(port, &number)
	require.NoError(t, err)
	g := &gosnmp.GoSNMP{Target: host, Port: number, Version: gosnmp.Version2c, Community: "s3cret", Timeout: netsnmp.Patience, Retries: 1, MaxRepetitions: 20}
	require.NoError(t, g.Connect())
	defer g.Close()
	last, count := mib.OID{}, 0
	require.NoError(t, g.BulkWalk(m.Base.String(), func(p gosnmp.SnmpPDU) error {
		o, err := mib.ParseOID(p.Name)
		require.NoError(t, err)
		require.Positive(t, o.Compare(last))
		last = o
		if count++; count%500 == 0 {
			time.Sleep(1100 * time.Millisecond) // another tree
		}
		return nil
	}))
	require.Greater(t, count, 300*11/2)
}
