// Package audit keeps the trail of who did what: JSON lines, numbered in
// sequence and chained by hash, so that a line that was removed, changed or
// moved is found by Verify.
//
// It owns the shape of a record, its way to file, stdout and syslog, and the
// check of what was written. What is recorded, and when, its callers decide.
package audit

import (
	"errors"
	"fmt"
	"net/netip"
)

// Event is what a record tells of; the list is closed.
type Event uint8

// The events. Start, stop and recovered are written by the log itself.
const (
	_              Event = iota
	EventAccess          // a request to an authenticated route
	EventRefusal         // a request refused: no credential, a wrong one, or too little scope
	EventReload          // the configuration was read again
	EventDrain           // a node was taken out of, or put back into, its load balancer
	EventWindow          // a maintenance window was made, changed or ended
	EventKey             // a key came, went, or was changed
	EventAlarm           // a bridge was tried, or dead letters were delivered again
	EventVerdict         // a verdict changed
	EventStart           // the log was opened
	EventStop            // the log was closed in order
	EventRecovered       // a torn end of the file was found and set aside
)

var eventNames = [...]string{"", "access", "refusal", "reload", "drain", "window", "key", "alarm", "verdict", "start", "stop", "recovered"}

// String returns the word that stands in the record.
func (e Event) String() string {
	if int(e) < len(eventNames) && e > 0 {
		return eventNames[e]
	}
	return fmt.Sprintf("Event(%d)", uint8(e))
}

// UnmarshalText reads the word of a record; one that is not in the list is an error.
func (e *Event) UnmarshalText(text []byte) error {
	for i, name := range eventNames {
		if i > 0 && name == string(text) {
			*e = Event(i)
			return nil
		}
	}
	return fmt.Errorf("%.40q is no event", text)
}

// given tells whether callers may record the event.
func (e Event) given() bool { return e >= EventAccess && e <= EventVerdict }

// Outcome is how it ended; the list is closed.
type Outcome uint8

// The outcomes.
const (
	OutcomeOK       Outcome = iota // done
	OutcomeAccepted                // about to be done; recorded before the action
	OutcomeRefused                 // not permitted
	OutcomeFailed                  // permitted, but it failed
)

var outcomeNames = [...]string{"ok", "accepted", "refused", "failed"}

// String returns the word that stands in the record.
func (o Outcome) String() string {
	if int(o) < len(outcomeNames) {
		return outcomeNames[o]
	}
	return fmt.Sprintf("Outcome(%d)", uint8(o))
}

// Actor is who did it.
type Actor struct {
	// Name is the configured name of the credential, never the credential.
	Name string
	// Kind is the kind of credential, such as token, user or certificate, or
	// exporter for what the exporter did by itself.
	Kind string
}

// Record is one line to be. Text that is too long is cut, and everything but
// printable ASCII is escaped, so no field can forge a line or move a terminal.
type Record struct {
	Event   Event
	Outcome Outcome
	Actor   Actor
	// From is the client's address; the zero Addr is left out.
	From netip.Addr
	// Method and Route are those of the request, Route as the router spells it.
	Method, Route string
	// Target is what it was about: a path, node, probe or window.
	Target string
	// Detail is free text for people.
	Detail string
}

// Longest fields, in bytes; longer ones are cut.
const (
	maxActor  = 128
	maxKind   = 32
	maxMethod = 32
	maxRoute  = 128
	maxTarget = 512
	maxDetail = 1024
)

// maxLine bounds a line with its newline: every byte of every field may take
// six in JSON.
const maxLine = 16 << 10

var (
	// ErrClosed is returned by Admin once the log is closed.
	ErrClosed = errors.New("audit: the log is closed; the exporter is ending")
	errBusy   = errors.New("audit: too many admin actions wait for the disk; is it stuck? Try again")
)
