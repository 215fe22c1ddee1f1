package dashboards

// cluster shows the nodes behind the load balancer and the exporters beside them.
func cluster() board {
	return board{
		uid: "idp-exporter-cluster", title: "Sign-in: cluster and nodes", from: "now-6h",
		description: "Which nodes sign people in, which are out and why, where they differ, and what the other exporters say.",
		rows: []row{
			{"Nodes", []panel{
				{
					title: "Enough nodes", about: "Whether as many nodes pass as the provider's quorum asks for, or half of them where none is set. Drained nodes count as not passing; TOO FEW is only what is not a drain alone. Of all nodes, whichever are chosen.",
					w: 6, h: 6, draw: number(), words: enoughOrNot(), empty: "there are no nodes",
					runbooks: []string{"IdPNodeOut", "IdPQuorumAtRisk", "IdPQuorumLost"},
					queries:  []query{{enoughNodes(), "{{provider}}"}},
				},
				{
					title: "Nodes that pass", about: "Of which every probe that counts passes and that are not drained; how many are needed, and how many there are.",
					w: 6, h: 6, draw: bars(), min: new(0.0), empty: "There are no nodes.",
					queries: []query{
						{passingNodes, "{{provider}}: pass"},
						{neededNodes, "{{provider}}: needed"},
						{allNodes, "{{provider}}: all"},
					},
				},
				{
					title: "Drained", about: "A drained node is out of its load balancer until its drain ends. The exporter can be drained as well: then /testall answers no.",
					w: 6, h: 6, draw: number(), words: words{1: {"drained", orange}, 0: {"in service", green}},
					queries: []query{{named(`max by (node) (idp_node_drained{node=~"$node"})`, "the exporter"), "{{node}}"}},
				},
				{
					title: "Drift", about: "Whether nodes differ in their key set, clock, certificate or discovery document. People on one node then see something else than people on the other.",
					w: 6, h: 6, draw: number(), words: words{1: {"differ", red}, 0: {"agree", green}},
					runbooks: []string{"IdPNodesDisagree"},
					queries:  []query{{`max by (provider, what) (idp_nodes_disagree{provider=~"$provider"})`, "{{provider}} {{what}}"}},
				},
				{
					title: "Nodes over time", about: "The worst verdict of each node's probes that count.",
					w: 24, h: 7, draw: timeline(), words: passOrFail(),
					queries: []query{{verdicts("provider, node", `node!="",gates="true"`), "{{provider}} {{node}}"}},
				},
				{
					title: "What fails on nodes", about: "With the step and the reason.",
					w: 12, h: 8, draw: list("", "severity", "provider", "node", "probe", "step", "reason"), empty: "Nothing fails.",
					runbooks: []string{"IdPNodeOut", "IdPNodeFailingSlow", "IdPTestallFailingAtNode"},
					queries:  []query{{failing(`node!=""`), ""}},
				},
				{
					title: "What raises no alarm of its own, and why", about: "A maintenance window is open, the node is drained, or a probe that this one needs fails (parent).",
					w: 12, h: 8, draw: list("", "cause", "provider", "node", "probe"), empty: "Everything raises alarms.",
					queries: []query{{`max by (cause, provider, node, probe) (` + joined(`idp_probe_suppressed`, everyKind) + `)`, ""}},
				},
			}},
			{"Side by side", []panel{
				{
					title: "How long a login takes on each node", about: "95 of 100 logins that pass are faster. While none passes there is a gap.",
					w: 12, h: 8, draw: lines(), unit: "s", min: new(0.0),
					queries: []query{{named(runTime("0.95", "node", signInKinds), "public name"), "{{node}}"}},
				},
				{
					title: "Failed runs on each node", about: "Each minute.",
					w: 12, h: 8, draw: stacked(), unit: "none", min: new(0.0),
					queries: []query{{named(`60 * sum by (node) (`+chosen(`rate(idp_probe_runs_total{result="fail"}[$__rate_interval])`, everyKind)+`)`, "public name"), "{{node}}"}},
				},
				{
					title: "Clock of each node", about: "Ahead of the exporter's, as the node's own answers tell it: good to about half a second.",
					w: 12, h: 7, draw: lines(), unit: "s",
					runbooks: []string{"IdPClockOff"},
					queries:  []query{{`max by (provider, node) (` + joined(`idp_clock_offset_seconds`, everyKind) + `)`, "{{provider}} {{node}}"}},
				},
				{
					title: "Keys in each node's key set", about: "Nodes that have not the same keys refuse each other's tokens.",
					w: 12, h: 7, draw: lines(), min: new(0.0),
					queries: []query{{`min by (provider, node) (` + joined(`idp_jwks_keys`, everyKind) + `)`, "{{provider}} {{node}}"}},
				},
			}},
			{"Load balancers", []panel{
				{
					title: "Answers of /testall", about: "Each second, by status code, to load balancers and monitors.",
					w: 12, h: 7, draw: stacked(), unit: "reqps", min: new(0.0),
					queries: []query{{`sum by (code) (rate(idp_testall_requests_total[$__rate_interval]))`, "{{code}}"}},
				},
				{
					title: "Discovered nodes", about: "Where nodes are discovered rather than listed.",
					w: 6, h: 7, draw: lines(), min: new(0.0), empty: "No provider discovers its nodes.",
					queries: []query{{`max by (provider) (idp_nodes_discovered{provider=~"$provider"})`, "{{provider}}"}},
				},
				{
					title: "Age of the discovery", about: "Since it last named nodes, and lookups that named none in the range shown. The former nodes stay meanwhile.",
					w: 6, h: 7, draw: bars(), unit: "none", min: new(0.0), scale: highIsBad(300, 3600), empty: "No provider discovers its nodes.",
					queries: []query{
						{`time() - max by (provider) (idp_discovery_last_success_timestamp_seconds{provider=~"$provider"})`, "{{provider}}: seconds ago"},
						{`ceil(sum by (provider) (increase(idp_discovery_failures_total{provider=~"$provider"}[$__range])))`, "{{provider}}: failed lookups"},
					},
				},
			}},
			{"Exporters that ask each other", []panel{
				{
					title: "Cluster", about: "What /testall?scope=cluster answers at each exporter.",
					w: 6, h: 7, draw: number(), words: yesOrNo(), empty: "no peers are configured",
					runbooks: []string{"IdPClusterQuorumAtRisk", "IdPClusterQuorumLost"},
					queries:  []query{{`min by (instance) (idp_cluster_pass)`, "{{instance}}"}},
				},
				{
					title: "Members", about: "By what is known of them, and how many have to pass.",
					w: 6, h: 7, draw: bars(), min: new(0.0), empty: "No peers are configured.",
					queries: []query{
						{`max by (instance, state) (idp_cluster_members)`, "{{instance}}: {{state}}"},
						{`max by (instance) (idp_cluster_need)`, "{{instance}}: needed"},
					},
				},
				{
					title: "Peers", about: "What each exporter hears from the others: pass, fail, or nothing.",
					w: 12, h: 7, draw: timeline(), words: words{2: {"pass", green}, 1: {"FAIL", red}, 0: {"not heard", orange}}, empty: "No peers are configured.",
					queries: []query{{`min by (instance, peer) (idp_peer_up + idp_peer_pass or idp_peer_up == 0)`, "{{instance}} hears {{peer}}"}},
				},
				{
					title: "Last answer of each peer", about: "How long ago.",
					w: 24, h: 6, draw: lines(), unit: "s", min: new(0.0), empty: "No peers are configured.",
					queries: []query{{`time() - max by (instance, peer) (idp_peer_last_answer_timestamp_seconds)`, "{{instance}} hears {{peer}}"}},
				},
			}},
		},
	}
}
