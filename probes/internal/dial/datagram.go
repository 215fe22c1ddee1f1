package dial

import (
	"context"
	"errors"
	"net"
	"time"

	"github.com/idp-exporter/idp_exporter/probes"
)

// Datagrams get lost, so what is asked by UDP is asked so many times, or once at
// each address of the endpoint if those are more, each time waiting no longer
// than Patience for the answer.
const (
	attempts = 3
	Patience = 2 * time.Second
)

// AskUDP asks the endpoint by UDP, with the steps dns, connect (a socket, by
// which nothing is sent yet) and the one named. Every time is that of the next
// address. What ask returns is its answer's to judge if it is of type
// *probes.Failure, and otherwise an error of the network; the connection, which
// it may close, has a deadline of wait. Errors are of type *probes.Failure.
func (d *Dialer) AskUDP(ctx context.Context, r *probes.Run, step string, ask func(conn net.Conn, wait time.Duration) error) error {
	addrs, err := d.resolve(ctx, r, d.Endpoint.host)
	if err != nil {
		return err
	}
	var first error
	for i, n := 0, max(attempts, len(addrs)); ; i++ {
		wait := Patience
		if deadline, ok := ctx.Deadline(); ok {
			wait = min(wait, max(time.Until(deadline)/time.Duration(n-i), time.Millisecond))
		}
		at, begin := StepConnect, time.Now()
		conn, err := (&net.Dialer{}).DialContext(ctx, "udp", net.JoinHostPort(addrs[i%len(addrs)].String(), d.Endpoint.port))
		if err == nil {
			r.AddStep(at, begin, time.Since(begin), nil)
			at, begin = step, time.Now()
			err = once(ctx, conn, wait, ask)
		}
		var answered *probes.Failure
		again := err != nil && !errors.As(err, &answered) && ctx.Err() == nil && i < n-1 && (IsTimeout(err) || i < len(addrs)-1)
		if first == nil || answered != nil || ctx.Err() != nil {
			first = Failure(ctx, err)
		}
		switch {
		case err == nil:
			r.AddStep(at, begin, time.Since(begin), nil)
			return nil
		case !again:
			r.AddStep(at, begin, time.Since(begin), first)
			return first
		}
		r.AddStep(at, begin, time.Since(begin), nil)
	}
}

// once asks once and closes the socket.
func once(ctx context.Context, conn net.Conn, wait time.Duration, ask func(net.Conn, time.Duration) error) error {
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
	defer stop()
	defer func() { _ = conn.Close() }()
	_ = conn.SetDeadline(time.Now().Add(wait))
	return ask(conn, wait)
}
