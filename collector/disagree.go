package collector

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/idp-exporter/idp_exporter/internal/state"
)

// disagree shows whether the nodes of each provider that has several agree.
type disagree struct {
	state *state.State
	nodes desc
}

func newDisagree(st *state.State) *disagree {
	return &disagree{st, gauge("idp_nodes_disagree",
		"Whether the nodes of the provider differ in their key set, clock, certificate or discovery document.", "provider", "what")}
}

func (d *disagree) describe(ch chan<- *prometheus.Desc) { describe(ch, d.nodes) }

func (d *disagree) collect(ch chan<- prometheus.Metric, entries []state.Entry) {
	type pair struct{ provider, what string }
	found := map[pair]bool{}
	for _, x := range d.state.Disagreements() {
		found[pair{x.Provider, x.What}] = true
	}
	first := map[string]string{} // node by provider
	several := map[string]bool{}
	for i := range entries {
		e := &entries[i]
		if e.Node == "" {
			continue
		}
		if node, ok := first[e.Provider]; !ok {
			first[e.Provider] = e.Node
		} else if node != e.Node {
			several[e.Provider] = true
		}
	}
	for provider := range several {
		for _, what := range state.DisagreementKinds() {
			d.nodes.send(ch, boolean(found[pair{provider, what}]), provider, what)
		}
	}
}
