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

// connections bounds the open connections of one listener. When it is full the
// connection that has been doing nothing for longest makes room, so that
// neither silent clients nor ones that send a byte now and then can lock out
// others or use up the process's descriptors. A connection whose request is
// being answered is never taken; where all are, the newcomer is closed.
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
		if conn := l.admit(c); conn != nil {
			return conn, nil
		}
		_ = c.Close()
	}
}

func (l *connections) admit(c net.Conn) *connection {
	conn := &connection{Conn: c, owner: l}
	conn.since.Store(time.Now().UnixNano())
	l.mu.Lock()
	var leaves *connection
	if len(l.open) >= l.max {
		if leaves = l.longestIdle(); leaves == nil {
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

func (l *connections) longestIdle() *connection {
	var oldest *connection
	for c := range l.open {
		if c.busy.Load() == 0 && (oldest == nil || c.since.Load() < oldest.since.Load()) {
			oldest = c
		}
	}
	return oldest
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
	c.since.Store(time.Now().UnixNano())
	c.busy.Add(-1)
}
