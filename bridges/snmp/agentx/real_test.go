package agentx

import (
	"bytes"
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/idp-exporter/idp_exporter/bridges/snmp/mib"
	"github.com/idp-exporter/idp_exporter/internal/netsnmp"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// logged collects a log.
type logged struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logged) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(b)
}

func (l *logged) count(s string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Count(l.b.String(), s)
}

const serves = "an AgentX master serves"

func model(t testing.TB) mib.Model {
	t.Helper()
	m, err := mib.New("")
	require.NoError(t, err)
	return m
}

// start runs a subagent until the returned function is called.
func start(t testing.TB, s *Subagent) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }()
	stop = sync.OnceFunc(func() {
		cancel()
		require.NoError(t, <-ended)
	})
	t.Cleanup(stop)
	return stop
}

func subagent(t testing.TB, address string, log *logged) *Subagent {
	t.Helper()
	c := Config{Address: address}
	require.Empty(t, c.Check())
	s, err := New(c, model(t), netsnmp.Source(netsnmp.Sample), slog.New(slog.NewTextHandler(log, nil)))
	require.NoError(t, err)
	return s
}

// short returns a folder whose path fits a socket's.
func short(t testing.TB) string {
	t.Helper()
	folder, err := os.MkdirTemp("", "ax")
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, os.RemoveAll(folder)) })
	return folder
}

const configuration = `rocommunity s3cret 127.0.0.1
rwcommunity writer 127.0.0.1
createUser probe SHA-256 authpass-of-the-test AES privpass-of-the-test
rouser probe priv
`

func waitServed(t testing.TB, log *logged, times int) {
	t.Helper()
	require.Eventually(t, func() bool { return log.count(serves) >= times }, netsnmp.Patience, 5*time.Millisecond)
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

func TestRealSnmpdServesTheTree(t *testing.T) {
	t.Parallel()
	for _, network := range []string{"unix", "tcp"} {
		t.Run(network, func(t *testing.T) {
			t.Parallel()
			m, port := model(t), netsnmp.Port(t)
			socket := filepath.Join(short(t), "master")
			address := socket
			if network == "tcp" {
				socket = "tcp:127.0.0.1:" + netsnmp.Port(t)
				address = socket
			}
			netsnmp.Snmpd(t, port, socket, configuration)
			var log logged
			start(t, subagent(t, address, &log))
			waitServed(t, &log, 1)

			v1 := netsnmp.NewClient(t, netsnmp.UDP(port), m, "-v1", "-cs3cret")
			v2 := v1.As("-v2c", "-cs3cret")
			v3 := v1.As("-v3", "-u", "probe", "-l", "authPriv", "-a", "SHA-256", "-A", "authpass-of-the-test", "-x", "AES", "-X", "privpass-of-the-test")
			root := "." + m.Base.String()
			walk := body(v2.Run("snmpwalk", root))
			require.Equal(t, 2*11+2*12+5+5, strings.Count(walk, "\n"), walk)
			require.Contains(t, walk, "IDP-EXPORTER-MIB::idpVerdict.0 = INTEGER: fail(3)")
			require.Contains(t, walk, "STRING: schön langsam")
			require.Equal(t, walk, body(v1.Run("snmpwalk", root)))
			require.Equal(t, walk, body(v3.Run("snmpwalk", root)))
			require.Equal(t, walk, body(v2.Run("snmpbulkwalk", root)))
			require.Equal(t, walk, body(v3.Run("snmpbulkwalk", "-Cr100", "@", root)))
			for _, c := range []netsnmp.Client{v1, v2, v3} {
				table := c.Run("snmptable", "-Cf", "|", "@", "IDP-EXPORTER-MIB::idpActiveTable")
				require.Contains(t, table, "\na-2|certificate|warning|keycloak|ends soon|")
				table = c.Run("snmptable", "-Cf", "|", "@", "IDP-EXPORTER-MIB::idpProbeTable")
				require.Contains(t, table, "\nlogin||login|keycloak|critical|true|fail|timeout|schön langsam|")
			}
			// Several at once, across the borders of what we serve.
			out := v2.Run("snmpgetnext", "SNMPv2-MIB::sysName.0", "IDP-EXPORTER-MIB::idpActiveIndeterminate.0", "IDP-EXPORTER-MIB::idpExporterSite.0")
			require.Contains(t, out, "IDP-EXPORTER-MIB::idpProbeName.")
			require.NotContains(t, out, "Error")
			out = v2.Run("snmpbulkget", "-Cn1", "-Cr5", "@", "IDP-EXPORTER-MIB::idpVerdict", "IDP-EXPORTER-MIB::idpProbeName", "IDP-EXPORTER-MIB::idpExporterVersion.0")
			require.Equal(t, 1+2*5, strings.Count(out, " = "), out)
			require.Contains(t, v2.Run("snmpget", "IDP-EXPORTER-MIB::idpActiveId.1"), "No Such Instance")
			require.Contains(t, v2.Run("snmpget", "IDP-EXPORTER-MIB::idpAlarmId.0"), "No Such Object")
			out, err := v2.As("-v2c", "-cwriter").Try("snmpset", "IDP-EXPORTER-MIB::idpVerdict.0", "i", "1")
			require.Error(t, err)
			require.Contains(t, out, "notWritable")
			require.Contains(t, v2.Run("snmpget", "IDP-EXPORTER-MIB::idpVerdict.0"), "fail(3)", "still there")
		})
	}
}

// Whichever of the two is restarted, the tree is back without anybody's doing.
func TestRestarts(t *testing.T) {
	t.Parallel()
	m, port, socket := model(t), netsnmp.Port(t), filepath.Join(short(t), "master")
	v2 := netsnmp.NewClient(t, netsnmp.UDP(port), m, "-v2c", "-cs3cret")
	var log logged
	stop := start(t, subagent(t, socket, &log)) // before there is a master
	require.Eventually(t, func() bool { return log.count("no AgentX master serves") == 1 }, netsnmp.Patience, 5*time.Millisecond)
	d := netsnmp.Snmpd(t, port, socket, configuration)
	waitServed(t, &log, 1)
	require.Contains(t, v2.Run("snmpget", "IDP-EXPORTER-MIB::idpVerdict.0"), "fail(3)")
	d.Stop()
	netsnmp.Snmpd(t, port, socket, configuration)
	waitServed(t, &log, 2)
	require.Contains(t, v2.Run("snmpget", "IDP-EXPORTER-MIB::idpVerdict.0"), "fail(3)")
	stop()
	require.Eventually(t, func() bool {
		return strings.Contains(v2.Run("snmpget", "IDP-EXPORTER-MIB::idpVerdict.0"), "No Such Object")
	}, netsnmp.Patience, 10*time.Millisecond, "who leaves takes leave")
	start(t, subagent(t, socket, &log))
	waitServed(t, &log, 3)
	require.Contains(t, v2.Run("snmpget", "IDP-EXPORTER-MIB::idpVerdict.0"), "fail(3)")
}

// A second exporter with the same base is told so.
func TestDuplicateRegistration(t *testing.T) {
	t.Parallel()
	socket := filepath.Join(short(t), "master")
	netsnmp.Snmpd(t, netsnmp.Port(t), socket, configuration)
	var first, second logged
	start(t, subagent(t, socket, &first))
	waitServed(t, &first, 1)
	start(t, subagent(t, socket, &second))
	require.Eventually(t, func() bool { return second.count("another agent serves this part of the tree") == 1 }, netsnmp.Patience, 5*time.Millisecond)
	require.Equal(t, 1, second.count("level=WARN"), "said once")
}
