package tivoli

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/idp-exporter/idp_exporter/bridges"
	"github.com/idp-exporter/idp_exporter/bridges/eif"
	"github.com/idp-exporter/idp_exporter/bridges/snmp/mib"
	"github.com/idp-exporter/idp_exporter/internal/pack"
	"github.com/idp-exporter/idp_exporter/probes"
)

const (
	// program is what events are said to come from where no bridge has a name
	// for it.
	program = "idp_exporter"
	// class is the number of the class of events. It has to be free at a site.
	class = 40999
	// beat is how often heartbeats come unless it is configured; three that are
	// missing are an alarm, and after twice that they are forgotten.
	beat   = 5 * time.Minute
	lost   = 3 * beat
	expire = 2 * lost
	// port is where the Message Bus probe listens.
	port = 9080
)

// model is all that the templates tell of.
type model struct {
	Site pack.Site
	// Prefix is that of names, TablePrefix the same with a capital letter.
	Prefix, TablePrefix string
	// Module is the MIB's, Agent the name of its rules, Enterprise what traps of
	// v1 name.
	Module, Agent, Enterprise string
	AlertGroup                string
	HeartbeatGroup            string
	Variables                 []variable
	// Severities are those of raises, All with cleared, Words with what others
	// say in their place.
	Severities, All, Words []severity
	// Unknown is the severity of what is none.
	Unknown int
	Class   int
	Program string
	// Expire and Lost are seconds.
	Expire, Lost, LostMinutes int
	EIF                       *eif.Options
	// Own are the slots of the bridge's events that EVENT does not have.
	Own []slot
	// Raise, Clear and Heartbeat are what the bridge calls the kinds of events.
	Raise, Clear, Heartbeat bridges.EventKind
	Port                    int
	Path                    string
	notifications           map[bridges.EventKind]mib.Notification
}

type variable struct {
	mib.Object
	// Position counts from 1, as $1 does.
	Position int
}

type severity struct {
	Word probes.Severity
	bridges.Console
}

// slot is one of an event; Key tells that it is a part of what makes two events
// the same.
type slot struct {
	Name string
	Key  bool
}

func own() []slot {
	return []slot{
		{"alarm_id", true}, {"alarm_state", true}, {"alarm_severity", false}, {"alarm_sequence", false}, {"alarm_time", false},
		{"alarm_raised", false}, {"alarm_name", false}, {"alarm_target", false}, {"alarm_probe", false}, {"alarm_node", false},
		{"alarm_reason", false}, {"alarm_runbook", false}, {"alarm_test", false},
	}
}

func newModel(site pack.Site) *model {
	m := &model{
		Site: site, Prefix: site.MIB.Prefix, TablePrefix: strings.ToUpper(site.MIB.Prefix[:1]) + site.MIB.Prefix[1:],
		Module: site.MIB.Module, Agent: site.MIB.Prefix + "-" + site.MIB.Module, Enterprise: "." + site.MIB.Base.String(),
		Unknown: bridges.ConsoleOf(probes.Indeterminate).OMNIbus, Class: class, Program: program,
		Expire: int(expire.Seconds()), Lost: int(lost.Seconds()), LostMinutes: int(lost.Minutes()) + 1,
		EIF: eif.NewOptions(), Own: own(), Raise: bridges.Raise, Clear: bridges.Clear, Heartbeat: bridges.Heartbeat, Port: port,
		notifications: map[bridges.EventKind]mib.Notification{},
	}
	m.AlertGroup, m.HeartbeatGroup = strings.ToUpper(m.Prefix)+" Alarm", strings.ToUpper(m.Prefix)+" Heartbeat"
	m.Path = "/probe/webhook/" + m.Prefix
	for i, o := range site.MIB.Carried() {
		m.Variables = append(m.Variables, variable{o, i + 1})
	}
	for _, n := range site.MIB.Notifications() {
		m.notifications[n.Kind] = n
	}
	for _, s := range probes.Severities() {
		m.Severities = append(m.Severities, severity{s, bridges.ConsoleOf(s)})
	}
	m.All = append([]severity{{bridges.Cleared, bridges.ConsoleOf(bridges.Cleared)}}, m.Severities...)
	m.Words = append(m.Words, m.Severities...)
	for _, w := range []struct{ word, as probes.Severity }{
		{"page", probes.Critical}, {"error", probes.Major}, {"high", probes.Major}, {"medium", probes.Minor}, {"warn", probes.Warning}, {"low", probes.Warning},
	} {
		m.Words = append(m.Words, severity{w.word, bridges.ConsoleOf(w.as)})
	}
	return m
}

// Notification returns the name of the notification for a kind of event, Arc
// its number and EventID what the rules call it.
func (m *model) Notification(kind bridges.EventKind) string { return m.notifications[kind].Name }

// Arc returns the specific trap of v1.
func (m *model) Arc(kind bridges.EventKind) string {
	return strconv.FormatUint(uint64(m.notifications[kind].Arc), 10)
}

// EventID returns the name of the event in the tables.
func (m *model) EventID(kind bridges.EventKind) string {
	return "SNMPTRAP-" + m.Agent + "-" + m.Notification(kind)
}

// position finds a variable by its name without the prefix.
func (m *model) position(name string) (variable, error) {
	for _, v := range m.Variables {
		if v.Name == m.Prefix+name {
			return v, nil
		}
	}
	return variable{}, fmt.Errorf("no notification carries %s%s", m.Prefix, name)
}
