// Package appliance is the probe kind `appliance`: the monitoring endpoints of
// an identity appliance's node. It asks /status/RESOURCE with the health key,
// /test for the clock and /testall for what the node says of itself.
//
// It owns what the answers mean and how often a node is asked. Connections and
// TLS belong to internal/fetch.
package appliance

import (
	"slices"
	"time"

	"github.com/idp-exporter/idp_exporter/probes"
)

// User is the name of the health key's Basic user.
const User = "api_keys_health"

// The ways in, see Options.Via.
const (
	// ViaPort is http to port 9110 of the node.
	ViaPort = "port"
	// ViaNode is https to the node, below /health.
	ViaNode = "node"
	// ViaManage is https to the dashboard's name, below /health: whichever node answers.
	ViaManage = "manage"
)

// The steps besides the resources.
const (
	stepTest    = "test"
	stepTestall = "testall"
)

// Resources lists what /status/ tells of, in the order documented. Each is a
// step of a run.
func Resources() []string {
	return []string{"cpu", "memory", "disk", "services", "network", "internet", "email", "db", "replicaset"}
}

// Kind returns the kind `appliance`. The budgets say when which node may be
// asked; all probes share them.
func Kind(b *Budgets) probes.Kind {
	return probes.Kind{
		Name:       "appliance",
		Summary:    "Asks the monitoring endpoints of an identity appliance's node: /status/*, /test and /testall.",
		Steps:      append(Resources(), stepTest, stepTestall),
		NewOptions: func() probes.Options { return NewOptions(b) },
	}
}

// NewOptions returns the kind's defaults.
func NewOptions(b *Budgets) *Options {
	return &Options{
		Via: ViaPort, Port: 9110, Username: User, Resources: slices.Clip(Resources()), Test: true, Testall: true, CheckHost: true,
		ClockOffset: Offsets{Warn: time.Second, Fail: 30 * time.Second}, PerSecond: 4, budgets: b,
	}
}
