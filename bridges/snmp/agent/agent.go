package agent

import (
	"context"
	"crypto/subtle"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"sync/atomic"
	"time"

	"golang.org/x/time/rate"

	"github.com/idp-exporter/idp_exporter/bridges/snmp/mib"
	"github.com/idp-exporter/idp_exporter/internal/secret"
)

// maxRequest bounds a request, in bytes.
const maxRequest = 8192

// Agent answers requests on one socket.
type Agent struct {
	conn      *net.UDPConn
	community secret.Secret
	networks  []netip.Prefix
	limit     int
	rate      *rate.Limiter
	cache     *mib.Cache
	log       *slog.Logger
	stats     counters
	warned    bool // of a community that cannot be read; handle's own
}

type counters struct{ answered, refused, malformed, dropped atomic.Uint64 }

// Stats counts requests by what became of them.
type Stats struct {
	// Answered got an answer, Refused came from a foreign network or with
	// another community, Malformed could not be read, and Dropped had an answer
	// that was too large or could not be sent.
	Answered, Refused, Malformed, Dropped uint64
}

// New opens the agent's socket. The settings must have passed Check. End it
// with Run, or with Close where it is not run.
func New(ctx context.Context, c Config, m mib.Model, s mib.Source, log *slog.Logger) (*Agent, error) {
	networks, err := c.networks()
	if err != nil {
		return nil, fmt.Errorf("networks: %w", err)
	}
	if !c.Community.IsSet() {
		return nil, errors.New("community: the agent answers who knows its community; set one")
	}
	var l net.ListenConfig
	conn, err := l.ListenPacket(ctx, "udp", c.Listen)
	if err != nil {
		return nil, fmt.Errorf("SNMP agent: %w; is an snmpd there already? Choose another port, or agentx", err)
	}
	limit, most := c.MaxSize, c.MaxRate
	if limit == 0 {
		limit = defaultSize
	}
	if most == 0 {
		most = defaultRate
	}
	return &Agent{
		conn: conn.(*net.UDPConn), community: c.Community, networks: networks, limit: limit,
		rate:  rate.NewLimiter(rate.Limit(most), most),
		cache: mib.NewCache(m, s, newSystem(m).variables), log: log,
	}, nil
}

// Addr returns the address of the socket.
func (a *Agent) Addr() net.Addr { return a.conn.LocalAddr() }

// Close closes the socket.
func (a *Agent) Close() error { return a.conn.Close() }

// Stats returns what became of the requests so far.
func (a *Agent) Stats() Stats {
	return Stats{a.stats.answered.Load(), a.stats.refused.Load(), a.stats.malformed.Load(), a.stats.dropped.Load()}
}

// Run answers until ctx ends, and closes the socket.
func (a *Agent) Run(ctx context.Context) error {
	stop := context.AfterFunc(ctx, func() { _ = a.conn.Close() })
	defer stop()
	defer func() { _ = a.conn.Close() }()
	buffer := make([]byte, maxRequest+1)
	for {
		n, from, err := a.conn.ReadFromUDPAddrPort(buffer)
		switch {
		case ctx.Err() != nil:
			return nil
		case errors.Is(err, net.ErrClosed):
			return fmt.Errorf("SNMP agent: %w", err)
		case err != nil: // of one datagram, such as a refusal of an earlier answer
			a.stats.dropped.Add(1)
			if !pause(ctx) {
				return nil
			}
			continue
		}
		if b := a.handle(ctx, buffer[:n], from.Addr()); b != nil {
			if _, err := a.conn.WriteToUDPAddrPort(b, from); err != nil {
				a.stats.dropped.Add(1)
				continue
			}
			a.stats.answered.Add(1)
		}
	}
}

// pause keeps an error that stays from taking all of a processor.
func pause(ctx context.Context) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(10 * time.Millisecond):
		return true
	}
}

// handle returns the answer to a datagram, nil where there is none. Nobody
// learns from silence whether network, community or request was wrong.
func (a *Agent) handle(ctx context.Context, b []byte, from netip.Addr) []byte {
	if !a.allowed(from) {
		a.stats.refused.Add(1)
		return nil
	}
	if len(b) > maxRequest {
		a.stats.malformed.Add(1)
		return nil
	}
	r, err := decode(b)
	if err != nil {
		a.stats.malformed.Add(1)
		return nil
	}
	community, err := a.community.Value()
	if err != nil && !a.warned {
		a.log.Warn("the SNMP agent answers nobody until its community can be read", "err", err)
	}
	a.warned = err != nil
	if err != nil || community == "" || subtle.ConstantTimeCompare([]byte(community), r.community) != 1 {
		a.stats.refused.Add(1)
		return nil
	}
	if err := a.rate.Wait(ctx); err != nil {
		return nil
	}
	answer := respond(a.cache.Tree(), r, a.limit)
	if answer == nil {
		a.stats.dropped.Add(1)
	}
	return answer
}

func (a *Agent) allowed(from netip.Addr) bool {
	from = from.Unmap().WithZone("")
	for _, n := range a.networks {
		if n.Contains(from) {
			return true
		}
	}
	return false
}
