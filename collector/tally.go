package collector

import (
	"cmp"
	"math"
	"slices"
	"sync"
	"time"

	dto "github.com/prometheus/client_model/go"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"
)

const (
	// finest is the schema that native buckets begin with: 8 to each doubling,
	// growing by less than a tenth.
	finest = 3
	// maxNative is how many of them there may be before they are merged in pairs.
	maxNative = 100
	// zeroThreshold is what counts as zero: that of the client library.
	zeroThreshold = 0x1p-128
)

// tally are the durations of the runs of one probe that ended alike: a histogram
// with classic and native buckets. The one of the client library is made to be
// written to by many at once, and takes ten times the memory, for
// each of thousands of probes.
// https://prometheus.io/docs/specs/native_histograms/
type tally struct {
	classic bool
	created time.Time

	mu sync.Mutex
	// counts are the observations in each bucket of runBuckets, and above.
	counts [len(runBuckets) + 1]uint64
	sum    float64
	zeros  uint64
	schema int32
	native []bucket // by index
}

// bucket holds the observations above base^(index-1) up to base^index, where
// base is 2^2^-schema.
type bucket struct {
	index int32
	count uint64
}

func newTally(classic bool, now time.Time) *tally {
	return &tally{classic: classic, created: now, schema: finest}
}

// observe takes in a duration, which is not negative.
func (t *tally) observe(seconds float64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	// The first bucket whose bound is not below.
	i, _ := slices.BinarySearch(runBuckets[:], seconds)
	t.counts[i]++
	t.sum += seconds
	if seconds <= zeroThreshold {
		t.zeros++
		return
	}
	index := int32(math.Ceil(math.Ldexp(math.Log2(seconds), int(t.schema))))
	at, there := slices.BinarySearchFunc(t.native, index, func(b bucket, index int32) int { return cmp.Compare(b.index, index) })
	if there {
		t.native[at].count++
		return
	}
	t.native = slices.Insert(t.native, at, bucket{index, 1})
	for len(t.native) > maxNative {
		t.merge()
	}
}

// merge halves the resolution.
func (t *tally) merge() {
	t.schema--
	merged := t.native[:0]
	for _, b := range t.native {
		b.index = (b.index + 1) >> 1 // half of it, rounded up
		if last := len(merged) - 1; last >= 0 && merged[last].index == b.index {
			merged[last].count += b.count
			continue
		}
		merged = append(merged, b)
	}
	t.native = merged
}

func (t *tally) read() (counts [len(runBuckets) + 1]uint64, sum float64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.counts, t.sum
}

// message returns the histogram for protobuf.
func (t *tally) message() *dto.Histogram {
	t.mu.Lock()
	defer t.mu.Unlock()
	h := &dto.Histogram{
		SampleSum: proto.Float64(t.sum), Schema: proto.Int32(t.schema), ZeroThreshold: proto.Float64(zeroThreshold), ZeroCount: proto.Uint64(t.zeros),
		CreatedTimestamp: timestamppb.New(t.created),
	}
	var total uint64
	for i, n := range t.counts {
		total += n
		if t.classic && i < len(runBuckets) {
			h.Bucket = append(h.Bucket, &dto.Bucket{CumulativeCount: proto.Uint64(total), UpperBound: proto.Float64(runBuckets[i])})
		}
	}
	h.SampleCount = &total
	var span *dto.BucketSpan
	var next int32
	var before uint64
	for _, b := range t.native {
		if span == nil || b.index != next {
			span = &dto.BucketSpan{Offset: proto.Int32(b.index - next), Length: new(uint32)}
			h.PositiveSpan = append(h.PositiveSpan, span)
		}
		*span.Length++
		h.PositiveDelta = append(h.PositiveDelta, int64(b.count)-int64(before))
		before, next = b.count, b.index+1
	}
	return h
}
