package mib

import (
	"slices"
	"time"

	"github.com/idp-exporter/idp_exporter/bridges"
	"github.com/idp-exporter/idp_exporter/probes"
)

// Source gives agents what they serve.
type Source interface {
	// View returns a snapshot, which is not changed any more. It answers from
	// memory and may be called from any goroutine.
	View() View
}

// View is the state of the exporter at one moment.
type View struct {
	// Name is the exporter's name for consoles, Version its version, Site the
	// URL of its page; empty if there is none.
	Name, Version, Site string
	// Contact and Location are sysContact and sysLocation of the built-in agent.
	Contact, Location string
	// Start is when the exporter started.
	Start time.Time
	// Verdict is that of the whole; Text has a line for people where it is not
	// a pass.
	Verdict probes.Outcome
	Text    string
	// Probes are all probes on all nodes, Alarms all active alarms.
	Probes []Probe
	Alarms []bridges.Alarm
}

// Probe is one probe on one node.
type Probe struct {
	// Name is the probe's, Node that of the node, empty for the public name.
	Name, Node, Kind, Provider string
	Severity                   probes.Severity
	// Gates tells whether the verdict of the whole depends on the probe.
	Gates   bool
	Verdict probes.Outcome
	// Reason and Text say why the verdict is not a pass.
	Reason, Text string
	// Since is when the verdict last changed, LastRun when the latest run started.
	Since, LastRun time.Time
	// Suppressed is why the probe raises no alarm (maintenance, drained,
	// parent), empty if it does.
	Suppressed string
}

func alarms() table[bridges.Alarm] {
	get := func(f func(bridges.Alarm) string) func(bridges.Alarm) Value { return str(short, f) }
	return table[bridges.Alarm]{
		2, "Active", "The alarms that are active now. A console that was away reads here what it missed.",
		"One active alarm.",
		"The number of the row. It is made of the alarm's id, so the same alarm has the same whenever it is active.",
		func(a bridges.Alarm) string { return a.ID },
		[]object[bridges.Alarm]{
			{2, "ActiveId", id, "", "The stable key of the alarm, as in notifications.",
				str(id, func(a bridges.Alarm) string { return a.ID })},
			{3, "ActiveName", short, "", "The title of the alarm.", get(func(a bridges.Alarm) string { return a.Name })},
			{4, "ActiveSeverity", xSeverity, "", "How bad it is now.",
				func(a bridges.Alarm) Value { return severity(a.Severity) }},
			{5, "ActiveTarget", short, "", "What is ill.", get(func(a bridges.Alarm) string { return a.Target })},
			{6, "ActiveText", long, "", "What is wrong.", str(long, func(a bridges.Alarm) string { return a.Text })},
			{7, "ActiveRaised", dateTime, "", "When the alarm began.",
				func(a bridges.Alarm) Value { return date(a.Raised) }},
			{8, "ActiveChanged", dateTime, "", "When its severity or text last changed.",
				func(a bridges.Alarm) Value { return date(a.Changed) }},
			{9, "ActiveProbe", short, "", "The name of the probe, if any.", get(func(a bridges.Alarm) string { return a.Probe })},
			{10, "ActiveNode", short, "", "The name of the node, if any.", get(func(a bridges.Alarm) string { return a.Node })},
			{11, "ActiveReason", short, "", "Why, as one word.", get(func(a bridges.Alarm) string { return a.Reason })},
			{12, "ActiveRunbook", short, "", "The address of a page that says what to do.",
				whole(short, func(a bridges.Alarm) string { return a.Runbook })},
		},
	}
}

func probeTable() table[Probe] {
	get := func(f func(Probe) string) func(Probe) Value { return str(short, f) }
	return table[Probe]{
		4, "Probe", "Every probe on every node, with its verdict.", "One probe on one node.",
		"The number of the row. It is made of the names of probe and node, so it stays while they do.",
		func(p Probe) string { return p.Name + "\x00" + p.Node },
		[]object[Probe]{
			{2, "ProbeName", short, "", "The name of the probe.", get(func(p Probe) string { return p.Name })},
			{3, "ProbeNode", short, "", "The name of the node; empty for the public name.", get(func(p Probe) string { return p.Node })},
			{4, "ProbeKind", short, "", "What the probe does.", get(func(p Probe) string { return p.Kind })},
			{5, "ProbeProvider", short, "", "The identity provider it watches, if any.", get(func(p Probe) string { return p.Provider })},
			{6, "ProbeSeverity", xSeverity, "", "The severity of the alarm that its failure raises.",
				func(p Probe) Value { return severity(p.Severity) }},
			{7, "ProbeGates", boolean, "", "Whether the verdict of the whole depends on it.",
				func(p Probe) Value { return truth(p.Gates) }},
			{8, "ProbeVerdict", xVerdict, "", "Its verdict, after damping.",
				func(p Probe) Value { return verdict(p.Verdict) }},
			{9, "ProbeReason", short, "", "Why the verdict is not a pass, as one word.", get(func(p Probe) string { return p.Reason })},
			{10, "ProbeText", long, "", "The same for people.", str(long, func(p Probe) string { return p.Text })},
			{11, "ProbeSince", dateTime, "", "When the verdict last changed.",
				func(p Probe) Value { return date(p.Since) }},
			{12, "ProbeLastRun", dateTime, "", "When the latest run started.",
				func(p Probe) Value { return date(p.LastRun) }},
			{13, "ProbeSuppressed", short, "", "Why its failure raises no alarm now: maintenance, drained or parent; empty if it does.",
				get(func(p Probe) string { return p.Suppressed })},
		},
	}
}

// counts are the numbers of active alarms. They are numbers and not the worst
// severity, since X.733's severities are not in order and consoles compare.
func counts() group[View] {
	g := group[View]{3, "Counts", "read-only", "How many alarms are active.", nil}
	for i, s := range probes.Severities() {
		name := capital(string(s))
		g.objects = append(g.objects, object[View]{
			uint32(i + 1), "Active" + name, gauge, "alarms", "How many " + string(s) + " alarms are active.", //nolint:gosec // small
			func(v View) Value {
				n := 0
				for _, a := range v.Alarms {
					if known(a.Severity) == s {
						n++
					}
				}
				return Gauge(n)
			},
		})
	}
	return g
}

// known maps a severity that X.733 does not have to indeterminate.
func known(s probes.Severity) probes.Severity {
	if s == bridges.Cleared || slices.Contains(probes.Severities(), s) {
		return s
	}
	return probes.Indeterminate
}

func status() group[View] {
	return group[View]{5, "Status", "read-only", "The verdict, and who gives it.", []object[View]{
		{1, "Verdict", xVerdict, "", "Can people sign in?", func(v View) Value { return verdict(v.Verdict) }},
		{2, "VerdictText", long, "", "Why the verdict is not a pass.", str(long, func(v View) string { return v.Text })},
		{3, "ExporterName", short, "", "The name of this exporter.", str(short, func(v View) string { return v.Name })},
		{4, "ExporterVersion", short, "", "The version of this exporter.", str(short, func(v View) string { return v.Version })},
		{5, "ExporterSite", short, "", "The address of its page.", whole(short, func(v View) string { return v.Site })},
	}}
}
