package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"sync"
	"time"
)

const (
	lorises = 500
	// lorisMost is when a connection that sends its request in drops has to be
	// closed, counted from its opening.
	lorisMost = 15 * time.Second
)

// underSlowLoris compares /testall while connections are held open that never
// end their request, as under does, and tells how long the last of them was
// suffered, in seconds.
func underSlowLoris(ctx context.Context, o options) ([]float64, error) {
	return onMany(ctx, o, func(e, neighbor *exporter) ([]float64, error) {
		figures, err := disturbed(ctx, o, e, neighbor, slowLoris)
		if err != nil {
			return nil, err
		}
		longest, err := suffered(ctx, e)
		return append(figures, longest.Seconds()), err
	})
}

// slowLoris keeps connections open and opens anew whichever is closed, a second
// later.
func slowLoris(ctx context.Context, e *exporter, done <-chan struct{}, ready func()) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	ended := make(chan error, lorises)
	var open sync.WaitGroup
	for range lorises {
		open.Add(1)
		opened := sync.OnceFunc(open.Done)
		go func() {
			defer opened()
			for {
				_, err := dribble(ctx, e.address, opened)
				if ctx.Err() != nil {
					err = nil
				}
				if err != nil || ctx.Err() != nil {
					ended <- err
					return
				}
				pause(ctx, time.Second)
			}
		}()
	}
	open.Wait()
	ready()
	<-done
	cancel()
	var errs []error
	for range lorises {
		errs = append(errs, <-ended)
	}
	return errors.Join(errs...)
}

// suffered opens the connections once, each while /testall is asked, and
// returns how long the one that lasted longest was open.
func suffered(ctx context.Context, e *exporter) (time.Duration, error) {
	ages, errs := make([]time.Duration, lorises), make([]error, lorises)
	var wg sync.WaitGroup
	for i := range lorises {
		wg.Go(func() { ages[i], errs[i] = dribble(ctx, e.address, func() {}) })
	}
	_, err := load(ctx, e.address, e.token, lorisMost)
	wg.Wait()
	return slices.Max(ages), errors.Join(append(errs, err)...)
}

// dribble sends a header one letter a second until the other side closes the
// connection, and returns after how long it did.
func dribble(ctx context.Context, address string, opened func()) (time.Duration, error) {
	begin := time.Now()
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", address)
	if err != nil {
		return 0, err
	}
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
	defer stop()
	defer func() { _ = conn.Close() }()
	if _, err := io.WriteString(conn, "GET /testall HTTP/1.1\r\nHost: "+address+"\r\nX-Slow: "); err != nil {
		return time.Since(begin), nil
	}
	opened()
	_ = conn.SetDeadline(begin.Add(4 * lorisMost))
	closed := make(chan error, 1)
	go func() {
		_, err := io.Copy(io.Discard, conn) // until the other side closes
		closed <- err
	}()
	for {
		select {
		case err := <-closed:
			var timeout net.Error
			if errors.As(err, &timeout) && timeout.Timeout() {
				return 0, fmt.Errorf("a slow connection was still open after %s", time.Since(begin))
			}
			return time.Since(begin), ctx.Err()
		case <-time.After(time.Second):
			_, _ = io.WriteString(conn, "a")
		}
	}
}

func pause(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}
