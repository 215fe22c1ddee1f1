package dashboards

// The labels that idp_exporter_build_info and idp_probe_info have besides those
// that were put on them on the way, which up has as well.
const (
	ofBuild = `version, revision, branch, goversion, goos, goarch, tags`
	ofProbe = `probe, kind, node, provider, severity, gates`
)

// dead are the exporters that do not answer: every one that has within a month,
// or as long as Prometheus remembers, and every one by the name of its job.
var dead = `up == 0 and (max without (` + ofBuild + `) (` + seen(`idp_exporter_build_info`) + `) or up{job=~"idp[-_]exporter"})`

// seen is what a metric said last within a month. Before the last hour it is
// looked at once an hour, so that a month costs little.
func seen(metric string) string {
	return `last_over_time(` + metric + `[1h]) or last_over_time(` + metric + `[30d:1h])`
}

// gone are the exporters that are not asked any more, but were within the range.
func gone(within string) string {
	return `max without (` + ofBuild + `) (last_over_time(idp_exporter_build_info[` + within + `])) unless up`
}

// unwatched are of the probes with which silent exporters watched a provider those
// that nobody has now: what is said of it by others says nothing of it.
func unwatched(probes string) string {
	return `(` + seen(probes) + `) and ignoring(` + ofProbe + `) (` + dead + ` or ` + gone("$__range") + `) unless on (provider) ` + probes
}

// silent are the exporters that should be heard and are not. One that is not asked
// any more was mostly taken away or replaced by one of another name, and counts for
// an hour; for the range shown while nobody else watches what it did.
func silent() string {
	return dead + ` or ` + gone("1h") + ` or max without (` + ofProbe + `) (` + unwatched(gating) + `)`
}

// gating are the probes that /testall goes by.
const gating = `idp_probe_info{gates="true"}`

// orUnknown adds to words what is said where nobody knows.
func (w words) orUnknown() words {
	w[2] = word{"nobody knows", orange}
	return w
}
