package appliance

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/idp-exporter/idp_exporter/probes"
	"github.com/idp-exporter/idp_exporter/probes/internal/line"
)

// maxNodes bounds the nodes whose budget is remembered.
const maxNodes = 10_000

// The bounds of what a run waits for its turn, and of what is left to a request
// for its answer.
const (
	patienceMost  = 10 * time.Second
	patienceShare = 2 // of its time
	answerMost    = 2 * time.Second
	answerShare   = 4 // of its time
)

// answerTime is what a request has to have for an answer, out of the time of its
// run: where waiting for the budget leaves it less, that it had no answer says
// nothing of the node.
func answerTime(timeout time.Duration) time.Duration {
	return min(timeout/answerShare, answerMost)
}

// Budgets keep the requests to each node apart, whatever the number of probes
// that ask it: scrapers ask the exporter and never the node. A run takes a turn
// for all its requests at once; turns are taken in line.
type Budgets struct {
	mu    sync.Mutex
	nodes map[string]*queue
}

// queue is who waits for one node.
type queue struct {
	line line.Line
	last time.Time // when the last request starts
}

// NewBudgets returns budgets of which nothing is used.
func NewBudgets() *Budgets { return &Budgets{nodes: map[string]*queue{}} }

// turn is the time that one run has a node for.
type turn struct {
	budgets *Budgets
	queue   *queue
	place   *line.Place
	gap     time.Duration
	at      time.Time // of the next request
}

// turn waits for a turn of n requests to a node, gap apart. Where it is more than
// patience away there is none yet: the place in line is kept for who asks, a probe
// on a node, and the time to come back is returned.
func (b *Budgets) turn(ctx context.Context, name, who string, n int, gap, patience time.Duration) (*turn, time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := time.Now()
	q := b.nodes[name]
	if q == nil {
		b.forget(now)
		q = &queue{}
		b.nodes[name] = q
	}
	p := q.line.Join(who, gap, time.Duration(n)*gap, now)
	if !q.line.Wait(ctx, &b.mu, p, patience) {
		return nil, p.At
	}
	return &turn{b, q, p, gap, p.At}, time.Time{}
}

// forget makes room for another node.
func (b *Budgets) forget(now time.Time) {
	if len(b.nodes) < maxNodes {
		return
	}
	for name, q := range b.nodes {
		if q.line.Idle(now) {
			delete(b.nodes, name)
		}
	}
}

// request returns when the next request may start: never less than the gap after
// that of whoever came before, also where runs are late and their turns overlap.
// It is false, and no time is taken up, where that is not before the deadline.
func (t *turn) request(deadline time.Time) (time.Time, bool) {
	t.budgets.mu.Lock()
	defer t.budgets.mu.Unlock()
	at := t.at
	for _, other := range []time.Time{time.Now(), t.queue.last.Add(t.gap)} {
		if other.After(at) {
			at = other
		}
	}
	if !at.Before(deadline) {
		return at, false
	}
	t.at, t.queue.last = at.Add(t.gap), at
	return at, true
}

// leave gives back what is left of the turn.
func (t *turn) leave() {
	t.budgets.mu.Lock()
	defer t.budgets.mu.Unlock()
	t.queue.line.End(t.place, time.Now())
}

// skipped is the result of a run whose turn has not come.
func skipped(later time.Time) probes.Result {
	return probes.Result{
		Start: time.Now(), Skipped: probes.SkipBudget, NotBefore: later,
		Detail: fmt.Sprintf("not tried: other probes of this node come first; within its budget it is this one's turn at %s", later.Format(time.TimeOnly)),
	}
}
