package dial

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"time"

	"github.com/idp-exporter/idp_exporter/probes"
)

// The steps of opening a connection, in their order.
const (
	StepDNS     = "dns"
	StepConnect = "connect"
	StepProxy   = "proxy"
	StepTLS     = "tls"
)

// minAttempt is the least time that each address of a host gets, as long as that
// leaves as much to those behind it.
const minAttempt = 2 * time.Second

// Dialer opens connections to one endpoint.
type Dialer struct {
	Endpoint Endpoint
	Version  IPVersion
	// Proxy is on the way, nil for none. A node is addressed past it.
	Proxy *Proxy
	// MaxRead bounds what a connection reads, in bytes; 0 means DefaultMaxRead.
	MaxRead int64
}

// Open connects, with the steps dns, connect and, through a proxy, proxy. The
// step dns is left out for an address. Errors are of type *probes.Failure.
func (d *Dialer) Open(ctx context.Context, r *probes.Run) (*Conn, error) {
	limit := d.MaxRead
	if limit == 0 {
		limit = DefaultMaxRead
	}
	if d.Proxy != nil && !d.Endpoint.node {
		return d.Proxy.open(ctx, r, d, limit)
	}
	raw, err := d.dial(ctx, r, d.Endpoint.host, d.Endpoint.port)
	if err != nil {
		return nil, err
	}
	return Bound(ctx, raw, limit), nil
}

// dial resolves a host and connects to the first of its addresses that can be.
func (d *Dialer) dial(ctx context.Context, r *probes.Run, host, port string) (net.Conn, error) {
	addrs, err := d.resolve(ctx, r, host)
	if err != nil {
		return nil, err
	}
	var conn net.Conn
	err = r.Step(StepConnect, func() error {
		conn, err = connect(ctx, "tcp", addrs, port)
		return Failure(ctx, err)
	})
	return conn, err
}

func (d *Dialer) resolve(ctx context.Context, r *probes.Run, host string) ([]netip.Addr, error) {
	begin := time.Now()
	addrs, err := d.Version.Resolve(ctx, host)
	if _, literal := netip.ParseAddr(host); literal != nil || err != nil {
		r.AddStep(StepDNS, begin, time.Since(begin), err)
	}
	return addrs, err
}

// Dial resolves the host of an address, and connects to the first of the host's
// addresses that can be connected to.
func (v IPVersion) Dial(ctx context.Context, network, address string) (net.Conn, error) {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	addrs, err := v.Resolve(ctx, host)
	if err != nil {
		return nil, err
	}
	return connect(ctx, network, addrs, port)
}

// connect tries one address after the other. Each gets its share of the time
// that is left; the first error tells.
func connect(ctx context.Context, network string, addrs []netip.Addr, port string) (net.Conn, error) {
	var first error
	for i, addr := range addrs {
		// A run is over before a keep-alive would be sent.
		dialer := net.Dialer{Timeout: Share(ctx, len(addrs)-i), KeepAlive: -1}
		conn, err := dialer.DialContext(ctx, network, net.JoinHostPort(addr.String(), port))
		if err == nil {
			return conn, nil
		}
		if first == nil {
			first = err
		}
		if ctx.Err() != nil {
			break
		}
	}
	if len(addrs) > 1 {
		return nil, fmt.Errorf("none of %d addresses could be connected to: %w", len(addrs), first)
	}
	return nil, first
}

// Share returns the time that the next of so many addresses has; 0 means all
// there is, which is so for the last.
func Share(ctx context.Context, addresses int) time.Duration {
	deadline, ok := ctx.Deadline()
	if !ok || addresses < 2 {
		return 0
	}
	left := time.Until(deadline)
	return max(left/time.Duration(addresses), min(minAttempt, left/2))
}
