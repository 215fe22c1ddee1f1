package syslog

import (
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/idp-exporter/idp_exporter/bridges"
	"github.com/idp-exporter/idp_exporter/internal/syslog"
)

// format makes messages. What is sent of the alarm stands in an SD-ELEMENT of
// our own and, for consoles that know it, in the one of RFC 5674.
type format struct {
	facility int
	origin   string
	id       string // SD-ID
	exporter string
	max      int
	framing  string // empty for datagrams
}

func newFormat(o *Options, e syslog.Endpoint, s bridges.Setting) format {
	facility, _ := syslog.Facility(o.Facility) // Check has seen it
	f := format{facility: facility, origin: syslog.Origin(o.AppName), exporter: s.Exporter, max: o.MaxBytes, framing: o.Framing,
		id: "idpAlarm@" + strconv.Itoa(o.number(s))}
	if o.Hostname != "" {
		f.origin = syslog.OriginOf(o.Hostname, o.AppName)
	}
	switch {
	case e.Datagram():
		f.framing = ""
		if f.max == 0 {
			f.max = defaultUDP
		}
	case f.max == 0:
		f.max = defaultStream
	}
	return f
}

// The longest value, how far values are cut to leave the MSG minText, and an
// alarm's id, which is never cut; in bytes.
const (
	maxValue = 512
	minValue = 8
	minText  = 160
	maxID    = 64
)

// message returns one framed message whose SYSLOG-MSG has at most f.max bytes.
func (f format) message(e bridges.Event) []byte {
	text := f.text(e)
	for limit := maxValue; ; limit /= 2 {
		b := f.head(e, limit)
		room := f.max - len(b)
		if limit > minValue && room < min(minText, len(text)+len(syslog.BOM)) {
			continue
		}
		if ascii := bridges.Line(text, room); isASCII(ascii) {
			b = append(b, ascii...)
		} else { // MSG-UTF8 (RFC 5424, section 6.4)
			b = append(b, syslog.BOM...)
			b = append(b, bridges.Line(text, room-len(syslog.BOM))...)
		}
		switch f.framing {
		case framingOctets:
			return syslog.AppendCounted(nil, b)
		case framingNewline:
			return append(b, '\n')
		}
		return b
	}
}

func isASCII(s string) bool {
	return strings.IndexFunc(s, func(r rune) bool { return r >= utf8.RuneSelf }) < 0
}

// text is what people read.
func (f format) text(e bridges.Event) string {
	a := e.Alarm
	var b strings.Builder
	if e.Kind == bridges.Clear {
		b.WriteString("cleared: ")
	}
	b.WriteString(bridges.Line(a.Name, maxValue))
	if a.Target != "" {
		b.WriteString(" on ")
		b.WriteString(bridges.Line(a.Target, maxValue))
	}
	if a.Text != "" {
		b.WriteString(": ")
		b.WriteString(a.Text)
	}
	return b.String()
}

// head returns HEADER and STRUCTURED-DATA with the space that ends them.
func (f format) head(e bridges.Event, limit int) []byte {
	a, severity := e.Alarm, e.Alarm.Severity
	if e.Kind == bridges.Clear {
		severity = bridges.Cleared
	}
	b := syslog.Header{Facility: f.facility, Severity: f.severity(e), Time: e.Time, Origin: f.origin, ID: string(e.Kind)}.Append(nil)
	b = append(b, '[')
	b = append(b, f.id...)
	param := func(name, value string, limit int) {
		if value != "" {
			b = syslog.AppendParam(b, name, bridges.Line(value, limit))
		}
	}
	param("id", a.ID, maxID)
	param("state", string(e.Kind), maxID)
	param("severity", string(severity), limit)
	param("sequence", strconv.FormatUint(e.Sequence, 10), maxID)
	param("name", a.Name, limit)
	param("target", a.Target, limit)
	param("probe", a.Probe, limit)
	param("node", a.Node, limit)
	param("reason", a.Reason, limit)
	if !a.Raised.IsZero() {
		param("raised", a.Raised.UTC().Format(time.RFC3339), maxID)
	}
	param("runbook", a.Runbook, limit)
	param("exporter", f.exporter, limit)
	if e.Test {
		param("test", "true", maxID)
	}
	b = append(b, ']')
	if e.Kind != bridges.Heartbeat { // RFC 5674, section 3; all three are required
		b = append(b, "[alarm"...)
		b = syslog.AppendParam(b, "resource", bridges.Line(a.Target, limit))
		b = syslog.AppendParam(b, "probableCause", "other")
		b = syslog.AppendParam(b, "perceivedSeverity", bridges.Line(string(severity), limit))
		b = append(b, ']')
	}
	return append(b, ' ')
}

func (f format) severity(e bridges.Event) int {
	const informational = 6
	switch e.Kind {
	case bridges.Heartbeat:
		return informational
	case bridges.Clear:
		return bridges.ConsoleOf(bridges.Cleared).Syslog
	}
	return bridges.ConsoleOf(e.Alarm.Severity).Syslog
}
