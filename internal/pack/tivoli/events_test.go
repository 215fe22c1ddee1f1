package tivoli

import (
	"io"
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/idp-exporter/idp_exporter/bridges"
	"github.com/idp-exporter/idp_exporter/bridges/eif"
	"github.com/idp-exporter/idp_exporter/bridges/snmp"
	"github.com/idp-exporter/idp_exporter/probes"
)

// patience is how long to wait for what comes over the loopback.
const patience = 30 * time.Second

var at = time.Date(2026, 9, 1, 10, 0, 0, 0, time.UTC)

// raise is an alarm of the given severity, as the engine tells it.
func raise(id string, s probes.Severity) bridges.Event {
	return bridges.Event{Kind: bridges.Raise, Sequence: 17, Time: at, Alarm: bridges.Alarm{
		ID: id, Name: "login", Severity: s, Target: "shop (node1)", Text: `step "token": größer als 5 s; it's {late}`, Probe: "login", Node: "node1",
		Reason: "timeout", Runbook: "https://wiki.example/login?a=1&b=2", Raised: at, Changed: at,
	}}
}

func clearing(id string) bridges.Event {
	e := raise(id, bridges.Cleared)
	e.Kind, e.Sequence, e.Alarm.Reason, e.Alarm.Text = bridges.Clear, 18, "", "passes again"
	return e
}

func beatOf(exporter string) bridges.Event {
	return bridges.Event{Kind: bridges.Heartbeat, Sequence: 19, Time: at, Alarm: bridges.Alarm{
		Name: "heartbeat", Severity: bridges.Cleared, Target: exporter, Text: "idp_exporter is alive", Raised: at, Changed: at,
	}}
}

func setting(oid string) bridges.Setting {
	return bridges.Setting{Name: "noc", Exporter: "exporter1", Site: "https://idp.example/monitor", BaseOID: oid, Start: time.Now().Add(-time.Hour)}
}

func deliver(t testing.TB, o bridges.Options, s bridges.Setting, events ...bridges.Event) {
	t.Helper()
	destinations, err := o.New(s)
	require.NoError(t, err)
	require.Len(t, destinations, 1)
	defer func() { require.NoError(t, destinations[0].Deliverer.Close()) }()
	for _, e := range events {
		require.NoError(t, destinations[0].Deliverer.Deliver(t.Context(), e))
	}
}

// datagrams returns what the snmp bridge sends for events.
func datagrams(t testing.TB, version, oid string, events ...bridges.Event) [][]byte {
	t.Helper()
	l, err := new(net.ListenConfig).ListenPacket(t.Context(), "udp", "127.0.0.1:0")
	require.NoError(t, err)
	defer func() { require.NoError(t, l.Close()) }()
	deliver(t, &snmp.Options{Destinations: []snmp.Destination{{Address: l.LocalAddr().String(), Version: version}}}, setting(oid), events...)
	var all [][]byte
	for range events {
		b := make([]byte, 1<<16)
		require.NoError(t, l.SetReadDeadline(time.Now().Add(patience)))
		n, _, err := l.ReadFrom(b)
		require.NoError(t, err)
		all = append(all, b[:n])
	}
	return all
}

// stream returns the bytes that the eif bridge sends for events.
func stream(t testing.TB, change func(*eif.Options), events ...bridges.Event) []byte {
	t.Helper()
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer func() { require.NoError(t, l.Close()) }()
	got := make(chan []byte, 1)
	go func() {
		var b []byte
		if c, err := l.Accept(); err == nil {
			_ = c.SetDeadline(time.Now().Add(patience))
			b, _ = io.ReadAll(c)
			_ = c.Close()
		}
		got <- b
	}()
	o := eif.NewOptions()
	o.Servers = []string{l.Addr().String()}
	if change != nil {
		change(o)
	}
	deliver(t, o, setting(""), events...)
	return <-got
}
