// Package syslog has what senders of syslog share: the messages of RFC 5424,
// how they are framed on streams, and the receivers' addresses.
//
// It owns no connection: when to connect, and what to do about one that breaks,
// is decided by who sends.
package syslog

import (
	"os"
	"strconv"
	"strings"
	"time"
)

// The longest header fields (RFC 5424, section 6), in bytes.
const (
	MaxHost  = 255
	MaxApp   = 48
	MaxMsgID = 32
)

// BOM stands before a MSG in UTF-8 (RFC 5424, section 6.4).
const BOM = "\ufeff"

// Header is the HEADER of a message.
type Header struct {
	Facility, Severity int
	Time               time.Time
	// Origin is HOSTNAME, APP-NAME and PROCID, as Origin returns them.
	Origin string
	// ID is the MSGID: visible ASCII, at most MaxMsgID bytes.
	ID string
}

// Origin returns HOSTNAME, APP-NAME and PROCID of this process.
func Origin(app string) string {
	host, err := os.Hostname()
	if err != nil {
		host = ""
	}
	return OriginOf(host, app)
}

// OriginOf is Origin with another HOSTNAME.
func OriginOf(host, app string) string {
	return Visible(host, MaxHost) + " " + Visible(app, MaxApp) + " " + strconv.Itoa(os.Getpid())
}

// Append appends the header, with the space that ends it, in RFC 5424's only
// version.
func (h Header) Append(b []byte) []byte {
	b = append(b, '<')
	b = strconv.AppendInt(b, int64(h.Facility*8+h.Severity), 10)
	b = append(b, ">1 "...)
	b = h.Time.UTC().AppendFormat(b, "2006-01-02T15:04:05.000000Z07:00") // six digits at most
	b = append(b, ' ')
	b = append(b, h.Origin...)
	b = append(b, ' ')
	b = append(b, h.ID...)
	return append(b, ' ')
}

// AppendParam appends one SD-PARAM with the space before it. The value must be
// UTF-8 (RFC 5424, section 6.3.3).
func AppendParam(b []byte, name, value string) []byte {
	b = append(b, ' ')
	b = append(b, name...)
	b = append(b, '=', '"')
	for i := range len(value) {
		switch value[i] {
		case '"', '\\', ']':
			b = append(b, '\\')
		}
		b = append(b, value[i])
	}
	return append(b, '"')
}

// AppendCounted appends a message in octet counting (RFC 6587, section 3.4.1,
// and RFC 5425, section 4.3).
func AppendCounted(b, message []byte) []byte {
	b = strconv.AppendInt(b, int64(len(message)), 10)
	b = append(b, ' ')
	return append(b, message...)
}

// IsVisible tells the characters of PRINTUSASCII (RFC 5424, section 6).
func IsVisible(r rune) bool { return r >= '!' && r <= '~' }

// Visible makes a header field: PRINTUSASCII of bounded length, or the NILVALUE.
func Visible(s string, max int) string {
	s = strings.Map(func(r rune) rune {
		if IsVisible(r) {
			return r
		}
		return -1
	}, s)
	if s == "" {
		return "-"
	}
	return s[:min(len(s), max)]
}
