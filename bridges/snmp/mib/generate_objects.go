package mib

import "strings"

func (w *writer) conventions() {
	w.f("%s ::= TEXTUAL-CONVENTION\n    DISPLAY-HINT \"%dt\"\n    STATUS       current\n", w.typeName("Text"), longLimit)
	w.description("A text for people, in UTF-8 (RFC 3629).")
	w.f("    SYNTAX       OCTET STRING (SIZE (0..%d))\n\n", longLimit)
	w.f("%s ::= TEXTUAL-CONVENTION\n    STATUS       current\n", w.typeName("Severity"))
	w.description("Perceived severity of ITU-T X.733, with the numbers of ItuPerceivedSeverity in ITU-ALARM-TC-MIB (RFC 3877). They are not in order.")
	w.f("    SYNTAX       INTEGER { cleared(1), indeterminate(2), critical(3),\n                           major(4), minor(5), warning(6) }\n\n")
	w.f("%s ::= TEXTUAL-CONVENTION\n    STATUS       current\n", w.typeName("VerdictValue"))
	w.description("How a probe, or all of them together, turned out after damping. People can sign in with pass and warn.")
	w.f("    SYNTAX       INTEGER { pass(1), warn(2), fail(3), unknown(4) }\n\n")
}

func (w *writer) events() {
	var names []string
	for _, o := range variables().objects {
		names = append(names, w.name(o.name))
	}
	for _, e := range events() {
		w.f("%s NOTIFICATION-TYPE\n    OBJECTS     { %s }\n    STATUS      current\n", w.name(e.name), list(names))
		w.description(e.description)
		w.f("    --#TYPE \"%s\"\n    --#SUMMARY \"%s\"\n    --#ARGUMENTS { %s }\n", e.title, e.summary, e.arguments)
		w.f("    --#SEVERITY %s\n    --#CATEGORY \"Status Events\"\n    --#TIMEINDEX 1\n", e.severity)
		w.f("    --#HELP \"\"\n    --#HELPTAG 0\n    --#STATE %s\n", e.state)
		w.f("    ::= { %s %d }\n\n", w.name("Notifications"), e.arc)
	}
}

// list writes names with commas, one a line.
func list(names []string) string { return strings.Join(names, ",\n                  ") }

// objectType writes one OBJECT-TYPE.
func objectType[T any](w *writer, o object[T], access, parent string) {
	w.f("%s OBJECT-TYPE\n    SYNTAX      %s\n", w.name(o.name), w.syntax(o.syntax.text))
	if o.units != "" {
		w.f("    UNITS       \"%s\"\n", o.units)
	}
	w.f("    MAX-ACCESS  %s\n    STATUS      current\n", access)
	w.description(o.description)
	w.f("    ::= { %s %d }\n\n", parent, o.arc)
}

// writeGroup writes the objects of a group and returns their names.
func writeGroup[T any](w *writer, g group[T]) []string {
	var names []string
	for _, o := range g.objects {
		objectType(w, o, g.access, w.name(g.name))
		names = append(names, w.name(o.name))
	}
	return names
}

// writeTable writes a table and returns the names of its readable columns.
func writeTable[T any](w *writer, t table[T]) []string {
	entry, row, index := w.name(t.name+"Entry"), w.typeName(t.name+"Entry"), t.name+"Index"
	w.f("%s OBJECT-TYPE\n    SYNTAX      SEQUENCE OF %s\n    MAX-ACCESS  not-accessible\n    STATUS      current\n", w.name(t.name+"Table"), row)
	w.description(t.description)
	w.f("    ::= { %s %d }\n\n", w.name("Objects"), t.arc)
	w.f("%s OBJECT-TYPE\n    SYNTAX      %s\n    MAX-ACCESS  not-accessible\n    STATUS      current\n", entry, row)
	w.description(t.row)
	w.f("    INDEX       { %s }\n    ::= { %s 1 }\n\n", w.name(index), w.name(t.name+"Table"))
	fields := []string{w.name(index) + " " + rowIndex.base}
	for _, c := range t.columns {
		fields = append(fields, w.name(c.name)+" "+w.syntax(c.syntax.base))
	}
	w.f("%s ::= SEQUENCE {\n    %s\n}\n\n", row, strings.Join(fields, ",\n    "))
	objectType(w, object[T]{arc: 1, name: index, syntax: rowIndex, description: t.index}, "not-accessible", entry)
	var names []string
	for _, c := range t.columns {
		objectType(w, c, "read-only", entry)
		names = append(names, w.name(c.name))
	}
	return names
}

func (w *writer) conformance(groups []conformant) {
	group, all := w.name("Groups"), make([]string, 0, len(groups)+1)
	w.node(group, w.name("Conformance"), 1)
	w.node(w.name("Compliances"), w.name("Conformance"), 2)
	for i, g := range groups {
		w.f("\n%s OBJECT-GROUP\n    OBJECTS     { %s }\n    STATUS      current\n", w.name(g.name), list(g.members))
		w.description(g.description)
		w.f("    ::= { %s %d }\n", group, i+1)
		all = append(all, w.name(g.name))
	}
	var names []string
	for _, e := range events() {
		names = append(names, w.name(e.name))
	}
	w.f("\n%s NOTIFICATION-GROUP\n    NOTIFICATIONS { %s }\n    STATUS      current\n", w.name("NotificationGroup"), list(names))
	w.description("All notifications.")
	w.f("    ::= { %s %d }\n", group, len(groups)+1)
	w.f("\n%s MODULE-COMPLIANCE\n    STATUS      current\n", w.name("Compliance"))
	w.description("An agent has all of it.")
	w.f("    MODULE\n        MANDATORY-GROUPS { %s }\n", strings.Join(append(all, w.name("NotificationGroup")), ",\n                           "))
	w.f("    ::= { %s 1 }\n\n", w.name("Compliances"))
}
