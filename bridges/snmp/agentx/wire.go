package agentx

import (
	"encoding/binary"
	"errors"

	"github.com/idp-exporter/idp_exporter/bridges/snmp/mib"
)

// The types of PDUs (RFC 2741, section 6.1).
const (
	typeOpen       = 1
	typeClose      = 2
	typeRegister   = 3
	typeGet        = 5
	typeGetNext    = 6
	typeGetBulk    = 7
	typeTestSet    = 8
	typeCommitSet  = 9
	typeUndoSet    = 10
	typeCleanupSet = 11
	typePing       = 13
	typeResponse   = 18
)

const (
	flagContext = 0x08 // a context other than the default one follows the header
	flagNetwork = 0x10 // most significant byte first

	headerSize = 20
	maxArcs    = 128
	// maxPayload bounds what is read and what is answered.
	maxPayload = 1 << 16
	// maxRanges is how many variables a request may name.
	maxRanges = 1024
)

var errMalformed = errors.New("malformed AgentX PDU")

// header is the header of every PDU (RFC 2741, section 6.1).
type header struct {
	kind, flags                  byte
	session, transaction, packet uint32
	length                       uint32
}

func parseHeader(b []byte) (header, error) {
	if len(b) < headerSize || b[0] != 1 {
		return header{}, errMalformed
	}
	h := header{kind: b[1], flags: b[2]}
	o := h.order()
	h.session, h.transaction, h.packet, h.length = o.Uint32(b[4:]), o.Uint32(b[8:]), o.Uint32(b[12:]), o.Uint32(b[16:])
	if h.length > maxPayload || h.length%4 != 0 {
		return header{}, errMalformed
	}
	return h, nil
}

func (h header) order() binary.ByteOrder {
	if h.flags&flagNetwork != 0 {
		return binary.BigEndian
	}
	return binary.LittleEndian
}

// pdu encodes a whole PDU. All that is sent has the most significant byte first.
func (h header) pdu(payload []byte) []byte {
	b := make([]byte, headerSize, headerSize+len(payload))
	b[0], b[1], b[2] = 1, h.kind, flagNetwork
	binary.BigEndian.PutUint32(b[4:], h.session)
	binary.BigEndian.PutUint32(b[8:], h.transaction)
	binary.BigEndian.PutUint32(b[12:], h.packet)
	binary.BigEndian.PutUint32(b[16:], uint32(len(payload))) //nolint:gosec // bounded by maxPayload
	return append(b, payload...)
}

// reader reads a payload. After the first error all it returns is zero.
type reader struct {
	b     []byte
	order binary.ByteOrder
	bad   bool
}

func (r *reader) take(n int) []byte {
	if r.bad || n > len(r.b) {
		r.bad = true
		return nil
	}
	out := r.b[:n]
	r.b = r.b[n:]
	return out
}

func (r *reader) uint16() uint16 {
	if b := r.take(2); b != nil {
		return r.order.Uint16(b)
	}
	return 0
}

func (r *reader) uint32() uint32 {
	if b := r.take(4); b != nil {
		return r.order.Uint32(b)
	}
	return 0
}

// octets reads an octet string (RFC 2741, section 5.3).
func (r *reader) octets() []byte {
	n := r.uint32()
	if n > maxPayload {
		r.bad = true
		return nil
	}
	b := r.take(int(n))
	r.take(int(-n & 3))
	return b
}

// oid reads an object identifier (RFC 2741, section 5.1).
func (r *reader) oid() (o mib.OID, include bool) {
	b := r.take(4)
	if b == nil {
		return nil, false
	}
	n, prefix := int(b[0]), b[1]
	if n > maxArcs {
		r.bad = true
		return nil, false
	}
	o = make(mib.OID, 0, n+5)
	if prefix != 0 {
		o = append(o, 1, 3, 6, 1, uint32(prefix))
	}
	for range n {
		o = append(o, r.uint32())
	}
	return o, b[2] != 0
}

// appendOID appends an object identifier; the nil one is null.
func appendOID(b []byte, o mib.OID) []byte {
	b = append(b, byte(len(o)), 0, 0, 0) //nolint:gosec // at most 128
	for _, n := range o {
		b = binary.BigEndian.AppendUint32(b, n)
	}
	return b
}

func appendOctets(b []byte, s string) []byte {
	b = binary.BigEndian.AppendUint32(b, uint32(len(s))) //nolint:gosec // texts are short
	b = append(b, s...)
	return append(b, make([]byte, -len(s)&3)...)
}

// appendVariable appends a VarBind (RFC 2741, section 5.4). The types of values
// are numbered as in BER.
func appendVariable(b []byte, o mib.OID, v mib.Value) []byte {
	b = appendOID(append(b, 0, byte(v.Kind), 0, 0), o)
	switch v.Kind {
	case mib.OctetString:
		return appendOctets(b, v.Octets)
	case mib.ObjectIdentifier:
		return appendOID(b, v.OID)
	default:
		return binary.BigEndian.AppendUint32(b, v.Number)
	}
}

// appendException appends a VarBind without a value.
func appendException(b []byte, o mib.OID, kind byte) []byte {
	return appendOID(append(b, 0, kind, 0, 0), o)
}
