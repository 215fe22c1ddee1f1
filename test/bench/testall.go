package main

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/idp-exporter/idp_exporter/internal/web/access"
)

const (
	connections = 64
	slice       = 700 * time.Millisecond
)

// testallRate compares /testall of the built exporter, behind a token and in
// front of a real probe, with a bare handler that writes two bytes.
func testallRate(ctx context.Context, o options) (float64, error) {
	page, err := self(ctx, "page")
	if err != nil {
		return 0, err
	}
	defer page.stop()
	folder, err := os.MkdirTemp("", "bench")
	if err != nil {
		return 0, err
	}
	token, exporter, address, err := startExporter(ctx, o.binary, page.line, folder)
	if err != nil {
		return 0, err
	}
	defer func() {
		exporter.stop()
		_ = os.RemoveAll(folder)
	}()
	if err := waitOK(ctx, address, token); err != nil {
		return 0, err
	}
	bare, err := url.Parse(page.line)
	if err != nil {
		return 0, err
	}
	load := func(host string) func(context.Context) (float64, error) {
		return func(ctx context.Context) (float64, error) { return requestsPerSecond(ctx, host, token) }
	}
	return ratio(ctx, o.rounds, load(address), load(bare.Host))
}

func startExporter(ctx context.Context, binary, target, folder string) (token string, p *process, address string, err error) {
	token, entry, err := access.CreateToken("bench", []string{access.All})
	if err != nil {
		return "", nil, "", err
	}
	file := filepath.Join(folder, "idp_exporter.yml")
	text := fmt.Sprintf("probes:\n  - {name: page, kind: http, url: %s, every: 5s}\naccess:\n  tokens:\n    - {name: bench, hash: %q, scopes: [all]}\n", target, entry.Hash)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		return "", nil, "", err
	}
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return "", nil, "", err
	}
	address = l.Addr().String()
	_ = l.Close()
	p, err = start(ctx, "idp_exporter", "sh", "-c", `echo idp_exporter; exec "$@"`, "sh", binary, "--config.file="+file, "--web.listen-address="+address, "--log.level=warn")
	return token, p, address, err
}

func waitOK(ctx context.Context, address, token string) error {
	var last string
	for range 100 {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+address+"/testall", nil)
		if err != nil {
			return err
		}
		req.Header.Set("Authorization", "Bearer "+token)
		resp, err := (&http.Client{Timeout: time.Second}).Do(req)
		if err == nil {
			_ = resp.Body.Close()
			if last = resp.Status; resp.StatusCode == http.StatusOK {
				return nil
			}
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(100 * time.Millisecond):
		}
	}
	return fmt.Errorf("/testall did not become OK within 10 s: %s", last)
}

// requestsPerSecond sends requests over kept connections, one at a time on
// each, with a client that costs little next to what it measures.
func requestsPerSecond(ctx context.Context, host, token string) (float64, error) {
	request := "GET /testall HTTP/1.1\r\nHost: " + host + "\r\nAuthorization: Bearer " + token + "\r\n\r\n"
	var (
		count atomic.Int64
		first atomic.Pointer[error]
		wg    sync.WaitGroup
	)
	begin := time.Now()
	end := begin.Add(slice)
	for range connections {
		wg.Go(func() {
			n, err := hammer(ctx, host, request, end)
			count.Add(n)
			if err != nil {
				first.CompareAndSwap(nil, &err)
			}
		})
	}
	wg.Wait()
	if err := first.Load(); err != nil {
		return 0, *err
	}
	return float64(count.Load()) / time.Since(begin).Seconds(), nil
}

func hammer(ctx context.Context, host, request string, end time.Time) (int64, error) {
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", host)
	if err != nil {
		return 0, err
	}
	defer func() { _ = conn.Close() }()
	_ = conn.SetDeadline(end.Add(10 * time.Second))
	r := bufio.NewReader(conn)
	var n int64
	for time.Now().Before(end) {
		if _, err := conn.Write([]byte(request)); err != nil {
			return n, err
		}
		status, err := r.ReadString('\n')
		if err != nil || !strings.Contains(status, " 200 ") {
			return n, fmt.Errorf("%s answered %q: %w", host, status, err)
		}
		for line := status; line != "\r\n"; {
			if line, err = r.ReadString('\n'); err != nil {
				return n, err
			}
		}
		if _, err := r.Discard(len("OK")); err != nil {
			return n, err
		}
		n++
	}
	return n, nil
}
