// Package balancer answers load balancers that do not speak HTTP: HAProxy's
// agent-check, and a TCP port that is open only while the verdict passes.
//
// It knows nothing of probes: it asks for a verdict, of the whole or of one
// node. Its listeners take no credentials and give one word.
package balancer

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strings"

	"golang.org/x/sync/errgroup"
)

// Verdict tells whether a node passes; "" asks about the whole. The second
// answer is false for a node that does not exist. It is asked often and must be
// cheap.
type Verdict func(node string) (ok, known bool)

// Options say where to listen. Every address is HOST:PORT, or NODE@HOST:PORT for
// a listener that speaks of one node.
type Options struct {
	// Agent are the addresses of HAProxy agent-checks.
	Agent []string
	// TCP are the addresses of ports that are open while the verdict passes.
	TCP     []string
	Verdict Verdict
	Logger  *slog.Logger
}

// Balancer owns the listeners. Make one with New and run it once.
type Balancer struct {
	agents []*agent
	gates  []*gate
}

// New checks the addresses and opens the agents' listeners.
func New(o Options) (*Balancer, error) {
	b := &Balancer{}
	for _, a := range o.TCP {
		node, address, err := split(a)
		if err != nil {
			return nil, err
		}
		b.gates = append(b.gates, &gate{node: node, address: address, verdict: o.Verdict, log: o.Logger})
	}
	for _, a := range o.Agent {
		node, address, err := split(a)
		if err == nil {
			var l net.Listener
			if l, err = (&net.ListenConfig{}).Listen(context.Background(), "tcp", address); err == nil {
				b.agents = append(b.agents, &agent{Listener: l, node: node, verdict: o.Verdict, log: o.Logger})
				continue
			}
		}
		b.Close()
		return nil, fmt.Errorf("agent-check: %w", err)
	}
	return b, nil
}

// split reads NODE@HOST:PORT.
func split(a string) (node, address string, err error) {
	if i := strings.LastIndex(a, "@"); i >= 0 {
		node, a = a[:i], a[i+1:]
		if node == "" {
			return "", "", fmt.Errorf("address @%s: no node stands before the @; write NODE@HOST:PORT or HOST:PORT", a)
		}
	}
	if _, _, err := net.SplitHostPort(a); err != nil {
		return "", "", fmt.Errorf("address %q: write HOST:PORT or NODE@HOST:PORT: %w", a, err)
	}
	return node, a, nil
}

// CheckLocal refuses addresses that other machines reach, for an exporter
// without an access section.
func (o Options) CheckLocal() error {
	for _, a := range append(append([]string(nil), o.Agent...), o.TCP...) {
		_, address, err := split(a)
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
