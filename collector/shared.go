package collector

import (
	"sync"
	"time"
)

// maxShared is for how long scrapes share what another one has collected and is
// still sending.
const maxShared = time.Second

// shared hands out one moment to all scrapes that come together, so that many
// of them, or slow ones, neither repeat the work nor hold its result in memory
// many times. A scrape that has the place to itself gets a moment of its own.
type shared struct {
	take func() *moment

	mu      sync.Mutex
	current *use
}

// use is a moment in use. All but now need the mutex of shared.
type use struct {
	now   func() *moment
	users int
	// taken is when the moment was there, zero while it is awaited.
	taken time.Time
}

// get returns a moment and the function to call when it is no longer needed.
func (s *shared) get() (*moment, func()) {
	s.mu.Lock()
	u := s.current
	if u == nil || !u.taken.IsZero() && time.Since(u.taken) > maxShared {
		u = &use{now: sync.OnceValue(s.take)}
		s.current = u
	}
	u.users++
	s.mu.Unlock()
	release := func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		u.users--
		if u.users == 0 && s.current == u {
			s.current = nil
		}
	}
	taken := false
	defer func() {
		if !taken {
			release() // the taking panicked
		}
	}()
	now := u.now()
	taken = true
	s.mu.Lock()
	defer s.mu.Unlock()
	if u.taken.IsZero() {
		u.taken = time.Now()
	}
	return now, release
}
