package collector

import (
	"maps"
	"slices"

	"github.com/idp-exporter/idp_exporter/internal/state"
)

// quorums shows how many nodes each provider needs.
type quorums struct {
	state *state.State
}

func (q quorums) families() []family {
	return []family{{
		name: "idp_provider_quorum", labels: noLabels, after: []string{"provider"},
		help: "How many nodes of the provider have to pass; absent where every one has to.",
		show: func(_ *moment, s sink) {
			all := q.state.Quorums()
			for _, provider := range slices.Sorted(maps.Keys(all)) {
				s.put(point{entry: none, after: provider, value: float64(all[provider])})
			}
		},
	}}
}
