package collector

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/idp-exporter/idp_exporter/internal/state"
)

// disagree shows whether the nodes of a provider agree, for each thing that at
// least two of them have told.
type disagree struct {
	state *state.State
	nodes desc
}

func newDisagree(st *state.State) *disagree {
	return &disagree{st, gauge("idp_nodes_disagree",
		"Whether the nodes of the provider differ in their key set, clock, certificate or discovery document.", "provider", "what")}
}

func (d *disagree) describe(ch chan<- *prometheus.Desc) { describe(ch, d.nodes) }

func (d *disagree) collect(ch chan<- prometheus.Metric, _ []state.Entry) {
	values := map[state.Comparison]float64{}
	for c := range d.state.Compared() {
		values[c] = 0
	}
	for _, x := range d.state.Disagreements() {
		values[state.Comparison{Provider: x.Provider, What: x.What}] = 1
	}
	for c, v := range values {
		d.nodes.send(ch, v, c.Provider, c.What)
	}
}
