package bridges

import "github.com/idp-exporter/idp_exporter/probes"

// Console is one severity in the words of the consoles. One table holds them
// all, so that no two bridges can disagree.
type Console struct {
	// ITU is ItuPerceivedSeverity of ITU-ALARM-TC-MIB (RFC 3877, section 5.1).
	ITU int
	// OMNIbus is the severity of Netcool/OMNIbus, 0 to 5. What is cleared has a
	// Type of its own there (2).
	OMNIbus int
	// EIF is the severity of Tivoli's Event Integration Facility, which has no
	// word for major.
	EIF string
	// OpenView is the severity of OpenView Operations and its successors up to
	// Operations Bridge Manager.
	OpenView string
	// SCOM is the severity of a System Center alert: 2 critical, 1 warning, 0
	// information.
	SCOM int
	// ServiceNow is the severity of an event in Event Management.
	ServiceNow string
	// PagerDuty is the severity of a trigger in the Events API v2.
	PagerDuty string
	// Syslog is the SEVERITY of a message (RFC 5674, section 2).
	Syslog int
	// Color is for chats: red, orange, yellow, blue, gray or green.
	Color string
	// Style is the color's name in an adaptive card.
	Style string
}

var consoles = map[probes.Severity]Console{
	probes.Critical:      {3, 5, "CRITICAL", "critical", 2, "1", "critical", 1, "#b00020", "attention"},
	probes.Major:         {4, 4, "CRITICAL", "major", 2, "2", "error", 2, "#e65100", "attention"},
	probes.Minor:         {5, 3, "MINOR", "minor", 1, "3", "warning", 3, "#f9a825", "warning"},
	probes.Warning:       {6, 2, "WARNING", "warning", 1, "4", "warning", 4, "#1565c0", "warning"},
	probes.Indeterminate: {2, 1, "UNKNOWN", "unknown", 0, "5", "info", 5, "#757575", "accent"},
	Cleared:              {1, 1, "HARMLESS", "normal", 0, "0", "info", 5, "#2e7d32", "good"},
}

// ConsoleOf returns the words for a severity, those for indeterminate if it is
// none that the table knows.
func ConsoleOf(s probes.Severity) Console {
	if c, ok := consoles[s]; ok {
		return c
	}
	return consoles[probes.Indeterminate]
}
