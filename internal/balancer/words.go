package balancer

import (
	"net"
	"net/netip"
	"sync"
	"time"
)

const (
	// readyFor is how long a balancer hears `ready` after a drain has ended. It
	// outlasts any sensible agent-inter (2 s by default), and the several
	// backends of one balancer that ask about the same node.
	readyFor = time.Minute
	// maxOwed bounds what is remembered about balancers and nodes.
	maxOwed = 4096
)

// words turns answers into the words of HAProxy's agent-check (HAProxy 2.6
// Configuration Manual, 5.2, "agent-check"). They are of two kinds: `up` and
// `down` for the operating state, `ready`, `drain` and `maint` for the
// administrative state, which the agent shares with HAProxy's administrator.
//
// HAProxy leaves `drain` and `maint` for nothing but `ready`. Saying `ready` all
// the time would undo what an administrator has set at HAProxy's own socket; so
// it is said only to end what was said here: for readyFor, counted from the
// first question of a balancer that was told `drain` or `maint`, or, for one
// that nothing is known of (the exporter was restarted), from the end of the
// drain.
type words struct {
	now func() time.Time

	mu   sync.Mutex
	owed map[asker]time.Time // who is owed `ready`, and since when it hears it
}

// asker is a balancer and the node it asks about.
type asker struct {
	from netip.Addr
	node string
}

func newWords(now func() time.Time) *words {
	if now == nil {
		now = time.Now
	}
	return &words{now: now, owed: map[asker]time.Time{}}
}

// say returns the line for a node, which is known.
//
// A drained node gets no operating state, whether it fails or not: it has no
// new users to lose, and `down` would only cut the sessions that the drain
// means to let end. A node that comes back failing gets `ready down`: with
// `down` alone HAProxy would stay in drain when the node recovers.
func (w *words) say(from net.Addr, node string, a Answer) string {
	who := asker{ipOf(from), node}
	if a.Drained {
		w.owe(who)
		if a.Maintenance {
			return "maint\n"
		}
		return "drain\n"
	}
	word := "down\n"
	if a.OK {
		word = "up\n"
	}
	if w.ready(who, a.Returned) {
		word = "ready " + word
	}
	return word
}

func (w *words) owe(who asker) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if _, known := w.owed[who]; known || len(w.owed) < maxOwed {
		w.owed[who] = time.Time{}
	}
}

func (w *words) ready(who asker, returned time.Time) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	now := w.now()
	since, owed := w.owed[who]
	switch {
	case !owed:
		past := now.Sub(returned)
		return !returned.IsZero() && past >= 0 && past < readyFor
	case since.IsZero():
		w.owed[who] = now
	case now.Sub(since) >= readyFor:
		delete(w.owed, who)
		return false
	}
	return true
}

func ipOf(a net.Addr) netip.Addr {
	tcp, ok := a.(*net.TCPAddr)
	if !ok {
		return netip.Addr{}
	}
	ip, _ := netip.AddrFromSlice(tcp.IP)
	return ip.Unmap()
}
