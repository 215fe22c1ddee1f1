package access

import (
	"container/list"
	"net/netip"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

const (
	// DefaultGuessLimit is how many wrong credentials a minute a network may
	// show before its further ones are not looked at.
	DefaultGuessLimit = 10
	// maxGuessers bounds the networks that are remembered.
	maxGuessers = 10_000
)

// guesses counts wrong credentials by the network they came from, in a table
// that forgets the network that has been quiet for longest when it is full.
type guesses struct {
	mu    sync.Mutex
	most  int
	by    map[netip.Prefix]*list.Element
	order *list.List // of guesser, the one that was quiet for longest first
}

type guesser struct {
	network netip.Prefix
	limiter *rate.Limiter
}

func newGuesses(most int) *guesses {
	return &guesses{most: most, by: make(map[netip.Prefix]*list.Element), order: list.New()}
}

// networkOf is what counts as one client: an IPv4 address, or the 64 bits of an
// IPv6 address that a single client is commonly given.
func networkOf(addr netip.Addr) netip.Prefix {
	bits := 32
	if addr.Is6() {
		bits = 64
	}
	p, err := addr.Prefix(bits)
	if err != nil {
		return netip.Prefix{} // all clients without an address are one
	}
	return p
}

// wait tells for how long the network may not guess; 0 if it may. A limit of 0 is none.
func (g *guesses) wait(n netip.Prefix, now time.Time, perMinute int) time.Duration {
	if perMinute <= 0 {
		return 0
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	e, known := g.by[n]
	if !known {
		return 0
	}
	return untilToken(limiterOf(e, perMinute), now)
}

// count counts a wrong credential and tells, where the network has shown too
// many, for how long it may not guess.
func (g *guesses) count(n netip.Prefix, now time.Time, perMinute int) time.Duration {
	if perMinute <= 0 {
		return 0
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	e, known := g.by[n]
	if known {
		g.order.MoveToBack(e)
	} else {
		if g.order.Len() >= g.most {
			oldest := g.order.Front()
			delete(g.by, entryOf(oldest).network)
			g.order.Remove(oldest)
		}
		e = g.order.PushBack(&guesser{network: n})
		g.by[n] = e
	}
	l := limiterOf(e, perMinute)
	if l.AllowN(now, 1) {
		return 0
	}
	return untilToken(l, now)
}

func entryOf(e *list.Element) *guesser { return e.Value.(*guesser) } // the list holds nothing else

// limiterOf returns the entry's limiter, a new one where the limit has changed.
func limiterOf(e *list.Element, perMinute int) *rate.Limiter {
	g := entryOf(e)
	if g.limiter == nil || g.limiter.Burst() != perMinute {
		g.limiter = rate.NewLimiter(rate.Limit(float64(perMinute)/time.Minute.Seconds()), perMinute)
	}
	return g.limiter
}
