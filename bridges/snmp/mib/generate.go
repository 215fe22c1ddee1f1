package mib

import (
	"bytes"
	"fmt"
	"strings"
)

// revision is when the module's text last changed its meaning. Append objects
// and raise it; never move or reuse an arc.
const revision = "202611240000Z"

// Generate returns the text of the MIB module (SMIv2, RFC 2578 to 2580), with
// the annotations of notifications that the NNM family and snmpttconvertmib read.
func Generate(m Model) []byte {
	w := &writer{m: m}
	w.header()
	w.nodes()
	w.conventions()
	w.events()
	var conform []conformant
	v, c, s, a, p := variables(), counts(), status(), alarms(), probeTable()
	conform = append(conform, conformant{"AlarmVariableGroup", writeGroup(w, v), v.description})
	conform = append(conform, conformant{"ActiveGroup", writeTable(w, a), a.description})
	conform = append(conform, conformant{"CountGroup", writeGroup(w, c), c.description})
	conform = append(conform, conformant{"ProbeGroup", writeTable(w, p), p.description})
	conform = append(conform, conformant{"StatusGroup", writeGroup(w, s), s.description})
	w.conformance(conform)
	w.f("END\n")
	return w.b.Bytes()
}

// conformant is an OBJECT-GROUP to be.
type conformant struct {
	name        string
	members     []string
	description string
}

type writer struct {
	b bytes.Buffer
	m Model
}

func (w *writer) f(format string, a ...any) { fmt.Fprintf(&w.b, format, a...) }

// name returns a name of the module, typeName the name of a type in it.
func (w *writer) name(s string) string     { return w.m.Prefix + s }
func (w *writer) typeName(s string) string { return capital(w.m.Prefix) + s }

func (w *writer) syntax(s string) string {
	return strings.ReplaceAll(s, "%s", capital(w.m.Prefix))
}

func capital(s string) string { return strings.ToUpper(s[:1]) + s[1:] }

func (w *writer) description(s string) {
	w.f("    DESCRIPTION\n        \"%s\"\n", wrap(strings.ReplaceAll(s, `"`, "'"), "         "))
}

// wrap breaks a text into lines; all but the first begin with indent.
func wrap(s, indent string) string {
	const width = 62
	var b strings.Builder
	column := 0
	for i, word := range strings.Fields(s) {
		if i > 0 && column+1+len(word) > width {
			b.WriteString("\n" + indent)
			column = 0
		} else if i > 0 {
			b.WriteByte(' ')
			column++
		}
		b.WriteString(word)
		column += len(word)
	}
	return b.String()
}

func (w *writer) header() {
	w.f(`%s DEFINITIONS ::= BEGIN

IMPORTS
    MODULE-IDENTITY, OBJECT-TYPE, OBJECT-IDENTITY, NOTIFICATION-TYPE,
    Unsigned32, Gauge32, enterprises
        FROM SNMPv2-SMI
    TEXTUAL-CONVENTION, DateAndTime, TruthValue
        FROM SNMPv2-TC
    MODULE-COMPLIANCE, OBJECT-GROUP, NOTIFICATION-GROUP
        FROM SNMPv2-CONF
    SnmpAdminString
        FROM SNMP-FRAMEWORK-MIB;

%s MODULE-IDENTITY
    LAST-UPDATED "%s"
    ORGANIZATION "%s"
    CONTACT-INFO "%s"
`, w.m.Module, w.name("ExporterMIB"), revision, quoted(w.m.Organization), quoted(w.m.Contact))
	about := "Can people sign in? Alarms, probes and the verdict of idp_exporter."
	if w.m.Documentation() {
		about += " This copy stands below the enterprise number 32473, which is reserved for documentation (RFC 5612): " +
			"make your own with the number of your organization before you use it."
	}
	w.description(about)
	w.f("    REVISION     \"%s\"\n", revision)
	w.description("First version.")
	parent, last := w.parent()
	w.f("    ::= { %s %d }\n\n", parent, last)
}

// quoted makes a text fit to stand in quotes.
func quoted(s string) string { return strings.ReplaceAll(line(s, longLimit), `"`, "'") }

// parent returns the name of the node above the module, and the module's arc.
func (w *writer) parent() (string, uint32) {
	below := w.m.Base[len(enterprises):]
	if len(below) == 1 {
		return "enterprises", below[0]
	}
	return w.above(len(below) - 2), below[len(below)-1]
}

// above names the nth node below enterprises: each needs a name of its own.
func (w *writer) above(n int) string {
	if n == 0 {
		return w.name("Enterprise")
	}
	arcs := strings.ReplaceAll(w.m.Base[len(enterprises)+1:len(enterprises)+1+n].String(), ".", "x")
	return w.name("Arc" + arcs)
}

func (w *writer) node(name, parent string, arc uint32) {
	w.f("%-22s OBJECT IDENTIFIER ::= { %s %d }\n", name, parent, arc)
}

func (w *writer) nodes() {
	below := w.m.Base[len(enterprises):]
	parent := "enterprises"
	for i, arc := range below[:len(below)-1] {
		w.node(w.above(i), parent, arc)
		parent = w.above(i)
	}
	root, object := w.name("ExporterMIB"), w.name("Objects")
	w.node(w.name("Notifications"), root, notifications)
	w.node(object, root, objects)
	w.node(w.name("Conformance"), root, conformance)
	w.node(w.name("Products"), root, products)
	w.node(w.name(variables().name), object, variables().arc)
	w.node(w.name(counts().name), object, counts().arc)
	w.node(w.name(status().name), object, status().arc)
	w.f("\n%s OBJECT-IDENTITY\n    STATUS      current\n", w.name("Agent"))
	w.description("The sysObjectID of the exporter's own agent.")
	w.f("    ::= { %s 1 }\n\n", w.name("Products"))
}
