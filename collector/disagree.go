package collector

import (
	"cmp"
	"maps"
	"slices"

	"github.com/idp-exporter/idp_exporter/internal/state"
)

// disagree shows whether the nodes of a provider agree, for each thing that at
// least two of them have told.
type disagree struct {
	state *state.State
}

func (d disagree) families() []family {
	return []family{{
		name: "idp_nodes_disagree", labels: noLabels, after: []string{"provider", "what"},
		help: "Whether the nodes of the provider differ in their key set, clock, certificate or discovery document.",
		show: d.show,
	}}
}

func (d disagree) show(_ *moment, s sink) {
	values := map[state.Comparison]float64{}
	for c := range d.state.Compared() {
		values[c] = 0
	}
	for _, x := range d.state.Disagreements() {
		values[state.Comparison{Provider: x.Provider, What: x.What}] = 1
	}
	byName := func(a, b state.Comparison) int {
		return cmp.Or(cmp.Compare(a.Provider, b.Provider), cmp.Compare(a.What, b.What))
	}
	for _, c := range slices.SortedFunc(maps.Keys(values), byName) {
		s.put(point{entry: none, after: c.Provider, last: c.What, value: values[c]})
	}
}
