package dashboards

// signIn is the dashboard to hang on the wall.
func signIn() board {
	return board{
		uid: "idp-exporter-sign-in", title: "Can people sign in?", from: "now-6h",
		description: "The answer, since when, and what is wrong if it is no.",
		rows: []row{{panels: []panel{
			{
				title: "Can people sign in?", about: "What /testall answers; NO if one of several exporters says so, and nobody knows if a provider was watched only by exporters that are silent now. It is about all that exporters watch, whichever provider is chosen above.",
				w: 8, h: 8, draw: number(), words: yesOrNo().orUnknown(), empty: "nobody knows",
				runbooks: []string{"IdPSignInDown", "IdPVerdictFailingFast", "IdPVerdictFailingSlow"},
				queries:  []query{{`min(idp_testall_pass) == 0 or 2 * max(` + unwatched(gating) + `) or min(idp_testall_pass)`, ""}},
			},
			{
				title: "By provider", about: "Whether every login and rule that counts passes, after damping. A provider may still pass as a whole with a node out.",
				w: 8, h: 8, draw: number(), words: passOrFail().orUnknown(), empty: "nobody knows",
				queries: []query{{verdicts("provider", signInThatCounts) + ` or 2 * max by (provider) (` + unwatched(info(signInThatCounts)) + `)`, "{{provider}}"}},
			},
			{
				title: "Time without failure", about: "Part of the range shown in which /testall passed, of the exporter that saw the most failures.",
				w: 4, h: 8, draw: number(), unit: "percentunit", scale: lowIsBad(.99, .999), empty: "no data",
				queries: []query{{`min(avg_over_time(idp_testall_pass[$__range]))`, ""}},
			},
			{
				title: "Last login tried", about: "How many of its own intervals ago, of the login or rule that lags most. What is old says nothing about now: after three without a run, /testall counts it as failed.",
				w: 4, h: 8, draw: number(), unit: "suffix: intervals", scale: highIsBad(2, 3), empty: "never",
				runbooks: []string{"IdPProbeStale"},
				queries:  []query{{`max(` + lag(signInKinds) + `)`, ""}},
			},
		}}, {panels: []panel{
			{
				title: "What /testall answered", about: "By exporter.",
				w: 24, h: 4, draw: timeline(), words: passOrFail(),
				queries: []query{{`min by (instance) (idp_testall_pass)`, "{{instance}}"}},
			},
			{
				title: "Logins and rules", about: "The damped verdict of each, the worst node where there are several.",
				w: 24, h: 8, draw: timeline(), words: passOrFail(),
				runbooks: []string{"IdPSignInDown", "IdPSignInFailingFast", "IdPSignInFailingSlow"},
				queries:  []query{{verdicts("provider, probe", signInKinds), "{{provider}} {{probe}}"}},
			},
		}}, {panels: []panel{
			{
				title: "What fails now", about: "Every probe whose last conclusive run failed, with the step and the reason. Reasons are explained in the link Metrics.",
				w: 14, h: 8, draw: list("", "severity", "provider", "kind", "probe", "node", "step", "reason"), empty: "Nothing fails.",
				queries: []query{{failing(everyKind), ""}},
			},
			{
				title: "How long a login takes", about: "95 of 100 logins that pass are faster. While none passes there is a gap.",
				w: 10, h: 8, draw: lines(), unit: "s", min: new(0.0),
				runbooks: []string{"IdPLoginSlow"},
				queries:  []query{{runTime("0.95", "probe", signInKinds), "{{probe}}"}},
			},
		}}, {panels: []panel{
			{
				title: "Active alarms", about: "What consoles are told of, by severity.",
				w: 8, h: 4, draw: number().named(), scale: scale{{0, green}, {1, red}}, empty: "none",
				queries: []query{{`sum by (severity) (idp_alarm_active)`, "{{severity}}"}},
			},
			{
				title: "Maintenance", about: "Open maintenance windows. What is in one raises no alarm.",
				w: 4, h: 4, draw: number(), scale: scale{{0, green}, {1, blue}},
				runbooks: []string{"IdPMaintenanceOverrun"},
				queries:  []query{{`count(max by (window) (idp_maintenance_active) == 1) or vector(0)`, ""}},
			},
			{
				title: "Drained nodes", about: "Nodes that somebody has taken out of their load balancer.",
				w: 4, h: 4, draw: number(), scale: scale{{0, green}, {1, orange}},
				queries: []query{{`count(max by (node) (idp_node_drained) == 1) or vector(0)`, ""}},
			},
			{
				title: "Drift", about: "Ways in which nodes of a provider differ: key set, clock, certificate, discovery document.",
				w: 4, h: 4, draw: number(), scale: scale{{0, green}, {1, red}},
				runbooks: []string{"IdPNodesDisagree"},
				queries:  []query{{`count(max by (provider, what) (idp_nodes_disagree{provider=~"$provider"}) == 1) or vector(0)`, ""}},
			},
			{
				title: "Silent exporters", about: "Exporters that do not answer, for as long as Prometheus remembers them, up to a month; and those that it no longer asks, for an hour, or for the range shown if nobody else watches what they did.",
				w: 4, h: 4, draw: number(), scale: scale{{0, green}, {1, red}},
				runbooks: []string{"IdPExporterDown", "IdPExporterGone", "IdPExporterAbsent"},
				queries:  []query{{`count(` + silent() + `) or vector(0)`, ""}},
			},
		}}},
	}
}
