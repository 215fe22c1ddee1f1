package host

import (
	"context"
	"errors"
	"time"
)

// span is what the CPU figure is taken over.
const span = time.Minute

// point is a look at counters that only grow: processor seconds that were used,
// and that there were.
type point struct {
	at             time.Time
	used, capacity float64
	cores          float64
	limited        bool
}

// cpuMeter makes a figure of the looks of the last minute. Its calls never overlap.
type cpuMeter struct {
	src    sources
	points []point // oldest first
}

func (m *cpuMeter) read(ctx context.Context) (reading, error) {
	p, err := m.look(ctx)
	if err != nil {
		return nil, err
	}
	m.add(p)
	first := m.points[0]
	over, capacity := p.at.Sub(first.at), p.capacity-first.capacity
	if over <= 0 || capacity <= 0 {
		return nil, errNotYet // the first look
	}
	usage := min(max((p.used-first.used)/capacity, 0), 1)
	return func(s *Snapshot) { s.CPU = &CPU{Usage: usage, Over: over, Cores: p.cores, Limited: p.limited} }, nil
}

// add keeps the point, and of the earlier ones those that the last minute needs.
func (m *cpuMeter) add(p point) {
	if n := len(m.points); n > 0 {
		last := m.points[n-1]
		if last.limited != p.limited || last.cores != p.cores || p.capacity < last.capacity {
			m.points = m.points[:0] // another machine, as it were
		}
	}
	m.points = append(m.points, p)
	for len(m.points) > 2 && p.at.Sub(m.points[1].at) >= span {
		m.points = m.points[1:]
	}
}

// look reads the counters: the container's where its processors are limited.
func (m *cpuMeter) look(ctx context.Context) (point, error) {
	t, cores, err := m.src.cpu(ctx)
	if err != nil {
		return point{}, err
	}
	p := point{at: time.Now(), used: t.used, capacity: t.total, cores: cores}
	limit, ok := m.src.limits.cpu()
	if !ok || limit.cores >= cores {
		return p, nil
	}
	p.used, p.cores, p.limited = limit.used, limit.cores, true
	p.capacity = 0
	if n := len(m.points); n > 0 && m.points[n-1].limited {
		last := m.points[n-1]
		p.capacity = last.capacity + p.at.Sub(last.at).Seconds()*limit.cores
	}
	return p, nil
}

// cpuTimes are processor seconds since the machine started.
type cpuTimes struct{ used, total float64 }

var errNoCPU = errors.New("the operating system lists no processor")
