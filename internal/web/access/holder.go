package access

import (
	"cmp"
	"net/netip"
	"slices"
	"sync/atomic"
	"time"

	"golang.org/x/time/rate"
)

// The kinds of credentials, as logs, the audit trail and metrics name them.
const (
	KindToken  = "token"
	KindUser   = "user"
	KindClient = "client"
)

// holder is a configured token, user or client certificate.
type holder struct {
	kind, name string
	// lastUsed is in seconds since the Unix epoch, 0 for never. The guards
	// before and after share it.
	lastUsed *atomic.Int64
	// until is when its last key ends; zero where one never does.
	until time.Time
	// limiter is nil where there is no limit.
	limiter *rate.Limiter
}

type holderID struct{ kind, name string }

// key is one way of a holder to be known.
type key struct {
	*holder
	scopes   Set
	networks []netip.Prefix // empty: from everywhere
	window   window
}

// used notes the time. It writes once a second at most, so that many requests
// with one credential do not contend for the value.
func (h *holder) used(now time.Time) {
	if s := now.Unix(); h.lastUsed.Load() != s {
		h.lastUsed.Store(s)
	}
}

// lastEnd is when the last of the windows ends, zero where one never does.
func lastEnd(windows []window) (end time.Time) {
	for _, w := range windows {
		if w.until.IsZero() {
			return time.Time{}
		}
		if w.until.After(end) {
			end = w.until
		}
	}
	return end
}

// Use tells of one holder when its credentials were used and when they end.
type Use struct {
	// Kind is KindToken, KindUser or KindClient; Name is unique within it.
	Kind, Name string
	// LastUsed is when a request last showed one of its credentials; zero for
	// not since the exporter started.
	LastUsed time.Time
	// NotAfter is when the last of its credentials ends; zero for never.
	NotAfter time.Time
}

// Refusals counts the requests refused for one reason.
type Refusals struct {
	Reason Reason
	Count  uint64
}

// Stats tell how the credentials are used.
type Stats struct {
	// Keys are in the order of kind and name.
	Keys []Use
	// Refused has every reason.
	Refused []Refusals
}

// Stats returns what was counted since the exporter started, and the holders of
// the configuration in force.
func (g *Guard) Stats() Stats {
	var s Stats
	for _, h := range g.holders {
		u := Use{Kind: h.kind, Name: h.name, NotAfter: h.until}
		if last := h.lastUsed.Load(); last != 0 {
			u.LastUsed = time.Unix(last, 0)
		}
		s.Keys = append(s.Keys, u)
	}
	slices.SortFunc(s.Keys, func(a, b Use) int { return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Name, b.Name)) })
	for r := ReasonNone; r < reasons; r++ {
		s.Refused = append(s.Refused, Refusals{r, g.memory.refused[r].Load()})
	}
	return s
}

// Refused counts a refused request; the zero Reason is not counted.
func (g *Guard) Refused(r Reason) {
	if r > 0 && r < reasons {
		g.memory.refused[r].Add(1)
	}
}
