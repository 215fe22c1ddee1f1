package collector

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/idp-exporter/idp_exporter/internal/alarm"
	"github.com/idp-exporter/idp_exporter/probes"
)

// maxAlarmNames is how many names of active alarms are shown; further alarms
// are counted under the name "other".
const maxAlarmNames = 1000

// Alarms shows the alarms and how bridges deliver them.
type Alarms struct {
	stats func() alarm.Stats

	active, deliveries, heartbeats, pending, oldest, letters desc
	webhooks, unknownSeverities, leftOut, refused, dropped   desc
	storageErrors                                            desc
}

// NewAlarms returns the metrics of the alarms, of which stats is asked at each
// scrape.
func NewAlarms(stats func() alarm.Stats) *Alarms {
	return &Alarms{
		stats:      stats,
		active:     gauge("idp_alarm_active", "Active alarms of that name and severity.", "alarm", "severity"),
		deliveries: counter("idp_bridge_deliveries_total", "Attempts to deliver a transition of an alarm, by what became of them.", "bridge", "outcome"),
		heartbeats: counter("idp_bridge_heartbeats_total", "Heartbeats that were sent.", "bridge"),
		pending:    gauge("idp_bridge_pending", "Alarms that destinations of the bridge are still to be told of.", "bridge"),
		oldest:     gauge("idp_bridge_oldest_pending_seconds", "For how long the oldest of them waits, 0 if none does.", "bridge"),
		letters:    gauge("idp_bridge_dead_letters", "Events kept that destinations of the bridge have refused for good.", "bridge"),
		dropped:    counter("idp_bridge_dead_letters_dropped_total", "Dead letters that had to make room for later ones."),
		webhooks:   counter("idp_alarm_webhooks_total", "Webhooks of Alertmanager, by what became of them.", "outcome"),
		unknownSeverities: counter("idp_alarm_unknown_severities_total",
			"Alerts whose severity is missing or no known word, each time they were received."),
		leftOut: counter("idp_alarm_alerts_left_out_total",
			"Alerts of webhooks that changed nothing: malformed, late, or truncated by Alertmanager.", "cause"),
		refused:       counter("idp_alarm_refused_total", "Attempts to begin an alarm when there were too many."),
		storageErrors: counter("idp_alarm_storage_errors_total", "Failed attempts to put alarms on disk."),
	}
}

// Describe implements prometheus.Collector.
func (a *Alarms) Describe(ch chan<- *prometheus.Desc) {
	describe(ch, a.active, a.deliveries, a.heartbeats, a.pending, a.oldest, a.letters, a.dropped,
		a.webhooks, a.unknownSeverities, a.leftOut, a.refused, a.storageErrors)
}

// Collect implements prometheus.Collector.
func (a *Alarms) Collect(ch chan<- prometheus.Metric) {
	s := a.stats()
	for of, n := range bounded(s.Active) {
		a.active.send(ch, float64(n), of.Name, string(of.Severity))
	}
	for _, b := range s.Bridges {
		for outcome, n := range b.Outcomes {
			a.deliveries.send(ch, float64(n), b.Name, outcome)
		}
		a.heartbeats.send(ch, float64(b.Heartbeats), b.Name)
		a.pending.send(ch, float64(b.Pending), b.Name)
		a.oldest.send(ch, b.Oldest.Seconds(), b.Name)
		a.letters.send(ch, float64(b.DeadLetters), b.Name)
	}
	a.dropped.send(ch, float64(s.DeadLettersDropped))
	for outcome, n := range s.Webhooks {
		a.webhooks.send(ch, float64(n), outcome)
	}
	a.unknownSeverities.send(ch, float64(s.UnknownSeverities))
	a.leftOut.send(ch, float64(s.Malformed), "malformed")
	a.leftOut.send(ch, float64(s.Late), "late")
	a.leftOut.send(ch, float64(s.Truncated), "truncated")
	a.refused.send(ch, float64(s.Refused))
	a.storageErrors.send(ch, float64(s.StorageErrors))
}

// bounded counts alarms under at most maxAlarmNames names, those of the most
// severe alarms, and the rest under one. Names that differ in bytes that no
// label can hold count together.
func bounded(active map[alarm.NameSeverity]int) map[alarm.NameSeverity]int {
	order := probes.Severities() // the most severe first
	all := slices.SortedFunc(maps.Keys(active), func(a, b alarm.NameSeverity) int {
		return cmp.Or(cmp.Compare(slices.Index(order, a.Severity), slices.Index(order, b.Severity)), cmp.Compare(a.Name, b.Name))
	})
	counts, names := make(map[alarm.NameSeverity]int, len(all)), map[string]bool{}
	for _, of := range all {
		n := active[of]
		of.Name = strings.ToValidUTF8(of.Name, "?")
		if !names[of.Name] && len(names) >= maxAlarmNames {
			of.Name = other
		} else {
			names[of.Name] = true
		}
		counts[of] += n
	}
	return counts
}
