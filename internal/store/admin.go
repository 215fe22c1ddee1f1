package store

import (
	"context"

	"github.com/idp-exporter/idp_exporter/internal/maintenance"
)

var _ maintenance.Store = (*Store)(nil)

func drains() table[maintenance.Drain] {
	return table[maintenance.Drain]{drainTable, func(d maintenance.Drain) string { return d.Node }}
}

func windows() table[maintenance.Window] {
	return table[maintenance.Window]{windowTable, func(w maintenance.Window) string { return w.ID }}
}

// PutDrain keeps a drain in place of an earlier one of the same node.
func (s *Store) PutDrain(ctx context.Context, d maintenance.Drain) error {
	return drains().put(ctx, s, d)
}

// DeleteDrain removes the drains of nodes, as far as there are any.
func (s *Store) DeleteDrain(ctx context.Context, nodes ...string) error {
	return drains().delete(ctx, s, nodes...)
}

// Drains returns the drains kept, by node.
func (s *Store) Drains(ctx context.Context) ([]maintenance.Drain, error) {
	return drains().all(ctx, s)
}

// PutWindow keeps a one-off window in place of an earlier one with the same ID.
func (s *Store) PutWindow(ctx context.Context, w maintenance.Window) error {
	return windows().put(ctx, s, w)
}

// DeleteWindow removes the windows with the given IDs, as far as there are any.
func (s *Store) DeleteWindow(ctx context.Context, ids ...string) error {
	return windows().delete(ctx, s, ids...)
}

// Windows returns the one-off windows kept, by ID.
func (s *Store) Windows(ctx context.Context) ([]maintenance.Window, error) {
	return windows().all(ctx, s)
}
