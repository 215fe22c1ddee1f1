package maintenance

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// Options are what a Book is made of.
type Options struct {
	// Store keeps drains and one-off windows; without one they are refused.
	Store Store
	// Now is the clock, time.Now if nil.
	Now func() time.Time
}

// Book knows all drains and windows. Its methods may be called from any
// goroutine, and those that only read take no lock.
type Book struct {
	store Store
	now   func() time.Time

	// mu orders the changes. It is held while the store writes.
	mu      sync.Mutex
	current atomic.Pointer[view]
	// loaded is when Load found drains that had ended meanwhile, by node. It is
	// guarded by mu.
	loaded map[string]time.Time
}

// New returns an empty Book; see Load and Configure.
func New(o Options) *Book {
	b := &Book{store: o.Store, now: o.Now}
	if b.now == nil {
		b.now = time.Now
	}
	b.current.Store(rules{}.at(b.clock()))
	return b
}

// clock is the time on the wall, which is what windows go by.
func (b *Book) clock() time.Time { return b.now().Round(0) }

// Load takes up what the store has, and lets the store forget what has ended.
// Drains that ended after alive, when the exporter was last seen to live, count
// as ended now, see Returned. After an error the Book works with what could be
// read.
func (b *Book) Load(ctx context.Context, alive time.Time) error {
	if b.store == nil {
		return nil
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	r := b.current.Load().rules.clone()
	drains, drainsErr := b.store.Drains(ctx)
	if drainsErr == nil {
		clear(r.drains)
	}
	b.loaded = make(map[string]time.Time)
	for _, d := range drains {
		r.drains[d.Node] = d
		if now := b.clock(); d.ended(now) && d.Until.After(alive) {
			b.loaded[d.Node] = now
		}
	}
	windows, windowsErr := b.store.Windows(ctx)
	if windowsErr == nil {
		r.windows = windows
	}
	sortWindows(r.windows)
	b.current.Store(r.at(b.clock()))
	b.sweep(ctx)
	if err := errors.Join(drainsErr, windowsErr); err != nil {
		return fmt.Errorf("drains and maintenance windows could not all be read: %w", err)
	}
	return nil
}

// Configure replaces the windows of the configuration, at the start and at
// every reload. It changes nothing where Check finds an error.
func (b *Book) Configure(windows []Recurring) error {
	var c compiler
	compiled := c.windows(windows)
	for _, p := range c.problems {
		if !p.Warning {
			return fmt.Errorf("maintenance%s: %s", p.Path, p.Message)
		}
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	r := b.current.Load().rules
	r.recurring = compiled
	b.current.Store(r.at(b.clock()))
	return nil
}

// writeTimeout bounds a change on disk. Changes do not end with the request
// that asked for them: a write given up half-way may be on disk or not.
const writeTimeout = 15 * time.Second

// change puts on disk what write does, and only then into force what apply
// does to a copy of the rules.
func (b *Book) change(ctx context.Context, write func(context.Context) error, apply func(*rules)) error {
	if b.store == nil {
		return fmt.Errorf("%w: there is no storage; name a folder with --storage.path", ErrStorage)
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), writeTimeout)
	defer cancel()
	if err := write(ctx); err != nil {
		return fmt.Errorf("%w: %w", ErrStorage, err)
	}
	r := b.current.Load().rules.clone()
	apply(&r)
	b.current.Store(r.at(b.clock()))
	b.sweep(ctx)
	return nil
}

// ReturnedFor is how long at least it is remembered that a drain has ended, over
// restarts too.
const ReturnedFor = 10 * time.Minute

// Sweep lets the store forget what has ended. It is to be called now and then.
func (b *Book) Sweep(ctx context.Context) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.store != nil {
		b.sweep(ctx)
	}
}

// sweep forgets what has ended. What the store cannot delete now has ended all
// the same, and is deleted another time.
func (b *Book) sweep(ctx context.Context) {
	now := b.clock()
	left, nodes, ids := b.current.Load().rules.without(now, ReturnedFor)
	if len(nodes)+len(ids) == 0 {
		return
	}
	if len(nodes) > 0 && b.store.DeleteDrain(ctx, nodes...) != nil {
		return
	}
	if len(ids) > 0 && b.store.DeleteWindow(ctx, ids...) != nil {
		return
	}
	b.current.Store(left.at(now))
}

