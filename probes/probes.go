// Package probes is the contract between a check and everything that uses its
// results: what a probe is, what one run of it reports, and the closed list of
// reasons a run can fail for.
//
// Each kind of probe lives in a folder of its own below this one. A probe knows
// the network and nothing of metrics, HTTP serving or configuration files; this
// package owns neither scheduling (internal/schedule) nor damping
// (internal/state).
package probes

import (
	"context"
	"time"
)

// Probe is one check of one target, ready to run.
//
// Run performs the check once. It returns when the check is done or soon after
// ctx ends, never panics on what the network sends, and holds no connection or
// goroutine afterwards. Runs of one Probe never overlap.
type Probe interface {
	Run(ctx context.Context) Result
}

// SelfPaced is implemented by probes that look at each due time for themselves
// whether a pause they asked for still holds, and answer Skipped while it does:
// a changed password ends the pause of a refused one at once.
type SelfPaced interface {
	Probe
	SelfPaced()
}

// Func lets an ordinary function serve as a Probe.
type Func func(ctx context.Context) Result

// Run calls f.
func (f Func) Run(ctx context.Context) Result { return f(ctx) }

// Kind describes one kind of probe to whoever configures, documents or lists
// the kinds. A Kind is made by a constructor in its own package and listed in
// the registry that internal/app builds.
type Kind struct {
	// Name is the value of `kind:` in the configuration and of the kind label.
	Name string
	// Summary says in one sentence what the kind checks.
	Summary string
	// Steps are the step names a run may report, in the order they happen.
	Steps []string
	// NewOptions returns a pointer to a struct with the kind's defaults filled
	// in; its `yaml` tags name the keys the configuration accepts.
	NewOptions func() Options
}

// Options are the settings of one configured probe.
type Options interface {
	// Check reports everything that is wrong with the settings, without
	// touching the network. An empty answer means New will succeed.
	Check(Setting) []Problem
	// New builds the probe for one target.
	New(Target) (Probe, error)
}

// NodeAware is implemented by options that can tell whether addressing a node
// makes a difference. Where it makes none, the probe runs against the public
// name alone unless the configuration names nodes.
type NodeAware interface {
	UsesNodes(Setting) bool
}

// Setting is what surrounds a probe's own options when they are checked.
type Setting struct {
	// Provider is the identity provider the probe belongs to, nil if none.
	Provider *Provider
	// Every is the interval between runs and Timeout the limit of one run.
	Every, Timeout time.Duration
}

// Problem is one thing wrong (or, as a warning, questionable) in a setting.
type Problem struct {
	// Path leads from the probe to the key, such as "status[1]" or "body.matches".
	Path string
	// Message says what is wrong and what would be right.
	Message string
	// Warning marks a setting that works but should be reconsidered.
	Warning bool
}

// Target is what a probe is built for: a provider, seen through its public
// name or through one of its nodes.
type Target struct {
	// Probe is the configured name of the probe.
	Probe string
	// Provider is the identity provider watched, nil for a probe that has none.
	Provider *Provider
	// Node is the instance to address; the zero Node is the public name.
	Node Node
	// Every is the interval between scheduled runs.
	Every time.Duration
}

// Node is one instance of a provider behind its load balancer. It is addressed
// by IP or host name while the Host header, the TLS server name and the issuer
// stay those that users see.
type Node struct {
	// Name is the node label; empty means the public name.
	Name string
	// Address is host:port, or a host that is reached at the port of the public URL.
	Address string
}

// Severity ranks what a failing probe means (ITU-T X.733, 8.1.2.3).
type Severity string

// The perceived severities of ITU-T X.733. Cleared never configures a probe.
const (
	Critical      Severity = "critical"
	Major         Severity = "major"
	Minor         Severity = "minor"
	Warning       Severity = "warning"
	Indeterminate Severity = "indeterminate"
	Cleared       Severity = "cleared"
)

// Severities lists the severities a probe may have, worst first.
func Severities() []Severity {
	return []Severity{Critical, Major, Minor, Warning, Indeterminate}
}
