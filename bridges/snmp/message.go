package snmp

import (
	"fmt"
	"time"

	"github.com/gosnmp/gosnmp"

	"github.com/idp-exporter/idp_exporter/bridges"
	"github.com/idp-exporter/idp_exporter/bridges/snmp/mib"
)

// The first two variables of every notification (RFC 3416, section 4.2.6).
const (
	sysUpTime   = "1.3.6.1.2.1.1.3.0"
	snmpTrapOID = "1.3.6.1.6.3.1.1.4.1.0"
)

// generic is the generic trap of v1 that points to the specific one.
const generic = 6

// notification makes the messages of events.
type notification struct {
	model mib.Model
	names []string // of the variables
	start time.Time
	limit int // bytes of a message
}

func newNotification(model mib.Model, start time.Time, limit int) notification {
	n := notification{model: model, start: start, limit: limit}
	for _, o := range model.Variables() {
		n.names = append(n.names, o.String())
	}
	return n
}

// packet makes the packet of an event but for what its version adds.
func (n notification) packet(e bridges.Event) (*gosnmp.SnmpPacket, error) {
	oid, err := n.model.Notification(e.Kind)
	if err != nil {
		return nil, bridges.Permanent(err)
	}
	variables := make([]gosnmp.SnmpPDU, 0, len(n.names)+2)
	variables = append(variables,
		gosnmp.SnmpPDU{Name: sysUpTime, Type: gosnmp.TimeTicks, Value: mib.UpTime(time.Since(n.start))},
		gosnmp.SnmpPDU{Name: snmpTrapOID, Type: gosnmp.ObjectIdentifier, Value: oid.String()})
	for i, v := range mib.Values(e) {
		variables = append(variables, pdu(n.names[i], v))
	}
	return &gosnmp.SnmpPacket{PDUType: gosnmp.SNMPv2Trap, Variables: variables}, nil
}

func pdu(name string, v mib.Value) gosnmp.SnmpPDU {
	p := gosnmp.SnmpPDU{Name: name, Type: gosnmp.Asn1BER(v.Kind)}
	switch v.Kind {
	case mib.Integer:
		p.Value = int(v.Number)
	case mib.OctetString:
		p.Value = v.Octets
	case mib.ObjectIdentifier:
		p.Value = v.OID.String()
	default:
		p.Value = v.Number
	}
	return p
}

// asV1 turns a notification into a trap of v1 (RFC 3584, section 3.2). Since
// the identifiers of ours end in 0 and a number, both are left out of the
// enterprise. Address is IPv4.
func asV1(p *gosnmp.SnmpPacket, base mib.OID, address string) error {
	oid, err := mib.ParseOID(p.Variables[1].Value.(string))
	if err != nil {
		return err
	}
	p.Version, p.PDUType = gosnmp.Version1, gosnmp.Trap
	p.SnmpTrap = gosnmp.SnmpTrap{
		Enterprise: base.String(), AgentAddress: address, GenericTrap: generic,
		SpecificTrap: int(oid[len(oid)-1]), Timestamp: uint(p.Variables[0].Value.(uint32)),
	}
	p.Variables = p.Variables[2:]
	return nil
}

// encode marshals a packet and, where it exceeds the limit, shortens its texts
// until it does not. What is cut off hurts least first.
func (n notification) encode(p *gosnmp.SnmpPacket) ([]byte, error) {
	b, err := p.MarshalMsg()
	for _, least := range []int{128, 40, 0} {
		for _, i := range mib.Shorten() {
			over := len(b) - n.limit
			if err != nil || over <= 0 {
				return b, err
			}
			v := &p.Variables[len(p.Variables)-len(n.names)+i]
			text, _ := v.Value.(string)
			if len(text) <= least {
				continue
			}
			if i == mib.Runbook {
				v.Value = ""
			} else {
				v.Value = bridges.Cut(text, max(least, len(text)-over))
			}
			b, err = p.MarshalMsg()
		}
	}
	if err == nil && len(b) > n.limit {
		err = fmt.Errorf("the notification has %d bytes even without its texts; raise max_size above %d", len(b), n.limit)
	}
	return b, err
}
