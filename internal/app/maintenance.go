package app

import (
	"context"
	"time"

	"github.com/idp-exporter/idp_exporter/internal/maintenance"
	"github.com/idp-exporter/idp_exporter/internal/state"
)

// keeper is the book as the routes change it: the state learns of each change
// before it is acknowledged.
type keeper struct {
	*maintenance.Book
	state *state.State
}

// Drain implements web.Maintenance.
func (k keeper) Drain(ctx context.Context, node string, until time.Time, by string) error {
	defer k.state.SuppressionChanged()
	return k.Book.Drain(ctx, node, until, by)
}

// Undrain implements web.Maintenance.
func (k keeper) Undrain(ctx context.Context, node string) error {
	defer k.state.SuppressionChanged()
	return k.Book.Undrain(ctx, node)
}

// AddWindow implements web.Maintenance.
func (k keeper) AddWindow(ctx context.Context, w maintenance.Window) (maintenance.Window, error) {
	defer k.state.SuppressionChanged()
	return k.Book.AddWindow(ctx, w)
}

// RemoveWindow implements web.Maintenance.
func (k keeper) RemoveWindow(ctx context.Context, id string) error {
	defer k.state.SuppressionChanged()
	return k.Book.RemoveWindow(ctx, id)
}

// suppressor lets the state ask the book.
type suppressor struct{ *maintenance.Book }

// Suppressed implements state.Suppressor.
func (s suppressor) Suppressed(probe, node string, at time.Time) (string, time.Time, bool) {
	cause, until, _, ok := s.Book.Suppressed(probe, node, at)
	return string(cause), until, ok
}

// Drained implements state.Suppressor.
func (s suppressor) Drained(node string, at time.Time) (time.Time, bool) {
	return s.DrainedUntil(node, at)
}
