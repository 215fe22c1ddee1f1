// Package maintenance tells whether a probe on a node is suppressed at a time,
// why, and until when: by a drained node, a window of the configuration that
// comes round, or a one-off window.
//
// It owns the rules, their limits and their times. It keeps them through a
// Store, and knows nothing of HTTP, metrics or the file on disk.
package maintenance

import (
	"context"
	"errors"
	"time"
	_ "time/tzdata" // windows name time zones, and a container from scratch has none
)

// Cause says why something is suppressed. Causes are label values.
type Cause string

// The causes that this package knows.
const (
	CauseMaintenance Cause = "maintenance" // a window is open
	CauseDrained     Cause = "drained"     // the node was taken out of its load balancer
)

// PublicNode is how lists of nodes spell the provider's public name, whose node
// label is empty.
const PublicNode = "public"

// The limits of what can be added while the exporter runs.
const (
	MaxWindows      = 1000                // one-off windows that have not ended
	MaxDrains       = 1000                // drained nodes
	MaxWindowLength = 30 * 24 * time.Hour // of a one-off window
	MaxWindowAhead  = 366 * 24 * time.Hour
)

// The errors that callers tell apart. Any other error of a change means that
// it could not be stored and did not take place.
var (
	// ErrInvalid marks a request that is wrong in itself.
	ErrInvalid = errors.New("invalid")
	// ErrUnknownWindow marks an id that no one-off window has.
	ErrUnknownWindow = errors.New("no such window")
	// ErrStorage marks a change that was refused because it could not be stored.
	ErrStorage = errors.New("not stored, so nothing was changed")
)

// Drain is a node taken out of its load balancer. It goes on being measured
// and raises no alarm.
type Drain struct {
	// Node is the node's name, empty for the exporter's own answer.
	Node string `json:"node"`
	// Since is when the node was drained first, Until when the drain ends by
	// itself; zero for never.
	Since time.Time `json:"since"`
	Until time.Time `json:"until,omitzero"`
	// By is who asked for it, for people.
	By string `json:"by,omitempty"`
}

// Window is a one-off maintenance window, from Start to just before End.
type Window struct {
	ID    string    `json:"id,omitempty"`
	Name  string    `json:"name"`
	Start time.Time `json:"start,omitzero"`
	End   time.Time `json:"end,omitzero"`
	// Nodes and Probes narrow the window; an empty list means all.
	Nodes  []string `json:"nodes,omitempty"`
	Probes []string `json:"probes,omitempty"`
	// By is who asked for it and Comment what for, for people.
	By      string `json:"by,omitempty"`
	Comment string `json:"comment,omitempty"`
}

// Store keeps drains and one-off windows. A change is on disk when the method
// that makes it returns without an error.
type Store interface {
	Drains(ctx context.Context) ([]Drain, error)
	PutDrain(ctx context.Context, d Drain) error
	DeleteDrain(ctx context.Context, nodes ...string) error
	Windows(ctx context.Context) ([]Window, error)
	PutWindow(ctx context.Context, w Window) error
	DeleteWindow(ctx context.Context, ids ...string) error
}

func (d Drain) ended(at time.Time) bool { return !d.Until.IsZero() && !at.Before(d.Until) }

func (w Window) ended(at time.Time) bool { return !at.Before(w.End) }
