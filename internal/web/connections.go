package web

import (
	"context"
	"errors"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// grace is how long a connection may do nothing, once it is made or its request
// is answered, before it may have to make room for another.
const grace = time.Second

// connections bounds the open connections of one listener. When it is full a
// connection that has been doing nothing for longest makes room, first of those
// that never had a request answered, so that neither silent clients nor ones
// that send a byte now and then can lock out others or use up the process's
// descriptors. A connection whose request is being answered is never taken,
// nor one within its grace, or a burst of newcomers would push out clients
// whose request is on its way: a newcomer waits that long in the queue of the
// kernel, and is closed where there is no room even then.
type connections struct {
	net.Listener
	max int

	mu   sync.Mutex
	open map[*connection]struct{}
}

type connection struct {
	net.Conn
	owner *connections
	// busy counts requests being answered (HTTP/2 has several), since is when
	// the last one ended or the connection was made.
	busy  atomic.Int32
	since atomic.Int64
	// answered tells whether it ever had a request answered.
	answered atomic.Bool
}

func limitConnections(l net.Listener, most int) *connections {
	return &connections{Listener: l, max: most, open: make(map[*connection]struct{})}
}

// Accept waits for the next connection that there is room for.
func (l *connections) Accept() (net.Conn, error) {
	for {
		c, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		if conn := l.admitWithin(c, grace); conn != nil {
			return conn, nil
		}
		_ = c.Close()
	}
}

// admitWithin waits for room until each connection that does nothing now has
// used up its grace.
func (l *connections) admitWithin(c net.Conn, wait time.Duration) *connection {
	const look = 5 * time.Millisecond
	for ; ; wait -= look {
		if conn := l.admit(c); conn != nil || wait <= 0 {
			return conn
		}
		time.Sleep(look)
	}
}

func (l *connections) admit(c net.Conn) *connection {
	conn := &connection{Conn: c, owner: l}
	conn.since.Store(time.Now().UnixNano())
	l.mu.Lock()
	var leaves *connection
	if len(l.open) >= l.max {
		if leaves = l.leastMissed(time.Now().Add(-grace).UnixNano()); leaves == nil {
			l.mu.Unlock()
			return nil
		}
		delete(l.open, leaves)
	}
	l.open[conn] = struct{}{}
	l.mu.Unlock()
	if leaves != nil {
		_ = leaves.Conn.Close()
	}
	return conn
}

// leastMissed returns the connection that makes room: one that has been doing
// nothing since before a moment, nil if there is none.
func (l *connections) leastMissed(before int64) *connection {
	var least *connection
	for c := range l.open {
		if c.busy.Load() == 0 && c.since.Load() <= before && (least == nil || c.lessMissedThan(least)) {
			least = c
		}
	}
	return least
}

func (c *connection) lessMissedThan(other *connection) bool {
	if a, b := c.answered.Load(), other.answered.Load(); a != b {
		return b
	}
	return c.since.Load() < other.since.Load()
}

// closeIdle closes every connection that no request is being answered on, so
// that a shutdown need not wait for slow clients.
func (l *connections) closeIdle() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for c := range l.open {
		if c.busy.Load() == 0 {
			_ = c.Conn.Close()
		}
	}
}

// Close closes the connection and gives its place back.
func (c *connection) Close() error {
	c.owner.mu.Lock()
	delete(c.owner.open, c)
	c.owner.mu.Unlock()
	return c.Conn.Close()
}

// CloseWrite serves net/http, which ends some answers with it.
func (c *connection) CloseWrite() error {
	if half, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return errors.ErrUnsupported
}

type connectionKey struct{}

// withConnection is for http.Server.ConnContext.
func withConnection(ctx context.Context, c net.Conn) context.Context {
	if t, ok := c.(interface{ NetConn() net.Conn }); ok {
		c = t.NetConn() // below TLS
	}
	return context.WithValue(ctx, connectionKey{}, c)
}

// connectionOf returns the connection that the request came by, nil in tests without one.
func connectionOf(r *http.Request) *connection {
	c, _ := r.Context().Value(connectionKey{}).(*connection)
	return c
}

// enter marks the connection as busy until leave.
func (c *connection) enter() { c.busy.Add(1) }

func (c *connection) leave() {
	c.answered.Store(true)
	c.since.Store(time.Now().UnixNano())
	c.busy.Add(-1)
}
