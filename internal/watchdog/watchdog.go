// Package watchdog finds parts of the exporter that no longer do their work: a
// loop that is stuck, a probe that never returns, a disk that is full. It tells
// people, /-/healthy, and systemd.
//
// It owns when a part counts as unhealthy. How a part is looked at belongs to
// the part, except for disks. It mends nothing itself.
package watchdog

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"
)

// Name is the part that stands for the watchdog's own loop.
const Name = "watchdog"

const (
	// tick is how often parts are looked at.
	tick = time.Second
	// pause is a time between two looks that says that nothing at all ran: the
	// process was stopped, or the machine slept.
	pause = 5 * time.Second
	// asleep is how long the watchdog's own loop may not come round.
	asleep = 20 * time.Second
	// grace is how long after its timeout a check may return, and how long Run
	// waits for checks at its end.
	grace = time.Second
)

// The defaults of Part.
const (
	DefaultEvery   = 10 * time.Second
	DefaultTimeout = 5 * time.Second
)

// Part is something that can fail, seen through its heartbeat or by a check:
// exactly one of Beat and Check is set.
type Part struct {
	// Name is a short word for it, a label value.
	Name string
	// Restart tells that a restart of the exporter would mend it.
	Restart bool

	// Beat returns when the part last showed life; the zero time if it never
	// did. It must not block. The part is unhealthy when that is longer ago than
	// Limit.
	Beat  func() time.Time
	Limit time.Duration

	// Check looks at the part and is run again Every after it returned; 0 means
	// DefaultEvery. Its context ends after Timeout; 0 means DefaultTimeout. One
	// that does not return counts as failed and is not run a second time.
	Check          func(context.Context) error
	Every, Timeout time.Duration
	// Failures is how many failed checks in a row make the part unhealthy; 0
	// means 1. One that does not return makes it so at once.
	Failures int
}

// Problem is a part that is unhealthy.
type Problem struct {
	// Part is its name.
	Part string
	// Text says what is wrong, in one line for people.
	Text string
	// Since is when that was first seen.
	Since time.Time
	// Restart tells that a restart of the exporter would mend it.
	Restart bool
}

// Options are what New needs.
type Options struct {
	// Parts are what is watched. Their names differ.
	Parts []Part
	// Logger is told when a part becomes unhealthy and healthy again; nil
	// discards that.
	Logger *slog.Logger
}

// Watchdog watches parts. Its methods may be called from any goroutine. A nil
// Watchdog finds nothing.
type Watchdog struct {
	log *slog.Logger

	mu    sync.Mutex
	parts []*part
	// last is the last look, zero before Run and after it; awake is the start of
	// Run or the end of the last pause.
	last, awake time.Time
	started     bool
	running     int           // checks under way
	idle        chan struct{} // closed when Run has ended and no check is under way
}

// New returns a Watchdog that looks at nothing before Run.
func New(o Options) (*Watchdog, error) {
	w := &Watchdog{log: o.Logger, idle: make(chan struct{})}
	if w.log == nil {
		w.log = slog.New(slog.DiscardHandler)
	}
	taken := map[string]bool{Name: true}
	for _, p := range o.Parts {
		switch {
		case p.Name == "" || taken[p.Name]:
			return nil, fmt.Errorf("watchdog: the part name %q is empty or taken", p.Name)
		case (p.Beat == nil) == (p.Check == nil):
			return nil, fmt.Errorf("watchdog: part %s needs either a heartbeat or a check", p.Name)
		case p.Beat != nil && p.Limit <= 0:
			return nil, fmt.Errorf("watchdog: part %s needs the limit of its heartbeat", p.Name)
		}
		taken[p.Name] = true
		if p.Every <= 0 {
			p.Every = DefaultEvery
		}
		if p.Timeout <= 0 {
			p.Timeout = DefaultTimeout
		}
		w.parts = append(w.parts, &part{Part: p})
	}
	return w, nil
}

// Run watches until ctx ends, and waits for checks that are under way, whose
// contexts it ends. The error names those that do not return; they are left
// behind. It may be called once.
func (w *Watchdog) Run(ctx context.Context) error {
	if w == nil {
		<-ctx.Done()
		return nil
	}
	w.mu.Lock()
	if w.started {
		w.mu.Unlock()
		return errors.New("the watchdog was already started")
	}
	w.started = true
	w.mu.Unlock()
	ticker := time.NewTicker(tick)
	defer ticker.Stop()
	for ctx.Err() == nil {
		w.look(ctx, time.Now())
		select {
		case <-ctx.Done():
		case <-ticker.C:
		}
	}
	return w.end()
}

func (w *Watchdog) end() error {
	w.mu.Lock()
	w.last = time.Time{}
	if w.running == 0 {
		close(w.idle)
	}
	w.mu.Unlock()
	timer := time.NewTimer(grace)
	defer timer.Stop()
	select {
	case <-w.idle:
		return nil
	case <-timer.C:
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	var left []string
	for _, p := range w.parts {
		if p.running {
			left = append(left, p.Name)
		}
	}
	if len(left) == 0 {
		return nil
	}
	return fmt.Errorf("watchdog: checks that do not return were left behind: %s", strings.Join(left, ", "))
}

// Problems returns the parts that are unhealthy. It waits for none of them.
func (w *Watchdog) Problems() []Problem {
	if w == nil {
		return nil
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	var all []Problem
	if now := time.Now(); !w.last.IsZero() && now.Sub(w.last) > asleep {
		all = append(all, Problem{
			Part: Name, Since: w.last.Add(asleep), Restart: true,
			Text: fmt.Sprintf("has not looked at anything for %v", now.Sub(w.last).Round(time.Second)),
		})
	}
	for _, p := range w.parts {
		if !p.since.IsZero() {
			all = append(all, Problem{Part: p.Name, Text: p.text, Since: p.since, Restart: p.Restart})
		}
	}
	return all
}

// Stuck returns the names of the unhealthy parts that a restart would mend.
func (w *Watchdog) Stuck() []string {
	var names []string
	for _, p := range w.Problems() {
		if p.Restart {
			names = append(names, p.Part)
		}
	}
	return names
}

// Parts returns the names of all parts, that of the watchdog itself first.
func (w *Watchdog) Parts() []string {
	if w == nil {
		return nil
	}
	names := []string{Name}
	for _, p := range w.parts {
		names = append(names, p.Name)
	}
	return names
}
