// Package bridges is the contract between alarms and the consoles they are
// told to: what an alarm is, what a bridge is given, and how it says that a
// delivery failed.
//
// Each kind of bridge has a folder of its own. A bridge knows alarms and nothing
// of probes; when to deliver, in which order and how often to try again is
// decided in internal/alarm.
package bridges

import (
	"context"
	"log/slog"
	"time"

	"github.com/idp-exporter/idp_exporter/probes"
)

// Cleared is the severity of an alarm that is over (X.733).
const Cleared probes.Severity = "cleared"

// Alarm is one alarm as a console is to know it.
type Alarm struct {
	// ID is stable: the same alarm raised again has the same. At most 64 bytes
	// of [a-z0-9-].
	ID string
	// Name is the alarm's title: that of a probe or of an alert.
	Name string
	// Severity is Cleared once the alarm is over.
	Severity probes.Severity
	// Target is what is ill, for people: a provider, a node, an instance.
	Target string
	// Text says what is wrong, with the failing step and reason.
	Text string
	// Probe, Node and Reason are labels; empty where the alarm has none.
	Probe, Node, Reason string
	// Runbook is a link, empty if there is none.
	Runbook string
	// Raised is when the alarm began, Changed when it last changed.
	Raised, Changed time.Time
	// Labels are those of an alert that came from Alertmanager, nil otherwise.
	Labels map[string]string
}

// EventKind tells what an Event says.
type EventKind string

// The kinds of events.
const (
	// Raise: the alarm began, or its severity or text changed.
	Raise EventKind = "raise"
	// Clear: the alarm is over.
	Clear EventKind = "clear"
	// Heartbeat: the exporter lives. The Alarm has a Name, a Text and the
	// severity Cleared, and no ID that could be raised.
	Heartbeat EventKind = "heartbeat"
)

// Event is one thing to tell a console.
type Event struct {
	Kind  EventKind
	Alarm Alarm
	// Sequence grows with every event of this exporter, over restarts too. A
	// retry repeats it.
	Sequence uint64
	// Time is when the event came about.
	Time time.Time
	// Test tells that somebody tries the bridge.
	Test bool
}

// Kind is a kind of bridge.
type Kind struct {
	// Name is the value of `kind:` in the configuration.
	Name string
	// Summary says in one sentence where it delivers to.
	Summary string
	// NewOptions returns a pointer to a struct with the kind's defaults filled
	// in; its `yaml` tags name the keys the configuration accepts.
	NewOptions func() Options
}

// Options are the settings of one configured bridge.
type Options interface {
	// Check reports everything that is wrong with the settings, without
	// touching the network. An empty answer means New will succeed.
	Check(Setting) []probes.Problem
	// New opens the bridge. Each destination has a queue of its own.
	New(Setting) ([]Destination, error)
}

// Setting is what surrounds a bridge's own options.
type Setting struct {
	// Name is the bridge's name in the configuration.
	Name string
	// Exporter is this exporter's name for consoles, Site the URL under which
	// people reach it, empty if it was not given.
	Exporter, Site string
	// BaseOID is the enterprise's OID below which the MIB stands, such as
	// "1.3.6.1.4.1.32473.1".
	BaseOID string
	// Storage is a folder for what has to outlive a restart; empty is none.
	Storage string
	// Start is when the exporter started.
	Start time.Time
	// Logger takes what operators have to know, such as an engine ID that is
	// new; nil drops it.
	Logger *slog.Logger
}

// Destination is one console.
type Destination struct {
	// Name is unique within the bridge and safe to show; it is a label value.
	Name string
	// Acknowledged tells whether Deliver returning nil means that the console
	// has the event. What is not acknowledged is sent again at intervals.
	Acknowledged bool
	// Proof says, for people, what a delivery without error proves, such as
	// "acknowledged by an inform response".
	Proof     string
	Deliverer Deliverer
}

// Deliverer delivers events to one destination, one at a time.
type Deliverer interface {
	// Deliver sends one event within ctx. An error of Permanent will not be
	// tried again; any other will, no earlier than RetryAfter says. Errors carry
	// no secret.
	Deliver(ctx context.Context, e Event) error
	// Close ends what the Deliverer holds open.
	Close() error
}
