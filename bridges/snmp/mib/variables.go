package mib

import (
	"sync"
	"time"

	"github.com/idp-exporter/idp_exporter/bridges"
)

// heartbeatID stands in for the id of an event that has none.
const heartbeatID = "heartbeat"

// variables are what every notification carries, always all and in this order.
// More may be appended; none may move.
func variables() group[bridges.Event] {
	return group[bridges.Event]{
		1, "AlarmVariables", "accessible-for-notify", "What every notification carries.",
		[]object[bridges.Event]{
			{1, "AlarmId", id, "", "The stable key of the alarm: the same whenever it is raised, and in its clear.",
				str(id, func(e bridges.Event) string {
					if e.Alarm.ID == "" {
						return heartbeatID
					}
					return e.Alarm.ID
				})},
			{2, "AlarmName", short, "", "The title of the alarm: that of a probe or of an alert.",
				str(short, func(e bridges.Event) string { return e.Alarm.Name })},
			{3, "AlarmSeverity", xSeverity, "", "How bad it is; cleared(1) in a clear and in a heartbeat.",
				func(e bridges.Event) Value {
					if e.Kind != bridges.Raise {
						return severity(bridges.Cleared)
					}
					return severity(e.Alarm.Severity)
				}},
			{4, "AlarmTarget", short, "", "What is ill: a provider, a node, an instance.",
				str(short, func(e bridges.Event) string { return e.Alarm.Target })},
			{5, "AlarmText", long, "", "What is wrong, with the failing step and the reason. Cut, with an ellipsis, where the message would grow too large.",
				str(long, func(e bridges.Event) string { return e.Alarm.Text })},
			{6, "AlarmTime", dateTime, "", "When the alarm began, changed or ended.",
				func(e bridges.Event) Value { return date(changed(e)) }},
			{7, "AlarmSequence", unsigned, "", "Grows with every event of the exporter, over restarts too; a repetition has the same. Begins anew after 4294967295.",
				func(e bridges.Event) Value {
					return Value{Kind: Gauge32, Number: uint32(e.Sequence)} //nolint:gosec // modulo is meant
				}},
			{8, "AlarmProbe", short, "", "The name of the probe; empty if the alarm has none.",
				str(short, func(e bridges.Event) string { return e.Alarm.Probe })},
			{9, "AlarmNode", short, "", "The name of the node; empty for the public name.",
				str(short, func(e bridges.Event) string { return e.Alarm.Node })},
			{10, "AlarmReason", short, "", "Why, as one word of a closed list, such as timeout or credentials_refused.",
				str(short, func(e bridges.Event) string { return e.Alarm.Reason })},
			{11, "AlarmRunbook", short, "", "The address of a page that says what to do. Empty where there is none and where it would not fit.",
				whole(short, func(e bridges.Event) string { return e.Alarm.Runbook })},
		},
	}
}

// once makes variables once, since Values is on the way of every trap.
var once = sync.OnceValue(variables)

// whole is str for texts of which a part is of no use.
func whole[T any](s syntax, get func(T) string) func(T) Value {
	return func(t T) Value {
		v := get(t)
		if len(v) > s.limit {
			v = ""
		}
		return Octets(line(v, s.limit))
	}
}

func changed(e bridges.Event) time.Time {
	if e.Alarm.Changed.IsZero() {
		return e.Time
	}
	return e.Alarm.Changed
}

// Variables returns the identifiers of what every notification carries, in order.
func (m Model) Variables() []OID {
	g := variables()
	out := make([]OID, len(g.objects))
	for i, o := range g.objects {
		out[i] = m.Base.Child(objects, g.arc, o.arc, 0)
	}
	return out
}

// Values returns what a notification of the event carries, in the order of
// Variables.
func Values(e bridges.Event) []Value {
	g := once()
	out := make([]Value, len(g.objects))
	for i, o := range g.objects {
		out[i] = o.value(e)
	}
	return out
}

// Shorten names, by their position among Variables, the texts that may be
// shortened to make a message fit, the first one first.
func Shorten() []int { return []int{4, Runbook, 3, 1, 8, 7, 9} }

// Runbook is the position of the one text that is left out rather than cut.
const Runbook = 10
