package incident

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/idp-exporter/idp_exporter/collector"
	"github.com/idp-exporter/idp_exporter/internal/alarm"
	"github.com/idp-exporter/idp_exporter/internal/maintenance"
	"github.com/idp-exporter/idp_exporter/internal/schedule"
	"github.com/idp-exporter/idp_exporter/internal/state"
	"github.com/idp-exporter/idp_exporter/internal/watchdog"
	"github.com/idp-exporter/idp_exporter/probes"
)

const (
	provider = "acme"
	timeout  = 10 * time.Second
)

// check is a probe of the site.
type check struct {
	name, kind string
	severity   probes.Severity
	gates      bool
	every      time.Duration
	needs      []string
	nodes      []string
	run        func(r *probes.Run, at place) error
}

// place is where a run takes place.
type place struct{ probe, node string }

func checks() []check {
	all, nodes, public := []string{"", "n1", "n2", "n3"}, []string{"n1", "n2", "n3"}, []string{""}
	return []check{
		{"login", "login", probes.Critical, true, 30 * time.Second, nil, all, login},
		{"rule-crm", "rule", probes.Major, true, 30 * time.Second, []string{"login"}, nodes, rule},
		{"metadata", "oidc", probes.Major, true, 30 * time.Second, nil, all, metadata},
		{"directory", "ldap", probes.Major, false, 30 * time.Second, nil, public, ldap},
		{"names", "dns", probes.Major, false, 30 * time.Second, nil, public, dns},
		{"certificate", "tls", probes.Warning, false, time.Minute, nil, public, certificate},
		{"portal", "http", probes.Minor, false, 30 * time.Second, nil, public, portal},
		{"time", "ntp", probes.Minor, false, time.Minute, nil, public, ntp},
		{"host", "host", probes.Minor, false, time.Minute, nil, public, machine},
		{"appliance", "appliance", probes.Minor, false, time.Minute, nil, public, appliance},
	}
}

// site is the exporter with what it watches.
type site struct {
	state     *state.State
	scheduler *schedule.Scheduler
	book      *maintenance.Book
	alarms    *alarm.Engine
	watchdog  *watchdog.Watchdog
	metrics   *collector.Metrics
	start     time.Time
	audited   atomic.Uint64
}

// suppressor lets the state ask the book.
type suppressor struct{ *maintenance.Book }

func (s suppressor) Suppressed(probe, node string, at time.Time) (string, time.Time, bool) {
	cause, until, _, ok := s.Book.Suppressed(probe, node, at)
	return string(cause), until, ok
}

func (s suppressor) Drained(node string, at time.Time) (time.Time, bool) {
	return s.DrainedUntil(node, at)
}

func open(ctx context.Context, kinds []probes.Kind) (*site, error) {
	s := &site{book: maintenance.New(maintenance.Options{Store: noDrains{}}), start: time.Now()}
	rules := state.Options{Suppressor: suppressor{s.book}, Providers: map[string]state.Group{provider: {MinUp: 1, Quorum: 1}}}
	s.state = state.New(rules)
	s.metrics = collector.New(s.state, collector.Options{ClassicBuckets: true, Kinds: kinds, Windows: s.book})
	s.scheduler = schedule.New(schedule.Options{Record: s.record, Skip: s.state.Skip, Lag: s.metrics.ObserveLag})
	var err error
	works := func(context.Context) error { return nil }
	if s.watchdog, err = watchdog.New(watchdog.Options{Parts: []watchdog.Part{
		watchdog.Scheduler(s.scheduler.Beat), watchdog.Workers(s.scheduler.Overdue), watchdog.Writing("storage", works), watchdog.Writing("audit", works),
	}}); err != nil {
		return nil, err
	}
	if err := s.openAlarms(ctx); err != nil {
		return nil, err
	}
	s.metrics.Registry().MustRegister(append([]prometheus.Collector{
		collector.NewAlarms(s.alarms.Stats), collector.NewWatchdog(s.watchdog), collector.NewStorage(func() uint64 { return 0 }, false),
	}, s.surroundings()...)...)
	s.metrics.ReloadSucceeded(s.start)
	return s, s.configure(rules)
}

// configure fills state and schedule.
func (s *site) configure(rules state.Options) error {
	var specs []state.Spec
	var jobs []schedule.Job
	for _, c := range checks() {
		for _, node := range c.nodes {
			key := state.Key{Probe: c.name, Node: node}
			spec := state.Spec{Key: key, Kind: c.kind, Provider: provider, Severity: c.severity, Gates: c.gates, Every: c.every, Needs: c.needs}
			specs = append(specs, spec)
			jobs = append(jobs, schedule.Job{Key: key, Every: c.every, Timeout: timeout, RunAtStart: true, Probe: probes.Func(func(context.Context) probes.Result {
				r := probes.NewRun(nil)
				return r.Finish(c.run(r, place{c.name, node}))
			})})
		}
	}
	s.state.Configure(specs, rules)
	if err := s.scheduler.Set(jobs, nil); err != nil {
		return fmt.Errorf("setting the schedule: %w", err)
	}
	return nil
}

// record takes in a result; a verdict that changes is for the audit trail.
func (s *site) record(k state.Key, r probes.Result) {
	was, _ := s.state.Entry(k)
	s.state.Record(k, r)
	if is, _ := s.state.Entry(k); is.Verdict != was.Verdict {
		s.audited.Add(1)
	}
}

// ask asks /testall as two load balancers do.
func (s *site) ask(ctx context.Context) error {
	if !sleepUntil(ctx, time.Now().Add(time.Second)) {
		return nil
	}
	return every(ctx, 5*time.Second, func() {
		code := 200
		if !s.state.Verdict().OK {
			code = 503
		}
		s.metrics.CountTestall(code)
		s.metrics.CountTestall(code)
	})
}
