package app

import (
	"context"
	"strings"
	"sync"

	"github.com/prometheus/common/version"

	"github.com/idp-exporter/idp_exporter/bridges/snmp/agent"
	"github.com/idp-exporter/idp_exporter/bridges/snmp/agentx"
	"github.com/idp-exporter/idp_exporter/bridges/snmp/mib"
	"github.com/idp-exporter/idp_exporter/internal/config"
)

// polled runs the SNMP agents of the configuration in force. A change ends the
// old ones before the new ones begin, since they share a port and a place in
// the tree of names.
type polled struct {
	app     *App
	changed chan struct{} // holds one token when the configuration has changed

	mu     sync.Mutex
	config config.SNMP
	name   config.Exporter
}

func newPolled(a *App, c *config.Config) *polled {
	return &polled{app: a, changed: make(chan struct{}, 1), config: c.SNMP, name: c.Exporter}
}

func (p *polled) set(c *config.Config) {
	p.mu.Lock()
	p.config, p.name = c.SNMP, c.Exporter
	p.mu.Unlock()
	select {
	case p.changed <- struct{}{}:
	default:
	}
}

// run serves until ctx ends.
func (p *polled) run(ctx context.Context) error {
	for {
		own, cancel := context.WithCancel(ctx)
		var running sync.WaitGroup
		running.Go(func() { p.serve(own) })
		select {
		case <-ctx.Done():
		case <-p.changed:
		}
		cancel()
		running.Wait()
		select {
		case <-ctx.Done():
			return nil
		default:
		}
	}
}

// serve runs both agents, as far as they are configured. One that cannot run is
// told in the log: sign-in is measured all the same.
func (p *polled) serve(ctx context.Context) {
	p.mu.Lock()
	c := p.config
	p.mu.Unlock()
	var running sync.WaitGroup
	defer running.Wait()
	model, err := mib.New(c.BaseOID)
	fail := func(what string, err error) {
		if err != nil {
			p.app.log.Error("SNMP: "+what+" does not run", "err", err)
		}
	}
	if err != nil {
		fail("the agent", err)
		return
	}
	if c.Agent != nil {
		served, err := agent.New(ctx, *c.Agent, model, p, p.app.log)
		fail("the agent", err)
		if err == nil {
			p.app.log.Info("listening for SNMP", "address", served.Addr().String())
			running.Go(func() { fail("the agent", served.Run(ctx)) })
		}
	}
	if c.AgentX != nil {
		sub, err := agentx.New(*c.AgentX, model, p, p.app.log)
		fail("the AgentX subagent", err)
		if err == nil {
			running.Go(func() { fail("the AgentX subagent", sub.Run(ctx)) })
		}
	}
}

// View implements mib.Source.
func (p *polled) View() mib.View {
	p.mu.Lock()
	name := p.name
	p.mu.Unlock()
	a := p.app
	verdict := a.state.Verdict()
	v := mib.View{
		Name: name.Name, Site: name.URL, Version: version.Version, Start: a.start,
		Verdict: verdict.Outcome, Text: strings.Join(verdict.Reasons, "; "),
	}
	for e := range a.state.All() {
		row := mib.Probe{
			Name: e.Probe, Node: e.Node, Kind: e.Kind, Provider: e.Provider, Severity: e.Severity, Gates: e.Gates,
			Verdict: e.Verdict, Text: e.Why, Since: e.Since, Suppressed: e.Suppressed,
		}
		if e.Last != nil {
			row.LastRun = e.Last.Start
		}
		if e.LastConclusive != nil && !e.Verdict.OK() {
			row.Reason = string(e.LastConclusive.Reason)
		}
		v.Probes = append(v.Probes, row)
	}
	for _, alarm := range a.alarms.Alarms() {
		if alarm.Active {
			v.Alarms = append(v.Alarms, alarm.Alarm)
		}
	}
	return v
}
