// Package oneway writes to peers that never answer. A write to a peer that has
// closed its end succeeds, and what was written is lost without a word; a Conn
// notices as early as the system lets it.
package oneway

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"sync/atomic"
	"time"
)

// ErrGone says that the peer has closed the connection.
var ErrGone = errors.New("the receiver has closed the connection")

// Conn is a connection that is only written to. One goroutine, which Close
// waits for, reads it to notice its end.
type Conn struct {
	net.Conn
	ended atomic.Bool   // set before the connection is closed
	gone  chan struct{} // closed once the reader is through
}

// Watch takes a connection over.
func Watch(c net.Conn) *Conn {
	w := &Conn{Conn: c, gone: make(chan struct{})}
	go w.watch()
	return w
}

// watch ends with the connection. Whatever a peer says is dropped.
func (c *Conn) watch() {
	defer close(c.gone)
	var b [512]byte
	for {
		if _, err := c.Read(b[:]); err != nil {
			c.ended.Store(true)
			_ = c.Conn.Close()
			return
		}
	}
}

// Gone tells whether the connection has ended.
func (c *Conn) Gone() bool { return c.ended.Load() }

// Close ends the connection.
func (c *Conn) Close() error {
	err := c.Conn.Close()
	<-c.gone
	if errors.Is(err, net.ErrClosed) { // the peer was first
		return nil
	}
	return err
}

// Send writes b whole and then waits, where the system can tell (Linux), until
// the peer's TCP has acknowledged all of it. It ends with ctx. After an error a
// part of b may have been sent, so the connection is of no use any more.
func (c *Conn) Send(ctx context.Context, b []byte) error {
	if c.Gone() {
		return ErrGone
	}
	// A deadline in the past ends a write that is under way.
	_ = c.SetWriteDeadline(time.Time{})
	stop := context.AfterFunc(ctx, func() { _ = c.SetWriteDeadline(time.Unix(1, 0)) })
	defer stop()
	if _, err := c.Write(b); err != nil {
		switch {
		case ctx.Err() != nil:
			return fmt.Errorf("the receiver does not take it: %w", ctx.Err())
		case c.Gone() && !errors.Is(err, os.ErrDeadlineExceeded):
			return ErrGone
		}
		return err
	}
	return c.taken(ctx)
}

// The pauses between two looks at what is not acknowledged yet.
const (
	firstPause   = 100 * time.Microsecond
	longestPause = 20 * time.Millisecond
)

func (c *Conn) taken(ctx context.Context) error {
	for pause := firstPause; ; pause = min(2*pause, longestPause) {
		waiting, known := unacknowledged(c.Conn)
		switch {
		case c.Gone():
			return ErrGone
		case !known || waiting == 0:
			return nil
		}
		timer := time.NewTimer(pause)
		select {
		case <-ctx.Done():
			timer.Stop()
			return fmt.Errorf("the receiver's host does not acknowledge it: %w", ctx.Err())
		case <-c.gone:
			timer.Stop()
			return ErrGone
		case <-timer.C:
		}
	}
}
