package webhook

import (
	"fmt"
	"hash/fnv"
	"net/http"
	"strings"

	"github.com/idp-exporter/idp_exporter/bridges"
)

// alertmanagerFormat is Alertmanager's webhook, version 4, as stock rules of
// OMNIbus's Message Bus probe read it: with the labels alertname, instance, job
// and severity and the annotation description.
func alertmanagerFormat() *format {
	return &format{
		contentType: "application/json", heartbeat: true,
		values: map[string]string{"job": "", "receiver": ""},
		word:   asX733,
		proof:  "accepted by the receiver of the webhook",
		body:   func(m *message) ([]byte, http.Header, error) { return encoded(alertmanagerBody(m)) },
	}
}

type alertGroup struct {
	Version         string            `json:"version"`
	GroupKey        string            `json:"groupKey"`
	TruncatedAlerts int               `json:"truncatedAlerts"`
	Status          string            `json:"status"`
	Receiver        string            `json:"receiver"`
	GroupLabels     map[string]string `json:"groupLabels"`
	CommonLabels    map[string]string `json:"commonLabels"`
	Annotations     map[string]string `json:"commonAnnotations"`
	ExternalURL     string            `json:"externalURL"`
	Alerts          []alert           `json:"alerts"`
}

type alert struct {
	Status       string            `json:"status"`
	Labels       map[string]string `json:"labels"`
	Annotations  map[string]string `json:"annotations"`
	StartsAt     string            `json:"startsAt"`
	EndsAt       string            `json:"endsAt"`
	GeneratorURL string            `json:"generatorURL"`
	Fingerprint  string            `json:"fingerprint"`
}

const never = "0001-01-01T00:00:00Z"

func alertmanagerBody(m *message) alertGroup {
	a := m.Alarm
	labels := m.labels()
	set := func(key, value string) {
		if value != "" {
			labels[key] = bridges.Line(value, maxLabel)
		}
	}
	if labels["job"] == "" {
		set("job", job(m, labels["alertname"] == ""))
	}
	set("alertname", a.Name)
	set("instance", instance(a))
	set("alarm_id", a.ID)
	set("probe", a.Probe)
	set("node", a.Node)
	set("exporter", m.setting.Exporter)
	set("severity", m.word)
	if m.Kind == bridges.Heartbeat {
		labels["severity"] = "none"
	}
	if m.Test {
		labels["test"] = "true"
	}
	annotations := map[string]string{"summary": m.title(256), "description": bridges.Text(a.Text, maxText)}
	if a.Reason != "" { // not a label, since those are the same in the clear
		annotations["reason"] = bridges.Line(a.Reason, maxLabel)
	}
	if a.Runbook != "" {
		annotations["runbook_url"] = bridges.Line(a.Runbook, maxLabel)
	}
	one := alert{Status: "firing", Labels: labels, Annotations: annotations, StartsAt: stamp(m.Time), EndsAt: never,
		GeneratorURL: m.setting.Site, Fingerprint: fingerprint(m.id())}
	if !a.Raised.IsZero() {
		one.StartsAt = stamp(a.Raised)
	}
	if m.Kind == bridges.Clear {
		one.Status, one.EndsAt = "resolved", stamp(m.Time)
	}
	receiver := m.value("receiver")
	if receiver == "" {
		receiver = m.setting.Name
	}
	return alertGroup{Version: "4", GroupKey: fmt.Sprintf("{}:{alarm_id=%q}", strings.ToValidUTF8(m.id(), "")), Status: one.Status, Receiver: receiver,
		GroupLabels: map[string]string{"alertname": labels["alertname"]}, CommonLabels: labels, Annotations: annotations,
		ExternalURL: m.setting.Site, Alerts: []alert{one}}
}

// instance names what is ill. Alarms that share alertname, job and instance are
// one to OMNIbus, so that of an alert about a probe names the probe, too.
func instance(a bridges.Alarm) string {
	if a.Target == "" || a.Probe == "" || a.Probe == a.Name || a.Probe == a.Target {
		return a.Target
	}
	return a.Target + "/" + a.Probe
}

// job is the bridge's own where it has one. That of an alarm of the exporter itself
// names the exporter: what another sees is another alarm.
func job(m *message, own bool) string {
	switch given := m.value("job"); {
	case given != "":
		return given
	case own && m.setting.Exporter != "":
		return "idp_exporter@" + m.setting.Exporter
	default:
		return "idp_exporter"
	}
}

// fingerprint identifies an alert, in sixteen digits as Alertmanager's own.
func fingerprint(id string) string {
	h := fnv.New64a()
	_, _ = h.Write([]byte(id))
	return fmt.Sprintf("%016x", h.Sum64())
}
