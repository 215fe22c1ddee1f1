package demo

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"strconv"

	"golang.org/x/sync/errgroup"
)

// ClusterOptions say what a cluster is made of.
type ClusterOptions struct {
	// Issuer is the origin that clients see: that of the load balancer in front
	// of the nodes, which is not part of the cluster.
	Issuer string
	// Addrs are where the nodes listen, each on loopback; they are named n1, n2
	// and so on. Default: three nodes at 127.0.0.1 with free ports. Whoever stops
	// nodes should choose ports that the system does not hand out to others.
	Addrs []string
	// Logger and SigningAlg are as in Options.
	Logger     *slog.Logger
	SigningAlg string
}

// Cluster is a provider that consists of several nodes. They share issuer,
// users, clients, keys, codes, tokens and the sign-ins under way, so that each
// request may go to any of them. There is no CRM, so the rule writes no claims.
type Cluster struct {
	// Issuer is that of the options.
	Issuer string
	// Nodes are the nodes, running.
	Nodes []*Node
	// Directory is where all nodes look up users; DirectoryURL tells its health.
	Directory    *Directory
	DirectoryURL string

	keys   *keyring
	cancel context.CancelFunc
	group  *errgroup.Group
}

// StartCluster starts a cluster and returns once all its nodes listen. It ends
// when the context ends or [Cluster.Close] is called; either way call Close to
// wait for the end. It fails for an issuer that is no origin, for addresses
// beyond loopback or in use, and for an unknown signing algorithm.
func StartCluster(ctx context.Context, o ClusterOptions) (*Cluster, error) {
	if len(o.Addrs) == 0 {
		o.Addrs = make([]string, 3)
	}
	e, err := newEstate(o.SigningAlg)
	if err != nil {
		return nil, err
	}
	c := &Cluster{Issuer: o.Issuer, Directory: e.directory, keys: e.keys}
	ctx, c.cancel = context.WithCancel(ctx)
	c.group, ctx = errgroup.WithContext(ctx)
	err = c.startDirectory(ctx)
	for i := 0; i < len(o.Addrs) && err == nil; i++ {
		err = c.startNode(ctx, "n"+strconv.Itoa(i+1), o.Addrs[i], Options{Issuer: o.Issuer, Logger: o.Logger}, e)
	}
	if err != nil {
		return nil, errors.Join(err, c.Close())
	}
	return c, nil
}

func (c *Cluster) startNode(ctx context.Context, name, addr string, o Options, e *estate) error {
	p, err := newNode(o, e)
	if err != nil {
		return err
	}
	l, err := listenLoopback(ctx, addr)
	if err != nil {
		return fmt.Errorf("starting node %s: %w", name, err)
	}
	n := &Node{Name: name, Address: l.Addr().String(), Provider: p, life: ctx}
	n.serve(l)
	c.Nodes = append(c.Nodes, n)
	return nil
}

// startDirectory lets the directory tell its health.
func (c *Cluster) startDirectory(ctx context.Context) error {
	l, err := listenLoopback(ctx, "")
	if err != nil {
		return fmt.Errorf("starting the demo directory: %w", err)
	}
	c.DirectoryURL = "http://" + l.Addr().String()
	server := &http.Server{Handler: c.Directory, ReadHeaderTimeout: headerTimeout, MaxHeaderBytes: headerLimit}
	c.group.Go(func() error { return serveUntilDone(ctx, server, l) })
	return nil
}

// RotateKeys makes a new key the signing one at every node that does not hold
// its keys, see [Provider.HoldKeys]. The key before stays published.
func (c *Cluster) RotateKeys() error { return c.keys.rotate() }

// Close stops all nodes, waits for their end and returns what went wrong in
// between. It may be called more than once.
func (c *Cluster) Close() error {
	c.cancel()
	var errs []error
	for _, n := range c.Nodes {
		errs = append(errs, n.Stop())
	}
	return errors.Join(append(errs, c.group.Wait())...)
}

// serveUntilDone serves until the context ends, and then cuts every connection.
func serveUntilDone(ctx context.Context, server *http.Server, l net.Listener) error {
	stop := context.AfterFunc(ctx, func() { _ = server.Close() })
	defer stop()
	err := server.Serve(l)
	_ = server.Close() // by now, not soon
	if ctx.Err() == nil {
		return fmt.Errorf("demo server on %s: %w", l.Addr(), err)
	}
	return nil
}
