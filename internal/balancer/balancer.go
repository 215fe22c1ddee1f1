// Package balancer answers load balancers that do not speak HTTP: HAProxy's
// agent-check, and a TCP port that is open only while the verdict passes.
//
// It knows nothing of probes, drains and windows: it asks for an Answer about
// the whole or about one node. Its listeners take no credentials and give a word
// or two.
package balancer

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"time"

	"golang.org/x/sync/errgroup"
)

// Answer is what is to be said of a node, or of the whole.
type Answer struct {
	// Known is false for a node that does not exist.
	Known bool
	// OK tells whether the verdict passes.
	OK bool
	// Drained tells whether the node has been taken out of its load balancer.
	Drained bool
	// Maintenance tells whether a maintenance window for the node is open. It
	// counts only while the node is drained: then work on it is under way.
	Maintenance bool
	// Returned is when a drain of the node last ended, zero if none is known to
	// have. A drain that lapsed while the exporter was down ended, for this
	// purpose, when the exporter came up: nobody could be told before.
	Returned time.Time
}

// passes tells whether the node is to get new users.
func (a Answer) passes() bool { return a.Known && a.OK && !a.Drained }

// Options say where to listen. Every address is HOST:PORT, or NODE@HOST:PORT for
// a listener that speaks of one node.
type Options struct {
	// Agent are the addresses of HAProxy agent-checks.
	Agent []string
	// TCP are the addresses of ports that are open while the verdict passes and
	// the node is not drained.
	TCP []string
	// Answer tells about a node; "" asks about the whole. It is asked often and
	// from several goroutines, and must be cheap.
	Answer func(node string) Answer
	Logger *slog.Logger
	// Now is the clock; time.Now if nil.
	Now func() time.Time
}

// Balancer owns the listeners. Make one with New and run it once.
type Balancer struct {
	agents []*agent
	gates  []*gate
}

// New checks the addresses and opens the agents' listeners.
func New(o Options) (*Balancer, error) {
	b, words := &Balancer{}, newWords(o.Now)
	for _, a := range o.TCP {
		node, address, err := SplitNode(a)
		if err != nil {
			return nil, err
		}
		b.gates = append(b.gates, &gate{node: node, address: address, answer: o.Answer, log: o.Logger})
	}
	for _, a := range o.Agent {
		node, address, err := SplitNode(a)
		if err == nil {
			var l net.Listener
			if l, err = (&net.ListenConfig{}).Listen(context.Background(), "tcp", address); err == nil {
				b.agents = append(b.agents, &agent{Listener: l, node: node, answer: o.Answer, words: words, log: o.Logger})
				continue
			}
		}
		b.Close()
		return nil, fmt.Errorf("agent-check: %w", err)
	}
	return b, nil
}

// CheckLocal refuses addresses that other machines reach, for an exporter
// without an access section.
func (o Options) CheckLocal() error {
	for _, a := range append(append([]string(nil), o.Agent...), o.TCP...) {
		_, address, err := SplitNode(a)
		if err != nil {
			return err
		}
		host, _, _ := net.SplitHostPort(address)
		if ip := net.ParseIP(host); host != "localhost" && (ip == nil || !ip.IsLoopback()) {
			return fmt.Errorf("%s may be reachable from other machines and the configuration has no access section: add one, or listen on 127.0.0.1", a)
		}
	}
	return nil
}

// Run answers until ctx ends and waits for what it started.
func (b *Balancer) Run(ctx context.Context) error {
	group, ctx := errgroup.WithContext(ctx)
	for _, a := range b.agents {
		group.Go(func() error { a.run(ctx); return nil })
	}
	for _, g := range b.gates {
		group.Go(func() error { g.run(ctx); return nil })
	}
	return group.Wait()
}

// Close frees the listeners. It is needed only where Run was never called.
func (b *Balancer) Close() {
	for _, a := range b.agents {
		_ = a.Close()
	}
}

// Addresses are where agents listen.
func (b *Balancer) Addresses() []net.Addr {
	var list []net.Addr
	for _, a := range b.agents {
		list = append(list, a.Addr())
	}
	return list
}

func closed(err error) bool { return errors.Is(err, net.ErrClosed) }
