package app

import (
	"context"
	"fmt"
	"log/slog"
	"reflect"
	"sync"
	"sync/atomic"
	"time"

	"github.com/idp-exporter/idp_exporter/internal/config"
	"github.com/idp-exporter/idp_exporter/internal/discover"
	"github.com/idp-exporter/idp_exporter/probes"
)

// lookupTime bounds the first lookups of a start or a reload.
const lookupTime = 12 * time.Second

// watched is where the nodes of one provider are found.
type watched struct {
	*discover.Watcher
	options discover.Options
	nodes   atomic.Pointer[[]probes.Node]
}

// watchers are what a configuration asks for, by provider.
type watchers map[string]*watched

// of returns the nodes that a probe runs against.
func (w watchers) of(p *config.Probe) []probes.Node {
	if p.Provider == nil || w[p.Provider.Name] == nil {
		return p.Nodes
	}
	return p.NodesWith(*w[p.Provider.Name].nodes.Load())
}

// newWatchers makes the watchers of a configuration out of those there are. New
// ones look once, so that there are nodes to begin with; one that finds none is
// told in the log and goes on looking.
func newWatchers(ctx context.Context, providers []*config.Provider, old watchers, log *slog.Logger) (watchers, error) {
	ctx, cancel := context.WithTimeout(ctx, lookupTime)
	defer cancel()
	all := make(watchers)
	var looking sync.WaitGroup
	defer looking.Wait()
	for _, p := range providers {
		if p.Discover == nil {
			continue
		}
		if w := old[p.Name]; w != nil && reflect.DeepEqual(w.options, *p.Discover) {
			all[p.Name] = w
			continue
		}
		watcher, err := discover.New(*p.Discover, log.With("provider", p.Name))
		if err != nil {
			return nil, fmt.Errorf("provider %s: discover: %w", p.Name, err)
		}
		w := &watched{Watcher: watcher, options: *p.Discover}
		w.nodes.Store(new([]probes.Node))
		all[p.Name] = w
		looking.Go(func() {
			nodes, err := watcher.Lookup(ctx)
			if err != nil {
				log.Warn("nodes could not be discovered; it is tried again", "provider", p.Name, "err", err)
			}
			w.nodes.Store(&nodes)
		})
	}
	return all, nil
}

// discovery runs the watchers in force.
type discovery struct {
	changed chan struct{} // holds one token when the watchers have changed
	current atomic.Pointer[watchers]
}

func newDiscovery() *discovery {
	d := &discovery{changed: make(chan struct{}, 1)}
	d.current.Store(&watchers{})
	return d
}

func (d *discovery) set(w watchers) {
	d.current.Store(&w)
	select {
	case d.changed <- struct{}{}:
	default:
	}
}

// Status tells how each watcher stands, by provider.
func (d *discovery) Status() map[string]discover.Status {
	all := make(map[string]discover.Status)
	for provider, w := range *d.current.Load() {
		all[provider] = w.Status()
	}
	return all
}

// run watches until ctx ends, and calls found after nodes have changed.
func (d *discovery) run(ctx context.Context, found func(context.Context)) error {
	var watching sync.WaitGroup
	defer watching.Wait()
	running := make(map[*watched]context.CancelFunc)
	for {
		wanted := make(map[*watched]bool)
		for _, w := range *d.current.Load() {
			wanted[w] = true
			if running[w] != nil {
				continue
			}
			own, cancel := context.WithCancel(ctx)
			running[w] = cancel
			watching.Go(func() {
				defer cancel()
				_ = w.Run(own, func(nodes []probes.Node) { // its end is that of its context
					w.nodes.Store(&nodes)
					found(ctx)
				})
			})
		}
		for w, cancel := range running {
			if !wanted[w] {
				cancel()
				delete(running, w)
			}
		}
		select {
		case <-ctx.Done():
			return nil
		case <-d.changed:
		}
	}
}
