// Package peers asks other exporters what they say, so that /testall can answer
// for a cluster.
//
// Each member is asked for its own /testall, never for its cluster, so nobody
// answers for itself by asking others, and questions cannot go in circles. The
// answers wait in memory. The package owns who is asked and what counts as an
// answer; what this exporter says of itself it is told.
package peers

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"

	"github.com/idp-exporter/idp_exporter/internal/fetch"
)

// Options are what New needs.
type Options struct {
	// Config names the members; the zero Config has none.
	Config Config
	// Logger is told when a member's answer changes; nil discards that.
	Logger *slog.Logger
}

// Peers asks the members and keeps their answers. Its methods may be called
// from any goroutine. A nil Peers knows no members.
type Peers struct {
	log *slog.Logger

	mu      sync.RWMutex
	config  Config // with defaults
	members []*member

	setting sync.Mutex         // held while the members change, and by Run at its start and end
	run     context.Context    // of Run, nil before it
	stop    context.CancelFunc // ends the asking of the present members
	asking  sync.WaitGroup
}

// New returns a Peers that asks nobody before Run. It reads certificate files
// but does not touch the network. The error lists what Config.Check finds.
func New(o Options) (*Peers, error) {
	p := &Peers{log: o.Logger}
	if p.log == nil {
		p.log = slog.New(slog.DiscardHandler)
	}
	if err := p.Set(o.Config); err != nil {
		return nil, err
	}
	return p, nil
}

// Set changes the members and how they are asked. A member whose name, URL, TLS
// settings and proxy stay keeps its answer, and all are asked anew at once. On
// an error nothing has changed.
func (p *Peers) Set(c Config) error {
	members, err := build(c, p.log)
	if err != nil {
		return err
	}
	p.setting.Lock()
	defer p.setting.Unlock()
	if p.stop != nil {
		p.stop()
		p.asking.Wait() // nothing is noted for the old members from here on
	}
	p.mu.Lock()
	for _, m := range members {
		for _, old := range p.members {
			if m.same(old) {
				m.answer = old.answer
			}
		}
	}
	p.config, p.members = c.withDefaults(), members
	p.mu.Unlock()
	if p.run != nil && p.run.Err() == nil {
		p.start()
	}
	return nil
}

func build(c Config, log *slog.Logger) ([]*member, error) {
	var wrong []error
	for _, problem := range c.Check() {
		if !problem.Warning {
			wrong = append(wrong, fmt.Errorf("peers.%s: %s", problem.Path, problem.Message))
		}
	}
	if len(wrong) > 0 {
		return nil, errors.Join(wrong...)
	}
	var members []*member
	for i, mc := range c.withDefaults().Members {
		u, err := mc.base()
		if err != nil {
			return nil, fmt.Errorf("peers.members[%d].url: %w", i, err)
		}
		client, err := fetch.New(mc.Options, fetch.Target{Public: u})
		if err != nil {
			return nil, fmt.Errorf("peers.members[%d].%w", i, err)
		}
		members = append(members, &member{
			MemberConfig: mc, url: key(u) + "/testall", client: client, log: log,
			answer: answer{problem: ProblemPending},
		})
	}
	return members, nil
}

// start asks the present members until stop. It needs setting.
func (p *Peers) start() {
	ctx, stop := context.WithCancel(p.run)
	p.stop = stop
	for _, m := range p.members {
		p.asking.Go(func() { p.ask(ctx, m) })
	}
}

// Run asks the members until ctx ends; then it waits for the questions that are
// under way and returns nil. It may be called once.
func (p *Peers) Run(ctx context.Context) error {
	if p == nil {
		<-ctx.Done()
		return nil
	}
	p.setting.Lock()
	if p.run != nil {
		p.setting.Unlock()
		return errors.New("the peers are asked already")
	}
	p.run = ctx
	p.start()
	p.setting.Unlock()

	<-ctx.Done()
	p.setting.Lock() // a Set under way ends first, and later ones start nothing
	defer p.setting.Unlock()
	p.stop()
	p.asking.Wait()
	return nil
}
