package audit

import (
	"encoding/hex"
	"net/netip"
	"strconv"
	"time"
	"unicode/utf16"
	"unicode/utf8"
)

// timeLayout is RFC 3339 with all nine digits, so that lines sort by time.
const timeLayout = "2006-01-02T15:04:05.000000000Z07:00"

// line is a record with what the log adds to it.
type line struct {
	seq     uint64
	at      time.Time
	event   Event
	outcome Outcome
	from    netip.Addr
	fields  fields
	dropped uint64 // lines lost since the line before
	torn    *torn
	prev    sum
}

// torn describes what stands between the last readable line and a recovered record.
type torn struct {
	Bytes  int64  `json:"bytes"`
	SHA256 string `json:"sha256"`
}

// appendLine appends the record as one line of JSON, in ASCII, with its newline.
func appendLine(b []byte, l *line) []byte {
	b = append(b, `{"seq":`...)
	b = strconv.AppendUint(b, l.seq, 10)
	b = append(b, `,"time":"`...)
	b = l.at.UTC().AppendFormat(b, timeLayout)
	b = append(b, `","event":"`...)
	b = append(b, l.event.String()...)
	b = append(b, `","outcome":"`...)
	b = append(b, l.outcome.String()...)
	b = append(b, '"')
	b = appendField(b, `,"actor":`, l.fields[0])
	b = appendField(b, `,"actor_kind":`, l.fields[1])
	if l.from.IsValid() {
		b = appendField(b, `,"from":`, cut(l.from.String(), maxActor))
	}
	b = appendField(b, `,"method":`, l.fields[2])
	b = appendField(b, `,"route":`, l.fields[3])
	b = appendField(b, `,"target":`, l.fields[4])
	b = appendField(b, `,"detail":`, l.fields[5])
	if l.dropped > 0 {
		b = append(b, `,"dropped":`...)
		b = strconv.AppendUint(b, l.dropped, 10)
	}
	if l.torn != nil {
		b = append(b, `,"torn":{"bytes":`...)
		b = strconv.AppendInt(b, l.torn.Bytes, 10)
		b = append(b, `,"sha256":"`...)
		b = append(b, l.torn.SHA256...)
		b = append(b, `"}`...)
	}
	b = append(b, `,"prev":"`...)
	b = hex.AppendEncode(b, l.prev[:])
	return append(b, '"', '}', '\n')
}

func appendField(b []byte, key, value string) []byte {
	if value == "" {
		return b
	}
	return appendString(append(b, key...), value)
}

// appendString appends a JSON string (RFC 8259, section 7) with everything but
// printable ASCII escaped; bytes that are no UTF-8 become U+FFFD.
func appendString(b []byte, s string) []byte {
	b = append(b, '"')
	for i := 0; i < len(s); {
		c := s[i]
		switch {
		case c == '"' || c == '\\':
			b = append(b, '\\', c)
			i++
		case c >= ' ' && c <= '~':
			b = append(b, c)
			i++
		default:
			r, n := utf8.DecodeRuneInString(s[i:])
			i += n
			if hi, lo := utf16.EncodeRune(r); hi != utf8.RuneError {
				b = appendUnit(b, hi)
				r = lo
			}
			b = appendUnit(b, r)
		}
	}
	return append(b, '"')
}

// appendUnit appends one UTF-16 code unit as \uXXXX.
func appendUnit(b []byte, r rune) []byte {
	const digits = "0123456789abcdef"
	return append(b, '\\', 'u', digits[r>>12&15], digits[r>>8&15], digits[r>>4&15], digits[r&15])
}
