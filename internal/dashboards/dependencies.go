package dashboards

// dependencies shows what sign-in depends on, and the machine of the exporter.
func dependencies() board {
	return board{
		uid: "idp-exporter-dependencies", title: "Sign-in: dependencies and host", from: "now-24h",
		description: "Names, certificates, directories, mail, clocks and other things that sign-in depends on; appliances; the machines of the exporters.",
		rows: []row{
			{"Dependencies", []panel{
				{
					title: "Each dependency", about: "The damped verdict, the worst node where there are several.",
					w: 24, h: 9, draw: timeline(), words: passOrFail(),
					runbooks: []string{"IdPDNSFailing", "IdPTLSFailing", "IdPTCPFailing", "IdPLDAPFailing", "IdPSMTPFailing", "IdPNTPFailing", "IdPHTTPFailing", "IdPOIDCFailing", "IdPEgressFailing", "IdPICMPFailing", "IdPTestallFailingAtLoadBalancer"},
					queries:  []query{{verdicts("kind, probe", dependencyKinds), "{{kind}} {{probe}}"}},
				},
				{
					title: "What fails now", about: "With the step and the reason.",
					w: 12, h: 8, draw: list("", "severity", "kind", "probe", "node", "step", "reason"), empty: "Nothing fails.",
					queries: []query{{failing(dependencyKinds), ""}},
				},
				{
					title: "How long they take to answer", about: "95 of 100 runs that pass are faster. While none passes there is a gap.",
					w: 12, h: 8, draw: lines(), unit: "s", min: new(0.0),
					queries: []query{{runTime("0.95", "probe", dependencyKinds), "{{probe}}"}},
				},
				{
					title: "Certificates end in", about: "The earliest end in the chain that the server sent.",
					w: 12, h: 8, draw: bars(), unit: "s", min: new(0.0), scale: lowIsBad(7*day, 30*day), empty: "Nothing here speaks TLS.",
					runbooks: []string{"IdPCertificateExpires1Day", "IdPCertificateExpires7Days", "IdPCertificateExpires30Days"},
					queries:  []query{{`sort(min by (probe, node) (` + chosen(`idp_tls_certificate_not_after_timestamp_seconds`, everyKind) + `) - time())`, "{{probe}} {{node}}"}},
				},
				{
					title: "Clocks", about: "Ahead of the exporter's. Tokens are refused when clocks differ by more than the leeway of whoever checks them.",
					w: 12, h: 8, draw: lines(), unit: "s",
					runbooks: []string{"IdPClockOff"},
					queries:  []query{{`max by (probe, node) (` + chosen(`idp_clock_offset_seconds`, dependencyKinds) + `)`, "{{probe}} {{node}}"}},
				},
			}},
			{"Appliances", []panel{
				{
					title: "Resources", about: "What the appliance says of itself: 204 is well, 520 is not.",
					w: 16, h: 8, draw: timeline(), words: words{1: {"well", green}, 0: {"WARNING", red}}, empty: "No appliance is watched.",
					runbooks: []string{"IdPApplianceFailing", "IdPApplianceResource", "IdPApplianceResourceUnsteady"},
					queries:  []query{{`min by (node, resource) (` + chosen(`idp_appliance_status`, everyKind) + `)`, "{{node}} {{resource}}"}},
				},
				{
					title: "Status codes", about: "As the appliance answered. 429 is a node that is asked too often.",
					w: 8, h: 8, draw: list("code", "node", "resource"), empty: "No appliance is watched.",
					queries: []query{{`max by (node, resource) (` + chosen(`idp_appliance_status_code`, everyKind) + `)`, ""}},
				},
			}},
			{"Machines of the exporters", []panel{
				{
					title: "Processors", about: "Used part of the capacity over the last minute; of the container where it has a limit.",
					w: 8, h: 7, draw: lines(), unit: "percentunit", min: new(0.0), max: new(1.0),
					runbooks: []string{"IdPHostCPUHigh", "IdPHostFailing"},
					queries:  []query{{`max by (instance) (idp_host_cpu_usage_ratio)`, "{{instance}}"}},
				},
				{
					title: "Available memory", about: "Part of it that can be had without swapping.",
					w: 8, h: 7, draw: lines(), unit: "percentunit", min: new(0.0), max: new(1.0),
					runbooks: []string{"IdPHostMemoryLow", "IdPHostMemoryLowSoon"},
					queries:  []query{{`min by (instance) (idp_host_memory_available_ratio)`, "{{instance}}"}},
				},
				{
					title: "Load", about: "Tasks that run or wait, for each processor, over 1, 5 and 15 minutes.",
					w: 8, h: 7, draw: lines(), min: new(0.0),
					queries: []query{
						{`max by (instance) (idp_host_load1 / idp_host_cpu_cores)`, "{{instance}}: 1 min"},
						{`max by (instance) (idp_host_load5 / idp_host_cpu_cores)`, "{{instance}}: 5 min"},
						{`max by (instance) (idp_host_load15 / idp_host_cpu_cores)`, "{{instance}}: 15 min"},
					},
				},
				{
					title: "Volumes", about: "Used part of the space and of the inodes.",
					w: 8, h: 8, draw: bars(), unit: "percentunit", min: new(0.0), max: new(1.0), scale: highIsBad(.8, .9),
					runbooks: []string{"IdPHostDiskFull", "IdPHostInodesFull"},
					queries: []query{
						{`max by (instance, mountpoint) (idp_host_filesystem_used_ratio)`, "{{instance}} {{mountpoint}}"},
						{`max by (instance, mountpoint) (idp_host_filesystem_inodes_used_ratio)`, "{{instance}} {{mountpoint}} inodes"},
					},
				},
				{
					title: "Volumes in a day", about: "Used part of the space a day from now, if it goes on as in the last 6 hours. Above 1 it is full.",
					w: 8, h: 8, draw: lines(), unit: "percentunit", min: new(0.0),
					runbooks: []string{"IdPHostDiskFullSoon"},
					queries:  []query{{`max by (instance, mountpoint) (predict_linear(idp_host_filesystem_used_ratio[6h], 24 * 3600))`, "{{instance}} {{mountpoint}}"}},
				},
				{
					title: "Swap in use", about: "Of the machine or its container.",
					w: 8, h: 8, draw: lines(), unit: "bytes", min: new(0.0),
					queries: []query{{`max by (instance) (idp_host_swap_total_bytes - idp_host_swap_free_bytes)`, "{{instance}}"}},
				},
				{
					title: "System clock", about: "Whether something keeps it right, and the kernel's bound on how far it is off. Linux only.",
					w: 8, h: 6, draw: number(), words: words{1: {"kept right", green}, 0: {"on its own", orange}}, empty: "not told here",
					runbooks: []string{"IdPHostClockUnsynchronized"},
					queries:  []query{{`min by (instance) (idp_host_clock_synchronized)`, "{{instance}}"}},
				},
				{
					title: "Error of the clock", about: "The kernel's bound. Linux only.",
					w: 8, h: 6, draw: lines(), unit: "s", min: new(0.0),
					queries: []query{{`max by (instance) (idp_host_clock_max_error_seconds)`, "{{instance}}"}},
				},
				{
					title: "Services", about: "System services that probes name. Linux with systemd only.",
					w: 8, h: 6, draw: number(), words: words{1: {"active", green}, 0: {"NOT ACTIVE", red}}, empty: "no service is named",
					runbooks: []string{"IdPHostServiceDown"},
					queries:  []query{{`min by (instance, service) (idp_host_service_active)`, "{{instance}} {{service}}"}},
				},
				{
					title: "Figures that could not be taken", about: "By collector; what this operating system does not tell is left out.",
					w: 12, h: 6, draw: timeline(), words: words{1: {"taken", green}, 0: {"FAILED", red}},
					queries: []query{{`min by (instance, collector) (idp_host_collector_success)`, "{{instance}} {{collector}}"}},
				},
				{
					title: "Age of the figures", about: "Since each was last taken.",
					w: 12, h: 6, draw: lines(), unit: "s", min: new(0.0),
					queries: []query{{`time() - max by (instance, collector) (idp_host_collector_last_success_timestamp_seconds)`, "{{instance}} {{collector}}"}},
				},
			}},
		},
	}
}

// day in seconds.
const day = 24 * 60 * 60
