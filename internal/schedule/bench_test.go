//go:build unix

package schedule

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// BenchmarkTenThousand runs 10,000 jobs every 10 s for 5 s of real time each
// iteration and reports how late they start and what that costs: the scheduler
// alone, since the probe does nothing (at once) or sleeps for 20 ms.
func BenchmarkTenThousand(b *testing.B) {
	for _, took := range []time.Duration{0, 20 * time.Millisecond} {
		b.Run(fmt.Sprintf("probe=%v", took), func(b *testing.B) {
			for b.Loop() {
				measure(b, took, 5*time.Second)
			}
		})
	}
}

func measure(b *testing.B, took, span time.Duration) {
	var mu sync.Mutex
	lags := make([]time.Duration, 0, 20000)
	s := New(Options{Lag: func(d time.Duration) {
		mu.Lock()
		defer mu.Unlock()
		lags = append(lags, d)
	}})
	probe := passing
	if took > 0 {
		probe = taking(took)
	}
	jobs := make([]Job, 10000)
	for i := range jobs {
		jobs[i] = work(fmt.Sprintf("probe-%d", i), 10*time.Second, probe)
	}
	require.NoError(b, s.Set(jobs, nil))
	before := cpu(b)
	ctx, cancel := context.WithTimeout(context.Background(), span)
	defer cancel()
	require.NoError(b, s.Run(ctx))
	used := cpu(b) - before
	slices.Sort(lags)
	n := len(lags)
	require.Greater(b, n, 1000)
	ms := func(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
	b.ReportMetric(ms(lags[n/2]), "lag-p50-ms")
	b.ReportMetric(ms(lags[n*99/100]), "lag-p99-ms")
	b.ReportMetric(ms(lags[n-1]), "lag-max-ms")
	b.ReportMetric(float64(n)/span.Seconds(), "runs/s")
	b.ReportMetric(float64(used.Microseconds())/float64(n), "cpu-µs/run")
	b.ReportMetric(0, "ns/op")
}

// cpu returns the processor time this process has used.
func cpu(b *testing.B) time.Duration {
	var u syscall.Rusage
	require.NoError(b, syscall.Getrusage(syscall.RUSAGE_SELF, &u))
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
