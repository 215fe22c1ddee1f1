package openview

import (
	"fmt"
	"strings"

	"github.com/google/uuid"

	"github.com/idp-exporter/idp_exporter/bridges"
	"github.com/idp-exporter/idp_exporter/bridges/snmp/mib"
	"github.com/idp-exporter/idp_exporter/internal/pack"
	"github.com/idp-exporter/idp_exporter/probes"
)

const (
	// program is the application that messages are of.
	program = "idp_exporter"
	// keyPrefix is that of the keys which the obm template of the webhook bridge
	// makes unless it is told another.
	keyPrefix = "idp"
)

// model is all that the templates tell of.
type model struct {
	Site                       pack.Site
	Prefix, Module, Enterprise string
	Program, KeyPrefix         string
	Notifications              []notification
	Raise, Clear, Heartbeat    notification
	Key, Severity, Verdict     mib.Object
	SeverityPosition           int
	SeverityName               string
	Severities, All            []severity
	Conditions                 []condition
	positions                  map[string]int
}

type severity struct {
	Word probes.Severity
	bridges.Console
}

// OVO is the severity in the words of a template.
func (s severity) OVO() string { return strings.ToUpper(s.OpenView[:1]) + s.OpenView[1:] }

// NNMi is the severity in NNMi, which has no word for what is unknown.
func (s severity) NNMi() string {
	if s.Word == probes.Indeterminate {
		return "Normal"
	}
	return s.OVO()
}

// condition is one of the template for traps.
type condition struct {
	Description, ID     string
	Specific            uint32
	Variables           []string
	Severity            string
	Key, Relation, Text string
}

func newModel(site pack.Site) (*model, error) {
	m := &model{
		Site: site, Prefix: site.MIB.Prefix, Module: site.MIB.Module, Enterprise: "." + site.MIB.Base.String(),
		Program: program, KeyPrefix: keyPrefix, Verdict: site.MIB.Status()[0], positions: map[string]int{},
	}
	module := string(mib.Generate(site.MIB))
	for _, n := range site.MIB.Notifications() {
		a, err := annotated(module, n)
		if err != nil {
			return nil, err
		}
		m.Notifications = append(m.Notifications, a)
		switch n.Kind {
		case bridges.Raise:
			m.Raise = a
		case bridges.Clear:
			m.Clear = a
		default:
			m.Heartbeat = a
		}
	}
	carried := site.MIB.Carried()
	for i, o := range carried {
		m.positions[strings.TrimPrefix(o.Name, m.Prefix)] = i + 1
	}
	for _, name := range []string{"AlarmId", "AlarmName", "AlarmSeverity", "AlarmTarget", "AlarmText"} {
		if m.positions[name] == 0 {
			return nil, fmt.Errorf("no notification carries %s%s", m.Prefix, name)
		}
	}
	m.SeverityPosition = m.positions["AlarmSeverity"]
	m.Key, m.Severity = carried[m.positions["AlarmId"]-1], carried[m.SeverityPosition-1]
	m.SeverityName = m.Severity.Name
	for _, s := range probes.Severities() {
		m.Severities = append(m.Severities, severity{s, bridges.ConsoleOf(s)})
	}
	m.All = append(append(m.All, m.Severities...), severity{bridges.Cleared, bridges.ConsoleOf(bridges.Cleared)})
	m.conditions()
	return m, nil
}

// conditions makes one for each severity of a raise, one for what has none of
// them, one for clears and one for heartbeats. The first that matches decides.
func (m *model) conditions() {
	key := m.Prefix + ":<id>:"
	add := func(name string, n notification, s severity, number string, c condition) {
		c.Description, c.Specific, c.Severity = name, n.Arc, s.OVO()
		c.ID = uuid.NewSHA1(uuid.NameSpaceOID, []byte(m.Site.MIB.Base.String()+" "+name)).String()
		for _, v := range []struct{ variable, pattern string }{
			{"AlarmId", "<*.id>"}, {"AlarmName", "<*.name>"}, {"AlarmSeverity", number}, {"AlarmTarget", "<*.target>"}, {"AlarmText", "<*.text>"},
		} {
			if v.pattern != "" {
				c.Variables = append(c.Variables, fmt.Sprintf("$%d %q", m.positions[v.variable], v.pattern))
			}
		}
		m.Conditions = append(m.Conditions, c)
	}
	for _, s := range m.Severities {
		add("raise "+string(s.Word), m.Raise, s, fmt.Sprint(s.ITU), condition{
			Key: key + string(s.Word), Relation: key + "<*>", Text: "<name> on <target>: <text>",
		})
	}
	unknown := m.Severities[len(m.Severities)-1]
	add("raise of another severity", m.Raise, unknown, "", condition{
		Key: key + string(unknown.Word), Relation: key + "<*>", Text: "<name> on <target>: <text>",
	})
	cleared := m.All[len(m.All)-1]
	add("clear", m.Clear, cleared, "", condition{Key: key + string(cleared.Word), Relation: key + "<*>", Text: "<name> on <target> cleared"})
	beat := m.Prefix + ":heartbeat:<target>"
	add("heartbeat", m.Heartbeat, cleared, "", condition{Key: beat, Relation: beat, Text: "<text> (<target>)"})
}
