package dashboards

// The kinds of probes that sign in, that watch the machine or an appliance, and
// all others: what sign-in depends on.
const (
	signInKinds     = `kind=~"login|rule"`
	dependencyKinds = `kind!~"login|rule|host|appliance"`
	everyKind       = ``

	signInThatCounts = signInKinds + `,gates="true"`
)

// query is an expression of PromQL and what its series are called.
type query struct{ expr, legend string }

// own are the labels that only one of the metrics of a probe has, so that the
// others agree with those of idp_probe_info, whatever else was put on them on
// the way (job, instance, cluster, replica).
const own = `kind, provider, severity, gates, result, step, reason, cause, assertion, token, resource, le`

// info selects the probes of the chosen provider and nodes.
func info(kinds string) string {
	if kinds != "" {
		kinds = "," + kinds
	}
	return `idp_probe_info{provider=~"$provider",node=~"$node"` + kinds + `}`
}

// chosen keeps the series of an expression that are of the chosen provider,
// nodes and kinds. Native histograms pass as well.
func chosen(expr, kinds string) string {
	return expr + ` and ignoring(` + own + `) ` + info(kinds)
}

// joined does the same and adds the labels kind, provider and severity.
func joined(expr, kinds string) string {
	return expr + ` * ignoring(` + own + `) group_left(kind, provider, severity) ` + info(kinds)
}

// named gives series of the node without a name one.
func named(expr, name string) string {
	return `label_replace(` + expr + `, "node", "` + name + `", "node", "")`
}

// quantile estimates a quantile of a histogram, be it scraped with its classic
// buckets or as a native one. which is what is selected of it, in braces.
func quantile(q, by, metric, which string, filter func(string) string) string {
	classic := `histogram_quantile(` + q + `, sum by (` + comma(by, "le") + `) (` + filter(`rate(`+metric+`_bucket`+which+`[$__rate_interval])`) + `))`
	native := `histogram_quantile(` + q + `, sum by (` + by + `) (` + filter(`rate(`+metric+which+`[$__rate_interval])`) + `))`
	return classic + ` or ` + native
}

func comma(a, b string) string {
	if a == "" {
		return b
	}
	return a + ", " + b
}

// runTime is a quantile of how long runs take that pass. One that fails ends at
// the step that failed, often at once, and would make an outage look fast.
func runTime(q, by, kinds string) string {
	return quantile(q, by, "idp_probe_duration_seconds", `{result=~"pass|warn"}`, func(s string) string { return chosen(s, kinds) })
}

// passedShare is the part of the conclusive runs that passed in the range shown.
func passedShare(by, kinds string) string {
	return `sum by (` + by + `) (` + joined(`increase(idp_probe_runs_total{result=~"pass|warn"}[$__range])`, kinds) +
		`) / sum by (` + by + `) (` + joined(`increase(idp_probe_runs_total{result=~"pass|warn|fail"}[$__range])`, kinds) + `)`
}

// failing lists what failed in its last conclusive run.
func failing(kinds string) string {
	return `max by (severity, provider, kind, probe, node, step, reason) (` + joined(`idp_probe_failure_info`, kinds) + `)`
}

// lag is how many of its own intervals ago each probe began its last run. One
// that has not run yet lags since its exporter was started.
func lag(kinds string) string {
	began := `(idp_probe_last_run_timestamp_seconds or 0 * idp_probe_interval_seconds + ignoring(probe, node) group_left () process_start_time_seconds)`
	return chosen(`(time() - `+began+`) / idp_probe_interval_seconds`, kinds)
}

// verdicts are the damped results.
func verdicts(by, kinds string) string {
	return `min by (` + by + `) (` + joined(`idp_probe_verdict`, kinds) + `)`
}
