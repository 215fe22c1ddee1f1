package host

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

// errStuck says that an earlier call has not come back.
var errStuck = errors.New("an earlier attempt still hangs")

// bounded calls functions that may hang, as a look at a dead network file
// system does, which nothing can interrupt. One call goes on at a time.
type bounded struct {
	mu   sync.Mutex
	busy bool
}

// do calls f on a goroutine of the group and waits for it until the limit or
// the end of ctx. While a call that was given up on goes on, do calls nothing.
// f must leave what it found to its return value: nobody may look at it later.
func do[T any](ctx context.Context, b *bounded, group *sync.WaitGroup, limit time.Duration, f func(context.Context) (T, error)) (T, error) {
	var none T
	if !b.take() {
		return none, errStuck
	}
	type outcome struct {
		value T
		err   error
	}
	ctx, cancel := context.WithTimeoutCause(ctx, limit, fmt.Errorf("no answer within %s", limit))
	defer cancel()
	done := make(chan outcome, 1)
	group.Go(func() {
		defer b.give()
		v, err := f(ctx)
		done <- outcome{v, err}
	})
	select {
	case o := <-done:
		return o.value, o.err
	case <-ctx.Done():
		return none, context.Cause(ctx)
	}
}

func (b *bounded) take() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.busy {
		return false
	}
	b.busy = true
	return true
}

func (b *bounded) give() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.busy = false
}
