package appliance

import (
	"sync"
	"time"
)

// maxNodes bounds the nodes whose budget is remembered.
const maxNodes = 10_000

// Budgets keep the requests to each node apart, whatever the number of probes
// that ask it: scrapers ask the exporter and never the node. A run takes its
// turn for all its requests at once.
type Budgets struct {
	mu    sync.Mutex
	nodes map[string]*line
}

// line is the line of runs before one node.
type line struct {
	free time.Time // when the last turn that was taken ends
	last time.Time // when the last request started
}

// NewBudgets returns budgets of which nothing is used.
func NewBudgets() *Budgets { return &Budgets{nodes: map[string]*line{}} }

// turn is the time that one run has a node for.
type turn struct {
	budgets *Budgets
	line    *line
	gap     time.Duration
	at, end time.Time // of the next request, and of the turn
}

// take takes a turn of n requests, gap apart. Where it would begin later than
// patience from now, none is taken, and the answer says when to come back.
func (b *Budgets) take(node string, n int, gap, patience time.Duration) (*turn, time.Time) {
	now := time.Now()
	b.mu.Lock()
	defer b.mu.Unlock()
	l := b.nodes[node]
	if l == nil {
		b.forget(now)
		l = &line{}
		b.nodes[node] = l
	}
	at := now
	if l.free.After(now) {
		at = l.free
	}
	if at.Sub(now) > patience {
		return nil, at
	}
	l.free = at.Add(time.Duration(n) * gap)
	return &turn{b, l, gap, at, l.free}, time.Time{}
}

// forget makes room for another node.
func (b *Budgets) forget(now time.Time) {
	if len(b.nodes) < maxNodes {
		return
	}
	for k, l := range b.nodes {
		if now.Sub(l.free) > time.Minute { // no turn is that long
			delete(b.nodes, k)
		}
	}
}

// request returns when the next request may start: never less than the gap after
// that of whoever came before, also where runs are late and their turns overlap.
func (t *turn) request() time.Time {
	t.budgets.mu.Lock()
	defer t.budgets.mu.Unlock()
	at := t.at
	for _, other := range []time.Time{time.Now(), t.line.last.Add(t.gap)} {
		if other.After(at) {
			at = other
		}
	}
	t.at, t.line.last = at.Add(t.gap), at
	if t.at.After(t.line.free) {
		t.line.free = t.at
	}
	return at
}

// leave gives back what is left of the turn, unless somebody is behind it.
func (t *turn) leave() {
	t.budgets.mu.Lock()
	defer t.budgets.mu.Unlock()
	if t.at.Before(t.end) && t.line.free.Equal(t.end) {
		t.line.free = t.at
	}
}
