package alarm

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/idp-exporter/idp_exporter/bridges"
)

// ErrStorage tells that something could not be put on disk.
var ErrStorage = errors.New("the alarm could not be put on disk")

const (
	// chunk is how many alarms are written at once: the first of many are
	// delivered while the last are written.
	chunk = 512
	// linger is how long what consoles have been told waits for more of it, and
	// maxLinger how long in a storm, in which writing takes its time. A kill
	// within that time has it told again.
	linger    = 100 * time.Millisecond
	maxLinger = time.Second
	// retryWrite is how long after a failure the disk is tried again.
	retryWrite = 5 * time.Second
	// patience is how long consoles wait for the disk; after that they are told
	// what is not on disk yet.
	patience = 2 * time.Second
	// lastWrite bounds the write at the end.
	lastWrite = 3 * time.Second
	// ahead is how many numbers for events are reserved at once.
	ahead = 10_000
)

// announcement is a transition on its way to the consoles.
type announcement struct {
	event *bridges.Event
	// disowned tells that any console may have the alarm standing.
	disowned bool
}

// pending is what waits to be written.
type pending struct {
	Changes
	alarms []*alarm
	// unsaved are alarms that could not be written.
	unsaved []*alarm
	// gone are destinations that the configuration no longer has.
	gone []consoleKey
	// added, taken and done count alarms that were put into the list, that were
	// taken out to be written, and that an attempt was made for.
	added, taken, done uint64
	waiters            []*waiter
	// toldSince is when something a console has been told began to wait, zero
	// if nothing does; retry is when the disk is to be tried again.
	toldSince, retry time.Time
	// linger adapts to how long it takes to write what consoles were told.
	linger time.Duration
}

// waiter waits until the alarms of a webhook are on disk.
type waiter struct {
	// Its alarms are among those after the one number up to the other.
	after, until uint64
	done         chan error
}

// touch lets an alarm be written. It needs mu.
func (e *Engine) touch(a *alarm) {
	if a.dirty {
		return
	}
	a.dirty = true
	e.pending.alarms = append(e.pending.alarms, a)
	e.pending.added++
	e.rouse()
}

// rouse wakes the committer.
func (e *Engine) rouse() {
	select {
	case e.wake <- struct{}{}:
	default:
	}
}

// onDisk waits until everything that was touched so far was written.
func (e *Engine) onDisk(ctx context.Context, w *waiter) error {
	select {
	case err := <-w.done:
		return err
	case <-ctx.Done():
		return fmt.Errorf("%w: %w", ErrStorage, context.Cause(ctx))
	}
}

// wait returns a waiter for everything that was touched so far. It needs mu.
func (e *Engine) wait() *waiter {
	w := &waiter{after: e.pending.taken, until: e.pending.added, done: make(chan error, 1)}
	if e.pending.done >= w.until {
		w.done <- nil
		return w
	}
	e.pending.waiters = append(e.pending.waiters, w)
	return w
}

// commit writes until ctx ends, and then once more.
func (e *Engine) commit(ctx context.Context) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-e.wake:
		case <-timer.C:
		}
		for e.commitOnce(ctx, false) {
		}
		timer.Reset(e.nextCommit())
	}
}

// nextCommit is how long the committer may sleep if nobody wakes it.
func (e *Engine) nextCommit() time.Duration {
	e.mu.Lock()
	defer e.mu.Unlock()
	switch p := &e.pending; {
	case !p.retry.IsZero():
		return max(time.Until(p.retry), time.Millisecond)
	case !p.toldSince.IsZero():
		return max(time.Until(p.toldSince.Add(p.linger)), time.Millisecond)
	default:
		return time.Hour
	}
}

// commitOnce writes a part of what waits, lets consoles know of it, and tells
// whether more alarms wait.
func (e *Engine) commitOnce(ctx context.Context, final bool) bool {
	begin := time.Now()
	e.mu.Lock()
	b := e.take(final)
	e.mu.Unlock()
	err := e.save(context.WithoutCancel(ctx), b)
	e.mu.Lock()
	defer e.mu.Unlock()
	if len(b.Told) > 0 {
		e.pending.linger = min(max(4*time.Since(begin), linger), maxLinger)
	}
	e.written(b, err)
	return len(e.pending.alarms) > 0
}

// save puts a batch on disk. Where that takes too long, consoles are told in
// the meantime.
func (e *Engine) save(ctx context.Context, b *batch) error {
	if e.store == nil {
		return ErrStorage
	}
	if b.empty() {
		return nil
	}
	saved := make(chan error, 1)
	go func() { saved <- e.store.SaveAlarms(ctx, b.Changes) }()
	slow := time.NewTicker(patience)
	defer slow.Stop()
	for {
		select {
		case err := <-saved:
			return err
		case <-slow.C:
			e.mu.Lock()
			e.log.Warn("the storage is slow; alarms are delivered before they are on disk")
			e.release(b)
			e.mu.Unlock()
		}
	}
}

// release tells consoles of all that is not written yet. It needs mu.
func (e *Engine) release(b *batch) {
	e.announce(b.events)
	b.events = nil
	for _, a := range e.pending.alarms {
		e.announce(a.fresh)
		a.fresh = nil
	}
}

// written takes note of an attempt to write. It needs mu.
func (e *Engine) written(b *batch, err error) {
	p := &e.pending
	p.done += uint64(len(b.alarms))
	for _, a := range b.alarms {
		a.writing = false
	}
	if err == nil {
		e.reserved = max(e.reserved, b.Sequence)
		if e.lastStorageError != nil && !b.empty() {
			e.log.Info("alarms are put on disk again")
			e.lastStorageError = nil
		}
	} else {
		e.unwritten(b, err)
	}
	left := p.waiters[:0]
	for _, w := range p.waiters {
		switch {
		case err != nil && p.done > w.after:
			w.done <- fmt.Errorf("%w: %w", ErrStorage, err)
		case p.done >= w.until:
			w.done <- nil
		default:
			left = append(left, w)
		}
	}
	clear(p.waiters[len(left):])
	p.waiters = left
	e.announce(b.events)
}

// unwritten puts back what could not be written. It needs mu.
func (e *Engine) unwritten(b *batch, err error) {
	p := &e.pending
	if e.store != nil {
		e.counts.storageErrors++
		if e.lastStorageError == nil {
			e.log.Error("alarms cannot be put on disk; they are delivered from memory, and webhooks are refused", "err", err)
		}
	}
	e.lastStorageError = err
	if e.store == nil {
		return // nothing is ever written
	}
	p.retry = time.Now().Add(retryWrite)
	for _, a := range b.alarms {
		if !a.unsaved {
			a.unsaved = true
			p.unsaved = append(p.unsaved, a)
		}
	}
	p.DeadLetters = append(b.DeadLetters, p.DeadLetters...)
	p.DropAlarms = append(b.DropAlarms, p.DropAlarms...)
	p.gone = append(b.gone, p.gone...)
	p.DropDeadLetters = append(b.DropDeadLetters, p.DropDeadLetters...)
	p.DropJournal = append(b.DropJournal, p.DropJournal...)
	p.Journal = append(b.Journal, p.Journal...)
	for _, t := range b.Told {
		for _, c := range b.consoles {
			if c.common.Name == t.Bridge && c.destination.Name == t.Destination {
				c.markBucket(t.Bucket)
			}
		}
	}
}