// Drain takes a node out of its load balancer, until a time or, if that is
// zero, until Undrain. The node "" is the exporter's own answer. Draining a
// drained node sets its end anew. The drain is on disk when Drain returns nil;
// after any error it is not in force.
func (b *Book) Drain(ctx context.Context, node string, until time.Time, by string) error {
	if node == PublicNode {
		node = ""
	}
	until = until.Round(0)
	b.mu.Lock()
	defer b.mu.Unlock()
	now := b.clock()
	switch problem := cmp.Or(text(node, maxName), text(by, maxName)); {
	case problem != "":
		return fmt.Errorf("%w: %s", ErrInvalid, problem)
	case !until.IsZero() && !until.After(now):
		return fmt.Errorf("%w: the drain would end at %s, which has passed", ErrInvalid, until.UTC().Format(time.RFC3339))
	}
	live, _, _ := b.current.Load().rules.without(now, 0)
	d := Drain{Node: node, Since: now.UTC(), Until: utc(until), By: by}
	if old, ok := live.drains[node]; ok {
		d.Since = old.Since
	} else if len(live.drains) >= MaxDrains {
		return fmt.Errorf("%w: %d nodes are drained already; end some drains first", ErrInvalid, MaxDrains)
	}
	return b.change(ctx,
		func(ctx context.Context) error { return b.store.PutDrain(ctx, d) },
		func(r *rules) { r.drains[node] = d })
}

// Undrain ends the drain of a node; for one that is not drained it does
// nothing. The end is on disk when Undrain returns nil; after any error the
// node is still drained.
func (b *Book) Undrain(ctx context.Context, node string) error {
	if node == PublicNode {
		node = ""
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	now := b.clock()
	d, ok := b.current.Load().rules.drains[node]
	if !ok || d.ended(now) {
		return nil
	}
	d.Until = now.UTC()
	err := b.change(ctx,
		func(ctx context.Context) error { return b.store.PutDrain(ctx, d) },
		func(r *rules) { r.drains[node] = d })
	if err != nil {
		return fmt.Errorf("%w; a drain that was given an end ends by itself, whatever the storage does", err)
	}
	return nil
}

// AddWindow adds a one-off window, or replaces the one with the same ID, and
// returns it as it was stored: an empty ID is chosen, an empty Name becomes the
// ID, and a zero Start becomes now. It is on disk when AddWindow returns no
// error; after any error it is not in force.
func (b *Book) AddWindow(ctx context.Context, w Window) (Window, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := b.clock()
	w = w.filled(now)
	if problem := w.problem(now); problem != "" {
		return Window{}, fmt.Errorf("%w: %s", ErrInvalid, problem)
	}
	live, _, _ := b.current.Load().rules.without(now, 0)
	others := slices.DeleteFunc(live.windows, func(o Window) bool { return o.ID == w.ID })
	if len(others) >= MaxWindows {
		return Window{}, fmt.Errorf("%w: there are %d windows already; remove some first", ErrInvalid, MaxWindows)
	}
	err := b.change(ctx,
		func(ctx context.Context) error { return b.store.PutWindow(ctx, w) },
		func(r *rules) {
			r.windows = append(slices.DeleteFunc(r.windows, func(o Window) bool { return o.ID == w.ID }), w)
			sortWindows(r.windows)
		})
	if err != nil {
		return Window{}, err
	}
	return w, nil
}

// RemoveWindow removes a one-off window before its end; an id that none has is
// ErrUnknownWindow. The removal is on disk when RemoveWindow returns nil.
func (b *Book) RemoveWindow(ctx context.Context, id string) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	is := func(w Window) bool { return w.ID == id }
	live, _, _ := b.current.Load().rules.without(b.clock(), 0)
	if !slices.ContainsFunc(live.windows, is) {
		return fmt.Errorf("%w as %q: it has ended, was removed, or comes from the configuration file", ErrUnknownWindow, id)
	}
	return b.change(ctx,
		func(ctx context.Context) error { return b.store.DeleteWindow(ctx, id) },
		func(r *rules) { r.windows = slices.DeleteFunc(r.windows, is) })
}
