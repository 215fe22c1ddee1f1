package snmp

import (
	"bytes"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/idp-exporter/idp_exporter/bridges"
	"github.com/idp-exporter/idp_exporter/bridges/snmp/mib"
	"github.com/idp-exporter/idp_exporter/internal/netsnmp"
	"github.com/idp-exporter/idp_exporter/internal/secret"
	"github.com/idp-exporter/idp_exporter/probes"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	authPassword = "authpass-of-the-test"
	privPassword = "privpass-of-the-test"
)

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

func (l *logged) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// open opens a bridge named "consoles".
func open(t testing.TB, folder string, log *logged, destinations ...Destination) []bridges.Destination {
	t.Helper()
	s := bridges.Setting{Name: "consoles", Storage: folder, Start: time.Now().Add(-time.Hour)}
	if log != nil {
		s.Logger = slog.New(slog.NewTextHandler(log, nil))
	}
	o := &Options{Destinations: destinations}
	for _, p := range o.Check(s) {
		require.True(t, p.Warning, "%s: %s", p.Path, p.Message)
	}
	out, err := o.New(s)
	require.NoError(t, err)
	t.Cleanup(func() { closeAll(t, out) })
	return out
}

func closeAll(t testing.TB, all []bridges.Destination) {
	t.Helper()
	for _, d := range all {
		require.NoError(t, d.Deliverer.Close())
	}
}

func deliver(t testing.TB, d bridges.Destination, e bridges.Event) {
	t.Helper()
	require.NoError(t, d.Deliverer.Deliver(t.Context(), e), d.Name)
}

// raised is an event whose id can be looked for.
func raised(id string) bridges.Event {
	now := time.Date(2026, 11, 24, 3, 4, 5, 0, time.UTC)
	return bridges.Event{Kind: bridges.Raise, Sequence: 17, Time: now, Alarm: bridges.Alarm{
		ID: id, Name: "login", Severity: probes.Major, Target: "keycloak", Text: "step token: größer als 5 s €",
		Probe: "login", Node: "n1", Reason: "timeout", Runbook: "https://example.com/runbook", Changed: now,
	}}
}

func credentials(level, auth, priv string) V3 {
	v := V3{User: "probe", AuthProtocol: auth, PrivProtocol: priv, SecurityLevel: level}
	if level != noAuth {
		v.AuthPassword = secret.New(authPassword)
	}
	if level == authPriv {
		v.PrivPassword = secret.New(privPassword)
	}
	return v
}

func mibs(t testing.TB) (folder, module string) {
	t.Helper()
	m, err := mib.New("")
	require.NoError(t, err)
	return netsnmp.MIBs(t, map[string][]byte{m.Module: mib.Generate(m)}), m.Module
}

func trapd(t testing.TB, configuration, folder, port string) *netsnmp.Receiver {
	t.Helper()
	m, module := mibs(t)
	return netsnmp.Trapd(t, configuration, folder, port, m, module)
}
