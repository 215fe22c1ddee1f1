package collector

import (
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/idp-exporter/idp_exporter/internal/state"
)

// Windows knows the maintenance windows.
type Windows interface {
	// WindowNames tells of every window name whether a window of that name is
	// open at a time.
	WindowNames(at time.Time) map[string]bool
}

// suppression shows what raises no alarm of its own, and why.
type suppression struct {
	windows Windows
}

func (p suppression) families() []family {
	return []family{
		{
			name: "idp_probe_suppressed", before: "cause", labels: nodeLabels,
			help: "1 while the probe raises no alarm of its own: a window is open, its node is drained, or a probe that it needs fails.",
			show: showSuppressed,
		},
		{
			name: "idp_node_drained", labels: noLabels, after: []string{"node"},
			help: "Whether the node is drained (node=\"\" is the public name).",
			show: showDrained,
		},
		{
			name: "idp_maintenance_active", labels: noLabels, after: []string{"window"},
			help: "Whether a maintenance window of that name is open.",
			show: p.showWindows,
		},
	}
}

func showSuppressed(m *moment, s sink) {
	byCause := map[string][]int{}
	for _, i := range m.order(nodeLabels) {
		if cause := m.entries[i].Suppressed; cause != "" {
			byCause[cause] = append(byCause[cause], i)
		}
	}
	for _, cause := range slices.Sorted(maps.Keys(byCause)) {
		for _, i := range byCause[cause] {
			s.put(point{entry: i, before: cause, value: 1})
		}
	}
}

func showDrained(m *moment, s sink) {
	drained := map[string]bool{}
	for i := range m.entries {
		e := &m.entries[i]
		drained[e.Node] = drained[e.Node] || e.Suppressed == state.SuppressedDrained
	}
	showNamed(s, drained)
}

func (p suppression) showWindows(_ *moment, s sink) {
	if p.windows == nil {
		return
	}
	// Names that differ in bytes that no label can hold meet in one series.
	open := map[string]bool{}
	for name, is := range p.windows.WindowNames(time.Now()) {
		name = strings.ToValidUTF8(name, "?")
		open[name] = open[name] || is
	}
	showNamed(s, open)
}

// showNamed shows values by the name that is their only label.
func showNamed(s sink, values map[string]bool) {
	for _, name := range slices.Sorted(maps.Keys(values)) {
		s.put(point{entry: none, after: name, value: boolean(values[name])})
	}
}
