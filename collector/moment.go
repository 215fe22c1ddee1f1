package collector

import (
	dto "github.com/prometheus/client_model/go"

	"github.com/idp-exporter/idp_exporter/internal/state"
)

// moment is all that one scrape shows. Scrapes that come together share one, so
// it is not changed once it was taken.
type moment struct {
	entries []state.Entry
	layout  *layout
	// runs are the durations of the entries' runs by outcome, nil for one that
	// there was not.
	runs [][4]*tally
	// others are the metrics that do not derive from entries, err what of them
	// could not be had.
	others []*dto.MetricFamily
	err    error
}

// take takes the moment.
func (m *Metrics) take() *moment {
	now := &moment{entries: m.state.Snapshot()}
	now.layout = m.layout.Load()
	if !now.layout.fits(now.entries) {
		now.layout = newLayout(now.entries)
		m.layout.Store(now.layout)
	}
	now.runs = m.durations.of(now.entries)
	now.others, now.err = m.registry.Gather()
	return now
}

// order returns the indexes of the entries in the order that their labels of a
// set have; that of infoLabels is a family's own.
func (m *moment) order(l entryLabels) []int {
	if l == nodeLabels {
		return m.layout.byNode
	}
	return m.layout.byKind
}

// walk calls other or own for each metric that is wanted, in the order of names.
// It stops at the first error, and returns it.
func (m *Metrics) walk(now *moment, want func(name string) bool, other func(*dto.MetricFamily) error, own func(*family) error) error {
	rest := now.others
	before := func(end string) error {
		for ; len(rest) > 0 && (end == "" || rest[0].GetName() < end); rest = rest[1:] {
			if want(rest[0].GetName()) {
				if err := other(rest[0]); err != nil {
					return err
				}
			}
		}
		return nil
	}
	for i := range m.families {
		f := &m.families[i]
		if err := before(f.name); err != nil {
			return err
		}
		if want(f.name) {
			if err := own(f); err != nil {
				return err
			}
		}
	}
	return before("")
}
