package app

import (
	"context"
	"errors"
	"time"

	"github.com/idp-exporter/idp_exporter/internal/config"
	"github.com/idp-exporter/idp_exporter/internal/maintenance"
	"github.com/idp-exporter/idp_exporter/internal/state"
	"github.com/idp-exporter/idp_exporter/internal/store"
)

const (
	// keepEvery is how often changed verdicts are stored. A kill loses that much;
	// drains and windows are stored before they are acknowledged.
	keepEvery = 5 * time.Second
	// lastWrite bounds the write at the end.
	lastWrite = 3 * time.Second
)

// openStorage opens the store and reads drains and windows. An exporter whose
// storage fails goes on without: it forgets at a restart, and refuses drains.
func (a *App) openStorage(ctx context.Context, c *config.Config) error {
	path := a.options.StoragePath
	if path != "" {
		opened, err := store.Open(ctx, path, a.log)
		if err != nil {
			a.log.Error("the exporter goes on without storage: drains are refused, and verdicts do not outlive a restart", "err", err)
		}
		a.store, a.past = opened, opened
		if errors.Is(err, store.ErrReadOnly) {
			a.past = a.openPast(ctx, path)
		}
	}
	o := maintenance.Options{}
	if path != "" {
		o.Store = a.past
	}
	a.book = maintenance.New(o)
	if a.past != nil {
		if err := a.book.Load(ctx, a.lastAlive(ctx)); err != nil {
			a.log.Error("storage", "err", err)
		}
	}
	return a.book.Configure(c.Maintenance)
}

// openPast opens what was stored before the storage could no longer be written.
func (a *App) openPast(ctx context.Context, path string) *store.Store {
	past, err := store.OpenCopy(ctx, path, a.log)
	if err != nil {
		a.log.Error("what was stored cannot be read either", "err", err)
		return nil
	}
	a.log.Warn("what the storage holds is in force, though nothing can be added: drains, maintenance windows and verdicts")
	return past
}

// lastAlive is when a run before this one last ended a probe's run, zero if that
// is not known.
func (a *App) lastAlive(ctx context.Context) (alive time.Time) {
	records, err := a.past.LoadVerdicts(ctx)
	if err != nil {
		return alive // restore tells
	}
	for _, r := range records {
		if r.Seen.After(alive) {
			alive = r.Seen
		}
	}
	return alive
}

func (a *App) closeStorage() {
	if a.past == nil {
		return
	}
	if err := a.past.Close(); err != nil {
		a.log.Error("the storage was not closed cleanly", "err", err)
	}
}

// restore takes up the verdicts of before the restart, as far as they are fresh.
func (a *App) restore(ctx context.Context) {
	if a.past == nil {
		return
	}
	records, err := a.past.LoadVerdicts(ctx)
	if err != nil {
		a.log.Error("verdicts of before the restart could not be read", "err", err)
		return
	}
	saved := make([]state.Saved, len(records))
	for i, r := range records {
		saved[i] = state.Saved(r)
	}
	restored := a.state.Restore(saved)
	a.log.Info("verdicts of before the restart", "restored", len(restored), "stored", len(saved))
}

// keep stores verdicts as they change, and notes what drains and windows do by
// themselves, until ctx ends; then it stores once more.
func (a *App) keep(ctx context.Context) error {
	tick := time.NewTicker(keepEvery)
	defer tick.Stop()
	kept := time.Time{}
	lapses := newLapses(a.book)
	for {
		select {
		case <-ctx.Done():
			ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), lastWrite)
			defer cancel()
			a.keepOnce(ctx, kept)
			return nil
		case <-tick.C:
			kept = a.keepOnce(ctx, kept)
			a.book.Sweep(ctx)
			a.noteLapses(lapses.next(a.book))
		}
	}
}

// keepOnce stores what has changed since a time and returns the time to go on
// from.
func (a *App) keepOnce(ctx context.Context, since time.Time) time.Time {
	now := time.Now()
	if a.store == nil {
		return now
	}
	changed := a.state.Export(since)
	records := make([]store.VerdictRecord, len(changed))
	for i, s := range changed {
		records[i] = store.VerdictRecord(s)
	}
	if len(records) == 0 {
		return now
	}
	err := a.store.SaveVerdicts(ctx, records)
	if err != nil {
		a.keepError.Store(&err) // the watchdog tells
		return since
	}
	a.keepError.Store(nil)
	return now
}
