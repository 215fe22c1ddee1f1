package collector

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/idp-exporter/idp_exporter/internal/peers"
)

// Peers shows what the other exporters of the cluster say.
type Peers struct {
	cluster                                 func() peers.Verdict
	pass, need, members, up, passes, answer desc
}

// NewPeers returns the metrics of a cluster, which is asked for its verdict at
// each scrape.
func NewPeers(cluster func() peers.Verdict) *Peers {
	return &Peers{
		cluster: cluster,
		pass:    gauge("idp_cluster_pass", "Whether /testall?scope=cluster answers OK."),
		need:    gauge("idp_cluster_need", "How many members of the cluster must pass, this exporter included."),
		members: gauge("idp_cluster_members", "Members of the cluster, this exporter included, by what is known of them.", "state"),
		up:      gauge("idp_peer_up", "Whether it is known what the peer says.", "peer"),
		passes:  gauge("idp_peer_pass", "Whether the peer says that it passes; absent while that is not known.", "peer"),
		answer:  gauge("idp_peer_last_answer_timestamp_seconds", "When the peer last answered; absent if it never did.", "peer"),
	}
}

// Describe implements prometheus.Collector.
func (p *Peers) Describe(ch chan<- *prometheus.Desc) {
	describe(ch, p.pass, p.need, p.members, p.up, p.passes, p.answer)
}

// Collect implements prometheus.Collector.
func (p *Peers) Collect(ch chan<- prometheus.Metric) {
	v := p.cluster()
	p.pass.send(ch, boolean(v.OK))
	p.need.send(ch, float64(v.Need))
	states := map[string]int{"pass": 0, "fail": 0, "unknown": 0}
	for _, m := range v.Members {
		states[m.State()]++
		if m.Name == peers.Self {
			continue
		}
		p.up.send(ch, boolean(m.Known), m.Name)
		if m.Known {
			p.passes.send(ch, boolean(m.OK), m.Name)
		}
		if !m.At.IsZero() {
			p.answer.send(ch, seconds(m.At), m.Name)
		}
	}
	for state, n := range states {
		p.members.send(ch, float64(n), state)
	}
}
