package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"
	"sync"
	"time"

	"github.com/gosnmp/gosnmp"

	"github.com/idp-exporter/idp_exporter/bridges"
	"github.com/idp-exporter/idp_exporter/bridges/snmp"
	"github.com/idp-exporter/idp_exporter/bridges/snmp/mib"
)

// bareLoops are the floor: one loop for each destination that does nothing but
// send what was made before.
type bareLoops struct {
	senders []*gosnmp.GoSNMP
	traps   []gosnmp.SnmpTrap
}

func newBareLoops(destinations []snmp.Destination, events []bridges.Event) (b *bareLoops, err error) {
	b = &bareLoops{}
	defer func() {
		if err != nil {
			b.close()
		}
	}()
	for _, d := range destinations {
		host, text, err := net.SplitHostPort(d.Address)
		if err != nil {
			return b, err
		}
		port, err := strconv.ParseUint(text, 10, 16)
		if err != nil {
			return b, err
		}
		g := &gosnmp.GoSNMP{Target: host, Port: uint16(port), Version: gosnmp.Version2c, Community: community, Timeout: 5 * time.Second, Retries: 2}
		if err := g.Connect(); err != nil {
			return b, err
		}
		b.senders = append(b.senders, g)
	}
	m, err := mib.New("")
	if err != nil {
		return b, err
	}
	for _, ev := range events {
		trap, err := bareTrap(m, ev)
		if err != nil {
			return b, err
		}
		trap.IsInform = destinations[0].Inform
		b.traps = append(b.traps, trap)
	}
	return b, nil
}

// bareTrap has the variables of the bridge's own notification.
func bareTrap(m mib.Model, ev bridges.Event) (gosnmp.SnmpTrap, error) {
	oid, err := m.Notification(ev.Kind)
	if err != nil {
		return gosnmp.SnmpTrap{}, err
	}
	trap := gosnmp.SnmpTrap{Variables: []gosnmp.SnmpPDU{
		{Name: "1.3.6.1.2.1.1.3.0", Type: gosnmp.TimeTicks, Value: mib.UpTime(time.Minute)},
		{Name: "1.3.6.1.6.3.1.1.4.1.0", Type: gosnmp.ObjectIdentifier, Value: oid.String()},
	}}
	names := m.Variables()
	for i, v := range mib.Values(ev) {
		pdu := gosnmp.SnmpPDU{Name: names[i].String(), Type: gosnmp.Asn1BER(v.Kind), Value: v.Number}
		switch v.Kind {
		case mib.Integer:
			pdu.Value = int(v.Number)
		case mib.OctetString:
			pdu.Value = v.Octets
		}
		trap.Variables = append(trap.Variables, pdu)
	}
	return trap, nil
}

// run returns the alarms sent to all destinations a second.
func (b *bareLoops) run(context.Context) ([]float64, error) {
	var all sync.WaitGroup
	errs := make([]error, len(b.senders))
	begin := time.Now()
	for i, g := range b.senders {
		all.Go(func() {
			for _, trap := range b.traps {
				if _, err := g.SendTrap(trap); err != nil {
					errs[i] = fmt.Errorf("the bare loop: %w", err)
					return
				}
			}
		})
	}
	all.Wait()
	return []float64{float64(len(b.traps)) / time.Since(begin).Seconds()}, errors.Join(errs...)
}

func (b *bareLoops) close() {
	for _, g := range b.senders {
		_ = g.Close()
	}
}

const (
	community = "public"
	// The first bytes of an inform and of its response (RFC 3416, section 3).
	informTag, responseTag = 0xa6, 0xa2
)

// startConsole starts a receiver in a process of its own.
func startConsole(ctx context.Context) (*process, error) {
	exe, err := os.Executable()
	if err != nil {
		return nil, err
	}
	return start(ctx, "127.0.0.1:", exe, "-serve", "console")
}

// console takes notifications of v2c as fast as it can, acknowledges the
// informs among them, and prints its address.
func console(ctx context.Context) error {
	c, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		return err
	}
	stop := context.AfterFunc(ctx, func() { _ = c.Close() })
	defer stop()
	fmt.Println(c.LocalAddr())
	for buffer := make([]byte, 1<<16); ; {
		n, from, err := c.ReadFromUDPAddrPort(buffer)
		if err != nil {
			if ctx.Err() != nil {
				return nil
			}
			return err
		}
		if answer := acknowledged(buffer[:n]); answer != nil {
			if _, err := c.WriteToUDPAddrPort(answer, from); err != nil {
				return err
			}
		}
	}
}

// acknowledged turns an inform into its response, which repeats it (RFC 3416,
// section 4.2.7), and returns nil for anything else.
func acknowledged(b []byte) []byte {
	at := bytes.Index(b, []byte(community)) + len(community)
	if at >= len(b) || b[at] != informTag {
		return nil
	}
	b[at] = responseTag
	return b
}
