package test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

const (
	stressProbes  = 1000
	stressClients = 64
	slowLorises   = 500
	// slowLorisMost is when a connection that sends its request in drops has to
	// be closed.
	slowLorisMost = 15 * time.Second
	// stressPause is between two requests of a client: the requests are to go on
	// all the time, not to take the processors from the tests beside this one.
	stressPause = 20 * time.Millisecond
)

func TestTestallHoldsUnderScrapesReloadsAndSlowLoris(t *testing.T) {
	t.Parallel()
	page := newNode(t, "n1")
	var config strings.Builder
	config.WriteString("probes:\n")
	for i := range stressProbes {
		fmt.Fprintf(&config, "  - {name: page%04d, kind: http, url: %q, every: 10m}\n", i, page.URL)
	}
	e := serve(t, config.String(), "--log.level=warn")
	e.waitTestall("OK", 60*time.Second)

	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	var all sync.WaitGroup
	clients := make([]*stressClient, stressClients)
	for i := range clients {
		clients[i] = &stressClient{address: strings.TrimPrefix(e.url, "http://")}
		all.Go(func() { clients[i].ask(ctx) })
	}
	everybodyAsked := func(times int64) {
		t.Helper()
		eventually(t, 30*time.Second, func() error {
			for i, c := range clients {
				if n := c.answered.Load(); n < times && c.failed() == nil {
					return fmt.Errorf("client %d was answered %d times, want %d", i, n, times)
				}
			}
			return nil
		})
	}
	everybodyAsked(1)

	scrapes := e.repeat(ctx, &all, http.MethodGet, "/metrics", "text/plain;version=0.0.4", "version=0.0.4")
	protobuf := e.repeat(ctx, &all, http.MethodGet, "/metrics",
		"application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited", "protobuf")
	reloads := e.repeat(ctx, &all, http.MethodPost, "/-/reload", "", "")
	ages := holdSlowly(t, clients[0].address)
	for _, work := range []*repeated{scrapes, protobuf, reloads} {
		eventually(t, 30*time.Second, func() error {
			if work.done.Load() == 0 && work.failed() == nil {
				return errors.New("no scrape or no reload has ended yet")
			}
			return nil
		})
	}
	everybodyAsked(2)
	stop()
	all.Wait()

	slowest := time.Duration(0)
	for i, c := range clients {
		require.NoError(t, c.failed(), "client %d, after %d answers", i, c.answered.Load())
		slowest = max(slowest, c.slowest)
	}
	require.NoError(t, scrapes.failed())
	require.NoError(t, protobuf.failed())
	require.NoError(t, reloads.failed())
	// A process that is not run cannot close a connection: how late it may be is
	// how long it let others wait for an answer.
	require.LessOrEqual(t, slices.Max(ages), slowLorisMost+slowest, "the slowest answer took %s", slowest)
	held := 0
	for _, age := range ages {
		if age > time.Second {
			held++
		}
	}
	require.Greater(t, held, slowLorises/2, "so few slow connections lasted that nothing was tested")
	e.waitTestall("OK", 10*time.Second)
	t.Logf("slowest answer %s, slow connections closed after %s at most, %d scrapes, %d reloads",
		slowest, slices.Max(ages), scrapes.done.Load()+protobuf.done.Load(), reloads.done.Load())
}

// stressClient asks for /testall over one connection all the time.
type stressClient struct {
	address  string
	answered atomic.Int64
	slowest  time.Duration // read it after ask has returned
	err      atomic.Pointer[error]
}

func (c *stressClient) failed() error { return errorOf(&c.err) }

func errorOf(p *atomic.Pointer[error]) error {
	if err := p.Load(); err != nil {
		return *err
	}
	return nil
}

func (c *stressClient) ask(ctx context.Context) {
	if err := c.askAll(ctx); err != nil {
		c.err.Store(&err)
	}
}

