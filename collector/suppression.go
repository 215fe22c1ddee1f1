package collector

import (
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"

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
	windows                     Windows
	suppressed, drained, active desc
}

func newSuppression(w Windows) *suppression {
	return &suppression{
		windows: w,
		suppressed: gauge("idp_probe_suppressed",
			"1 while the probe raises no alarm of its own: a window is open, its node is drained, or a probe that it needs fails.",
			"probe", "node", "cause"),
		drained: gauge("idp_node_drained", "Whether the node is drained (node=\"\" is the public name).", "node"),
		active:  gauge("idp_maintenance_active", "Whether a maintenance window of that name is open.", "window"),
	}
}

func (s *suppression) describe(ch chan<- *prometheus.Desc) {
	describe(ch, s.suppressed, s.drained, s.active)
}

func (s *suppression) collect(ch chan<- prometheus.Metric, entries []state.Entry) {
	drained := map[string]bool{}
	for i := range entries {
		e := &entries[i]
		if e.Suppressed != "" {
			s.suppressed.send(ch, 1, e.Probe, e.Node, e.Suppressed)
		}
		drained[e.Node] = drained[e.Node] || e.Suppressed == state.SuppressedDrained
	}
	for _, node := range slices.Sorted(maps.Keys(drained)) {
		s.drained.send(ch, boolean(drained[node]), node)
	}
	if s.windows == nil {
		return
	}
	// Names that differ in bytes that no label can hold meet in one series.
	open := map[string]bool{}
	for name, is := range s.windows.WindowNames(time.Now()) {
		name = strings.ToValidUTF8(name, "?")
		open[name] = open[name] || is
	}
	for name, is := range open {
		s.active.send(ch, boolean(is), name)
	}
}
