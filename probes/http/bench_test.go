//go:build unix

package httpprobe

import (
	"context"
	"crypto/tls"
	"io"
	"net/http"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/idp-exporter/idp_exporter/internal/fetch"
	"github.com/idp-exporter/idp_exporter/probes"
)

// cpu returns the CPU time that the process has used.
func cpu(b testing.TB) time.Duration {
	var u syscall.Rusage
	require.NoError(b, syscall.Getrusage(syscall.RUSAGE_SELF, &u))
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// measure runs f, sixteen at once, and reports the CPU time of each.
func measure(b *testing.B, f func(testing.TB)) {
	b.ReportAllocs()
	b.ResetTimer()
	before := cpu(b)
	var wg sync.WaitGroup
	work := make(chan struct{})
	for range 16 {
		wg.Go(func() {
			for range work {
				f(b)
			}
		})
	}
	for range b.N {
		work <- struct{}{}
	}
	close(work)
	wg.Wait()
	b.ReportMetric(float64((cpu(b)-before).Microseconds())/float64(b.N), "cpu-µs/op")
}

func targets(b *testing.B, f func(b *testing.B, url string)) {
	plain, secure := serverApart(b)
	b.Run("http", func(b *testing.B) { f(b, plain) })
	b.Run("https", func(b *testing.B) { f(b, secure) })
}

// BenchmarkBare is the floor: net/http, a new connection for each request.
func BenchmarkBare(b *testing.B) {
	targets(b, func(b *testing.B, url string) {
		client := &http.Client{Transport: &http.Transport{
			DisableKeepAlives: true, ForceAttemptHTTP2: true,
			TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, //nolint:gosec // as the probe does
		}}
		measure(b, func(b testing.TB) {
			ctx, cancel := context.WithTimeout(b.Context(), 10*time.Second)
			defer cancel()
			req, _ := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
			resp, err := client.Do(req)
			if err != nil {
				b.Error(err)
				return
			}
			_, _ = io.ReadAll(resp.Body)
			_ = resp.Body.Close()
		})
	})
}

// BenchmarkProbe is the whole probe, expectations included.
func BenchmarkProbe(b *testing.B) {
	targets(b, func(b *testing.B, url string) {
		o := NewOptions()
		o.URL = url
		o.TLS = fetch.TLS{InsecureSkipVerify: true}
		o.BodyMatches = []string{`"status"`}
		p, err := o.New(probes.Target{Probe: "bench", Every: time.Minute})
		require.NoError(b, err)
		measure(b, func(b testing.TB) {
			ctx, cancel := context.WithTimeout(b.Context(), 10*time.Second)
			defer cancel()
			if r := p.Run(ctx); r.Outcome != probes.Pass {
				b.Error(r.Detail)
			}
		})
	})
}
