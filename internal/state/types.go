// Package state keeps, in memory, the latest results of every probe on every
// node, the damped verdict of each, and the verdict of the whole. Everything
// that answers a request reads it; nothing that reads it causes traffic.
//
// It owns damping, freshness and the start rule; what a probe that needs another
// counts for; what a quorum and min_up make of failing nodes; and what nodes
// disagree about. It does not run probes (internal/schedule), keep drains and
// windows (internal/maintenance) or files (internal/store), and knows nothing of
// metrics or HTTP.
package state

import (
	"time"

	"github.com/idp-exporter/idp_exporter/probes"
)

// Key names one probe on one node. Node is empty for the public name.
type Key struct {
	Probe string `json:"probe"`
	Node  string `json:"node"`
}

// Spec is what the state needs to know of a configured probe on one node.
type Spec struct {
	Key
	Kind     string
	Provider string
	Severity probes.Severity
	// Gates tells whether the verdict of the whole depends on this probe.
	Gates bool
	// Every is the interval between runs.
	Every time.Duration
	// FailAfter and PassAfter are the conclusive runs in a row that it takes
	// for the verdict to fall and to rise.
	FailAfter, PassAfter int
	// Needs names the probes without which this one says nothing: each on the
	// same node if it runs there, else under the public name. See CheckNeeds.
	Needs []string
	// Fingerprint sums up what decides the outcome of runs. Restore takes up
	// only what was found under the same one; empty is never the same.
	Fingerprint string
}

// StepReason counts failures.
type StepReason struct {
	Step   string
	Reason probes.Reason
}

// Entry is a snapshot of one probe on one node. The results it points to are
// never changed after they were recorded.
type Entry struct {
	Spec
	// Last is the latest run, nil before the first; LastConclusive the latest
	// whose outcome is not unknown.
	Last, LastConclusive *probes.Result
	// LastPass is when the latest run that passed (or warned) started, zero if none.
	LastPass time.Time
	// Verdict is the damped outcome at the time of the snapshot; Since is when
	// it last changed; Why is one line for people where it is not a pass.
	Verdict probes.Outcome
	Since   time.Time
	Why     string
	// Stale tells that results stopped coming, Pending that there was no
	// conclusive one yet.
	Stale, Pending bool
	// Restored tells that the verdict is that of before a restart, and no run
	// has ended since.
	Restored bool
	// Suppressed is why the entry raises no alarm of its own (a label value:
	// SuppressedMaintenance, SuppressedDrained, SuppressedParent), empty if it
	// does; SuppressedUntil is when that ends by itself, zero if that is not
	// known. Verdict is the entry's own all the same.
	Suppressed      string
	SuppressedUntil time.Time
	// NotBefore is when a deliberate back-off ends; zero if there is none.
	NotBefore time.Time
	// Runs counts runs by outcome (indexed by probes.Outcome), Failures failed
	// runs by step and reason, Skipped runs that did not take place.
	Runs     [4]uint64
	Failures map[StepReason]uint64
	Skipped  map[probes.SkipCause]uint64
	// Facts holds of each fact the latest that any run measured, so that the
	// end of a certificate stays known while its server does not answer.
	Facts probes.Facts
}

// Verdict is the answer to "can people sign in?".
type Verdict struct {
	// OK is what /testall says.
	OK bool
	// Outcome tells pass from warn.
	Outcome probes.Outcome
	// Reasons has one line for each gating probe that is not a pass, and for
	// whatever else people should know of the answer, such as a node that is
	// drained or differs from the others.
	Reasons []string
	// Drained tells that the answer is no because of a drain, whatever else
	// there is.
	Drained bool
}
