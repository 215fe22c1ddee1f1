package app

import (
	"time"

	"github.com/idp-exporter/idp_exporter/internal/maintenance"
)

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
