package webhook

import (
	"net/http"

	"github.com/idp-exporter/idp_exporter/bridges"
)

// pagerDutyFormat is the Events API v2. It has no heartbeat: each would open an
// incident.
func pagerDutyFormat() *format {
	return &format{
		contentType: "application/json", url: "https://events.pagerduty.com/v2/enqueue",
		values: map[string]string{"client": "idp_exporter", "component": "", "group": "", "class": "", "key_prefix": "idp"},
		word:   func(c bridges.Console) string { return c.PagerDuty },
		proof:  "accepted into PagerDuty's queue",
		check: func(o *Options, c *checker) {
			if !o.RoutingKey.IsSet() {
				c.add("routing_key", "missing; write the service's integration key into a file and name it with routing_key_file")
			}
			if o.SendHeartbeats != nil && *o.SendHeartbeats {
				c.add("send_heartbeats", "each heartbeat would open an incident; leave it out")
			}
		},
		body: func(m *message) ([]byte, http.Header, error) { return encoded(pagerDutyBody(m)) },
	}
}

// pagerDutyBody bounds fields as the API does: a summary has 1024 characters, a
// dedup_key 255.
func pagerDutyBody(m *message) map[string]any {
	a := m.Alarm
	body := map[string]any{"routing_key": m.routingKey, "event_action": "trigger",
		"dedup_key": bridges.Line(m.value("key_prefix")+":"+m.id(), 255)}
	if m.Kind == bridges.Clear {
		body["event_action"] = "resolve"
		return body
	}
	summary := m.title(512)
	if a.Text != "" {
		summary += ": " + bridges.Line(a.Text, 1024)
	}
	payload := map[string]any{"summary": bridges.Line(summary, 1024), "source": bridges.Line(firstOf(a.Target, m.setting.Exporter, "idp_exporter"), 1024),
		"severity": m.word, "timestamp": stamp(m.Time)}
	put(payload, "component", bridges.Line(firstOf(m.value("component"), a.Probe), 255))
	put(payload, "group", bridges.Line(m.value("group"), 255))
	put(payload, "class", bridges.Line(firstOf(m.value("class"), a.Reason), 255))
	details := m.details(m.labels())
	details["text"] = bridges.Text(a.Text, maxText)
	payload["custom_details"] = details
	body["payload"] = payload
	put(body, "client", m.value("client"))
	put(body, "client_url", link(m.setting.Site))
	if runbook := link(a.Runbook); runbook != "" {
		body["links"] = []map[string]string{{"href": runbook, "text": "Runbook"}}
	}
	return body
}
