package ldapprobe

import (
	"bytes"
	"sync"

	ber "github.com/go-asn1-ber/asn1-ber"

	"github.com/idp-exporter/idp_exporter/probes/internal/dial"
)

// heard keeps the end of what a server sends. A server that hangs up may tell
// why by a Notice of Disconnection (RFC 4511, 4.4.1), which go-ldap drops, since
// it belongs to no request.
type heard struct {
	*dial.Conn

	mu  sync.Mutex
	end []byte
}

// maxNotice bounds what is kept, in bytes; of a longer notice nothing is told.
const maxNotice = 4 << 10

func (h *heard) Read(b []byte) (int, error) {
	n, err := h.Conn.Read(b)
	h.mu.Lock()
	defer h.mu.Unlock()
	h.end = append(h.end, b[:n]...)
	if over := len(h.end) - maxNotice; over > 0 {
		h.end = append(h.end[:0], h.end[over:]...)
	}
	return n, err
}

// noticeOID is the name of the notice among extended responses.
const noticeOID = "1.3.6.1.4.1.1466.20036"

// notice returns result code and text of the notice that a server sent at last.
func (h *heard) notice() (code uint16, text string, ok bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	// Message 0, which is none of ours, and in it an extended response.
	const id = "\x02\x01\x00"
	at := bytes.LastIndex(h.end, []byte(id+"\x78"))
	if at < 0 {
		return 0, "", false
	}
	p, err := ber.DecodePacketErr(h.end[at+len(id):])
	if err != nil || len(p.Children) < 4 || p.Children[len(p.Children)-1].Data.String() != noticeOID {
		return 0, "", false
	}
	result, isCode := p.Children[0].Value.(int64)
	if !isCode || result < 0 || result > 1<<15 {
		return 0, "", false
	}
	return uint16(result), p.Children[2].Data.String(), true
}
