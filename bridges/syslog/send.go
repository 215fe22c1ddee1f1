package syslog

import (
	"context"
	"errors"
	"net"
	"time"

	"github.com/idp-exporter/idp_exporter/bridges"
	"github.com/idp-exporter/idp_exporter/internal/oneway"
)

// datagramAge is how long a socket for datagrams is used before the receiver's
// name is looked up again: nothing tells that it has moved.
const datagramAge = time.Minute

// sender keeps a connection. It is used by one goroutine.
type sender struct {
	options  Options
	format   format
	datagram bool
	dial     func(context.Context) (net.Conn, error)

	conn  *oneway.Conn
	since time.Time
}

// Deliver implements bridges.Deliverer. A connection that the receiver has
// closed is replaced once.
func (s *sender) Deliver(ctx context.Context, e bridges.Event) error {
	message := s.format.message(e)
	if fresh := !s.datagram || time.Since(s.since) < datagramAge; fresh && s.conn != nil && !s.conn.Gone() {
		if err := s.send(ctx, message); err == nil || !errors.Is(err, oneway.ErrGone) {
			return err
		}
	}
	s.disconnect()
	conn, err := s.dial(ctx)
	if err != nil {
		return err
	}
	s.conn, s.since = oneway.Watch(conn), time.Now()
	return s.send(ctx, message)
}

func (s *sender) send(ctx context.Context, message []byte) error {
	ctx, cancel := context.WithTimeout(ctx, s.options.Timeout)
	defer cancel()
	err := s.conn.Send(ctx, message)
	if err != nil {
		s.disconnect()
	}
	return err
}

func (s *sender) disconnect() {
	if s.conn != nil {
		_ = s.conn.Close()
		s.conn = nil
	}
}

// Close implements bridges.Deliverer.
func (s *sender) Close() error {
	s.disconnect()
	return nil
}
