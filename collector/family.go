package collector

import (
	"fmt"

	"github.com/idp-exporter/idp_exporter/internal/state"
)

// kind is what a family measures.
type kind int

const (
	isGauge kind = iota
	isCounter
	isHistogram
)

// part is one group of metrics that derive from entries of the state.
type part interface {
	families() []family
}

// family is a metric that derives from entries of the state. A scrape of
// 10,000 probes has 300,000 lines of such; what makes them one by one through
// a registry, which sorts and compares each, takes most of a second. A family
// shows its points in order instead, and a sink turns them into what is sent.
type family struct {
	name, help string
	kind       kind
	// labels are those that points have of their entry, in the order of names,
	// which is that of the sort: before comes ahead of them, after behind.
	labels entryLabels
	before string
	after  []string // two at most
	// show hands the points to the sink, sorted by the values of their labels
	// and each once.
	show func(*moment, sink)
}

// entryLabels tells which labels of its entry a point has.
type entryLabels int

// The sets that there are. Each is the end of the one before, see layout.
const (
	infoLabels entryLabels = iota // gates, kind, node, probe, provider, severity
	kindLabels                    // kind, node, probe
	nodeLabels                    // node, probe
	noLabels
)

// none stands for the entry of a point that has none.
const none = -1

// point is one value of a family.
type point struct {
	entry int // the index in the moment's entries, or none
	value float64
	// before, after and last are the values of the labels that are not of the
	// entry.
	before, after, last string
}

// sink takes the points of the family that it is at.
type sink interface {
	put(point)
	// putHistogram shows the runs of an entry that ended with a result.
	putHistogram(entry int, result string, t *tally)
}

// each makes a family show one value for each entry that f has one for.
func (f family) each(value func(*state.Entry) (v float64, shown bool)) family {
	f.show = func(m *moment, s sink) {
		for _, i := range m.order(f.labels) {
			if v, shown := value(&m.entries[i]); shown {
				s.put(point{entry: i, value: v})
			}
		}
	}
	return f
}

// showTo has a sink take the points. A family that panics must not take the
// others down.
func (f *family) showTo(s sink, m *moment) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("%s: %v", f.name, p)
		}
	}()
	f.show(m, s)
	return nil
}
