package agent

import "github.com/idp-exporter/idp_exporter/bridges/snmp/mib"

// The error statuses that are used (RFC 3416, section 3; RFC 1157, section 4.1).
const (
	noError     = 0
	tooBig      = 1
	noSuchName  = 2
	readOnly    = 4
	notWritable = 17
)

// respond answers a request from one tree, in at most limit bytes. It returns
// nil where no answer fits.
func respond(t *mib.Tree, r request, limit int) []byte {
	status, index, list := r.find(t, limit)
	if status != noError && status != tooBig && r.version == version1 {
		list = r.list // RFC 1157, section 4.1.2: the list as it was asked
	}
	b := r.answer(status, index, list)
	if len(b) <= limit {
		return b
	}
	list = appendHead(nil, tagSequence, 0) // RFC 3416, section 4.2.1
	if r.version == version1 {
		list = r.list
	}
	if b = r.answer(tooBig, 0, list); len(b) <= limit {
		return b
	}
	return nil
}

// find returns the error status and index, and the list of the answer.
func (r request) find(t *mib.Tree, limit int) (status, index int, list []byte) {
	switch r.pdu {
	case pduSet:
		if r.version == version1 {
			return readOnly, min(len(r.names), 1), nil
		}
		return notWritable, min(len(r.names), 1), r.list
	case pduGetBulk:
		return noError, 0, appendElement(nil, tagSequence, r.bulk(t, limit))
	}
	var content []byte
	for i, name := range r.names {
		var found []byte
		if r.pdu == pduGet {
			found = r.get(t, name)
		} else {
			found, _ = r.next(t, name)
		}
		if found == nil {
			return noSuchName, i + 1, nil
		}
		if content = append(content, found...); len(content) > limit {
			break // too big already
		}
	}
	return noError, 0, appendElement(nil, tagSequence, content)
}

// get returns the encoded variable, nil where v1 has no word for its absence.
func (r request) get(t *mib.Tree, name mib.OID) []byte {
	v, ok, known := t.Get(name)
	switch {
	case ok:
		return variable(name, v)
	case r.version == version1:
		return nil
	case known:
		return exception(name, tagNoSuchInstance)
	default:
		return exception(name, tagNoSuchObject)
	}
}

// next returns the encoded variable after name, and its own name; that is nil
// at the end.
func (r request) next(t *mib.Tree, name mib.OID) ([]byte, mib.OID) {
	v, ok := t.Next(name, false)
	switch {
	case ok:
		return variable(v.OID, v.Value), v.OID
	case r.version == version1:
		return nil, nil
	default:
		return exception(name, tagEndOfView), nil
	}
}

// bulk returns as many variables as were asked for and fit (RFC 3416, section
// 4.2.3).
func (r request) bulk(t *mib.Tree, limit int) []byte {
	// Head is what an answer has besides its variables, at most.
	const head = 40
	room := limit - head - len(r.community)
	single := min(max(int(r.first), 0), len(r.names))
	var content []byte
	add := func(b []byte) bool {
		if len(content)+len(b) > room {
			return false
		}
		content = append(content, b...)
		return true
	}
	for _, name := range r.names[:single] {
		b, _ := r.next(t, name)
		if !add(b) {
			return content
		}
	}
	names := append([]mib.OID(nil), r.names[single:]...)
	for range max(int(r.second), 0) {
		more := false
		for i, name := range names {
			b, after := r.next(t, name)
			if !add(b) {
				return content
			}
			if after != nil {
				names[i], more = after, true
			}
		}
		if !more {
			break
		}
	}
	return content
}
