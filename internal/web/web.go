// Package web serves the exporter over HTTP: listeners, the table of routes,
// access control, and the pages and documents behind each route.
//
// Whatever it answers comes from memory; /probe alone runs something. It does
// not decide a verdict (internal/state), run a probe (internal/schedule) or
// gather metrics (collector): they are handed in as small interfaces.
package web

import (
	"context"
	"log/slog"
	"net/http"
	"time"

	"github.com/idp-exporter/idp_exporter/internal/maintenance"
	"github.com/idp-exporter/idp_exporter/internal/peers"
	"github.com/idp-exporter/idp_exporter/internal/state"
	"github.com/idp-exporter/idp_exporter/internal/status"
	"github.com/idp-exporter/idp_exporter/internal/web/access"
	"github.com/idp-exporter/idp_exporter/probes"
)

// State is what the routes read.
type State interface {
	// Verdict is asked on every bare /testall, so it has to be cheap.
	Verdict() state.Verdict
	// VerdictOf narrows the question to the specs that the filter keeps.
	VerdictOf(keep func(state.Spec) bool) state.Verdict
	// NodeVerdict is asked by the load balancer of every node, so it has to be
	// cheap as well, for nodes that do not exist too.
	NodeVerdict(node string) state.Verdict
	NodeVerdictOf(node string, keep func(state.Spec) bool) state.Verdict
	Disagreements() []state.Disagreement
	Snapshot() []state.Entry
	Entry(state.Key) (state.Entry, bool)
	// SuppressionChanged tells it that a drain or a window was changed.
	SuppressionChanged()
}

// Maintenance keeps drains and windows. A change is on disk and in force when
// the method that makes it returns without an error.
type Maintenance interface {
	Drain(ctx context.Context, node string, until time.Time, by string) error
	Undrain(ctx context.Context, node string) error
	Drains() []maintenance.Drain
	AddWindow(ctx context.Context, w maintenance.Window) (maintenance.Window, error)
	RemoveWindow(ctx context.Context, id string) error
	Windows() []maintenance.Status
}

// Runner runs a configured probe now, for /probe.
type Runner interface {
	RunNow(ctx context.Context, key state.Key) (probes.Result, error)
}

// TestallCounter counts the answers of /testall by status code.
type TestallCounter interface{ CountTestall(code int) }

// Switches break and repair the demo.
type Switches interface {
	// List returns all switches in a fixed order.
	List() []Switch
	// Set throws the named switch (on) or puts it back. Its error reaches the caller.
	Set(name string, on bool) error
}

// Switch is one way to break the demo.
type Switch struct {
	Name        string `json:"name"`
	Description string `json:"description"`
	On          bool   `json:"on"`
}

// Options are what New needs.
type Options struct {
	// Addresses are the host:port to listen on. SystemdSocket takes the sockets
	// that systemd hands over (LISTEN_FDS) instead of them.
	Addresses     []string
	SystemdSocket bool
	// HealthAddresses serve /test, /testall, /-/healthy and /-/ready alone, bare,
	// over plain HTTP and without credentials. Of NODE@HOST:PORT, /testall speaks
	// of that node.
	HealthAddresses []string
	// WebConfigFile is the web configuration file of exporter-toolkit (TLS); "" is none.
	WebConfigFile string
	// Access is the access section of the configuration, nil if there is none.
	Access *access.Config
	// MaxConnections bounds the open connections of each listener; 0 means 1024.
	MaxConnections int

	Logger *slog.Logger
	State  State
	Runner Runner
	// Maintenance keeps drains and windows; without it none can be made.
	Maintenance Maintenance
	// Alarms keeps alarms and delivers them; nil keeps none.
	Alarms Alarms
	// Cluster knows what the peers say; nil where there are none.
	Cluster Cluster
	// Metrics answers /metrics.
	Metrics http.Handler
	// Reload reads the configuration again. Its error is shown to the caller.
	Reload func(context.Context) error
	// Redact removes secrets from a text that is about to be shown; nil leaves it.
	Redact func(string) string
	// Ready tells whether the exporter is ready and, if not, who lags behind; nil is ready.
	Ready func() (ok bool, laggards []string)
	// Stuck names the parts of the exporter that only a restart mends; nil is none.
	Stuck func() []string
	// Unhealthy has a line for each part of the exporter that does not do its
	// work, for people; nil is none.
	Unhealthy func() []string
	// Testall counts answers; nil counts nothing.
	Testall TestallCounter
	// Switches are the demo's; outside the demo nil, and /demo does not exist.
	Switches Switches
	// Audit keeps the audit trail; nil keeps none.
	Audit Auditor
	// Status answers /status/ and /health/status/; nil, and they do not exist.
	Status *status.Handler
	// Version is shown on the page and in the health document.
	Version string
}

const defaultMaxConnections = 1024

func (o *Options) complete() {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.MaxConnections <= 0 {
		o.MaxConnections = defaultMaxConnections
	}
	if o.Ready == nil {
		o.Ready = func() (bool, []string) { return true, nil }
	}
	if o.Stuck == nil {
		o.Stuck = func() []string { return nil }
	}
	if o.Unhealthy == nil {
		o.Unhealthy = func() []string { return nil }
	}
	if o.Redact == nil {
		o.Redact = func(s string) string { return s }
	}
	if o.Audit == nil {
		o.Audit = noAuditor{}
	}
	if o.Maintenance == nil {
		o.Maintenance = maintenance.New(maintenance.Options{})
	}
	if o.Alarms == nil {
		o.Alarms = noAlarms{}
	}
	if o.Cluster == nil {
		o.Cluster = (*peers.Peers)(nil) // a cluster of this exporter alone
	}
	if o.Testall == nil {
		o.Testall = noCounter{}
	}
}

type noCounter struct{}

func (noCounter) CountTestall(int) {}
