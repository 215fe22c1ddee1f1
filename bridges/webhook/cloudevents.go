package webhook

import (
	"fmt"
	"net/http"
	"strings"

	"github.com/idp-exporter/idp_exporter/bridges"
)

// The modes of CloudEvents over HTTP.
const (
	modeStructured = "structured"
	modeBinary     = "binary"
	modeBatch      = "batch"
)

// cloudEventsFormat is CloudEvents 1.0 over HTTP.
func cloudEventsFormat() *format {
	return &format{
		contentType: "application/cloudevents+json; charset=UTF-8", heartbeat: true,
		values: map[string]string{"mode": modeStructured, "source": "", "type": "com.github.idp-exporter.alarm"},
		word:   asX733,
		proof:  "accepted by the receiver of the event",
		check: func(o *Options, c *checker) {
			if m, ok := o.Values["mode"]; ok && m != modeStructured && m != modeBinary && m != modeBatch {
				c.add("values.mode", "%q is no mode; write %s, %s or %s", m, modeStructured, modeBinary, modeBatch)
			}
			if t, ok := o.Values["type"]; ok && (t == "" || strings.ContainsAny(t, " \t\r\n")) {
				c.add("values.type", "must be a name such as com.example.alarm")
			}
		},
		body: cloudEventsBody,
	}
}

var happenings = map[bridges.EventKind]string{bridges.Raise: "raised", bridges.Clear: "cleared", bridges.Heartbeat: "heartbeat"}

func cloudEventsBody(m *message) ([]byte, http.Header, error) {
	a := m.Alarm
	data := m.details(m.labels())
	data["name"], data["severity"] = bridges.Line(a.Name, maxLabel), m.word
	put(data, "target", bridges.Line(a.Target, maxLabel))
	put(data, "text", bridges.Text(a.Text, maxText))
	attributes := map[string]any{
		"specversion": "1.0",
		// A retry repeats it; source and id together are unique.
		"id":     fmt.Sprintf("%s-%d", m.id(), m.Sequence),
		"source": m.source(), "type": m.value("type") + "." + happenings[m.Kind],
		"subject": m.id(), "time": stamp(m.Time), "datacontenttype": "application/json",
	}
	if m.value("mode") == modeBinary {
		header := http.Header{"Content-Type": {"application/json"}}
		for k, v := range attributes {
			if k != "datacontenttype" {
				header.Set("Ce-"+k, headerValue(fmt.Sprint(v)))
			}
		}
		body, err := encode(data)
		return body, header, err
	}
	attributes["data"] = data
	if m.value("mode") == modeBatch {
		body, err := encode([]any{attributes})
		return body, http.Header{"Content-Type": {"application/cloudevents-batch+json; charset=UTF-8"}}, err
	}
	return encoded(attributes)
}

// source is a URI-reference that is this exporter's own.
func (m *message) source() string {
	if s := m.value("source"); s != "" {
		return s
	}
	if s := link(m.setting.Site); s != "" {
		return s
	}
	return "urn:idp_exporter:" + strings.Map(func(r rune) rune {
		if r > ' ' && r < 0x7f && !strings.ContainsRune(`"<>\^{|}%`+"`", r) {
			return r
		}
		return '-'
	}, m.setting.Exporter)
}

// headerValue encodes what a header cannot have (HTTP protocol binding, 3.1.3.2).
func headerValue(s string) string {
	var b strings.Builder
	for i := range len(s) {
		if c := s[i]; c <= ' ' || c >= 0x7f || c == '"' || c == '%' {
			fmt.Fprintf(&b, "%%%02X", c)
		} else {
			b.WriteByte(c)
		}
	}
	return b.String()
}
