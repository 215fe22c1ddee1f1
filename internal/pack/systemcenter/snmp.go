package systemcenter

import (
	"fmt"
	"time"

	"github.com/idp-exporter/idp_exporter/bridges"
	"github.com/idp-exporter/idp_exporter/internal/pack"
	"github.com/idp-exporter/idp_exporter/probes"
)

type snmpPack struct {
	base
	// Agent is the sysObjectID by which exporters are known, Verdict the object
	// that is asked to see whether one answers.
	Agent, Verdict string
	Answers        []string
	Parameters     []string
	Raises         []raise
	Collects       []trap
	// Beat is the notification that is a heartbeat. Beats are the modules that
	// take it: System.CorrelatorAutoMissingCondition has two inputs, and the
	// good state needs one of its own.
	Beat           trap
	Beats          []string
	SilenceSeconds int
	Polls          []poll
}

type trap struct {
	ID, OID string
	Number  int
}

// raise is a rule for a notification with a severity.
type raise struct {
	trap
	Severity                            probes.Severity
	Value, AlertSeverity, AlertPriority int
}

// poll is a monitor that asks for one object.
type poll struct {
	ID, Health, Priority string
	Sides                []side
}

type side struct {
	Side, OID, Operator string
	Value               int
}

// silence is how long no heartbeat may come: three of them, by the default of
// alarms.heartbeat (5 minutes), and a minute for the way.
const silence = 3*5*time.Minute + time.Minute

// eventNumber is that of the first kind of event that traps become.
const eventNumber = 1501

func newSNMP(site pack.Site, l library) (snmpPack, error) {
	p := snmpPack{
		base:  newBase(site, "", "IdP exporter (SNMP)", ".Device", refSystem, refHealth, refNetwork, refCenter),
		Agent: site.MIB.Agent().String(), Verdict: site.MIB.Status()[0].OID.String(),
		Answers: []string{"Answers", "Silent"},
		Beats:   []string{"Beat", "First", "Next"}, SilenceSeconds: int(silence.Seconds()),
		Parameters: []string{"AlarmName", "AlarmTarget", "AlarmText", "AlarmReason", "AlarmRunbook"},
	}
	p.show("Device", "", "IdP exporter", "A network device whose sysObjectID is "+p.Agent+".")
	p.show("Device.Discovery", "", "Discovers exporters among network devices", "By sysObjectID.")
	p.show("Device.Discovery.DataSource", "", "Discovers exporters among network devices", "")
	p.interval("Device.Discovery.DataSource")

	for i, n := range site.MIB.Notifications() {
		if n.Kind == bridges.Raise {
			for _, s := range probes.Severities() {
				p.raise(trap{OID: n.OID.String(), Number: eventNumber + i}, s)
				p.teach("Raise."+capital(string(s)), l.alarms(s, "The exporter raised an alarm. The alert closes by itself only where the management group closes old alerts; the monitor of the same severity says when none is active any more."))
			}
			continue
		}
		element := capital(string(n.Kind))
		c := trap{p.under(element), n.OID.String(), eventNumber + i}
		p.Collects, p.Events = append(p.Collects, c), append(p.Events, c.ID)
		if n.Kind == bridges.Heartbeat {
			p.Beat = c
		}
		p.show(element, "", "Collect: "+n.Title, n.Description)
		p.teach(element, l.plain("Summary", n.Description+" It is kept as an event, and raises no alert."))
	}
	p.show("EventView", "", "Heartbeats and clears", "The notifications that are kept as events: that they come shows that traps arrive.")
	p.answers(l)
	p.heartbeat(l)
	p.poll("Verdict", "Sign-in", "Error", "High", "Equal", "NotEqual", p.Verdict, 3,
		"People cannot sign in", "The exporter's verdict of all its gating probes is fail ({0}).")
	p.teach("Verdict", l.page("IdPVerdictFailingFast"))
	for i, s := range probes.Severities()[:4] {
		element, health, priority := "Active."+capital(string(s)), "Error", "High"
		if bridges.ConsoleOf(s).SCOM < 2 {
			health, priority = "Warning", "Normal"
		}
		p.poll(element, fmt.Sprintf("Active %s alarms", s), health, priority, "Greater", "Equal", site.MIB.Counts()[i].OID.String(), 0,
			fmt.Sprintf("Active %s alarms", s), fmt.Sprintf("{0} %s alarms are active. Each is an alert of the rule for raised alarms, and stands at %s.", s, "/api/v1/alarms of the exporter"))
		p.teach(element, l.alarms(s, "At least one alarm of this severity is active. The alert closes by itself when none is."))
	}
	return p, nil
}

