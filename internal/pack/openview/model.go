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
	// KeyPosition and SeverityPosition count from 1, as $1 does.
	KeyPosition, SeverityPosition int
	SeverityName                  string
	Severities, All               []severity
	Conditions                    []condition
	positions                     map[string]int
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

// condition is one of the template for traps. Number is that of the severity,
// empty where any matches. Other texts have <$1> and its like in them, for
// variables of the trap.
type condition struct {
	Description, ID             string
	Specific                    uint32
	Number, Severity            string
	Object, Key, Relation, Text string
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
	m.KeyPosition, m.SeverityPosition = m.positions["AlarmId"], m.positions["AlarmSeverity"]
	m.Key, m.Severity = carried[m.KeyPosition-1], carried[m.SeverityPosition-1]
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
//
// A pattern matches anywhere in a variable unless it is anchored, and <*> and
// <*.name> take as little as they can; so variables go into texts as they are,
// and what is compared is anchored.
func (m *model) conditions() {
	v := func(name string) string { return fmt.Sprintf("<$%d>", m.positions[name]) }
	id, name, target, text := v("AlarmId"), v("AlarmName"), v("AlarmTarget"), v("AlarmText")
	add := func(description string, n notification, s severity, number, key, relation, text string) {
		m.Conditions = append(m.Conditions, condition{
			Description: description, ID: uuid.NewSHA1(uuid.NameSpaceOID, []byte(m.Site.MIB.Base.String()+" "+description)).String(),
			Specific: n.Arc, Number: number, Severity: s.OVO(), Object: target, Key: key, Relation: "^" + relation + "$", Text: text,
		})
	}
	key := m.Prefix + ":" + id + ":"
	for _, s := range m.Severities {
		add("raise "+string(s.Word), m.Raise, s, fmt.Sprint(s.ITU), key+string(s.Word), key+"<*>", name+" on "+target+": "+text)
	}
	unknown := m.Severities[len(m.Severities)-1]
	add("raise of another severity", m.Raise, unknown, "", key+string(unknown.Word), key+"<*>", name+" on "+target+": "+text)
	cleared := m.All[len(m.All)-1]
	add("clear", m.Clear, cleared, "", key+string(cleared.Word), key+"<*>", name+" on "+target+" cleared")
	beat := m.Prefix + ":heartbeat:" + target
	add("heartbeat", m.Heartbeat, cleared, "", beat, beat, text+" ("+target+")")
}
