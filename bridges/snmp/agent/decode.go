package agent

import (
	"errors"

	"github.com/idp-exporter/idp_exporter/bridges/snmp/mib"
)

// The tags of what requests and answers are made of (RFC 3416, section 3).
const (
	tagInteger  = 0x02
	tagOctets   = 0x04
	tagNull     = 0x05
	tagOID      = 0x06
	tagSequence = 0x30

	tagNoSuchObject   = 0x80
	tagNoSuchInstance = 0x81
	tagEndOfView      = 0x82

	pduGet      = 0xa0
	pduGetNext  = 0xa1
	pduResponse = 0xa2
	pduSet      = 0xa3
	pduGetBulk  = 0xa5
)

const (
	version1  = 0
	version2c = 1

	// maxVariables is how many variables a request may name.
	maxVariables = 128
	// maxArcs is how many sub-identifiers an OID may have.
	maxArcs = 128
)

var errMalformed = errors.New("malformed request")

// request is one decoded message.
type request struct {
	version   int32
	community []byte
	pdu       byte
	id        int32
	// first and second are the non-repeaters and max-repetitions of GetBulk.
	first, second int32
	names         []mib.OID
	// list is the encoded list of variables, which v1 sends back with errors.
	list []byte
}

// decode reads one message. The request refers to b.
func decode(b []byte) (request, error) {
	var r request
	message, rest, err := element(b, tagSequence)
	if err != nil || len(rest) != 0 {
		return r, errMalformed
	}
	if r.version, message, err = integer(message); err != nil {
		return r, err
	}
	if r.version != version1 && r.version != version2c {
		return r, errMalformed
	}
	if r.community, message, err = element(message, tagOctets); err != nil {
		return r, err
	}
	if len(message) == 0 {
		return r, errMalformed
	}
	r.pdu = message[0]
	switch r.pdu {
	case pduGet, pduGetNext, pduSet:
	case pduGetBulk:
		if r.version == version1 {
			return r, errMalformed
		}
	default:
		return r, errMalformed
	}
	body, rest, err := element(message, r.pdu)
	if err != nil || len(rest) != 0 {
		return r, errMalformed
	}
	return r, r.decodeBody(body)
}

func (r *request) decodeBody(b []byte) error {
	var err error
	for _, n := range []*int32{&r.id, &r.first, &r.second} {
		if *n, b, err = integer(b); err != nil {
			return err
		}
	}
	list, rest, err := element(b, tagSequence)
	if err != nil || len(rest) != 0 {
		return errMalformed
	}
	r.list = b
	for len(list) > 0 {
		var variable, name []byte
		if variable, list, err = element(list, tagSequence); err != nil {
			return err
		}
		if name, variable, err = element(variable, tagOID); err != nil {
			return err
		}
		oid, err := identifier(name)
		if err != nil {
			return err
		}
		if _, rest, err := whole(variable); err != nil || len(rest) != 0 { // the value is of no use
			return errMalformed
		}
		if len(r.names) == maxVariables {
			return errMalformed
		}
		r.names = append(r.names, oid)
	}
	return nil
}

// element returns the content of the first element of b, which must have the
// given tag, and what follows it.
func element(b []byte, tag byte) (content, rest []byte, err error) {
	if len(b) == 0 || b[0] != tag {
		return nil, nil, errMalformed
	}
	return whole(b)
}

// whole is element for any tag of one byte.
func whole(b []byte) (content, rest []byte, err error) {
	if len(b) < 2 || b[0]&0x1f == 0x1f {
		return nil, nil, errMalformed
	}
	length, b := int(b[1]), b[2:]
	if length >= 0x80 { // the long form; senders need not use the shortest
		n := length & 0x7f
		if n == 0 || n > 4 || n > len(b) {
			return nil, nil, errMalformed
		}
		length = 0
		for _, c := range b[:n] {
			length = length<<8 | int(c)
		}
		b = b[n:]
	}
	if length < 0 || length > len(b) {
		return nil, nil, errMalformed
	}
	return b[:length], b[length:], nil
}

// integer reads an INTEGER of 32 bits.
func integer(b []byte) (n int32, rest []byte, err error) {
	content, rest, err := element(b, tagInteger)
	if err != nil {
		return 0, nil, err
	}
	if len(content) == 0 || len(content) > 4 {
		return 0, nil, errMalformed
	}
	n = int32(int8(content[0])) //nolint:gosec // the sign
	for _, c := range content[1:] {
		n = n<<8 | int32(c)
	}
	return n, rest, nil
}

// identifier reads the content of an OBJECT IDENTIFIER.
func identifier(b []byte) (mib.OID, error) {
	if len(b) == 0 {
		return nil, errMalformed
	}
	oid := make(mib.OID, 0, len(b)+1)
	for len(b) > 0 {
		var n uint64
		for i := 0; ; i++ {
			if i == len(b) || i == 5 {
				return nil, errMalformed
			}
			n = n<<7 | uint64(b[i]&0x7f)
			if b[i] < 0x80 {
				b = b[i+1:]
				break
			}
		}
		if n > 1<<32-1 || len(oid) == maxArcs {
			return nil, errMalformed
		}
		if len(oid) == 0 { // two numbers in one
			first := min(n/40, 2)
			oid = append(oid, uint32(first), uint32(n-40*first)) //nolint:gosec // bounded above
			continue
		}
		oid = append(oid, uint32(n)) //nolint:gosec // bounded above
	}
	return oid, nil
}
