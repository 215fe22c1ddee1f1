package discover

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/idp-exporter/idp_exporter/probes"
)

// systemResolvers is where the system's DNS servers are named.
const systemResolvers = "/etc/resolv.conf"

// lookupTime bounds one lookup.
const lookupTime = 10 * time.Second

// source is where nodes are found.
type source interface {
	// nodes returns them, tidied up; errEmpty where there are none.
	nodes(context.Context) ([]probes.Node, error)
	String() string
}

// Watcher knows the nodes that a source names. Its methods may be called from
// any goroutine.
type Watcher struct {
	source source
	every  time.Duration
	keep   time.Duration
	log    *slog.Logger

	asking sync.Mutex // held during a lookup, so that answers keep their order

	mu         sync.Mutex
	known      []probes.Node
	status     Status
	emptySince time.Time // zero unless the source says that there are none
}

// Status is how a Watcher stands, for metrics and people.
type Status struct {
	// Nodes is the number of nodes known.
	Nodes int
	// LastSuccess is when the source last named nodes; zero if it never did.
	LastSuccess time.Time
	// Failures counts lookups that brought no nodes, empty answers included.
	Failures uint64
	// Problem says why the last lookup brought none; empty if it did.
	Problem string
}

// New returns a Watcher, which does nothing until it is asked. A nil log
// discards. The error lists what Options.Check finds.
func New(o Options, log *slog.Logger) (*Watcher, error) {
	var wrong []error
	for _, p := range o.Check() {
		wrong = append(wrong, fmt.Errorf("discover.%s: %s", p.Path, p.Message))
	}
	if len(wrong) > 0 {
		return nil, errors.Join(wrong...)
	}
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	o = o.withDefaults()
	w := &Watcher{source: file{o.File}, every: o.FileEvery, keep: o.Keep, log: log}
	if o.DNS != nil {
		w.source, w.every = resolver{DNS: *o.DNS, conf: systemResolvers, try: tryTime}, o.DNS.Every
	}
	return w, nil
}

// Lookup asks the source once and returns the nodes known thereafter, by name.
// With an error these are those known before, if any: a source that fails takes
// no node away. It ends with ctx, or after 10 seconds.
func (w *Watcher) Lookup(ctx context.Context) ([]probes.Node, error) {
	w.asking.Lock()
	defer w.asking.Unlock()
	limited, cancel := context.WithTimeout(ctx, lookupTime)
	defer cancel()
	nodes, err := w.source.nodes(limited)
	w.mu.Lock()
	defer w.mu.Unlock()
	if err == nil || ctx.Err() == nil { // a lookup that was called off says nothing
		w.learn(nodes, err, time.Now())
	}
	if err != nil {
		err = fmt.Errorf("discovering nodes by %s: %w", w.source, err)
	}
	return slices.Clone(w.known), err
}

// learn takes in what the source said. It needs mu.
func (w *Watcher) learn(nodes []probes.Node, err error, now time.Time) {
	before := w.status.Problem
	switch {
	case err == nil:
		w.known, w.emptySince = nodes, time.Time{}
		w.status.LastSuccess = now
	case errors.Is(err, errEmpty):
		if w.emptySince.IsZero() {
			w.emptySince = now
		}
		w.status.Failures++
		if len(w.known) > 0 && now.Sub(w.emptySince) >= w.keep {
			w.log.Warn("there are no nodes any more", "source", w.source.String(), "were", len(w.known), "for", w.keep)
			w.known = nil
		}
	default:
		w.status.Failures++
	}
	w.status.Nodes = len(w.known)
	w.status.Problem = ""
	if err != nil {
		w.status.Problem = err.Error()
	}
	switch {
	case w.status.Problem == before: // was told
	case err != nil:
		w.log.Warn("discovery brought no nodes; the last known ones stay", "source", w.source.String(), "nodes", len(w.known), "err", err)
	default:
		w.log.Info("discovery works again", "source", w.source.String(), "nodes", len(w.known))
	}
}

// Run asks the source at its interval, at once to begin with, and calls changed
// whenever the nodes differ from those it was given last or, before that, from
// those that Lookup returned last before Run began. It returns nil when ctx
// ends, and calls changed no more. Calls do not overlap; the next lookup waits
// for them. A Watcher is run once.
func (w *Watcher) Run(ctx context.Context, changed func([]probes.Node)) error {
	w.mu.Lock()
	given := w.known
	w.mu.Unlock()
	ticker := time.NewTicker(w.every)
	defer ticker.Stop()
	for {
		nodes, _ := w.Lookup(ctx) // the log and the status tell of errors
		if ctx.Err() != nil {
			return nil
		}
		if !slices.Equal(nodes, given) {
			given = slices.Clone(nodes)
			w.log.Info("nodes changed", "source", w.source.String(), "nodes", names(nodes))
			changed(nodes)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
	}
}

// Status returns how the watcher stands.
func (w *Watcher) Status() Status {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.status
}

func names(nodes []probes.Node) []string {
	all := make([]string, len(nodes))
	for i, n := range nodes {
		all[i] = n.Name
	}
	return all
}
