package eif

import (
	"context"
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/idp-exporter/idp_exporter/bridges"
	"github.com/idp-exporter/idp_exporter/internal/oneway"
)

// sender keeps a connection to one of the servers. It is used by one goroutine.
type sender struct {
	options   Options
	addresses []string
	format    format
	dial      func(ctx context.Context, address string) (net.Conn, error)

	conn  *oneway.Conn
	index int       // of the server that conn leads to
	since time.Time // when the servers before it were last tried
}

// Deliver implements bridges.Deliverer. A server that does not take the event
// is followed by the next, once round.
func (s *sender) Deliver(ctx context.Context, e bridges.Event) error {
	event := s.format.event(e)
	first := 0
	if s.conn != nil && !s.conn.Gone() && !s.due() {
		err := s.send(ctx, event)
		if err == nil {
			return nil
		}
		if !errors.Is(err, oneway.ErrGone) { // and so not a server that was started anew
			first = s.index + 1
		}
	}
	var failed []error
	for i := range s.addresses {
		index := (first + i) % len(s.addresses)
		err := s.connect(ctx, index)
		if err == nil {
			err = s.send(ctx, event)
		}
		if err == nil {
			return nil
		}
		failed = append(failed, fmt.Errorf("%s: %w", s.addresses[index], err))
		if ctx.Err() != nil {
			break
		}
	}
	return errors.Join(failed...)
}

// due tells whether servers before the present one are to be tried again.
func (s *sender) due() bool {
	return s.index > 0 && s.options.FailBack > 0 && time.Since(s.since) >= s.options.FailBack
}

func (s *sender) connect(ctx context.Context, index int) error {
	s.disconnect()
	conn, err := s.dial(ctx, s.addresses[index])
	if err != nil {
		return err
	}
	s.conn, s.index, s.since = oneway.Watch(conn), index, time.Now()
	return nil
}

func (s *sender) send(ctx context.Context, event []byte) error {
	ctx, cancel := context.WithTimeout(ctx, s.options.Timeout)
	defer cancel()
	err := s.conn.Send(ctx, event)
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
