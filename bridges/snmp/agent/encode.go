package agent

import (
	"math/bits"

	"github.com/idp-exporter/idp_exporter/bridges/snmp/mib"
)

// appendElement appends one element.
func appendElement(dst []byte, tag byte, content []byte) []byte {
	return append(appendHead(dst, tag, len(content)), content...)
}

func appendHead(dst []byte, tag byte, length int) []byte {
	dst = append(dst, tag)
	if length < 0x80 {
		return append(dst, byte(length))
	}
	n := (bits.Len(uint(length)) + 7) / 8
	dst = append(dst, 0x80|byte(n))
	for ; n > 0; n-- {
		dst = append(dst, byte(length>>(8*(n-1)))) //nolint:gosec // a byte is meant
	}
	return dst
}

// appendInteger appends a number in as few bytes as its sign allows.
func appendInteger(dst []byte, tag byte, n int64) []byte {
	size := 1
	for n>>(8*size-1) != 0 && n>>(8*size-1) != -1 {
		size++
	}
	dst = append(dst, tag, byte(size))
	for ; size > 0; size-- {
		dst = append(dst, byte(n>>(8*(size-1)))) //nolint:gosec // a byte is meant
	}
	return dst
}

func appendOID(dst []byte, o mib.OID) []byte {
	var content []byte
	for i, n := range o {
		v := uint64(n)
		switch i {
		case 0:
			continue
		case 1:
			v += 40 * uint64(o[0])
		}
		for shift := (max(bits.Len64(v), 1) - 1) / 7 * 7; shift > 0; shift -= 7 {
			content = append(content, 0x80|byte(v>>shift)) //nolint:gosec // seven bits are meant
		}
		content = append(content, byte(v&0x7f))
	}
	return appendElement(dst, tagOID, content)
}

func appendValue(dst []byte, v mib.Value) []byte {
	switch v.Kind {
	case mib.OctetString:
		return appendElement(dst, tagOctets, []byte(v.Octets))
	case mib.ObjectIdentifier:
		return appendOID(dst, v.OID)
	default:
		return appendInteger(dst, byte(v.Kind), int64(v.Number))
	}
}

// variable encodes a name with its value.
func variable(o mib.OID, v mib.Value) []byte {
	return appendElement(nil, tagSequence, appendValue(appendOID(nil, o), v))
}

// exception encodes a name with what v2c says instead of a value.
func exception(o mib.OID, tag byte) []byte {
	return appendElement(nil, tagSequence, append(appendOID(nil, o), tag, 0))
}

// answer encodes the answer to a request. List is the list of variables with
// its tag and length.
func (r request) answer(status, index int, list []byte) []byte {
	body := appendInteger(nil, tagInteger, int64(r.id))
	body = appendInteger(body, tagInteger, int64(status))
	body = appendInteger(body, tagInteger, int64(index))
	body = append(body, list...)
	message := appendInteger(nil, tagInteger, int64(r.version))
	message = appendElement(message, tagOctets, r.community)
	message = appendElement(message, pduResponse, body)
	return appendElement(nil, tagSequence, message)
}
