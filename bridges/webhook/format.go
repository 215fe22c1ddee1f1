package webhook

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/idp-exporter/idp_exporter/bridges"
	"github.com/idp-exporter/idp_exporter/probes"
)

// format is a template: what a receiver wants to be told, and how.
type format struct {
	contentType string
	// url is the receiver's, where all its customers share one; secretURL tells
	// that whoever has the URL can post. With base, the URL is that of the host
	// and path is known.
	url             string
	secretURL, base bool
	path            string
	// modifyToken asks for OBM's token.
	modifyToken bool
	// values are the template's own settings with their defaults; nil takes any.
	values map[string]string
	// heartbeat tells whether heartbeats are sent by default.
	heartbeat bool
	// word is the receiver's word for a severity; empty takes that of X.733.
	word  func(bridges.Console) string
	proof string
	// check reports what the template misses in the options; it may be nil.
	check func(*Options, *checker)
	// body makes the request's body and further headers.
	body func(*message) ([]byte, http.Header, error)
}

func formats() map[string]func() *format {
	return map[string]func() *format{
		"alertmanager": alertmanagerFormat,
		"obm":          obmFormat,
		"servicenow":   serviceNowFormat,
		"pagerduty":    pagerDutyFormat,
		"cloudevents":  cloudEventsFormat,
		"slack":        slackFormat,
		"teams":        teamsFormat,
	}
}

// asX733 is for receivers that take the words of X.733.
func asX733(bridges.Console) string { return "" }

func builtins() []string { return slices.Sorted(maps.Keys(formats())) }

func (o *Options) format() (*format, error) {
	if o.Template == "" {
		return ownFormat(o)
	}
	f, ok := formats()[o.Template]
	if !ok {
		return nil, fmt.Errorf("%.40q is no template; use one of %s, or write your own in body", o.Template, strings.Join(builtins(), ", "))
	}
	return f(), nil
}

// The bounds of what is taken from an alert's labels.
const (
	maxLabels    = 64
	maxLabelName = 128
	maxLabel     = 1024
	maxText      = 8 << 10
)

// message is an event on its way into a body.
type message struct {
	bridges.Event
	setting    bridges.Setting
	format     *format
	values     map[string]string
	word       string // the receiver's word for the severity
	routingKey string
}

func (o *Options) message(s bridges.Setting, f *format, e bridges.Event) (*message, error) {
	key, err := o.RoutingKey.Value()
	if err != nil {
		return nil, err
	}
	m := &message{Event: e, setting: s, format: f, values: o.Values, routingKey: key}
	if m.word = f.word(bridges.ConsoleOf(m.severity())); m.word == "" {
		m.word = string(m.known())
	}
	if own, ok := o.Severities[m.known()]; ok {
		m.word = own
	}
	return m, nil
}

// severity is that of the alarm, and cleared once it is over.
func (m *message) severity() probes.Severity {
	if m.Kind == bridges.Clear {
		return bridges.Cleared
	}
	return m.Alarm.Severity
}

// known is severity, or indeterminate for one that is none.
func (m *message) known() probes.Severity {
	s := m.severity()
	if s == bridges.Cleared || slices.Contains(probes.Severities(), s) {
		return s
	}
	return probes.Indeterminate
}

func (m *message) value(key string) string {
	if v, ok := m.values[key]; ok {
		return v
	}
	return m.format.values[key]
}

// id is the alarm's; a heartbeat has that of its exporter.
func (m *message) id() string {
	if m.Alarm.ID != "" {
		return m.Alarm.ID
	}
	return "heartbeat-" + bridges.Line(m.setting.Exporter, 64)
}

func (m *message) title(max int) string {
	title := bridges.Line(m.Alarm.Name, max)
	if m.Alarm.Target != "" {
		title += " on " + bridges.Line(m.Alarm.Target, max)
	}
	return bridges.Line(title, max)
}

// labels are those of an alert, within bounds.
func (m *message) labels() map[string]string {
	labels := make(map[string]string, min(len(m.Alarm.Labels), maxLabels))
	for _, k := range slices.Sorted(maps.Keys(m.Alarm.Labels)) {
		if len(labels) == maxLabels {
			break
		}
		labels[bridges.Line(k, maxLabelName)] = bridges.Line(m.Alarm.Labels[k], maxLabel)
	}
	return labels
}

// link returns a URL that may become a link, empty if it is none.
func link(s string) string {
	u, err := url.Parse(s)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" || len(s) > 2000 {
		return ""
	}
	return u.String()
}

// stamp spells a time as RFC 3339 does, in UTC.
func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }

// encode writes JSON without the escapes that are for HTML.
func encode(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	err := e.Encode(v)
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), err
}

func encoded(v any) ([]byte, http.Header, error) {
	b, err := encode(v)
	return b, nil, err
}

// put sets a key unless the value is empty.
func put(m map[string]any, key, value string) {
	if value != "" {
		m[key] = value
	}
}
