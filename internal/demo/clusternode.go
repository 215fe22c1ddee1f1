package demo

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"sync"
	"time"
)

// NodeHeader is the header in which a node of a cluster tells its name.
const NodeHeader = "X-Demo-Node"

// Node is one node of a [Cluster], with faults of its own. Faults take effect
// with the next request, any number of them at once; [Provider.SetClock],
// [Provider.HoldKeys] and the switches of its Provider concern this node alone.
// All methods are safe for concurrent use.
type Node struct {
	// Name is n1, n2 and so on; Address is where it listens, also after Stop and Start.
	Name, Address string
	// Provider is what it serves.
	Provider *Provider

	life context.Context // the cluster's

	mu     sync.Mutex
	cancel context.CancelFunc // nil while stopped
	ended  chan error
	hung   chan struct{} // closed when the node hangs no longer; nil while it does not
	delay  time.Duration
}

// Start starts the node again after Stop, at its address. It does nothing to a
// node that runs. It fails if the address is in use or the cluster has ended.
func (n *Node) Start() error {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.cancel != nil {
		return nil
	}
	if n.life.Err() != nil {
		return fmt.Errorf("starting node %s: the cluster has ended", n.Name)
	}
	l, err := listenLoopback(n.life, n.Address)
	if err != nil {
		return fmt.Errorf("starting node %s: %w", n.Name, err)
	}
	n.serve(l)
	return nil
}

// serve serves until Stop. It needs mu, or a node that nobody knows yet.
func (n *Node) serve(l net.Listener) {
	ctx, cancel := context.WithCancel(n.life)
	server := &http.Server{Handler: n, ConnState: n.Provider.ConnState}
	n.Provider.bound(ctx, server)
	ended := make(chan error, 1)
	n.cancel, n.ended = cancel, ended
	go func() { ended <- serveUntilDone(ctx, server, l) }()
}

// Stop stops the node as a crash does: requests under way are cut off, further
// connections are refused. It returns when that is so, with the error of a
// server that had ended before. It does nothing to a node that is stopped.
func (n *Node) Stop() error {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.cancel == nil {
		return nil
	}
	n.cancel()
	n.cancel = nil
	return <-n.ended
}

// SetHung makes the node accept connections and read requests without ever
// answering, or go on with those that still wait.
func (n *Node) SetHung(hung bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	switch {
	case hung && n.hung == nil:
		n.hung = make(chan struct{})
	case !hung && n.hung != nil:
		close(n.hung)
		n.hung = nil
	}
}

// SetDelay makes the node wait before it answers a request; 0 ends that.
func (n *Node) SetDelay(d time.Duration) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.delay = d
}

// ServeHTTP implements [http.Handler].
func (n *Node) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !n.wait(r.Context()) {
		panic(http.ErrAbortHandler) // whoever asked is gone, and nothing was answered
	}
	w.Header().Set(NodeHeader, n.Name)
	n.Provider.ServeHTTP(w, r)
}

// wait waits as the faults want. It returns false if the client left meanwhile
// or the node stops.
func (n *Node) wait(ctx context.Context) bool {
	n.mu.Lock()
	hung, delay := n.hung, n.delay
	n.mu.Unlock()
	if hung != nil {
		select {
		case <-hung:
		case <-ctx.Done():
			return false
		}
	}
	if delay <= 0 {
		return true
	}
	timer := time.NewTimer(delay)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
