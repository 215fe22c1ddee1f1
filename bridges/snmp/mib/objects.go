package mib

import "github.com/idp-exporter/idp_exporter/bridges"

// syntax is the type of an object.
type syntax struct {
	// text is the type as the module spells it; %s stands for the prefix with
	// a capital letter. base is the same without its range, for SEQUENCEs.
	text, base string
	// limit is how many octets a text may have.
	limit int
}

const (
	// idLimit, shortLimit and longLimit are the sizes of texts, in octets.
	idLimit, shortLimit, longLimit = 64, 255, 1024
)

var (
	id        = syntax{"SnmpAdminString (SIZE (1..64))", "SnmpAdminString", idLimit}
	short     = syntax{"SnmpAdminString (SIZE (0..255))", "SnmpAdminString", shortLimit}
	long      = syntax{"%sText", "%sText", longLimit}
	xSeverity = syntax{text: "%sSeverity", base: "%sSeverity"}
	xVerdict  = syntax{text: "%sVerdictValue", base: "%sVerdictValue"}
	boolean   = syntax{text: "TruthValue", base: "TruthValue"}
	dateTime  = syntax{text: "DateAndTime", base: "DateAndTime"}
	unsigned  = syntax{text: "Unsigned32", base: "Unsigned32"}
	gauge     = syntax{text: "Gauge32", base: "Gauge32"}
	rowIndex  = syntax{text: "Unsigned32 (1..2147483647)", base: "Unsigned32"}
)

// object is one object type whose value is found in a T.
type object[T any] struct {
	arc         uint32
	name        string // without the prefix
	syntax      syntax
	units       string
	description string
	value       func(T) Value
}

// str makes the value of a text object, in the size its syntax allows.
func str[T any](s syntax, get func(T) string) func(T) Value {
	return func(t T) Value { return Octets(line(get(t), s.limit)) }
}

// group is a node with scalar objects below it.
type group[T any] struct {
	arc         uint32 // below Base.objects
	name        string
	access      string
	description string // of its conformance group
	objects     []object[T]
}

// table is a table whose rows are found in Ts. Its first column, the index, is
// not accessible and made of key.
type table[T any] struct {
	arc         uint32 // below Base.objects
	name        string // of the table, without "Table"
	description string
	row         string // describes one row
	index       string // describes the index
	key         func(T) string
	columns     []object[T]
}

// event is one notification.
type event struct {
	arc  uint32
	kind bridges.EventKind
	name string
	// description and, for the NNM family, type, summary, severity and state
	// (see the vendor's annotations of trap definitions).
	description, title, summary, arguments, severity, state string
}

func events() []event {
	return []event{
		{
			1, bridges.Raise, "AlarmRaise", "An alarm began, or its severity or text changed.",
			"Sign-in alarm raised", "%s on %s: %s (id %s)", "1, 3, 4, 0", "MAJOR", "DEGRADED",
		},
		{
			2, bridges.Clear, "AlarmClear", "The alarm with this id is over. Its severity is cleared(1).",
			"Sign-in alarm cleared", "%s on %s cleared (id %s)", "1, 3, 0", "INFORMATIONAL", "OPERATIONAL",
		},
		{
			3, bridges.Heartbeat, "Heartbeat",
			"The exporter lives. When these stop, nothing else will be heard of it either: raise an alarm then.",
			"Exporter alive", "%s: %s", "1, 4", "INFORMATIONAL", "OPERATIONAL",
		},
	}
}
