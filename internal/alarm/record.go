package alarm

import (
	"context"
	"time"

	"github.com/idp-exporter/idp_exporter/bridges"
	"github.com/idp-exporter/idp_exporter/probes"
)

// Store keeps what has to outlive a restart. internal/store is one.
type Store interface {
	// LoadAlarms returns everything that was kept and is sound.
	LoadAlarms(ctx context.Context) (Saved, error)
	// SaveAlarms makes all of the changes or none. They are on disk when it
	// returns nil.
	SaveAlarms(ctx context.Context, c Changes) error
}

// Saved is everything that a Store keeps.
type Saved struct {
	// Sequence is a number that no event has gone beyond, 0 if none is known.
	Sequence uint64
	Alarms   []Record
	Told     []Told
	// Journal are the transitions that some destination is still to be told,
	// where it is told all of them.
	Journal     []bridges.Event
	DeadLetters []DeadLetter
}

// Changes are made to what a Store keeps: records are put in place of earlier
// ones of the same key, and what is to be dropped is named by its key.
type Changes struct {
	// Sequence is the new number, 0 if it stays.
	Sequence    uint64
	Alarms      []Record
	Told        []Told
	Journal     []bridges.Event
	DeadLetters []DeadLetter
	// DropAlarms are keys of Records, DropTold results of Told.Key,
	// DropDeadLetters IDs, and DropJournal sequence numbers.
	DropAlarms, DropTold, DropDeadLetters []string
	DropJournal                           []uint64
}

func (c Changes) empty() bool {
	return c.Sequence == 0 && len(c.Alarms)+len(c.Told)+len(c.Journal)+len(c.DeadLetters)+
		len(c.DropAlarms)+len(c.DropTold)+len(c.DropDeadLetters)+len(c.DropJournal) == 0
}

// Record is one alarm as it is kept.
type Record struct {
	// Key is where the record is kept. Alarms that began after each other have
	// keys that follow each other, so that a storm of them is written to one
	// place of the file.
	Key string `json:"key"`
	// Event is the latest transition, with the alarm as consoles are to know it.
	// Its sequence is 0 if the alarm has never been active.
	Event   bridges.Event     `json:"event"`
	Sources map[string]Source `json:"sources,omitempty"`
}

// Source is one of the things that make an alarm active.
type Source struct {
	Kind     SourceKind      `json:"kind"`
	Firing   bool            `json:"firing"`
	Severity probes.Severity `json:"severity,omitempty"`
	Name     string          `json:"name,omitempty"`
	Target   string          `json:"target,omitempty"`
	Text     string          `json:"text,omitempty"`
	Probe    string          `json:"probe,omitempty"`
	Node     string          `json:"node,omitempty"`
	Step     string          `json:"step,omitempty"`
	Reason   string          `json:"reason,omitempty"`
	Runbook  string          `json:"runbook,omitempty"`
	Page     string          `json:"page,omitempty"`
	// Labels are those of an alert.
	Labels map[string]string `json:"labels,omitempty"`
	// Starts and Ends are when the source began and ended, as far as known.
	Starts time.Time `json:"starts,omitzero"`
	Ends   time.Time `json:"ends,omitzero"`
	// Seen is when it was last heard of.
	Seen time.Time `json:"seen,omitzero"`
	// Group names the group of alerts that Alertmanager sends together.
	Group string `json:"group,omitempty"`
	// End says why the source ended.
	End string `json:"end,omitempty"`

	stale      bool // Alertmanager has not repeated it for too long
	suppressed bool // it begins no alarm for now
}

// SourceKind is where a source comes from.
type SourceKind string

// The kinds of sources.
const (
	SourceProbe SourceKind = "probe" // the verdict of a probe
	SourceAlert SourceKind = "alert" // an alert of Alertmanager
	// SourceLost stands for sources of an alarm that a console was told of and
	// whose own record is damaged.
	SourceLost SourceKind = "lost"
)

// Told is what one destination has been told of some alarms. The alarms of a
// destination are spread over buckets, so that a change rewrites few of them.
type Told struct {
	Bridge      string `json:"bridge"`
	Destination string `json:"destination"`
	// Bucket is 0 to 255, or -1 for the record that tells that the destination
	// is known.
	Bucket int `json:"bucket"`
	// Fingerprint is that of the bridge's settings.
	Fingerprint string     `json:"fingerprint,omitempty"`
	Lines       []ToldLine `json:"lines,omitempty"`
}

// ToldLine is what a destination has been told of one alarm.
type ToldLine struct {
	ID   string `json:"id"`
	Name string `json:"name"`
	// Sequence is that of the last event that was delivered, was refused for
	// good, or needed no delivery.
	Sequence uint64 `json:"seq"`
	// Raised tells that the alarm stands at the destination, or may.
	Raised bool `json:"raised,omitempty"`
	// Refused tells that the event of Sequence was refused for good.
	Refused bool `json:"refused,omitempty"`
	// At is when the event was delivered.
	At time.Time `json:"at,omitzero"`
}

// DeadLetter is an event that a destination has refused for good.
type DeadLetter struct {
	ID          string        `json:"id"`
	Bridge      string        `json:"bridge"`
	Destination string        `json:"destination"`
	Event       bridges.Event `json:"event"`
	Error       string        `json:"error"`
	Time        time.Time     `json:"time"`
}
