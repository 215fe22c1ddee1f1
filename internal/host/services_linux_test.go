package host

import (
	"bufio"
	"context"
	"encoding/binary"
	"io"
	"net"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/godbus/dbus/v5"
	"github.com/stretchr/testify/require"
)

// unitRow is a row of systemd's list of units (org.freedesktop.systemd1(5)).
type unitRow struct {
	Name, Description, Load, Active, Sub, Followed string
	Path                                           dbus.ObjectPath
	JobID                                          uint32
	JobType                                        string
	JobPath                                        dbus.ObjectPath
}

func row(name, load, active, sub string) unitRow {
	return unitRow{Name: name, Load: load, Active: active, Sub: sub, Path: "/u", JobPath: "/"}
}

// systemd is a stand-in for the system bus and the manager behind it. Reply
// makes the answer to each call of the manager; nil never answers.
func systemd(t *testing.T, reply func(member string, names []string) *dbus.Message) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "bus")
	l, err := net.Listen("unix", path)
	require.NoError(t, err)
	var (
		group sync.WaitGroup
		mu    sync.Mutex
		conns []net.Conn
	)
	group.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			mu.Lock()
			conns = append(conns, c)
			mu.Unlock()
			group.Go(func() { serveBus(c, reply) })
		}
	})
	t.Cleanup(func() {
		_ = l.Close()
		mu.Lock()
		for _, c := range conns {
			_ = c.Close()
		}
		mu.Unlock()
		group.Wait()
	})
	t.Setenv("DBUS_SYSTEM_BUS_ADDRESS", "unix:path="+path)
}

func serveBus(c net.Conn, reply func(string, []string) *dbus.Message) {
	defer func() { _ = c.Close() }()
	in := bufio.NewReader(c)
	for { // the handshake (D-Bus specification, "Authentication Protocol")
		line, err := in.ReadString('\n')
		switch {
		case err != nil:
			return
		case strings.Contains(line, "AUTH EXTERNAL"):
			_, _ = io.WriteString(c, "OK 1234deadbeef1234deadbeef1234dead\r\n")
		case strings.Contains(line, "AUTH"):
			_, _ = io.WriteString(c, "REJECTED EXTERNAL\r\n")
		case strings.Contains(line, "NEGOTIATE"):
			_, _ = io.WriteString(c, "ERROR\r\n")
		case strings.Contains(line, "BEGIN"):
			serveCalls(c, in, reply)
			return
		}
	}
}

func serveCalls(c net.Conn, in io.Reader, reply func(string, []string) *dbus.Message) {
	for {
		call, err := dbus.DecodeMessage(in)
		if err != nil {
			return
		}
		member, _ := call.Headers[dbus.FieldMember].Value().(string)
		answer := &dbus.Message{Type: dbus.TypeMethodReply, Headers: map[dbus.HeaderField]dbus.Variant{}}
		switch member {
		case "Hello":
			answer.Body = []any{":1.1"}
			answer.Headers[dbus.FieldSignature] = dbus.MakeVariant(dbus.SignatureOf(""))
		case "AddMatch":
		default:
			var names []string
			if len(call.Body) > 0 {
				names, _ = call.Body[0].([]string)
			}
			if answer = reply(member, names); answer == nil {
				continue
			}
		}
		answer.Headers[dbus.FieldReplySerial] = dbus.MakeVariant(call.Serial())
		answer.Headers[dbus.FieldSender] = dbus.MakeVariant(":1.0")
		if err := encode(c, answer); err != nil {
			return
		}
	}
}

func encode(w io.Writer, m *dbus.Message) error { return m.EncodeTo(w, binary.LittleEndian) }

func listing(rows ...unitRow) *dbus.Message {
	return &dbus.Message{Type: dbus.TypeMethodReply, Body: []any{rows}, Headers: map[dbus.HeaderField]dbus.Variant{
		dbus.FieldSignature: dbus.MakeVariant(dbus.SignatureOf(rows)),
	}}
}

var units = []unitRow{
	row("nginx.service", "loaded", "active", "running"), row("db.service", "loaded", "failed", "failed"),
	row("gone.service", "not-found", "inactive", "dead"), row("web.service", "loaded", "reloading", "reload"),
}

var wantServices = map[string]Service{
	"nginx.service": {true, "active (running)"}, "db.service": {false, "failed (failed)"}, "gone.service": {false, "not found"},
	"web.service": {true, "reloading (reload)"}, "unlisted.service": {false, "not found"},
}

var wantedNames = []string{"nginx.service", "db.service", "gone.service", "web.service", "unlisted.service"}

func TestServicesBySystemd(t *testing.T) {
	asked := make(chan []string, 1)
	systemd(t, func(member string, names []string) *dbus.Message {
		asked <- append([]string{member}, names...)
		return listing(units...)
	})
	found, err := machineServices(t.Context(), wantedNames)
	require.NoError(t, err)
	require.Equal(t, wantServices, found)
	require.Equal(t, append([]string{"ListUnitsByNames"}, wantedNames...), <-asked)
}

func TestServicesByOldSystemd(t *testing.T) {
	systemd(t, func(member string, _ []string) *dbus.Message {
		if member == "ListUnits" {
			return listing(units...)
		}
		return &dbus.Message{Type: dbus.TypeError, Headers: map[dbus.HeaderField]dbus.Variant{
			dbus.FieldErrorName: dbus.MakeVariant("org.freedesktop.DBus.Error.UnknownMethod"),
		}}
	})
	found, err := machineServices(t.Context(), wantedNames)
	require.NoError(t, err)
	require.Equal(t, wantServices, found)
}

func TestServicesOfASystemdThatIsSilent(t *testing.T) {
	systemd(t, func(string, []string) *dbus.Message { return nil })
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	_, err := machineServices(ctx, wantedNames)
	require.ErrorIs(t, err, context.DeadlineExceeded)
}

func TestServicesWithoutSystemd(t *testing.T) {
	t.Setenv("DBUS_SYSTEM_BUS_ADDRESS", "unix:path="+filepath.Join(t.TempDir(), "none"))
	_, err := machineServices(t.Context(), wantedNames)
	require.ErrorContains(t, err, "D-Bus")
	snap := New().Sample(t.Context(), time.Minute, "nginx.service")
	require.Error(t, snap.Health(CollectorServices).Err)
	require.Nil(t, snap.Services)
	require.NotNil(t, snap.Memory, "the others are not concerned")
}
