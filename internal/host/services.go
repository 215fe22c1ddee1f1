package host

import (
	"context"
	"maps"
	"slices"
	"sync"
	"time"
)

// services looks after the services that somebody wants to know of.
type services struct {
	list func(ctx context.Context, names []string) (map[string]Service, error)

	mu     sync.Mutex
	wanted map[string]time.Time // until when
}

// want looks after services for the time of the lease, and tells whether one of
// them was not looked after before.
func (s *services) want(names []string, lease time.Duration) (fresh bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.wanted == nil {
		s.wanted = make(map[string]time.Time)
	}
	until := time.Now().Add(lease)
	for _, n := range names {
		before, known := s.wanted[n]
		fresh = fresh || !known
		if until.After(before) {
			s.wanted[n] = until
		}
	}
	return fresh
}

func (s *services) names() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	maps.DeleteFunc(s.wanted, func(_ string, until time.Time) bool { return until.Before(now) })
	return slices.Sorted(maps.Keys(s.wanted))
}

func (s *services) read(ctx context.Context) (reading, error) {
	names := s.names()
	if len(names) == 0 {
		return func(*Snapshot) {}, nil
	}
	found, err := s.list(ctx, names)
	if err != nil {
		return nil, err
	}
	return func(s *Snapshot) { s.Services = found }, nil
}
