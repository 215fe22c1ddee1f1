package schedule

import (
	"container/heap"
	"time"

	"github.com/cespare/xxhash/v2"

	"github.com/idp-exporter/idp_exporter/internal/state"
	"github.com/idp-exporter/idp_exporter/probes"
)

// grid is what start times are rounded to, so that starts share wake-ups:
// waking an idle core costs more than most of what a probe does. With 300 probes a
// second, one costs 0.36 ms on a grid of 5 ms, 0.25 on one of 20; a wider one saves
// less and would have more of them ask one provider at once.
const grid = 20 * time.Millisecond

// job is a Job and where it stands. Scheduler.mu guards it.
type job struct {
	Job
	// due is the next due time; extra, if not zero, a run outside that rhythm:
	// the one at the start, or the one that follows a back-off.
	due, extra time.Time
	// notBefore is when a back-off ends.
	notBefore time.Time
	// suspect tells that the last run used up its timeout.
	suspect bool
	run     *run // waiting or going on, nil otherwise
	index   int  // in the heap
}

// selfPaced tells that the probe itself decides whether a pause still holds.
func (j *job) selfPaced() bool {
	_, ok := j.Probe.(probes.SelfPaced)
	return ok
}

// next is when the job needs attention.
func (j *job) next() time.Time {
	t := j.due
	if !j.extra.IsZero() && j.extra.Before(t) {
		t = j.extra
	}
	if r := j.run; r != nil && r.started && !r.abandoned && r.giveUp.Before(t) {
		t = r.giveUp
	}
	return t
}

// phase is the stable place of a job within its interval.
func phase(k state.Key, every time.Duration) time.Duration {
	var d xxhash.Digest
	d.Reset()
	// A Digest's writes cannot fail.
	_, _ = d.WriteString(k.Probe)
	_, _ = d.Write([]byte{0})
	_, _ = d.WriteString(k.Node)
	p := time.Duration(d.Sum64() % uint64(every)) //nolint:gosec // every is positive, and so is the remainder
	return p - p%grid
}

// firstDue returns the first due time after now. Due times lie at the phase in
// intervals counted from the Unix epoch, so they are the same after a restart;
// from then on the monotonic clock counts.
func firstDue(now time.Time, k state.Key, every time.Duration) time.Time {
	into := time.Duration(now.UnixNano()%int64(every)) - phase(k, every)
	if into < 0 {
		into += every
	}
	return now.Add(every - into)
}

// later returns the first time after now that lies whole intervals after due:
// however many were missed, as when the machine slept, one step is made.
func later(due, now time.Time, every time.Duration) time.Time {
	missed := now.Sub(due) / every
	return due.Add((missed + 1) * every)
}

// jobHeap orders jobs by next.
type jobHeap []*job

func (h jobHeap) Len() int           { return len(h) }
func (h jobHeap) Less(a, b int) bool { return h[a].next().Before(h[b].next()) }
func (h jobHeap) Swap(a, b int) {
	h[a], h[b] = h[b], h[a]
	h[a].index, h[b].index = a, b
}

// Push implements heap.Interface.
func (h *jobHeap) Push(x any) {
	j := x.(*job)
	j.index = len(*h)
	*h = append(*h, j)
}

// Pop implements heap.Interface.
func (h *jobHeap) Pop() any {
	old := *h
	n := len(old) - 1
	j := old[n]
	old[n] = nil
	*h = old[:n]
	return j
}

// fix restores the order after j changed.
func (h *jobHeap) fix(j *job) { heap.Fix(h, j.index) }
