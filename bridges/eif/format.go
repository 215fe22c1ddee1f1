package eif

import (
	"encoding/binary"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/idp-exporter/idp_exporter/bridges"
)

// The parts of an event: eight bytes, five numbers that are zero, the length of
// all that follows the header and the header's own, then the body.
const (
	start      = "<START>>"
	headerSize = len(start) + 7*4
	end        = "END\n\x01"
)

const (
	encodingUTF8   = "utf-8"
	encodingLatin1 = "iso-8859-1"
)

// slotNames are the slots that are sent with every event, in their order. Only
// more are ever added, at the end.
var slotNames = []string{
	"source", "sub_source", "hostname", "severity", "adapter_host", "alarm_id", "alarm_state", "alarm_severity", "alarm_sequence",
	"alarm_time", "alarm_raised", "alarm_name", "alarm_target", "alarm_probe", "alarm_node", "alarm_reason", "alarm_runbook", "alarm_test", "msg",
}

// The longest value of a slot, how far values are cut to leave msg minText, and
// an alarm's id, which is never cut; in bytes.
const (
	maxSlot = 512
	minSlot = 32
	minText = 128
	maxID   = 64
)

type format struct {
	options  Options
	exporter string
	own      []slot
}

type slot struct{ name, value string }

func newFormat(o *Options, s bridges.Setting) format {
	f := format{options: *o, exporter: s.Exporter}
	for _, name := range slices.Sorted(maps.Keys(o.Slots)) {
		f.own = append(f.own, slot{name, o.Slots[name]})
	}
	return f
}

// event returns the bytes of one event, MaxBytes at most. Where it would be
// longer, the text is cut, and only then the other slots.
func (f format) event(e bridges.Event) []byte {
	for limit := maxSlot; ; limit /= 2 {
		body := f.body(e, limit, "")
		room := f.options.MaxBytes - headerSize - len(body) - len(end)
		text := f.value(e.Alarm.Text, room)
		if limit > minSlot && room < min(minText, len(e.Alarm.Text)) {
			continue
		}
		return wrap(append(f.body(e, limit, text), end...))
	}
}

func wrap(body []byte) []byte {
	b := make([]byte, headerSize, headerSize+len(body))
	copy(b, start)
	binary.BigEndian.PutUint32(b[len(start)+5*4:], uint32(len(body))) //nolint:gosec // bounded by MaxBytes
	binary.BigEndian.PutUint32(b[len(start)+6*4:], uint32(headerSize))
	return append(b, body...)
}

func (f format) body(e bridges.Event, limit int, text string) []byte {
	a := e.Alarm
	class, state := f.options.Class, string(e.Kind)
	if e.Kind == bridges.Heartbeat {
		class = f.options.HeartbeatClass
	}
	severity := a.Severity
	if e.Kind == bridges.Clear {
		severity = bridges.Cleared
	}
	host := a.Target
	if host == "" {
		host = f.exporter
	}
	values := [...]string{
		f.options.Source, a.Probe, host, bridges.ConsoleOf(severity).EIF, f.exporter, a.ID, state, string(severity), strconv.FormatUint(e.Sequence, 10),
		stamp(e.Time), stamp(a.Raised), a.Name, a.Target, a.Probe, a.Node, a.Reason, a.Runbook, strconv.FormatBool(e.Test), text,
	}
	var b []byte
	if f.options.ExtraByte {
		b = append(b, ' ')
	}
	b = append(b, class...)
	for i, name := range slotNames {
		value := values[i]
		switch {
		case name == "msg": // fits already
		case value == "", name == "alarm_test" && !e.Test:
			continue
		case name == "alarm_id":
			value = f.value(value, maxID)
		default:
			value = f.value(value, limit)
		}
		b = appendSlot(b, name, value)
	}
	for _, s := range f.own {
		b = appendSlot(b, s.name, f.value(s.value, limit))
	}
	return append(b, ';')
}

func stamp(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}

func appendSlot(b []byte, name, value string) []byte {
	b = append(b, ';')
	b = append(b, name...)
	b = append(b, '=')
	if isPlain(value) {
		return append(b, value...)
	}
	b = append(b, '\'')
	b = append(b, value...)
	return append(b, '\'')
}

// value makes a value of at most max bytes in the event's encoding. Receivers
// split at a semicolon even within quotes, and do not agree on how a quote is
// written within them, so neither stays.
func (f format) value(s string, max int) string {
	s = bridges.Line(s, max)
	s = replacer.Replace(s)
	if f.options.Encoding != encodingLatin1 {
		return s
	}
	b := make([]byte, 0, len(s))
	for _, r := range s {
		switch {
		case r == '…': // of a text that was cut
			b = append(b, "..."...)
		case r > 0xff:
			b = append(b, '?')
		default:
			b = append(b, byte(r))
		}
	}
	return string(b)
}

var replacer = strings.NewReplacer(";", ",", "'", "`")

// isPlain tells whether a value needs no quotes.
func isPlain(s string) bool {
	return s != "" && strings.IndexFunc(s, func(r rune) bool { return !isLetter(r) && !isDigit(r) && !strings.ContainsRune("._-", r) }) < 0
}

func isLetter(r rune) bool { return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' }
func isDigit(r rune) bool  { return r >= '0' && r <= '9' }

// isName tells whether s can be the name of a class or slot.
func isName(s string) bool {
	return s != "" && len(s) <= 64 && isLetter(rune(s[0])) && strings.IndexFunc(s, func(r rune) bool { return !isLetter(r) && !isDigit(r) && r != '_' }) < 0
}
