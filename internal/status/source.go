package status

import (
	"github.com/idp-exporter/idp_exporter/internal/host"
	"github.com/idp-exporter/idp_exporter/internal/state"
)

// NewSource returns a source of answers. Keys are all probes on all nodes, entry
// tells how one stands (state.State has both), and figures are those of the
// exporter's own machine; nil has none, so that cpu, memory and disk rest on
// probes alone. A configuration of nil covers what the figures do.
//
// Where nodes come and go a new source has to be made.
func NewSource(c *Config, keys []state.Key, entry func(state.Key) (state.Entry, bool), figures func() host.Snapshot) Source {
	if c == nil {
		c = &Config{}
	}
	names := make([]string, 0, len(keys))
	for _, k := range keys {
		names = append(names, k.Probe)
	}
	mapped := map[string][]state.Key{}
	for _, r := range Resources() {
		for _, ref := range c.Probes(r) {
			mapped[r] = append(mapped[r], resolve(ref, names, keys)...)
		}
	}
	return func(resource string) Answer {
		if len(mapped[resource]) > 0 {
			return allPass(mapped[resource], entry)
		}
		if figures == nil {
			return NotCovered
		}
		return machine(resource, figures)
	}
}

// resolve returns the keys that a reference stands for: never none, since what
// is configured is covered, be it there or not.
func resolve(ref string, names []string, keys []state.Key) []state.Key {
	probe, node := split(ref, names)
	var found []state.Key
	for _, k := range keys {
		if k.Probe == probe && (node == "" || k.Node == node) {
			found = append(found, k)
		}
	}
	if len(found) == 0 {
		return []state.Key{{Probe: probe, Node: node}}
	}
	return found
}

func allPass(keys []state.Key, entry func(state.Key) (state.Entry, bool)) Answer {
	for _, k := range keys {
		if e, ok := entry(k); !ok || !e.Verdict.OK() {
			return Bad
		}
	}
	return Good
}

// machine answers for the exporter's own machine, by the appliance's thresholds.
// A figure that is not known is no good one.
func machine(resource string, figures func() host.Snapshot) Answer {
	switch resource {
	case CPU:
		return answer(cpuWell(figures().CPU))
	case Memory:
		m := figures().Memory
		return answer(m != nil && m.AvailableRatio() > host.MinMemoryAvailable)
	case Disk:
		return answer(volumesWell(figures()))
	default:
		return NotCovered
	}
}

// cpuWell tells whether enough of the processors was free. A busy moment, such as
// the exporter's own start, is not yet the minute that the appliance speaks of.
func cpuWell(c *host.CPU) bool {
	return c != nil && (1-c.Usage > host.MinCPUFree || c.Over < host.SettledAfter)
}

// volumesWell tells whether no volume is too full. A volume that cannot be
// looked at may be.
func volumesWell(s host.Snapshot) bool {
	if len(s.Filesystems) == 0 || s.Health(host.CollectorFilesystems).Err != nil {
		return false
	}
	for _, f := range s.Filesystems {
		if f.Used > host.MaxVolumeUsed {
			return false
		}
	}
	return true
}

func answer(good bool) Answer {
	if good {
		return Good
	}
	return Bad
}
