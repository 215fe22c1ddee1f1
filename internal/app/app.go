// Package app wires the house together: configuration, schedule, probes, state,
// metrics and listeners. It owns the life of the process: start, reload, end.
package app

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/common/version"
	"golang.org/x/sync/errgroup"

	"github.com/idp-exporter/idp_exporter/collector"
	"github.com/idp-exporter/idp_exporter/internal/alarm"
	"github.com/idp-exporter/idp_exporter/internal/audit"
	"github.com/idp-exporter/idp_exporter/internal/balancer"
	"github.com/idp-exporter/idp_exporter/internal/config"
	"github.com/idp-exporter/idp_exporter/internal/maintenance"
	"github.com/idp-exporter/idp_exporter/internal/peers"
	"github.com/idp-exporter/idp_exporter/internal/schedule"
	"github.com/idp-exporter/idp_exporter/internal/state"
	"github.com/idp-exporter/idp_exporter/internal/status"
	"github.com/idp-exporter/idp_exporter/internal/store"
	"github.com/idp-exporter/idp_exporter/internal/watchdog"
	"github.com/idp-exporter/idp_exporter/internal/web"
	"github.com/idp-exporter/idp_exporter/probes"
)

// defaultPort is the appliance's own health port.
const defaultPort = "9110"

// Web says where the exporter listens.
type Web struct {
	// Listen are the addresses; empty means :9110, or 127.0.0.1:9110 where the
	// configuration has no access section.
	Listen []string
	// HealthListen are the addresses of listeners that serve health alone, of one
	// node where they are NODE@HOST:PORT.
	HealthListen []string
	// AgentListen are the addresses of HAProxy agent-checks, TCPListen those of
	// ports that are open while the verdict passes; either may be NODE@HOST:PORT.
	AgentListen, TCPListen []string
	// ConfigFile is the web configuration file of exporter-toolkit.
	ConfigFile    string
	SystemdSocket bool
}

// Options are what New needs besides a configuration.
type Options struct {
	Web   Web
	Kinds *Kinds
	// StoragePath is the folder of what outlives a restart; empty keeps nothing.
	StoragePath string
	// Load reads the configuration again, for a reload; nil switches reloading off.
	Load   func() (*config.Config, error)
	Logger *slog.Logger
	// SetLevel changes the level of the log at a reload; nil leaves it.
	SetLevel func(string)
	// Switches are the demo's, nil otherwise.
	Switches web.Switches
}

// App is one exporter.
type App struct {
	options   Options
	log       *slog.Logger
	state     *state.State
	scheduler *schedule.Scheduler
	metrics   *collector.Metrics
	web       *web.Server

	balancer *balancer.Balancer
	audit    *audit.Log // nil without an audit section

	store     *store.Store          // nil without storage
	past      *store.Store          // store, or a copy of what cannot be written
	keepError atomic.Pointer[error] // of the last write of verdicts, nil if it succeeded
	book      *maintenance.Book
	discovery *discovery
	// unknownMax is verdict.unknown_max in force, in nanoseconds.
	unknownMax atomic.Int64
	peers      *peers.Peers
	alarms     *alarm.Engine
	// bridgeSecrets are config.Bridge.WithSecrets by name, bridgeTurns how often
	// they have changed. Both are guarded by reloading.
	bridgeSecrets map[string]string
	bridgeTurns   map[string]int
	polled        *polled
	status        *status.Handler
	start         time.Time
	changed       chan struct{} // holds one token when a verdict has changed
	watchdog      *watchdog.Watchdog
	systemd       *watchdog.Notifier

	reloading sync.Mutex
	config    *config.Config // in force; guarded by reloading
}

// New builds an exporter from a checked configuration and opens its listeners.
// End it with Run, or with Close where it is not run.
func New(ctx context.Context, c *config.Config, o Options) (*App, error) {
	a := &App{options: o, log: o.Logger, config: c, discovery: newDiscovery(), start: time.Now(), changed: make(chan struct{}, 1), status: status.New(nil),
		bridgeTurns: make(map[string]int)}
	if err := a.openStorage(ctx, c); err != nil {
		return nil, err
	}
	if err := a.assemble(ctx, c); err != nil {
		if a.alarms != nil {
			a.alarms.Close()
		}
		a.closeAudit()
		a.closeStorage()
		return nil, err
	}
	a.metrics.ReloadSucceeded(time.Now())
	a.warn(c)
	return a, nil
}

