package snmp

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/idp-exporter/idp_exporter/bridges"
	"github.com/idp-exporter/idp_exporter/bridges/snmp/mib"
	"github.com/idp-exporter/idp_exporter/internal/pack"
	"github.com/idp-exporter/idp_exporter/probes"
)

// list is all there is to tell of the notifications.
type list struct {
	Site          pack.Site
	Notifications []notification
	Variables     []variable
	Counts        []mib.Object
	// Verdict is the object that tells the verdict of the whole.
	Verdict mib.Object
	// Agent is the sysObjectID of the built-in agent.
	Agent string
}

type notification struct {
	mib.Notification
	// Clears tells what it clears, or what clears it.
	Clears string
	// Events are those of snmptt.conf, one for each severity it may carry.
	Events []event
}

// event is an EVENT of snmptt.conf.
type event struct {
	Name, Severity, Format, About string
	// Match is the value of the severity's variable, 0 for any; Word is its
	// name in the MIB.
	Match int
	Word  string
}

type variable struct {
	mib.Object
	// Position counts from 1, as $1 does in snmptt.
	Position int
	// Syntax is the type, and Values what stands for what, as in the module.
	Syntax, Values string
}

func newList(site pack.Site) (list, error) {
	l := list{Site: site, Counts: site.MIB.Counts(), Verdict: site.MIB.Status()[0], Agent: site.MIB.Agent().String()}
	module := string(mib.Generate(site.MIB))
	for i, o := range site.MIB.Carried() {
		v := variable{Object: o, Position: i + 1}
		var err error
		if v.Syntax, v.Values, err = syntaxOf(module, o.Name); err != nil {
			return list{}, err
		}
		l.Variables = append(l.Variables, v)
	}
	for _, n := range site.MIB.Notifications() {
		l.Notifications = append(l.Notifications, notification{Notification: n, Clears: clears(site.MIB, n.Kind), Events: events(n)})
	}
	return l, nil
}

// clears tells how notifications belong together.
func clears(m mib.Model, kind bridges.EventKind) string {
	id := m.Carried()[0].Name
	names := map[bridges.EventKind]string{}
	for _, n := range m.Notifications() {
		names[n.Kind] = n.Name
	}
	switch kind {
	case bridges.Raise:
		return "cleared by " + names[bridges.Clear] + " with the same " + id + "; another " + names[bridges.Raise] + " with it takes its place"
	case bridges.Clear:
		return "clears " + names[bridges.Raise] + " with the same " + id
	default:
		return "clears nothing; raise an alarm when it stops"
	}
}

// events returns what snmptt is to know of a notification.
func events(n mib.Notification) []event {
	switch n.Kind {
	case bridges.Raise:
		var all []event
		for _, s := range probes.Severities() {
			word := string(s)
			all = append(all, event{
				Name: n.Name + capital(word), Severity: capital(word), Match: bridges.ConsoleOf(s).ITU, Word: word, About: n.Description,
				Format: "$2 on $4: $5 (id $1, node $9, reason $10, runbook $11)",
			})
		}
		return all
	case bridges.Clear:
		return []event{{Name: n.Name, Severity: "Normal", Format: "$2 on $4 cleared (id $1)", About: n.Description}}
	default:
		return []event{{Name: n.Name, Severity: "Normal", Format: "$5 ($4)", About: n.Description}}
	}
}

func capital(s string) string { return strings.ToUpper(s[:1]) + s[1:] }

// syntaxOf reads the type of an object out of the module, so that the list
// cannot tell otherwise, and what the values of an enumeration mean.
func syntaxOf(module, object string) (syntax, values string, err error) {
	m := regexp.MustCompile(`(?s)\n` + regexp.QuoteMeta(object) + ` OBJECT-TYPE\s+SYNTAX\s+([^\n]+)\n`).FindStringSubmatch(module)
	if m == nil {
		return "", "", fmt.Errorf("the MIB module defines no %s", object)
	}
	syntax = strings.TrimSpace(m[1])
	convention := regexp.MustCompile(`(?s)\n` + regexp.QuoteMeta(syntax) + ` ::= TEXTUAL-CONVENTION.*?\n\s+SYNTAX\s+([A-Z][^\n{]*)(\{.*?\})?`).FindStringSubmatch(module)
	if convention != nil {
		return syntax + " (" + strings.TrimSpace(convention[1]) + ")", strings.Join(strings.Fields(strings.Trim(convention[2], "{}")), " "), nil
	}
	return syntax, "", nil
}

// csv is the list as a table: one line for each variable of each notification.
func (l list) csv() ([]byte, error) {
	var b bytes.Buffer
	w := csv.NewWriter(&b)
	rows := [][]string{{
		"notification", "notification_oid", "v1_enterprise", "v1_specific", "meaning", "clears",
		"position", "variable", "variable_oid", "type", "values", "variable_meaning",
	}}
	for _, n := range l.Notifications {
		for _, v := range l.Variables {
			rows = append(rows, []string{
				n.Name, n.OID.String(), l.Site.MIB.Base.String(), strconv.FormatUint(uint64(n.Arc), 10), n.Description, n.Clears,
				strconv.Itoa(v.Position), v.Name, v.OID.String(), v.Syntax, v.Values, v.Description,
			})
		}
	}
	if err := w.WriteAll(rows); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}
