package webhook

import (
	"maps"
	"net/http"
	"slices"

	"github.com/idp-exporter/idp_exporter/bridges"
)

// serviceNowFormat is the JSON endpoint of Event Management.
func serviceNowFormat() *format {
	return &format{
		contentType: "application/json", heartbeat: true, base: true, path: "/api/global/em/jsonv2",
		values: map[string]string{"source": "idp_exporter", "event_class": "idp_exporter", "node": "", "key_prefix": "idp"},
		word:   func(c bridges.Console) string { return c.ServiceNow },
		proof:  "accepted as an event by Event Management",
		body:   func(m *message) ([]byte, http.Header, error) { return serviceNowBody(m) },
	}
}

type serviceNowEvent struct {
	Source     string `json:"source"`
	EventClass string `json:"event_class"`
	Node       string `json:"node"`
	Resource   string `json:"resource"`
	MetricName string `json:"metric_name"`
	Type       string `json:"type"`
	Severity   string `json:"severity"`
	MessageKey string `json:"message_key"`
	// Description and AdditionalInfo, itself JSON, have at most 4000 characters.
	Description     string `json:"description"`
	TimeOfEvent     string `json:"time_of_event"`
	ResolutionState string `json:"resolution_state"`
	AdditionalInfo  string `json:"additional_info"`
}

const maxInfo = 3800

func serviceNowBody(m *message) ([]byte, http.Header, error) {
	a := m.Alarm
	e := serviceNowEvent{
		Source: m.value("source"), EventClass: m.value("event_class"), Node: m.value("node"), Resource: bridges.Line(a.Target, 100),
		MetricName: bridges.Line(a.Probe, 100), Type: bridges.Line(a.Name, 100), Severity: m.word,
		MessageKey: m.value("key_prefix") + ":" + m.id(), Description: bridges.Text(a.Text, 3900),
		TimeOfEvent: m.Time.UTC().Format("2006-01-02 15:04:05"), ResolutionState: "New",
	}
	if e.Node == "" {
		e.Node = bridges.Line(firstOf(a.Node, a.Target, m.setting.Exporter), 100)
	}
	switch m.Kind {
	case bridges.Clear:
		e.ResolutionState = "Closing"
	case bridges.Heartbeat:
		e.Severity = "5" // information; 0 would be a clear
	}
	info, err := m.info(maxInfo)
	if err != nil {
		return nil, nil, err
	}
	e.AdditionalInfo = string(info)
	return encoded(map[string][]serviceNowEvent{"records": {e}})
}

func firstOf(values ...string) string {
	for _, v := range values {
		if v != "" {
			return v
		}
	}
	return ""
}

// info is what has no place of its own, as JSON of at most max bytes: labels
// are left out where they do not fit.
func (m *message) info(max int) ([]byte, error) {
	labels := m.labels()
	names := slices.Sorted(maps.Keys(labels))
	for {
		b, err := encode(m.details(labels))
		if err != nil || len(b) <= max || len(names) == 0 {
			return b, err
		}
		delete(labels, names[len(names)-1])
		names = names[:len(names)-1]
	}
}

// details is what consoles have no field for.
func (m *message) details(labels map[string]string) map[string]any {
	a := m.Alarm
	d := map[string]any{"sequence": m.Sequence, "severity": string(m.known())}
	put(d, "alarm_id", a.ID)
	put(d, "exporter", bridges.Line(m.setting.Exporter, 128))
	put(d, "probe", bridges.Line(a.Probe, 128))
	put(d, "node", bridges.Line(a.Node, 128))
	put(d, "reason", bridges.Line(a.Reason, 128))
	put(d, "runbook", bridges.Line(a.Runbook, 512))
	put(d, "site", bridges.Line(m.setting.Site, 512))
	if !a.Raised.IsZero() {
		d["raised"] = stamp(a.Raised)
	}
	if len(labels) > 0 {
		d["labels"] = labels
	}
	if m.Test {
		d["test"] = true
	}
	return d
}