func (p *snmpPack) raise(t trap, s probes.Severity) {
	element := "Raise." + capital(string(s))
	c := bridges.ConsoleOf(s)
	t.ID = p.under(element)
	p.Raises = append(p.Raises, raise{t, s, c.ITU, c.SCOM, c.SCOM})
	p.show(element, "", fmt.Sprintf("Alarm raised (%s)", s), "One alert for each alarm; repetitions count.")
	p.message(element+".Message", "IdP: {0} on {1}", "{2}\nReason: {3}\nWhat to do: {4}")
}

// answers shows the monitor that tells when an exporter is gone.
func (p *snmpPack) answers(l library) {
	p.show("Answers.MonitorType", "", "The exporter answers", "")
	p.show("Answers.MonitorType", "Answers", "Answers", "")
	p.show("Answers.MonitorType", "Silent", "Silent", "")
	p.interval("Answers.MonitorType")
	p.show("Answers", "", "The exporter answers", "Asked for its verdict every minute: the counterpart of its heartbeat.")
	p.show("Answers", "Answers", "Answers", "")
	p.show("Answers", "Silent", "Does not answer", "")
	p.message("Answers.Message", "The IdP exporter does not answer", "Nobody knows whether people can sign in.")
	p.teach("Answers", l.page("IdPExporterDown"))
}

// heartbeat shows the monitor that tells when heartbeats stop. Its logic is that
// of Microsoft's page on correlated missing events, for the last occurrence:
// each heartbeat begins the time anew, and once it is over with fewer than Count
// further ones they are missing. The count is 2, not 1, because it is not told
// whether the heartbeat that began the time counts.
func (p *snmpPack) heartbeat(l library) {
	const element = "Heartbeat.Monitor"
	for _, e := range []string{element, element + ".Type"} {
		p.show(e, "", "Heartbeats arrive", "")
		p.show(e, "Beats", "Heartbeats arrive", "")
		p.show(e, "Stopped", "Stopped", "")
	}
	p.show(element+".Type", "SilenceSeconds", "Silence (seconds)", "")
	minutes := int(silence.Minutes())
	p.message(element+".Message", "The heartbeat of the IdP exporter stopped", fmt.Sprintf("None has come for %d minutes.", minutes))
	p.teach(element, l.plain("Summary", fmt.Sprintf("Heartbeats came, and for %d minutes no more have. Either the exporter is gone, then it does not answer either; or its traps do not arrive, "+
		"then alarms do not, and only the monitors that ask can be relied on. Look at what has changed on the way (firewall, resource pool, the bridge's destinations), and at the metrics of the exporter's bridge.", minutes)))
}

func (p *snmpPack) poll(element, name, health, priority, bad, good, oid string, value int, title, description string) {
	p.Polls = append(p.Polls, poll{
		ID: p.under(element), Health: health, Priority: priority,
		Sides: []side{{"First", oid, bad, value}, {"Second", oid, good, value}},
	})
	p.show(element, "", name, "Asked for every minute.")
	p.show(element, "Good", "Good", "")
	p.show(element, "Bad", "Bad", "")
	p.message(element+".Message", title, description)
}
