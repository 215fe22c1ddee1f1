package agentx

import (
	"encoding/binary"

	"github.com/idp-exporter/idp_exporter/bridges/snmp/mib"
)

// What takes the place of a value (RFC 2741, section 5.4), and the errors of
// responses (section 6.2.16).
const (
	noSuchObject   = 128
	noSuchInstance = 129
	endOfView      = 130

	noError            = 0
	commitFailed       = 14
	undoFailed         = 15
	notWritable        = 17
	unsupportedContext = 262
	parseError         = 266
)

// searchRange is what GetNext and GetBulk ask for: the first variable after
// start, or at it, and before end (RFC 2741, section 5.2).
type searchRange struct {
	start   mib.OID
	include bool
	end     mib.OID // null has no end
}

// answer is what a response says.
type answer struct {
	status, index uint16
	variables     []byte
}

func (a answer) payload() []byte {
	b := make([]byte, 4, 8+len(a.variables)) // sysUpTime, which the master ignores here
	b = binary.BigEndian.AppendUint16(b, a.status)
	b = binary.BigEndian.AppendUint16(b, a.index)
	return append(b, a.variables...)
}

// respond answers a PDU of the master from one tree. It returns false for one
// that gets no response.
func respond(t *mib.Tree, h header, payload []byte) (answer, bool) {
	r := &reader{b: payload, order: h.order()}
	switch h.kind {
	case typeCleanupSet, typeResponse, typeClose:
		return answer{}, false
	case typeCommitSet: // cannot follow a TestSet of ours
		return answer{status: commitFailed}, true
	case typeUndoSet:
		return answer{status: undoFailed}, true
	}
	if h.flags&flagContext != 0 {
		r.octets()
		if !r.bad {
			return answer{status: unsupportedContext}, true
		}
	}
	switch h.kind {
	case typeTestSet:
		return answer{status: notWritable, index: 1}, true
	case typeGet:
		return get(t, r)
	case typeGetNext:
		return next(t, r, 0, 1)
	case typeGetBulk:
		single, repeat := r.uint16(), r.uint16()
		return next(t, r, int(single), int(repeat))
	default:
		return answer{status: parseError}, true
	}
}

func get(t *mib.Tree, r *reader) (answer, bool) {
	ranges, ok := r.ranges()
	if !ok {
		return answer{status: parseError}, true
	}
	var a answer
	for _, s := range ranges {
		v, ok, known := t.Get(s.start)
		switch {
		case ok:
			a.variables = appendVariable(a.variables, s.start, v)
		case known:
			a.variables = appendException(a.variables, s.start, noSuchInstance)
		default:
			a.variables = appendException(a.variables, s.start, noSuchObject)
		}
	}
	return a, true
}

// next answers GetNext, which repeats nothing, and GetBulk. What does not fit
// is left to the master to ask for again (RFC 2741, section 7.2.3.3).
func next(t *mib.Tree, r *reader, single, repeat int) (answer, bool) {
	ranges, ok := r.ranges()
	if !ok {
		return answer{status: parseError}, true
	}
	single = min(single, len(ranges))
	var a answer
	for i := range ranges[:single] {
		a.variables, _ = ranges[i].step(t, a.variables)
	}
	for range repeat {
		more := false
		for i := range ranges[single:] {
			var found bool
			a.variables, found = ranges[single+i].step(t, a.variables)
			more = more || found
		}
		if !more || len(a.variables) > maxPayload/2 {
			break
		}
	}
	return a, true
}

// step appends the next variable of a range and moves its start there.
func (s *searchRange) step(t *mib.Tree, b []byte) ([]byte, bool) {
	v, ok := t.Next(s.start, s.include)
	if !ok || len(s.end) > 0 && v.OID.Compare(s.end) >= 0 {
		return appendException(b, s.start, endOfView), false
	}
	s.start, s.include = v.OID, false
	return appendVariable(b, v.OID, v.Value), true
}

// ranges reads the search ranges of a request.
func (r *reader) ranges() ([]searchRange, bool) {
	var out []searchRange
	for len(r.b) > 0 && !r.bad {
		start, include := r.oid()
		end, _ := r.oid()
		if len(out) == maxRanges {
			return nil, false
		}
		out = append(out, searchRange{start, include, end})
	}
	return out, !r.bad
}
