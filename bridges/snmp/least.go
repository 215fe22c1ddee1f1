package snmp

import (
	"strings"
	"time"

	"github.com/gosnmp/gosnmp"

	"github.com/idp-exporter/idp_exporter/bridges"
	"github.com/idp-exporter/idp_exporter/bridges/snmp/mib"
)

// leastSize is how many bytes a notification has without its texts, at most.
func leastSize(d Destination, model mib.Model) (int, error) {
	n := newNotification(model, time.Now().Add(-490*24*time.Hour), maxSize)
	p, err := n.packet(bridges.Event{
		Kind: bridges.Raise, Sequence: 1<<32 - 1, Time: time.Now(),
		Alarm: bridges.Alarm{ID: strings.Repeat("x", 64)},
	})
	if err != nil {
		return 0, err
	}
	p.RequestID = 0x7fffffff
	if d.Version != v3 {
		s := &sender{Destination: d}
		s.model = model
		if err := s.community(p); err != nil {
			return 0, err
		}
		return size(n, p)
	}
	u := newUser(d.V3)
	parameters := u.parameters(strings.Repeat("e", 32), "", "")
	parameters.AuthoritativeEngineBoots, parameters.AuthoritativeEngineTime = maxBoots, maxBoots
	parameters.SecretKey, parameters.PrivacyKey = make([]byte, 64), make([]byte, keyLength(parameters.PrivacyProtocol))
	u.keys = parameters
	u.season(maxBoots)
	u.sign(p, parameters, 0x7fffffff)
	return size(n, p)
}

func size(n notification, p *gosnmp.SnmpPacket) (int, error) {
	b, err := n.encode(p)
	return len(b), err
}

// keyLength is the size of a key in bytes; DES has its salt behind the key.
func keyLength(p gosnmp.SnmpV3PrivProtocol) int {
	switch p {
	case gosnmp.AES192, gosnmp.AES192C:
		return 24
	case gosnmp.AES256, gosnmp.AES256C:
		return 32
	default:
		return 16
	}
}
