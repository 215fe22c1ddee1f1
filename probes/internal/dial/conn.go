package dial

import (
	"context"
	"crypto/tls"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// DefaultMaxRead bounds what a connection reads, in bytes, unless its kind says
// otherwise.
const DefaultMaxRead = 256 << 10

// Conn is a connection that ends with its context and reads a bounded number of
// bytes. It remembers the first error of the network, for libraries that turn
// errors into mere text.
type Conn struct {
	raw  net.Conn
	ctx  context.Context
	stop func() bool

	mu      sync.Mutex
	current net.Conn // the wire, or the TLS on it
	limit   int64
	read    int64
	err     error

	// asked tells that the server wanted a certificate of ours, shook how long
	// the handshake took.
	asked atomic.Bool
	shook time.Duration
}

// Bound makes a Conn of a connection. Reading more than limit bytes is an error.
func Bound(ctx context.Context, raw net.Conn, limit int64) *Conn {
	c := &Conn{raw: raw, ctx: ctx, limit: limit}
	c.current = &wire{raw, c}
	if deadline, ok := ctx.Deadline(); ok {
		_ = raw.SetDeadline(deadline)
	}
	c.stop = context.AfterFunc(ctx, func() { _ = raw.SetDeadline(time.Unix(1, 0)) })
	return c
}

// wire is the connection below TLS, whose errors are remembered.
type wire struct {
	net.Conn
	c *Conn
}

func (w *wire) Read(p []byte) (int, error) {
	n, err := w.Conn.Read(p)
	return n, w.c.failed(err)
}

func (w *wire) Write(p []byte) (int, error) {
	n, err := w.Conn.Write(p)
	return n, w.c.failed(err)
}

func (c *Conn) inner() net.Conn {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.current
}

// Read implements net.Conn.
func (c *Conn) Read(p []byte) (int, error) {
	c.mu.Lock()
	left, current := c.limit-c.read, c.current
	c.mu.Unlock()
	if left <= 0 {
		return 0, c.failed(tooLarge(c.limit))
	}
	if int64(len(p)) > left {
		p = p[:left]
	}
	n, err := current.Read(p)
	c.mu.Lock()
	c.read += int64(n)
	c.mu.Unlock()
	return n, c.failed(err)
}

// Write implements net.Conn.
func (c *Conn) Write(p []byte) (int, error) {
	n, err := c.inner().Write(p)
	return n, c.failed(err)
}

func (c *Conn) failed(err error) error {
	if err == nil {
		return nil
	}
	err = Ended(c.ctx, err)
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err == nil {
		c.err = err
	}
	return err
}

// Err returns the first error of the network, nil if there was none.
func (c *Conn) Err() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.err
}

// client puts TLS on the connection, which is in use once it is accepted.
func (c *Conn) client(conf *tls.Config) (secured *tls.Conn, accept func()) {
	secured = tls.Client(c.inner(), conf)
	return secured, func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.current = secured
	}
}

// TLS returns the state of TLS on the connection, nil without.
func (c *Conn) TLS() *tls.ConnectionState {
	secured, ok := c.inner().(*tls.Conn)
	if !ok {
		return nil
	}
	state := secured.ConnectionState()
	return &state
}

// Close ends the connection. It does not wait for a server that does not read.
func (c *Conn) Close() error {
	c.stop()
	if secured, ok := c.inner().(*tls.Conn); ok && c.ctx.Err() == nil {
		_ = c.raw.SetDeadline(time.Now().Add(time.Second))
		_ = secured.CloseWrite() // says goodbye
	}
	return c.raw.Close()
}

// The rest of net.Conn.

// LocalAddr returns the address of our end.
func (c *Conn) LocalAddr() net.Addr { return c.raw.LocalAddr() }

// RemoteAddr returns the address of the other end.
func (c *Conn) RemoteAddr() net.Addr { return c.raw.RemoteAddr() }

// SetDeadline does nothing: the context is the deadline, and a library's own
// must not postpone it.
func (c *Conn) SetDeadline(time.Time) error { return nil }

// SetReadDeadline does nothing, like SetDeadline.
func (c *Conn) SetReadDeadline(time.Time) error { return nil }

// SetWriteDeadline does nothing, like SetDeadline.
func (c *Conn) SetWriteDeadline(time.Time) error { return nil }
