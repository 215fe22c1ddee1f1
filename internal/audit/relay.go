package audit

import (
	"context"
	"io"
	"sync"
	"sync/atomic"
	"time"
)

// counters are what a sink tells of itself.
type counters struct {
	name                    string
	written, dropped, fails atomic.Uint64
	failing                 atomic.Bool
}

// item is a written line on its way to a further sink.
type item struct {
	at      time.Time
	event   Event
	outcome Outcome
	line    []byte // with its newline
}

// relay brings written lines to a sink that nobody waits for.
type relay struct {
	counters
	// send delivers items, waiting as long as it takes, and returns how many it
	// will not deliver: none, but for the end of ctx or lines that no retry can save.
	send func(ctx context.Context, items []item) (lost int)
	end  func()

	wake   chan struct{}
	done   chan struct{}
	cancel context.CancelFunc

	mu     sync.Mutex
	items  []item
	bytes  int
	closed bool
}

const (
	relayLines = 64 << 10
	relayBytes = 16 << 20
)

// start begins the relay's work; finish ends it.
func (r *relay) start() {
	ctx, cancel := context.WithCancel(context.Background())
	r.cancel, r.wake, r.done = cancel, make(chan struct{}, 1), make(chan struct{})
	signal(r.wake) // for what was pushed before
	go r.run(ctx)
}

// push hands items over, as many as there is room for.
func (r *relay) push(items []item) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for i, it := range items {
		if len(r.items) >= relayLines || r.bytes+len(it.line) > relayBytes {
			r.dropped.Add(uint64(len(items) - i)) //nolint:gosec // not negative
			break
		}
		r.items = append(r.items, it)
		r.bytes += len(it.line)
	}
	signal(r.wake)
}

func (r *relay) run(ctx context.Context) {
	defer close(r.done)
	defer r.end()
	var spare []item
	for {
		<-r.wake
		r.mu.Lock()
		items, closed := r.items, r.closed
		r.items, r.bytes = spare[:0], 0
		r.mu.Unlock()
		lost := r.send(ctx, items)
		r.dropped.Add(uint64(lost))              //nolint:gosec // not negative
		r.written.Add(uint64(len(items) - lost)) //nolint:gosec // not negative
		if closed {
			return
		}
		clear(items)
		spare = items
	}
}

// finish delivers what is left, for at most the given time.
func (r *relay) finish(limit time.Duration) {
	timer := time.AfterFunc(limit, r.cancel)
	defer timer.Stop()
	defer r.cancel()
	r.mu.Lock()
	r.closed = true
	r.mu.Unlock()
	signal(r.wake)
	select {
	case <-r.done:
	case <-time.After(2 * limit): // a write that nothing ends, such as to a full pipe
	}
}

// newWriterRelay writes lines to w, as many at once as there are.
func newWriterRelay(name string, w io.Writer) *relay {
	r := &relay{counters: counters{name: name}, end: func() {}}
	var buffer []byte
	r.send = func(ctx context.Context, items []item) int {
		for i := 0; i < len(items); {
			if ctx.Err() != nil {
				return len(items) - i
			}
			buffer = buffer[:0]
			first := i
			for ; i < len(items) && len(buffer) < maxGroup; i++ {
				buffer = append(buffer, items[i].line...)
			}
			_, err := w.Write(buffer)
			r.failing.Store(err != nil)
			if err != nil {
				r.fails.Add(1)
				return len(items) - first
			}
		}
		return 0
	}
	return r
}
