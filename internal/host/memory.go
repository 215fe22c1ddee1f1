package host

import "context"

// readMemory takes the machine's memory, or the container's where that is less.
// What the machine does not have, a container cannot have either.
func (src sources) readMemory(ctx context.Context) (reading, error) {
	m, err := src.memory(ctx)
	if err != nil {
		return nil, err
	}
	if limit, ok := src.limits.memory(); ok && limit.Total < m.Total {
		m = Memory{Total: limit.Total, Available: min(limit.Available, m.Available), Limited: true}
	}
	return func(s *Snapshot) { s.Memory = &m }, nil
}

func (src sources) readSwap(ctx context.Context) (reading, error) {
	m, err := src.swap(ctx)
	if err != nil {
		return nil, err
	}
	if limit, ok := src.limits.swap(); ok && limit.Total < m.Total {
		m = Memory{Total: limit.Total, Available: min(limit.Available, m.Available), Limited: true}
	}
	return func(s *Snapshot) { s.Swap = &m }, nil
}

func (src sources) readLoad(ctx context.Context) (reading, error) {
	l, err := src.load(ctx)
	if err != nil {
		return nil, err
	}
	return func(s *Snapshot) { s.Load = &l }, nil
}

func (src sources) readClock(context.Context) (reading, error) {
	c, err := src.clock()
	if err != nil {
		return nil, err
	}
	return func(s *Snapshot) { s.Clock = &c }, nil
}
