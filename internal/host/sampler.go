package host

import (
	"context"
	"slices"
	"strings"
	"sync"
	"time"
)

// The rhythm of taking figures.
const (
	cpuEvery  = 5 * time.Second
	allEvery  = 15 * time.Second
	firstSpan = time.Second // what the first CPU figure is taken over
	// maxAge is how long a figure is told after it was taken.
	maxAge = time.Minute
	// patience bounds one collector.
	patience = 3 * time.Second
	// farewell is how long the end of Run waits for calls that hang.
	farewell = 2 * time.Second
)

// reading writes a figure into a snapshot.
type reading func(*Snapshot)

// collector takes one figure. A reading may come with an error: part of the
// figure could be taken.
type collector struct {
	name string
	read func(context.Context) (reading, error)
	slot bounded
	// What follows belongs to the sampler's mu.
	last   reading
	health Health
}

// Sampler takes the figures. All its methods are safe for concurrent use.
type Sampler struct {
	collectors []*collector
	services   *services
	// turn is held by whoever takes figures; a channel, so that a context can end the wait.
	turn  chan struct{}
	ready chan struct{} // closed once the background has taken everything once
	group sync.WaitGroup

	mu         sync.Mutex
	background bool
}

// New returns a sampler of this machine. It touches nothing yet.
func New() *Sampler { return newSampler(machine()) }

func newSampler(src sources) *Sampler {
	s := &Sampler{turn: make(chan struct{}, 1), ready: make(chan struct{}), services: &services{list: src.services}}
	cpu, disks := &cpuMeter{src: src}, &disks{src: src, group: &s.group}
	for name, read := range map[string]func(context.Context) (reading, error){
		CollectorCPU:         cpu.read,
		CollectorMemory:      src.readMemory,
		CollectorSwap:        src.readSwap,
		CollectorLoad:        src.readLoad,
		CollectorFilesystems: disks.read,
		CollectorClock:       src.readClock,
		CollectorServices:    s.services.read,
	} {
		s.collectors = append(s.collectors, &collector{name: name, read: read, health: Health{Collector: name, Err: errNotYet}})
	}
	slices.SortFunc(s.collectors, func(a, b *collector) int { return strings.Compare(a.name, b.name) })
	return s
}

// Run takes figures in the background until ctx ends. It is called once.
func (s *Sampler) Run(ctx context.Context) error {
	s.setBackground(true)
	defer s.setBackground(false)
	defer s.leave()
	s.takeAll(ctx)
	close(s.ready)
	ticker := time.NewTicker(cpuEvery)
	defer ticker.Stop()
	for n := 1; ; n++ {
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
		if n%int(allEvery/cpuEvery) == 0 {
			s.take(ctx)
		} else {
			s.take(ctx, CollectorCPU)
		}
	}
}

// leave waits for calls under way, but not for ever: the kernel may never
// return from some.
func (s *Sampler) leave() {
	gone := make(chan struct{})
	go func() {
		s.group.Wait()
		close(gone)
	}()
	timer := time.NewTimer(farewell)
	defer timer.Stop()
	select {
	case <-gone:
	case <-timer.C:
	}
}

func (s *Sampler) setBackground(on bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.background = on
}

func (s *Sampler) inBackground() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.background
}

// Snapshot returns what is known now. It reads memory only.
func (s *Sampler) Snapshot() Snapshot {
	now := time.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	snap := Snapshot{Collectors: make([]Health, 0, len(s.collectors))}
	for _, c := range s.collectors {
		if c.last != nil && now.Sub(c.health.At) <= maxAge {
			c.last(&snap)
		}
		snap.Collectors = append(snap.Collectors, c.health)
	}
	return snap
}

// Sample returns the figures with those of the named services among them, which
// are looked after from now on for as long as lease says. Where nothing samples
// in the background, it takes the figures itself; the CPU's is then that of one second.
func (s *Sampler) Sample(ctx context.Context, lease time.Duration, services ...string) Snapshot {
	fresh := s.services.want(services, lease)
	if !s.inBackground() {
		s.takeAll(ctx)
		return s.Snapshot()
	}
	select {
	case <-s.ready:
		if fresh {
			s.take(ctx, CollectorServices)
		}
	case <-ctx.Done():
	}
	return s.Snapshot()
}

// takeAll takes every figure, that of the CPU over a short span at least.
func (s *Sampler) takeAll(ctx context.Context) {
	s.take(ctx)
	if s.Snapshot().CPU != nil {
		return
	}
	timer := time.NewTimer(firstSpan)
	defer timer.Stop()
	select {
	case <-timer.C:
		s.take(ctx, CollectorCPU)
	case <-ctx.Done():
	}
}

// take takes the named figures, or all. Whoever comes while somebody else is at
// it waits.
func (s *Sampler) take(ctx context.Context, names ...string) {
	select {
	case s.turn <- struct{}{}:
		defer func() { <-s.turn }()
	case <-ctx.Done():
		return
	}
	for _, c := range s.collectors {
		if (len(names) == 0 || slices.Contains(names, c.name)) && ctx.Err() == nil {
			s.takeOne(ctx, c)
		}
	}
}

func (s *Sampler) takeOne(ctx context.Context, c *collector) {
	begin := time.Now()
	type found struct {
		reading reading
		err     error
	}
	f, err := do(ctx, &c.slot, &s.group, patience, func(ctx context.Context) (found, error) {
		r, err := c.read(ctx)
		return found{r, err}, nil
	})
	if err == nil {
		err = f.err
	}
	if ctx.Err() != nil {
		return // it says nothing of the machine
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	c.health.Err, c.health.Duration = err, time.Since(begin)
	if f.reading != nil {
		c.last, c.health.At = f.reading, time.Now()
	}
}
