// Package alarm keeps the set of alarms and tells consoles of it.
//
// An alarm is active while any of its sources fires: the verdict of a probe
// (Verdicts), or an alert that Alertmanager sends (Handle). Every destination
// of every bridge has a worker of its own, which compares what the destination
// is to know with what it has been told, and delivers the difference until the
// destination has it. What an alarm is and how a console is told of it is the
// business of the package bridges and its folders; this package decides when,
// in which order, and how often to try again.
package alarm

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/idp-exporter/idp_exporter/bridges"
)

// Options are what an Engine is made of.
type Options struct {
	// Store keeps alarms over a restart. Without one they are delivered from
	// memory, and webhooks are refused with ErrStorage.
	Store Store
	// Resync tells that what an earlier process knew is lost, since its file was
	// damaged or there is none: consoles are then told the clear of every probe
	// that passes and of every alert that is resolved, so that nothing is left
	// standing.
	Resync bool
	// Suppressed tells why an alert that names a probe, a node or both is to
	// begin no alarm for now, empty if it may. It must be quick, and must not
	// call back into the Engine. Nil suppresses nothing; verdicts bring their own.
	Suppressed func(probe, node string, at time.Time) string
	// Exporter is this exporter's name for consoles, and part of the ids of the
	// alarms that it raises by itself.
	Exporter string
	// Logger is told what goes wrong; nil discards that.
	Logger *slog.Logger
}

// Engine holds the alarms and the workers. Its methods may be called from any
// goroutine.
type Engine struct {
	store      Store
	log        *slog.Logger
	exporter   string
	resync     bool
	suppressed func(probe, node string, at time.Time) string
	started    time.Time

	// wake tells the committer that there is something to write.
	wake chan struct{}
	// parsing bounds the webhooks that are looked at at once.
	parsing chan struct{}

	// life orders Configure, Run and Close.
	life    sync.Mutex
	running context.Context //nolint:containedctx // that of Run, for workers that Configure adds
	ended   bool

	mu sync.Mutex
	// closed tells that nothing is taken in any more.
	closed     bool
	config     Config
	severities severities
	runbook    runbook
	alarms     map[string]*alarm
	// byProbe are the alarms that have a probe among their sources.
	byProbe map[probeKey]*alarm
	// lost are the alarms whose own record was damaged.
	lost map[string]*alarm
	// resynced are the probes whose clear was told because of resync.
	resynced map[probeKey]bool
	// keys is the latest key given to a record.
	keys uint64
	// round numbers the calls of Verdicts.
	round  uint64
	active int
	// consoles are the destinations of all bridges, in the order of the
	// configuration.
	consoles []*console
	counters map[string]*bridgeCounts
	// journal are the transitions that consoles which are told all of them
	// still wait for, by sequence.
	journal map[uint64]*journaled
	dead    map[string]DeadLetter
	// saved are what the store knew at the start of what destinations have been
	// told, until Configure has taken it up.
	saved *Saved
	// sequence is the latest number given to an event, reserved the number on
	// disk that no event may go beyond.
	sequence, reserved uint64
	pending            pending
	counts             counts
	lastStorageError   error
}

type probeKey struct{ probe, node string }

// alarm is an alarm with its sources. Its record is rewritten when it changes.
type alarm struct {
	id      string
	key     uint64 // of its record
	active  bool
	event   *bridges.Event // the latest; nil if it was never active
	sources map[string]*Source
	// ended says why the last source ended.
	ended string
	// round is that of the last Verdicts that had the alarm's probe.
	round uint64
	// fresh are the transitions that consoles get once they are on disk.
	fresh []announcement
	// dirty tells that the alarm waits to be written, writing that it is being
	// written, unsaved that the last attempt to write it failed.
	dirty, writing, unsaved bool
}

// New returns an Engine with what the store has kept. A store that cannot be
// read is told in the log: the Engine goes on without what was in it. Call
// Configure next, then Run; or Close where it is not run.
func New(ctx context.Context, o Options) *Engine {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	e := &Engine{
		store: o.Store, log: o.Logger, exporter: o.Exporter, resync: o.Resync, suppressed: o.Suppressed, started: time.Now(),
		wake: make(chan struct{}, 1), parsing: make(chan struct{}, 1),
		config: NewConfig(), alarms: map[string]*alarm{}, byProbe: map[probeKey]*alarm{}, lost: map[string]*alarm{},
		resynced: map[probeKey]bool{}, counters: map[string]*bridgeCounts{}, journal: map[uint64]*journaled{}, dead: map[string]DeadLetter{},
		counts: newCounts(),
	}
	e.severities = newSeverities(e.config)
	e.load(ctx)
	return e
}

// recordKey spells the key of a record so that texts sort as the numbers do.
func recordKey(n uint64) string { return fmt.Sprintf("%016x", n) }

// get returns an alarm, and makes it where there is none. It needs mu.
func (e *Engine) get(id string) *alarm {
	a := e.alarms[id]
	if a == nil {
		e.keys++
		a = &alarm{id: id, key: e.keys, sources: map[string]*Source{}}
		e.alarms[id] = a
	}
	return a
}

// next returns the number of the next event. It needs mu.
func (e *Engine) next() uint64 {
	e.sequence++
	if e.sequence+ahead/4 > e.reserved {
		e.rouse() // the committer reserves more
	}
	return e.sequence
}
