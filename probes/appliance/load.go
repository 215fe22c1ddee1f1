package appliance

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/idp-exporter/idp_exporter/probes"
)

// Load is what one configured probe asks of nodes.
type Load struct {
	// Probe is the probe's name.
	Probe    string
	Provider *probes.Provider
	// Nodes are those that it runs against, the zero Node for the public name.
	Nodes   []probes.Node
	Every   time.Duration
	Options *Options
}

// Overload is a node that its probes together ask more often than its budget
// allows, or more than an appliance answers to.
type Overload struct {
	// Probe is the one to change first.
	Probe string
	// Problem says what is wrong and what would be right; its path leads from
	// Probe.
	Problem probes.Problem
}

// share is the part of a node's time that the probe's turns take.
func (l Load) share() float64 {
	return float64(l.Options.requests()) * l.Options.gap().Seconds() / l.Every.Seconds()
}

// Overloads finds the nodes that probes ask too often, in the order of their
// first probe; of several nodes with the same probes it tells of the first.
func Overloads(loads []Load) []Overload {
	var order []string
	byNode := map[string][]Load{}
	for _, l := range loads {
		for _, n := range l.Nodes {
			node := l.Options.budgetOf(l.Provider, n)
			if len(byNode[node]) == 0 {
				order = append(order, node)
			}
			byNode[node] = append(byNode[node], l)
		}
	}
	var found []Overload
	told := map[string]bool{}
	for _, node := range order {
		o, over := overload(node, byNode[node])
		names := make([]string, len(byNode[node]))
		for i, l := range byNode[node] {
			names[i] = l.Probe
		}
		if set := strings.Join(names, "\x00"); over && !told[set] {
			told[set] = true
			found = append(found, o)
		}
	}
	return append(found, bothWays(loads)...)
}

// maxListed bounds the probes that a message lists.
const maxListed = 5

// overload judges the probes of one node.
func overload(node string, loads []Load) (Overload, bool) {
	total := 0.0
	sum := make([]string, len(loads))
	for i, l := range loads {
		total += l.share()
		sum[i] = fmt.Sprintf("%s: %d every %s at %v a second", l.Probe, l.Options.requests(), l.Every, l.Options.PerSecond)
	}
	if more := len(sum) - maxListed; more > 0 {
		sum = append(sum[:maxListed], fmt.Sprintf("and %d more", more))
	}
	const rounding = 1e-9
	if total <= 1+rounding {
		return Overload{}, false
	}
	most := slices.MaxFunc(loads, func(a, b Load) int { return cmp.Compare(a.share(), b.share()) })
	return Overload{Probe: most.Probe, Problem: probes.Problem{Path: "every", Warning: true, Message: fmt.Sprintf(
		"the requests to node %s (%s) take %.1f times the time there is: these probes take turns, less often than every says; make every that much longer, ask for less, or raise per_second (%d at most)",
		node, strings.Join(sum, "; "), math.Ceil(total*10-1e-6)/10, maxPerSecond)}}, true
}

// bothWays finds probes whose way in is the dashboard's name: it leads to any
// node, on top of what the node is asked by its own address.
func bothWays(loads []Load) []Overload {
	var found []Overload
	for i, l := range loads {
		if l.Options.Via != ViaManage || slices.ContainsFunc(loads[:i], func(o Load) bool { return o.Options.Via == ViaManage && o.Provider == l.Provider }) {
			continue
		}
		manage, nodes := 0.0, 0.0
		for _, o := range loads {
			switch {
			case o.Provider != l.Provider:
			case o.Options.Via == ViaManage:
				manage = max(manage, o.Options.PerSecond)
			default:
				nodes = max(nodes, o.Options.PerSecond)
			}
		}
		if nodes > 0 && manage+nodes > maxPerSecond {
			found = append(found, Overload{Probe: l.Probe, Problem: probes.Problem{Path: "per_second", Warning: true, Message: fmt.Sprintf(
				"whichever node answers by the dashboard's name is asked up to %v times a second this way and %v times by its own address, out of the ten that it answers to all; set per_second of both so that together they are %d at most",
				manage, nodes, maxPerSecond)}})
		}
	}
	return found
}
