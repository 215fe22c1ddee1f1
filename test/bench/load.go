package main

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"slices"
	"strings"
	"sync"
	"time"
)

// connections is how many clients ask at once.
const connections = 64

// load asks for /testall over kept connections, one request at a time on each,
// with a client that costs little next to what it measures. It returns the
// requests answered a second and the 99th percentile of their latency in
// seconds. Any answer but 200 OK, and any lost connection, is an error.
func load(ctx context.Context, host, token string, length time.Duration) ([]float64, error) {
	request := "GET /testall HTTP/1.1\r\nHost: " + host + "\r\nAuthorization: Bearer " + token + "\r\n\r\n"
	var (
		wg        sync.WaitGroup
		latencies [connections][]time.Duration
		errs      [connections]error
	)
	begin := time.Now()
	for i := range connections {
		wg.Go(func() { latencies[i], errs[i] = hammer(ctx, host, request, begin.Add(length)) })
	}
	wg.Wait()
	lasted := time.Since(begin).Seconds()
	for _, err := range errs {
		if err != nil {
			return nil, err
		}
	}
	all := slices.Concat(latencies[:]...)
	if len(all) == 0 {
		return nil, fmt.Errorf("%s answered nothing within %s", host, length)
	}
	slices.Sort(all)
	return []float64{float64(len(all)) / lasted, all[len(all)*99/100].Seconds()}, nil
}

// hammer returns how long each answer took.
func hammer(ctx context.Context, host, request string, end time.Time) ([]time.Duration, error) {
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", host)
	if err != nil {
		return nil, err
	}
	defer func() { _ = conn.Close() }()
	_ = conn.SetDeadline(end.Add(10 * time.Second))
	r := bufio.NewReader(conn)
	latencies := make([]time.Duration, 0, 4096)
	for begin := time.Now(); begin.Before(end); {
		if _, err := conn.Write([]byte(request)); err != nil {
			return nil, err
		}
		if err := readOK(r); err != nil {
			return nil, fmt.Errorf("%s: %w", host, err)
		}
		now := time.Now()
		latencies = append(latencies, now.Sub(begin))
		begin = now
	}
	return latencies, nil
}

// readOK reads one answer, which has to be 200 with the body OK.
func readOK(r *bufio.Reader) error {
	status, err := r.ReadString('\n')
	if err != nil || !strings.Contains(status, " 200 ") {
		return fmt.Errorf("answered %q: %w", status, err)
	}
	for line := status; line != "\r\n"; {
		if line, err = r.ReadString('\n'); err != nil {
			return err
		}
	}
	_, err = r.Discard(len("OK"))
	return err
}
