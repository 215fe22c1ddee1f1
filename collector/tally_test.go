package collector

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"
)

// native returns the observations by index at a schema that is coarser or equal.
func native(h *dto.Histogram, schema int32) map[int32]int64 {
	all := map[int32]int64{}
	var index int32
	var count int64
	deltas := h.GetPositiveDelta()
	for _, s := range h.GetPositiveSpan() {
		index += s.GetOffset()
		for range s.GetLength() {
			count += deltas[0]
			deltas = deltas[1:]
			at := index
			for range h.GetSchema() - schema {
				at = (at + 1) >> 1
			}
			all[at] += count
			index++
		}
	}
	return all
}

// The client library comes to the same.
func TestTallyIsAHistogram(t *testing.T) {
	t.Parallel()
	for _, classic := range []bool{true, false} {
		for name, next := range map[string]func(*rand.Rand) float64{
			"usual":          func(r *rand.Rand) float64 { return math.Exp(r.NormFloat64()*0.5 - 2) },
			"one":            func(*rand.Rand) float64 { return 1 },
			"none":           func(*rand.Rand) float64 { return 0 },
			"powers of two":  func(r *rand.Rand) float64 { return math.Exp2(float64(r.IntN(8) - 4)) },
			"classic bounds": func(r *rand.Rand) float64 { return runBuckets[r.IntN(len(runBuckets))] },
			"any":            func(r *rand.Rand) float64 { return math.Exp(r.Float64()*25) / 1e9 },
		} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				o := histogram("x", "", classic, runBuckets[:])
				o.NativeHistogramMaxBucketNumber = 0
				reference, ours := prometheus.NewHistogram(o), newTally(classic, noon)
				r := rand.New(rand.NewPCG(1, 2))
				for range 3000 {
					v := next(r)
					reference.Observe(v)
					ours.observe(v)
				}
				var metric dto.Metric
				require.NoError(t, reference.Write(&metric))
				want, got := metric.GetHistogram(), ours.message()
				require.LessOrEqual(t, len(got.GetPositiveDelta()), maxNative)
				require.Equal(t, native(want, got.GetSchema()), native(got, got.GetSchema()))
				if name != "any" {
					require.Equal(t, int32(3), got.GetSchema())
					got.CreatedTimestamp = want.GetCreatedTimestamp()
					require.True(t, proto.Equal(want, got), "%v\n%v", want, got)
				} else {
					require.Less(t, got.GetSchema(), int32(3))
				}
			})
		}
	}
}