// assemble makes the parts and opens the listeners.
func (a *App) assemble(ctx context.Context, c *config.Config) error {
	o, rules := a.options, rules(c)
	rules.Suppressor = suppressor{a.book}
	a.state = state.New(rules)
	a.metrics = collector.New(a.state, collector.Options{
		ClassicBuckets: c.Metrics.ClassicBuckets, Kinds: o.Kinds.All(), Windows: a.book, Logger: o.Logger,
	})
	a.scheduler = schedule.New(schedule.Options{
		MaxConcurrent: c.Schedule.MaxConcurrent,
		Record:        a.record,
		Skip:          a.state.Skip,
		Lag:           a.metrics.ObserveLag,
		// Twice within unknown_max, so that there is a second look before it ends.
		MaxUnknownBackoff: func() time.Duration { return time.Duration(a.unknownMax.Load()) / 2 },
		Logger:            a.log,
	})
	if c.Audit != nil {
		trail, err := audit.Open(audit.Options{Config: *c.Audit, Logger: a.log, Detail: version.Version})
		if err != nil {
			return fmt.Errorf("audit: %w", err)
		}
		a.audit = trail
		a.metrics.Registry().MustRegister(collector.NewAudit(trail.Stats))
	}
	var err error
	if a.peers, err = peers.New(peers.Options{Config: c.Peers, Logger: a.log}); err != nil {
		return fmt.Errorf("peers: %w", err)
	}
	if err := a.openAlarms(ctx, c); err != nil {
		return err
	}
	a.polled = newPolled(a, c)
	if err := a.watch(c); err != nil {
		return err
	}
	a.metrics.Registry().MustRegister(
		collector.NewDiscovery(a.discovery.Status),
		collector.NewHost(o.Kinds.Host().Snapshot),
		collector.NewPeers(func() peers.Verdict { return a.peers.Cluster(a.state.Verdict().OK) }),
	)
	if a.store != nil {
		a.metrics.Registry().MustRegister(collector.NewStorage(a.store.BadRecords, a.store.Report().SetAside != ""))
	}
	return a.build(ctx, c)
}

// build fills schedule and state and opens the listeners.
func (a *App) build(ctx context.Context, c *config.Config) error {
	o := a.options
	w, err := newWatchers(ctx, c.Providers, nil, a.log)
	if err != nil {
		return err
	}
	p, err := newPlan(c, w)
	if err != nil {
		return err
	}
	a.discovery.set(w)
	if err := a.apply(c, p); err != nil {
		return err
	}
	a.restore(ctx)
	listen := o.Web.Listen
	if len(listen) == 0 {
		listen = []string{":" + defaultPort}
		if c.Access == nil {
			listen = []string{"127.0.0.1:" + defaultPort}
		}
	}
	a.web, err = web.New(web.Options{
		Addresses: listen, SystemdSocket: o.Web.SystemdSocket, HealthAddresses: o.Web.HealthListen, WebConfigFile: o.Web.ConfigFile,
		Access: c.Access, Logger: a.log, State: a.state, Runner: a.scheduler, Maintenance: a.book, Cluster: a.peers, Alarms: a.alarms, Status: a.status, Metrics: a.metrics.Handler(),
		Reload: a.Reload, Ready: a.ready, Stuck: a.watchdog.Stuck, Unhealthy: a.unhealthy, Testall: a.metrics, Audit: a.auditor(), Switches: o.Switches, Version: version.Version,
	})
	if err != nil {
		return err
	}
	a.metrics.Registry().MustRegister(collector.NewAccess(a.web.AccessStats))
	a.web.SetFailingCode(c.Verdict.FailingCode)
	return a.listenForBalancers(c)
}

func (a *App) closeAudit() {
	if a.audit == nil {
		return
	}
	if err := a.audit.Close(); err != nil {
		a.log.Error("the audit trail was not closed cleanly", "err", err)
	}
}

// auditor is what the routes note things with.
func (a *App) auditor() web.Auditor {
	if a.audit == nil {
		return nil
	}
	return a.audit
}

func rules(c *config.Config) state.Options {
	groups := make(map[string]state.Group, len(c.Providers))
	for _, p := range c.Providers {
		groups[p.Name] = p.Group
	}
	return state.Options{UnknownMax: c.Verdict.UnknownMax, StartOpen: c.Verdict.Start == "open", Providers: groups}
}

