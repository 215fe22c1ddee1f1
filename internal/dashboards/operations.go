package dashboards

// build selects the exporters' own process metrics, which every program has.
const build = ` and on (job, instance) idp_exporter_build_info`

// operations shows what becomes of alarms, and whether the exporter itself is well.
func operations() board {
	return board{
		uid: "idp-exporter-operations", title: "Sign-in: alarms, bridges and the exporter itself", from: "now-6h",
		description: "Which alarms are active, whether consoles were told of them, and whether the exporters do their work. Provider and node make no difference here.",
		rows: []row{
			{"Alarms", []panel{
				{
					title: "Active alarms", about: "By name and severity, as consoles are told of them.",
					w: 12, h: 10, draw: list("alarms", "severity", "alarm", "instance"), empty: "No alarm is active.",
					queries: []query{{`max by (severity, alarm, instance) (idp_alarm_active) > 0`, ""}},
				},
				{
					title: "Alarms over time", about: "By severity.",
					w: 12, h: 10, draw: stacked(), unit: "none", min: new(0.0), empty: "No alarm was active.",
					queries: []query{{`sum by (severity) (idp_alarm_active)`, "{{severity}}"}},
				},
			}},
			{"Bridges", []panel{
				{
					title: "Waiting", about: "Alarms that consoles are still to be told of.",
					w: 6, h: 7, draw: number(), scale: scale{{0, green}, {1, yellow}, {100, red}}, empty: "there is no bridge",
					runbooks: []string{"IdPBridgeStuck"},
					queries:  []query{{`max by (instance, bridge) (idp_bridge_pending)`, "{{instance}} {{bridge}}"}},
				},
				{
					title: "Oldest that waits", about: "A bridge whose oldest keeps growing is stuck: its console is away or refuses.",
					w: 9, h: 7, draw: lines(), unit: "s", min: new(0.0), empty: "There is no bridge.",
					runbooks: []string{"IdPBridgeStuck"},
					queries:  []query{{`max by (instance, bridge) (idp_bridge_oldest_pending_seconds)`, "{{instance}} {{bridge}}"}},
				},
				{
					title: "Heartbeats", about: "Each minute. The console raises an alarm when they stop.",
					w: 9, h: 7, draw: lines(), unit: "none", min: new(0.0), empty: "There is no bridge.",
					queries: []query{{`60 * sum by (instance, bridge) (rate(idp_bridge_heartbeats_total[$__rate_interval]))`, "{{instance}} {{bridge}}"}},
				},
				{
					title: "Deliveries", about: "Each minute, by what became of them: delivered is acknowledged, sent is not known to have arrived, resent is the same again, retried failed for now, dead was refused for good, coalesced was left out for a later one.",
					w: 15, h: 8, draw: stacked(), unit: "none", min: new(0.0), empty: "There is no bridge.",
					queries: []query{{`60 * sum by (bridge, outcome) (rate(idp_bridge_deliveries_total[$__rate_interval]))`, "{{bridge}}: {{outcome}}"}},
				},
				{
					title: "Dead letters", about: "Events that a console has refused for good and that are kept for a replay, and those that made room for later ones.",
					w: 9, h: 8, draw: number(), scale: scale{{0, green}, {1, red}}, empty: "there is no bridge",
					runbooks: []string{"IdPBridgeDeadLetters"},
					queries: []query{
						{`max by (instance, bridge) (idp_bridge_dead_letters)`, "{{instance}} {{bridge}}"},
						{`ceil(sum by (instance) (increase(idp_bridge_dead_letters_dropped_total[$__range])))`, "{{instance}} dropped"},
					},
				},
				{
					title: "Webhooks of Alertmanager", about: "Each minute, by what became of them.",
					w: 12, h: 7, draw: stacked(), unit: "none", min: new(0.0), empty: "There were none.",
					queries: []query{{`60 * sum by (outcome) (rate(idp_alarm_webhooks_total[$__rate_interval]))`, "{{outcome}}"}},
				},
				{
					title: "Alerts that changed nothing", about: "In the range shown: left out, without a severity that is known, refused since there were too many, or not put on disk.",
					w: 12, h: 7, draw: bars(), unit: "none", min: new(0.0), scale: scale{{0, green}, {1, orange}},
					queries: []query{
						{`ceil(sum by (cause) (increase(idp_alarm_alerts_left_out_total[$__range])))`, "{{cause}}"},
						{`ceil(sum(increase(idp_alarm_unknown_severities_total[$__range])))`, "unknown severity"},
						{`ceil(sum(increase(idp_alarm_refused_total[$__range])))`, "too many alarms"},
						{`ceil(sum(increase(idp_alarm_storage_errors_total[$__range])))`, "not on disk"},
					},
				},
			}},
			{"Exporters", []panel{
				{
					title: "Versions", about: "Of the exporters that are scraped.",
					w: 8, h: 7, draw: list("", "instance", "version", "revision", "goversion"), empty: "No exporter is scraped.",
					runbooks: []string{"IdPExporterDown", "IdPExporterUnsteady", "IdPExporterGone", "IdPExporterAbsent"},
					queries:  []query{{`max by (instance, version, revision, goversion) (idp_exporter_build_info)`, ""}},
				},
				{
					title: "Parts", about: "Of the exporter itself: each is healthy or not.",
					w: 8, h: 7, draw: timeline(), words: words{1: {"healthy", green}, 0: {"SICK", red}},
					runbooks: []string{"IdPExporterStuck"},
					queries:  []query{{`min by (instance, part) (idp_exporter_part_healthy)`, "{{instance}} {{part}}"}},
				},
				{
					title: "Configuration", about: "Whether the last reading of the file succeeded. If not, the one of before is in force.",
					w: 4, h: 7, draw: number(), words: words{1: {"in force", green}, 0: {"REFUSED", red}},
					runbooks: []string{"IdPExporterReloadFailed"},
					queries:  []query{{`min by (instance) (idp_exporter_config_last_reload_successful)`, "{{instance}}"}},
				},
				{
					title: "Read", about: "How long ago the configuration in force was read.",
					w: 4, h: 7, draw: number(), unit: "s",
					queries: []query{{`time() - max by (instance) (idp_exporter_config_last_reload_success_timestamp_seconds)`, "{{instance}}"}},
				},
				{
					title: "Lateness of runs", about: "99 of 100 scheduled runs started with less delay.",
					w: 8, h: 7, draw: lines(), unit: "s", min: new(0.0),
					queries: []query{{quantile("0.99", "instance", "idp_exporter_schedule_lag_seconds", ``, func(s string) string { return s }), "{{instance}}"}},
				},
				{
					title: "Runs that did not take place", about: "Each minute, of all probes.",
					w: 8, h: 7, draw: stacked(), unit: "none", min: new(0.0),
					queries: []query{{`60 * sum by (instance, cause) (rate(idp_probe_runs_skipped_total[$__rate_interval]))`, "{{instance}} {{cause}}"}},
				},
				{
					title: "Scrapes", about: "How long they take.",
					w: 4, h: 7, draw: lines(), unit: "s", min: new(0.0),
					queries: []query{{`max by (instance) (scrape_duration_seconds` + build + `)`, "{{instance}}"}},
				},
				{
					title: "Series", about: "Of each exporter, in one scrape.",
					w: 4, h: 7, draw: lines(), min: new(0.0),
					queries: []query{{`max by (instance) (scrape_samples_scraped` + build + `)`, "{{instance}}"}},
				},
				{
					title: "Memory", about: "Resident, of the process.",
					w: 8, h: 7, draw: lines(), unit: "bytes", min: new(0.0),
					queries: []query{{`max by (instance) (process_resident_memory_bytes` + build + `)`, "{{instance}}"}},
				},
				{
					title: "Processor time", about: "Cores that the process keeps busy.",
					w: 8, h: 7, draw: lines(), unit: "none", min: new(0.0),
					queries: []query{{`max by (instance) (rate(process_cpu_seconds_total[$__rate_interval])` + build + `)`, "{{instance}}"}},
				},
				{
					title: "Goroutines", about: "A number that only grows is a defect.",
					w: 8, h: 7, draw: lines(), min: new(0.0),
					queries: []query{{`max by (instance) (go_goroutines` + build + `)`, "{{instance}}"}},
				},
			}},
			{"Storage, audit trail and access", []panel{
				{
					title: "Room on disk", about: "Of the storage and of the audit trail.",
					w: 8, h: 7, draw: lines(), unit: "bytes", min: new(0.0), empty: "There is no storage.",
					runbooks: []string{"IdPExporterDiskFullSoon"},
					queries:  []query{{`min by (instance, part) (idp_exporter_disk_free_bytes)`, "{{instance}} {{part}}"}},
				},
				{
					title: "Damaged storage", about: "Records that were left out, and whether the file as a whole was set aside at the start: drains, windows and alarms of before are lost then.",
					w: 8, h: 7, draw: number(), scale: scale{{0, green}, {1, red}}, empty: "there is no storage",
					runbooks: []string{"IdPExporterStorageUnhealthy"},
					queries: []query{
						{`sum by (instance) (idp_exporter_storage_damaged_records_total)`, "{{instance}} records"},
						{`max by (instance) (idp_exporter_storage_set_aside)`, "{{instance}} set aside"},
					},
				},
				{
					title: "Audit trail", about: "Whether the last record was written.",
					w: 8, h: 7, draw: timeline(), words: words{0: {"written", green}, 1: {"FAILS", red}}, empty: "No audit trail is kept.",
					runbooks: []string{"IdPExporterAuditUnhealthy"},
					queries:  []query{{`max by (instance, sink) (idp_exporter_audit_failing)`, "{{instance}} {{sink}}"}},
				},
				{
					title: "Audit records", about: "Each minute: written, dropped, and failed attempts.",
					w: 8, h: 7, draw: stacked(), unit: "none", min: new(0.0), empty: "No audit trail is kept.",
					queries: []query{
						{`60 * sum by (sink) (rate(idp_exporter_audit_records_total[$__rate_interval]))`, "{{sink}}: written"},
						{`60 * sum by (sink) (rate(idp_exporter_audit_records_dropped_total[$__rate_interval]))`, "{{sink}}: dropped"},
						{`60 * sum by (sink) (rate(idp_exporter_audit_errors_total[$__rate_interval]))`, "{{sink}}: failed attempts"},
					},
				},
				{
					title: "Requests turned away", about: "Each minute, by reason.",
					w: 8, h: 7, draw: stacked(), unit: "none", min: new(0.0),
					queries: []query{{`60 * sum by (reason) (rate(idp_access_refused_total[$__rate_interval]))`, "{{reason}}"}},
				},
				{
					title: "Credentials", about: "When each ends, where it does.",
					w: 8, h: 7, draw: bars(), unit: "s", min: new(0.0), scale: lowIsBad(7*day, 30*day), empty: "None ends.",
					queries: []query{{`sort(min by (kind, name) (idp_access_key_not_after_timestamp_seconds) - time())`, "{{kind}} {{name}}"}},
				},
				{
					title: "Credentials in use", about: "How long ago each last let somebody in. One that nobody uses can go.",
					w: 24, h: 6, draw: list("seconds ago", "kind", "name"), unit: "s", empty: "None was used.",
					queries: []query{{`time() - max by (kind, name) (idp_access_key_last_used_timestamp_seconds)`, ""}},
				},
			}},
		},
	}
}
