package web

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httputil"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/idp-exporter/idp_exporter/internal/state"
	"github.com/idp-exporter/idp_exporter/internal/web/access"
	"github.com/idp-exporter/idp_exporter/probes"
)

const benchConnections = 64

// constantState costs nothing, as the real state does while nothing changes.
type constantState struct{ *fakeState }

func (constantState) Verdict() state.Verdict { return state.Verdict{OK: true, Outcome: probes.Pass} }

func benchOptions() Options {
	o := options()
	o.State = constantState{healthyState()}
	o.Access = &access.Config{Open: []string{access.OpenTestall}}
	o.Logger = slog.New(slog.DiscardHandler)
	return o
}

// bare serves a handler that writes two bytes, with the same server settings.
func bare(b *testing.B) string {
	b.Helper()
	s, err := New(benchOptions())
	require.NoError(b, err)
	s.Close()
	h := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "OK") })
	server := s.httpServer(context.Background(), h)
	server.ConnContext = nil
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(b, err)
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = server.Serve(l)
	}()
	b.Cleanup(func() {
		_ = server.Close()
		<-done
	})
	return l.Addr().String()
}

// load asks n times over 64 kept connections.
func load(tb testing.TB, address, header string, n int) {
	tb.Helper()
	var left atomic.Int64
	left.Store(int64(n))
	var wg sync.WaitGroup
	for range benchConnections {
		wg.Go(func() {
			if err := ask(address, header, &left); err != nil {
				tb.Error(err)
			}
		})
	}
	wg.Wait()
}

// ask is as lean as a client can be, so that the server is what is measured:
// all answers are as long as the first.
func ask(address, header string, left *atomic.Int64) error {
	c, err := net.Dial("tcp", address)
	if err != nil {
		return err
	}
	defer func() { _ = c.Close() }()
	request := []byte("GET /testall HTTP/1.1\r\nHost: localhost\r\n" + header + "\r\n")
	var answer []byte
	for left.Add(-1) >= 0 {
		if _, err := c.Write(request); err != nil {
			return err
		}
		if answer != nil {
			if _, err := io.ReadFull(c, answer); err != nil {
				return err
			}
			continue
		}
		res, err := http.ReadResponse(bufio.NewReader(c), nil)
		if err != nil {
			return err
		}
		raw, err := httputil.DumpResponse(res, true)
		_ = res.Body.Close()
		if err != nil || res.StatusCode != http.StatusOK {
			return fmt.Errorf("status %d: %w", res.StatusCode, err)
		}
		answer = make([]byte, len(raw))
	}
	return nil
}

func BenchmarkBare(b *testing.B) {
	address := bare(b)
	b.ResetTimer()
	load(b, address, "", b.N)
}

func BenchmarkTestall(b *testing.B) {
	s := start(b, benchOptions())
	b.ResetTimer()
	load(b, s.Addresses()[0].String(), "", b.N)
}

func BenchmarkTestallWithToken(b *testing.B) {
	o := benchOptions()
	token, e := tokenFor(b, "testall")
	o.Access = &access.Config{Tokens: []access.Token{e}}
	s := start(b, o)
	b.ResetTimer()
	load(b, s.Addresses()[0].String(), "Authorization: Bearer "+token+"\r\n", b.N)
}

// BenchmarkTestallRate compares the two in one run, in short turns, and takes
// the median, so that what else the machine does touches both. The load comes
// from net/http's own client: 64 callers that each keep a connection. Against
// the lean client above the ratio is a few hundredths lower, since any
// header at all costs net/http a tenth of such a request.
func BenchmarkTestallRate(b *testing.B) {
	floor, s := bare(b), start(b, benchOptions())
	const turns, each = 31, 4000
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: benchConnections}}
	defer client.CloseIdleConnections()
	took := func(address string) time.Duration {
		begin := time.Now()
		ordinaryLoad(b, client, "http://"+address+"/testall", each)
		return time.Since(begin)
	}
	ours := s.Addresses()[0].String()
	took(floor)
	took(ours)
	var ratios []float64
	var total time.Duration
	for b.Loop() {
		for range turns {
			f, o := took(floor), took(ours)
			ratios = append(ratios, float64(f)/float64(o))
			total += o
		}
	}
	slices.Sort(ratios)
	median := ratios[len(ratios)/2]
	b.ReportMetric(median, "ratio")
	b.ReportMetric(float64(len(ratios)*each)/total.Seconds(), "requests/s")
}

func ordinaryLoad(tb testing.TB, client *http.Client, url string, n int) {
	tb.Helper()
	var left atomic.Int64
	left.Store(int64(n))
	var wg sync.WaitGroup
	for range benchConnections {
		wg.Go(func() {
			for left.Add(-1) >= 0 {
				res, err := client.Get(url)
				if err != nil {
					tb.Error(err)
					return
				}
				_, _ = io.Copy(io.Discard, res.Body)
				_ = res.Body.Close()
				if res.StatusCode != http.StatusOK {
					tb.Errorf("status %d", res.StatusCode)
					return
				}
			}
		})
	}
	wg.Wait()
}
