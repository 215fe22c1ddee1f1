package mib

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// maxArcs is how many sub-identifiers an OID may have (RFC 2578, section 3.5).
const maxArcs = 128

// OID is an object identifier.
type OID []uint32

// ParseOID reads the dotted form, with or without a leading dot.
func ParseOID(s string) (OID, error) {
	parts := strings.Split(strings.TrimPrefix(s, "."), ".")
	if len(parts) < 2 || len(parts) > maxArcs {
		return nil, fmt.Errorf("%q is not an object identifier; write 2 to %d numbers with dots between them, such as %s", s, maxArcs, DefaultBase)
	}
	o := make(OID, len(parts))
	for i, p := range parts {
		n, err := strconv.ParseUint(p, 10, 32)
		if err != nil {
			return nil, fmt.Errorf("%q is not an object identifier: %q is no number from 0 to 4294967295", s, p)
		}
		o[i] = uint32(n)
	}
	if o[0] > 2 || o[0] < 2 && o[1] > 39 {
		return nil, fmt.Errorf("%q is not an object identifier: nothing can begin with %d.%d", s, o[0], o[1])
	}
	return o, nil
}

// String returns the dotted form without a leading dot.
func (o OID) String() string {
	b := make([]byte, 0, 4*len(o))
	for i, n := range o {
		if i > 0 {
			b = append(b, '.')
		}
		b = strconv.AppendUint(b, uint64(n), 10)
	}
	return string(b)
}

// Child returns the identifier below o at the given arcs. It shares no memory
// with o.
func (o OID) Child(arcs ...uint32) OID { return slices.Concat(o, OID(arcs)) }

// Under tells whether o is root or stands below it.
func (o OID) Under(root OID) bool {
	return len(o) >= len(root) && slices.Equal(o[:len(root)], root)
}

// Compare orders identifiers as walks do (RFC 2578, section 3.5).
func (o OID) Compare(other OID) int { return slices.Compare(o, other) }
