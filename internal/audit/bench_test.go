package audit

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/idp-exporter/idp_exporter/internal/secret"
)

func benchLog(b *testing.B, o Options) *Log {
	b.Helper()
	o.Config.File = &FileConfig{Path: b.TempDir() + "/audit.jsonl"}
	l, err := Open(o)
	require.NoError(b, err)
	b.Cleanup(func() { _ = l.Close() })
	b.ReportAllocs()
	b.ResetTimer()
	return l
}

// BenchmarkAccess is the cost to the request that is recorded.
func BenchmarkAccess(b *testing.B) {
	l := benchLog(b, Options{})
	for i := range b.N {
		if i%8000 == 7999 { // as often as the buffer would be full
			b.StopTimer()
			for len(take(l)) > 0 {
				time.Sleep(time.Millisecond)
			}
			b.StartTimer()
		}
		l.Access(scrape)
	}
	b.StopTimer()
	require.Zero(b, l.Stats().TurnedAway)
}

// BenchmarkAccessFlooded is the same while far more comes than can be written.
func BenchmarkAccessFlooded(b *testing.B) {
	l := benchLog(b, Options{})
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			l.Access(scrape)
		}
	})
	b.StopTimer()
	b.ReportMetric(float64(l.Stats().TurnedAway)/float64(b.N), "dropped/op")
}

// BenchmarkLine is what one line costs altogether, from call to file.
func BenchmarkLine(b *testing.B) {
	for _, secrets := range []int{0, 20} {
		b.Run(fmt.Sprintf("secrets=%d", secrets), func(b *testing.B) {
			r := &secret.Redactor{}
			for i := range secrets {
				r.Add(fmt.Sprintf("a secret that is not there, number %d", i))
			}
			l := benchLog(b, Options{Redact: r.String})
			for i := range b.N {
				if i%8000 == 7999 {
					for len(take(l)) > 0 {
						time.Sleep(100 * time.Microsecond)
					}
				}
				l.Access(scrape)
			}
			require.NoError(b, l.Close())
			b.StopTimer()
			require.Zero(b, l.Stats().TurnedAway)
		})
	}
}

// BenchmarkAdmin is one action after the other by each of several callers, on
// disk before the next.
func BenchmarkAdmin(b *testing.B) {
	for _, callers := range []int{1, 64} {
		b.Run(fmt.Sprintf("callers=%d", callers), func(b *testing.B) {
			l := benchLog(b, Options{})
			b.SetParallelism(callers)
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					if err := l.Admin(b.Context(), drain); err != nil {
						b.Error(err)
					}
				}
			})
		})
	}
}
