package dashboards

// logins shows each login and rule with its steps and reasons.
func logins() board {
	return board{
		uid: "idp-exporter-logins", title: "Sign-in: logins and rules", from: "now-6h",
		description: "Each login and each rule: how often, how fast, at which step and for which reason it fails.",
		rows: []row{
			{"Now", []panel{
				{
					title: "Verdict", about: "After damping: what /testall goes by.",
					w: 12, h: 7, draw: number(), words: passOrFail(),
					runbooks: []string{"IdPSignInDown"},
					queries:  []query{{verdicts("probe, node", signInKinds), "{{probe}} {{node}}"}},
				},
				{
					title: "What fails, where and why", about: "Logins and rules whose last conclusive run failed.",
					w: 12, h: 7, draw: list("", "severity", "provider", "probe", "node", "step", "reason"), empty: "Nothing fails.",
					runbooks: []string{"IdPSignInDown", "IdPLoginFailing", "IdPAccountLocked"},
					queries:  []query{{failing(signInKinds), ""}},
				},
			}},
			{"Over time", []panel{
				{
					title: "Last conclusive run", about: "Before damping, so that a single failure shows.",
					w: 24, h: 8, draw: timeline(), words: passOrFail(),
					queries: []query{{`min by (probe, node) (` + joined(`idp_probe_success`, signInKinds) + `)`, "{{probe}} {{node}}"}},
				},
				{
					title: "Runs by result", about: "Each minute. Unknown is a run that could not tell, such as one that was answered 429.",
					w: 12, h: 8, draw: stacked(), unit: "none", min: new(0.0),
					queries: []query{{`60 * sum by (result) (` + chosen(`rate(idp_probe_runs_total[$__rate_interval])`, signInKinds) + `)`, "{{result}}"}},
				},
				{
					title: "Share that passed", about: "Of the conclusive runs in the range shown.",
					w: 12, h: 8, draw: bars(), unit: "percentunit", min: new(0.0), max: new(1.0), scale: lowIsBad(.99, .999),
					runbooks: []string{"IdPSignInFailingFast", "IdPSignInFailingSlow"},
					queries:  []query{{passedShare("probe", signInKinds), "{{probe}}"}},
				},
			}},
			{"Failures", []panel{
				{
					title: "Failures by step and reason", about: "Each minute.",
					w: 14, h: 8, draw: stacked(), unit: "none", min: new(0.0),
					queries: []query{{`60 * sum by (step, reason) (` + chosen(`rate(idp_probe_failures_total[$__rate_interval])`, signInKinds) + `) > 0`, "{{step}}: {{reason}}"}},
				},
				{
					title: "Most frequent failures", about: "In the range shown.",
					w: 10, h: 8, draw: list("failures", "probe", "node", "step", "reason"), unit: "none", empty: "There were none.",
					queries: []query{{`topk(25, ceil(sum by (probe, node, step, reason) (` + chosen(`increase(idp_probe_failures_total[$__range])`, signInKinds) + `)) > 0)`, ""}},
				},
				{
					title: "What rules expect", about: "Each named expectation. One that was not reached, since the login failed before it, is a gap.",
					w: 14, h: 8, draw: timeline(), words: passOrFail(),
					runbooks: []string{"IdPRuleNotRun"},
					queries:  []query{{`min by (probe, node, assertion) (` + joined(`idp_probe_assertion_pass`, signInKinds) + `)`, "{{probe}} {{node}}: {{assertion}}"}},
				},
				{
					title: "Time since the last pass", about: "Or warning. Grows while a login fails or does not run.",
					w: 10, h: 8, draw: bars(), unit: "s", min: new(0.0), scale: highIsBad(300, 900),
					runbooks: []string{"IdPProbeStale"},
					queries:  []query{{`time() - min by (probe, node) (` + chosen(`idp_probe_last_pass_timestamp_seconds`, signInKinds) + `)`, "{{probe}} {{node}}"}},
				},
			}},
			{"Speed", []panel{
				{
					title: "Duration of half of the runs", about: "The median of those that pass, by login. While none passes there is a gap.",
					w: 8, h: 8, draw: lines(), unit: "s", min: new(0.0),
					queries: []query{{runTime("0.5", "probe", signInKinds), "{{probe}}"}},
				},
				{
					title: "Duration of 95 of 100 runs", about: "Of those that pass: the slow ones decide what people feel.",
					w: 8, h: 8, draw: lines(), unit: "s", min: new(0.0),
					runbooks: []string{"IdPLoginSlow"},
					queries:  []query{{runTime("0.95", "probe", signInKinds), "{{probe}}"}},
				},
				{
					title: "Runs that did not take place", about: "Each minute: the one before was still running (overrun), a refused account rests (backoff), or it has no logins left (budget).",
					w: 8, h: 8, draw: stacked(), unit: "none", min: new(0.0),
					queries: []query{{`60 * sum by (probe, cause) (` + chosen(`rate(idp_probe_runs_skipped_total[$__rate_interval])`, signInKinds) + `)`, "{{probe}}: {{cause}}"}},
				},
				{
					title: "Steps", about: "How long each step of the last run took, on average over the nodes.",
					w: 16, h: 9, draw: stacked(), unit: "s", min: new(0.0),
					queries: []query{{`avg by (probe, step) (` + chosen(`idp_probe_step_duration_seconds`, signInKinds) + `)`, "{{probe}}: {{step}}"}},
				},
				{
					title: "Slowest step of each login", about: "Now.",
					w: 8, h: 9, draw: list("seconds", "probe", "node", "step"), unit: "s",
					queries: []query{{`topk by (probe) (1, max by (probe, node, step) (` + chosen(`idp_probe_step_duration_seconds`, signInKinds) + `))`, ""}},
				},
			}},
			{"Tokens", []panel{
				{
					title: "Lifetime of tokens", about: "Of those issued last. A change nobody planned is a setting that somebody changed.",
					w: 12, h: 7, draw: lines(), unit: "s", min: new(0.0),
					queries: []query{{`min by (probe, token) (` + chosen(`idp_token_lifetime_seconds`, signInKinds) + `)`, "{{probe}}: {{token}}"}},
				},
				{
					title: "Keys in the key set", about: "One more for a while is a rotation; none is an outage.",
					w: 12, h: 7, draw: lines(), min: new(0.0),
					queries: []query{{`min by (provider, node) (` + joined(`idp_jwks_keys`, everyKind) + `)`, "{{provider}} {{node}}"}},
				},
			}},
		},
	}
}