func (a *App) warn(c *config.Config) {
	for _, w := range c.Warnings {
		a.log.Warn("configuration", "at", fmt.Sprintf("%s:%d:%d", w.File, w.Line, w.Column), "warning", w.Message)
	}
}

// apply brings schedule and state in line with a configuration.
func (a *App) apply(c *config.Config, p plan) error {
	a.unknownMax.Store(int64(c.Verdict.UnknownMax))
	a.warnOfStrangers(c, p)
	a.answerStatus(c, p)
	return a.scheduler.Set(p.jobs, func(changed []state.Key) {
		a.state.Forget(changed...)
		a.state.Configure(p.specs, rules(c))
	})
}

// record takes the result of a run: into the state, and, where it did not
// pass, into the log.
func (a *App) record(k state.Key, r probes.Result) {
	before, _ := a.state.Entry(k)
	a.state.Record(k, r)
	after, _ := a.state.Entry(k)
	from := before.Verdict.String()
	if before.Pending {
		from = "none"
	}
	if r.Skipped == "" && r.Outcome != probes.Pass {
		a.log.Info("probe did not pass", said("probe", k.Probe, "node", k.Node, "outcome", r.Outcome.String(),
			"step", r.FailedStep, "reason", string(r.Reason), "detail", r.Detail)...)
	}
	if before.Verdict != after.Verdict {
		a.nudge()
		level := slog.LevelInfo
		if !after.Verdict.OK() {
			level = slog.LevelWarn
		}
		a.log.Log(context.Background(), level, "verdict changed", said("probe", k.Probe, "node", k.Node, "from", from, "to", after.Verdict.String(),
			"why", after.Why, "detail", r.Detail)...)
		if a.audit != nil {
			a.audit.Access(audit.Record{
				Event: audit.EventVerdict, Outcome: audit.OutcomeOK, Actor: audit.Actor{Kind: "exporter"}, Target: k.String(),
				Detail: strings.TrimSpace(from + " to " + after.Verdict.String() + " " + after.Why),
			})
		}
	}
}

// said returns the pairs of key and value that have a value.
func said(pairs ...string) []any {
	var some []any
	for i := 0; i+1 < len(pairs); i += 2 {
		if pairs[i+1] != "" {
			some = append(some, pairs[i], pairs[i+1])
		}
	}
	return some
}

// ready is true once every gating probe has been run.
func (a *App) ready() (bool, []string) {
	var laggards []string
	for e := range a.state.All() {
		if e.Gates && e.Last == nil {
			laggards = append(laggards, e.Probe+" "+e.Node)
		}
	}
	return len(laggards) == 0, laggards
}

// Run serves until ctx ends. A value from reload reads the configuration again.
func (a *App) Run(ctx context.Context, reload <-chan os.Signal) error {
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return a.scheduler.Run(ctx) })
	group.Go(func() error { return a.web.Run(ctx) })
	group.Go(func() error { return a.balancer.Run(ctx) })
	group.Go(func() error { return a.keep(ctx) })
	group.Go(func() error { return a.peers.Run(ctx) })
	group.Go(func() error { return a.alarms.Run(ctx) })
	group.Go(func() error { return a.feed(ctx) })
	group.Go(func() error { return a.polled.run(ctx) })
	group.Go(func() error { return a.options.Kinds.Host().Run(ctx) })
	group.Go(func() error { return a.watchdog.Run(ctx) })
	group.Go(func() error { return a.systemd.Run(ctx) })
	group.Go(func() error { return a.discovery.run(ctx, a.rebuild) })
	group.Go(func() error {
		for {
			select {
			case <-ctx.Done():
				return nil
			case <-reload:
				_ = a.reloadBySignal(ctx) // told in the log and in a metric
			}
		}
	})
	a.systemd.Ready()
	for _, address := range a.web.Addresses() {
		a.log.Info("listening", "address", address.String())
	}
	for _, address := range a.balancer.Addresses() {
		a.log.Info("listening for agent-checks", "address", address.String())
	}
	err := group.Wait()
	a.closeAudit()
	a.closeStorage()
	a.log.Info("ended")
	return err
}

// Close ends an exporter that was never run.
func (a *App) Close() {
	a.alarms.Close()
	a.web.Close()
	a.balancer.Close()
	a.closeAudit()
	a.closeStorage()
}

// Addresses are where the exporter listens.
func (a *App) Addresses() []string {
	var list []string
	for _, address := range a.web.Addresses() {
		list = append(list, address.String())
	}
	return list
}
