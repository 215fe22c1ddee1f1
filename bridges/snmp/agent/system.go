package agent

import (
	"math"
	"net"
	"os"
	"time"

	"github.com/idp-exporter/idp_exporter/bridges/snmp/mib"
)

// system makes the variables by which consoles discover a device: the system
// group of RFC 3418 and as much of the interfaces of RFC 2863 as is known on
// every platform.
type system struct {
	agent mib.OID
	host  string
}

var (
	systemGroup = mib.OID{1, 3, 6, 1, 2, 1, 1}
	ifNumber    = mib.OID{1, 3, 6, 1, 2, 1, 2, 1, 0}
	ifEntry     = mib.OID{1, 3, 6, 1, 2, 1, 2, 2, 1}
)

// services says that layers 4 and 7 are served (RFC 3418, sysServices).
const services = 72

func newSystem(m mib.Model) system {
	host, err := os.Hostname()
	if err != nil {
		host = "idp_exporter"
	}
	return system{m.Agent(), host}
}

func (s system) variables(v mib.View) []mib.Variable {
	describe := "idp_exporter"
	if v.Version != "" {
		describe += " " + v.Version
	}
	if v.Name != "" {
		describe += " (" + v.Name + ")"
	}
	values := []mib.Value{
		mib.Text(describe), mib.Identifier(s.agent), mib.Ticks(time.Since(v.Start)),
		mib.Text(v.Contact), mib.Text(s.host), mib.Text(v.Location), mib.Int(services),
	}
	var all []mib.Variable
	for i, value := range values {
		all = append(all, mib.Variable{OID: systemGroup.Child(uint32(i+1), 0), Value: value}) //nolint:gosec // small
	}
	return append(all, interfaces()...)
}

func interfaces() []mib.Variable {
	list, err := net.Interfaces()
	if err != nil {
		list = nil // the rest is worth serving without
	}
	all := []mib.Variable{{OID: ifNumber, Value: mib.Int(len(list))}}
	for _, i := range list {
		columns := []mib.Value{
			mib.Int(i.Index), mib.Text(i.Name), mib.Int(kind(i)), mib.Int(i.MTU), mib.Gauge(0),
			mib.Octets(string(i.HardwareAddr)), mib.Int(up(i.Flags, net.FlagUp)), mib.Int(up(i.Flags, net.FlagRunning)),
		}
		if i.Index < 1 || i.Index > math.MaxInt32 {
			continue
		}
		for c, value := range columns {
			all = append(all, mib.Variable{OID: ifEntry.Child(uint32(c+1), uint32(i.Index)), Value: value}) //nolint:gosec // small
		}
	}
	return all
}

// kind is the ifType: softwareLoopback, or other where only the system knows.
func kind(i net.Interface) int {
	switch {
	case i.Flags&net.FlagLoopback != 0:
		return 24
	case len(i.HardwareAddr) == 6:
		return 6 // ethernetCsmacd
	default:
		return 1
	}
}

func up(flags, flag net.Flags) int {
	if flags&flag != 0 {
		return 1
	}
	return 2
}