// askAll makes every request over the same connection: one that is closed is a
// failure. The connection's last answer is awaited in full.
func (c *stressClient) askAll(ctx context.Context) error {
	conn, err := net.Dial("tcp", c.address)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }()
	r := bufio.NewReader(conn)
	for ctx.Err() == nil {
		begin := time.Now()
		_ = conn.SetDeadline(begin.Add(time.Minute))
		if _, err := fmt.Fprintf(conn, "GET /testall HTTP/1.1\r\nHost: %s\r\nAuthorization: Bearer %s\r\n\r\n", c.address, testToken); err != nil {
			return err
		}
		resp, err := http.ReadResponse(r, nil)
		if err != nil {
			return err
		}
		body, err := io.ReadAll(resp.Body)
		if err != nil || resp.StatusCode != http.StatusOK || string(body) != "OK" {
			return fmt.Errorf("%s %q: %w", resp.Status, body, err)
		}
		c.slowest = max(c.slowest, time.Since(begin))
		c.answered.Add(1)
		select {
		case <-ctx.Done():
		case <-time.After(stressPause):
		}
	}
	return nil
}

// repeated counts a request that is made over and over.
type repeated struct {
	done atomic.Int64
	err  atomic.Pointer[error]
}

func (r *repeated) failed() error { return errorOf(&r.err) }

// repeat makes a request twice a second, or as often as it is answered, until ctx
// ends. Any answer but 200 of the wanted type is a failure and ends it.
func (e *exporter) repeat(ctx context.Context, all *sync.WaitGroup, method, path, accept, contentType string) *repeated {
	var r repeated
	all.Go(func() {
		for ctx.Err() == nil {
			if err := e.once(method, path, accept, contentType); err != nil {
				r.err.Store(&err)
				return
			}
			r.done.Add(1)
			select {
			case <-ctx.Done():
			case <-time.After(500 * time.Millisecond):
			}
		}
	})
	return &r
}

func (e *exporter) once(method, path, accept, contentType string) error {
	req, err := http.NewRequest(method, e.url+path, nil)
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", "Bearer "+e.token)
	req.Header.Set("Accept", accept)
	resp, err := (&http.Client{Timeout: time.Minute, Transport: &http.Transport{DisableKeepAlives: true}}).Do(req)
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }()
	if _, err := io.Copy(io.Discard, resp.Body); err != nil {
		return err
	}
	if got := resp.Header.Get("Content-Type"); resp.StatusCode != http.StatusOK || !strings.Contains(got, contentType) {
		return fmt.Errorf("%s %s: %s, %s", method, path, resp.Status, got)
	}
	return nil
}

// holdSlowly opens many connections at once that send a header drop by drop, and
// returns when the exporter has closed them all, with how long each was open:
// from before the exporter could accept it.
func holdSlowly(t *testing.T, address string) []time.Duration {
	t.Helper()
	ages, errs := make([]time.Duration, slowLorises), make([]error, slowLorises)
	var all sync.WaitGroup
	for i := range slowLorises {
		all.Go(func() { ages[i], errs[i] = dribble(address) })
	}
	all.Wait()
	require.NoError(t, errors.Join(errs...))
	return ages
}

func dribble(address string) (time.Duration, error) {
	begin := time.Now()
	conn, err := net.Dial("tcp", address)
	if err != nil {
		return 0, err
	}
	defer func() { _ = conn.Close() }()
	r := bufio.NewReader(conn)
	_, err = fmt.Fprintf(conn, "GET /testall HTTP/1.1\r\nHost: %s\r\nX-Slow: ", address)
	for err == nil {
		_ = conn.SetReadDeadline(time.Now().Add(500 * time.Millisecond))
		if _, err = r.ReadByte(); errors.Is(err, os.ErrDeadlineExceeded) {
			if time.Since(begin) > slack*slowLorisMost {
				return 0, errors.New("a slow connection is never closed")
			}
			_, err = io.WriteString(conn, "a")
		}
	}
	return time.Since(begin), nil // whatever ended it, it was the other side
}
