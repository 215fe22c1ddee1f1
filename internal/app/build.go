package app

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/idp-exporter/idp_exporter/internal/balancer"
	"github.com/idp-exporter/idp_exporter/internal/config"
	"github.com/idp-exporter/idp_exporter/internal/maintenance"
	"github.com/idp-exporter/idp_exporter/internal/schedule"
	"github.com/idp-exporter/idp_exporter/internal/state"
	"github.com/idp-exporter/idp_exporter/probes"
	"github.com/idp-exporter/idp_exporter/probes/login"
)

// plan is what a configuration amounts to: one spec and one job for each probe
// on each of its nodes. Jobs of probes that gate come first, since first runs
// start in that order.
type plan struct {
	specs []state.Spec
	jobs  []schedule.Job
}

func newPlan(c *config.Config, w watchers) (plan, error) {
	var p plan
	var others []schedule.Job
	for _, probe := range c.Probes {
		for _, node := range w.of(probe) {
			job, err := newJob(probe, node)
			if err != nil {
				return plan{}, err
			}
			spec := state.Spec{
				Key: job.Key, Kind: probe.Kind.Name, Severity: probe.Severity, Gates: probe.Gates,
				Every: probe.Every, FailAfter: probe.FailAfter, PassAfter: probe.PassAfter,
				Needs: probe.Needs, Fingerprint: probe.StoredFingerprint + " " + node.Address,
			}
			if probe.Provider != nil {
				spec.Provider = probe.Provider.Name
			}
			p.specs = append(p.specs, spec)
			if probe.Gates {
				p.jobs = append(p.jobs, job)
			} else {
				others = append(others, job)
			}
		}
	}
	p.jobs = append(p.jobs, others...)
	return p, nil
}

func newJob(p *config.Probe, node probes.Node) (schedule.Job, error) {
	target := probes.Target{Probe: p.Name, Node: node, Every: p.Every}
	if p.Provider != nil {
		target.Provider = &p.Provider.Provider
	}
	built, err := p.Options.New(target)
	if err != nil {
		return schedule.Job{}, fmt.Errorf("probe %s: %w", p.Name, err)
	}
	return schedule.Job{
		Key: state.Key{Probe: p.Name, Node: node.Name}, Every: p.Every, Timeout: p.Timeout, Probe: built,
		// Whatever is asked about it, a probe that never ran is not well: nobody is
		// to wait for an hourly one.
		RunAtStart: true, Fingerprint: p.Fingerprint + " " + node.Address,
	}, nil
}

// balancer are the options of the listeners that speak no HTTP.
func (w Web) balancer() balancer.Options {
	return balancer.Options{Agent: w.AgentListen, TCP: w.TCPListen}
}

// listenForBalancers opens the listeners that speak no HTTP.
func (a *App) listenForBalancers(c *config.Config) error {
	o := a.options.Web.balancer()
	o.Answer, o.Logger = a.answer, a.log
	if c.Access == nil {
		if err := o.CheckLocal(); err != nil {
			a.web.Close()
			return err
		}
	}
	var err error
	if a.balancer, err = balancer.New(o); err != nil {
		a.web.Close()
	}
	return err
}

// warnOfStrangers tells of listeners that speak of a node which no provider has:
// they would call it down for good.
func (a *App) warnOfStrangers(c *config.Config, p plan) {
	known := map[string]bool{"": true, maintenance.PublicNode: true}
	for _, s := range p.specs {
		known[s.Node] = true
	}
	for _, provider := range c.Providers {
		if provider.Discover != nil && len(p.specs) == len(c.Probes) {
			return // nothing was discovered yet
		}
	}
	w := a.options.Web
	for _, address := range slices.Concat(w.HealthListen, w.AgentListen, w.TCPListen) {
		if node, _, err := balancer.SplitNode(address); err == nil && !known[node] {
			a.log.Warn("a listener speaks of a node that no probe runs on; balancers that ask there are told that it is not known", "listener", address, "node", node)
		}
	}
}

// sessionsEnd is how long a node has to be drained before its load balancer
// hears that it is in maintenance as well. HAProxy's `maint` cuts off what is
// under way where the server says on-marked-down shutdown-sessions; `drain`
// lets it end.
const sessionsEnd = 30 * time.Second

// answer tells load balancers about a node; "" is the whole. A node that no
// gating probe runs against is not known.
func (a *App) answer(node string) balancer.Answer {
	v := a.state.Verdict()
	if node != "" {
		v = a.state.NodeVerdict(node)
	}
	_, drained := a.book.DrainedUntil(node, time.Now())
	answer := balancer.Answer{
		OK: v.OK, Drained: drained, Returned: a.book.Returned(node),
		Known: node == "" || len(v.Reasons) == 0 || v.Reasons[0] != state.NoProbeGates,
	}
	if drained {
		now := time.Now()
		answer.Maintenance = a.book.InWindow(node, now) && now.Sub(a.book.DrainedSince(node)) >= sessionsEnd
	}
	return answer
}

// RunOnce runs one configured probe now, against a node or, where node is "",
// the public name or else the one node that the probe has, and returns its
// result. A pause after a refused credential is the affair of a running exporter
// and does not hold it back.
func RunOnce(ctx context.Context, c *config.Config, name, node string, log *slog.Logger) (probes.Result, error) {
	var known []string
	for _, p := range c.Probes {
		if p.Name != name {
			known = append(known, p.Name)
			continue
		}
		var w watchers
		if p.Provider != nil {
			var err error
			if w, err = newWatchers(ctx, []*config.Provider{p.Provider}, nil, log); err != nil {
				return probes.Result{}, err
			}
		}
		var nodes []string
		all := w.of(p)
		for _, n := range all {
			if n.Name == node || node == "" && len(all) == 1 {
				job, err := newJob(p, n)
				if err != nil {
					return probes.Result{}, err
				}
				return schedule.Perform(login.Force(ctx), job, log), nil
			}
			if n.Name != "" {
				nodes = append(nodes, n.Name)
			}
		}
		if len(nodes) == 0 && p.Provider != nil && p.Provider.Discover != nil {
			return probes.Result{}, fmt.Errorf("the nodes of probe %q could not be discovered just now; leave --node out for the public name", name)
		}
		if len(nodes) == 0 {
			return probes.Result{}, fmt.Errorf("probe %q runs against the public name alone; leave --node out", name)
		}
		if node == "" {
			return probes.Result{}, fmt.Errorf("probe %q does not run against the public name; give --node, one of %s", name, strings.Join(nodes, ", "))
		}
		return probes.Result{}, fmt.Errorf("probe %q has no node %q; it has: %s", name, node, strings.Join(nodes, ", "))
	}
	return probes.Result{}, fmt.Errorf("there is no probe %q; there are: %s", name, strings.Join(known, ", "))
}
