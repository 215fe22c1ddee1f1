package alarm

import (
	"context"
	"time"
)

// Run delivers until ctx ends. It owns all goroutines of the Engine.
func (e *Engine) Run(ctx context.Context) error {
	inner, cancel := context.WithCancel(ctx)
	defer cancel()
	first, committed, ticked := make(chan struct{}), make(chan struct{}), make(chan struct{})
	go func() {
		defer close(committed)
		e.commitOnce(ctx, true)
		close(first)
		e.commit(inner)
	}()
	// What is known of the destinations is on disk before the first is told of
	// anything, unless the disk hangs.
	select {
	case <-first:
	case <-time.After(patience):
	}
	e.life.Lock()
	e.running = inner
	for _, c := range e.consoles {
		c.start(inner)
	}
	e.life.Unlock()

	go func() {
		defer close(ticked)
		e.tick(inner)
	}()
	<-ctx.Done()
	cancel()
	<-ticked
	<-committed
	e.Close()
	return nil
}

// Close ends the workers, writes what has not been written, and closes all
// destinations. Run does so itself.
func (e *Engine) Close() {
	e.life.Lock()
	defer e.life.Unlock()
	if e.ended {
		return
	}
	e.ended = true
	e.mu.Lock()
	e.closed = true
	e.mu.Unlock()
	for _, c := range e.consoles {
		c.stop()
	}
	ctx, cancel := context.WithTimeout(context.Background(), lastWrite)
	defer cancel()
	for e.commitOnce(ctx, true) && ctx.Err() == nil {
	}
}
