package dashboards

// Nodes of the chosen providers with the probes that count on them, whichever
// nodes are chosen: how many there have to be is a question about all.
const nodeInfo = `idp_probe_info{provider=~"$provider",node!="",gates="true"}`

// The same figures as those of the recording rules for nodes, each by provider.
var (
	allNodes    = `(count by (provider) (count by (provider, node) (` + nodeInfo + `)) or 0 * max by (provider) (idp_provider_quorum{provider=~"$provider"}))`
	neededNodes = `(max by (provider) (idp_provider_quorum) or ceil(` + allNodes + ` / 2)) and ` + allNodes
	// A drained node passes for nobody.
	passingNodes = `sum by (provider) (min by (provider, node) (` + onNodes(`idp_probe_verdict`) +
		`) unless on (node) max by (node) (idp_node_drained) == 1) or 0 * ` + allNodes
	// What is suppressed was taken out by somebody, and what has not run yet is not out.
	outNodes = `count by (provider) (count by (provider, node) (` + onNodes(`(idp_probe_verdict == 0 unless ignoring(kind, cause) idp_probe_suppressed == 1`+
		` and ignoring(kind) idp_probe_last_run_timestamp_seconds)`) + `)) or 0 * ` + allNodes
)

// onNodes keeps of an expression what counts on a node, and adds the provider.
func onNodes(expr string) string {
	return expr + ` * ignoring(` + own + `) group_left(provider) ` + nodeInfo
}

// enoughNodes is, by provider, 0 if fewer nodes pass than are needed, 1 if no more
// than that do although there are more, and else 2. Fewer by drains alone is what
// somebody decided, as long as there are as many as are needed at all.
func enoughNodes() string {
	pass, need, all, out := `(`+passingNodes+`)`, `(`+neededNodes+`)`, allNodes, `(`+outNodes+`)`
	return `0 * (` + pass + ` < ` + need + ` and (` + out + ` > 0 or ` + all + ` < ` + need + `))` +
		` or 0 * (` + pass + ` <= ` + need + ` and ` + pass + ` < ` + all + ` or ` + pass + ` < ` + need + `) + 1` +
		` or 0 * ` + all + ` + 2`
}

func enoughOrNot() words {
	return words{2: {"enough", green}, 1: {"none to spare", yellow}, 0: {"TOO FEW", red}}
}
