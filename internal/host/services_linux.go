package host

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/coreos/go-systemd/v22/dbus"
	godbus "github.com/godbus/dbus/v5"
)

// machineServices asks systemd. Unlike a call of systemctl, D-Bus needs no
// program, so it works from hardened units and from containers that are given
// the bus's socket.
func machineServices(ctx context.Context, names []string) (map[string]Service, error) {
	conn, err := dbus.NewWithContext(ctx)
	if err != nil {
		return nil, fmt.Errorf("asking systemd by D-Bus: %w; a container needs /run/dbus/system_bus_socket", err)
	}
	return askSystemd(ctx, conn, names)
}

// askSystemd closes the connection.
func askSystemd(ctx context.Context, conn *dbus.Conn, names []string) (map[string]Service, error) {
	defer conn.Close()
	units, err := conn.ListUnitsByNamesContext(ctx, names)
	var refused godbus.Error
	if errors.As(err, &refused) && refused.Name == "org.freedesktop.DBus.Error.UnknownMethod" { // before systemd 230
		units, err = conn.ListUnitsContext(ctx)
	}
	if err != nil {
		if cause := context.Cause(ctx); cause != nil {
			err = cause // which is what ended the connection
		}
		return nil, fmt.Errorf("asking systemd: %w", err)
	}
	found := make(map[string]Service, len(names))
	for _, name := range names {
		i := slices.IndexFunc(units, func(u dbus.UnitStatus) bool { return u.Name == name })
		if i < 0 || units[i].LoadState == "not-found" {
			found[name] = Service{State: "not found"}
			continue
		}
		u := units[i]
		found[name] = Service{
			Active: u.ActiveState == "active" || u.ActiveState == "reloading" || u.ActiveState == "refreshing",
			State:  u.ActiveState + " (" + u.SubState + ")",
		}
	}
	return found, nil
}
