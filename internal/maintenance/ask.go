package maintenance

import (
	"cmp"
	"slices"
	"time"
)

// at returns the view at a moment, which nearly always is the current one.
func (b *Book) at(at time.Time) *view {
	at = at.Round(0)
	v := b.current.Load()
	if v.covers(at) {
		return v
	}
	fresh := v.rules.at(at)
	b.current.CompareAndSwap(v, fresh) // lost to a change: that one stands
	return fresh
}

// Suppressed tells whether a probe on a node is to raise no alarm at a time,
// and if so why, until when (zero for no end in sight) and the name of the
// drained node or window. Where several causes hold, it is the one that holds
// longest. It takes no lock and costs well under a microsecond.
func (b *Book) Suppressed(probe, node string, at time.Time) (cause Cause, until time.Time, name string, ok bool) {
	for _, a := range b.at(at).active {
		if a.hasNode(node) && a.hasProbe(probe) {
			return a.cause, a.until, a.name, true
		}
	}
	return "", time.Time{}, "", false
}

// SuppressedNode tells the same of a node with all its probes: it is drained,
// or a window is open that is not for certain probes only.
func (b *Book) SuppressedNode(node string, at time.Time) (cause Cause, until time.Time, name string, ok bool) {
	for _, a := range b.at(at).active {
		if a.hasNode(node) && len(a.probeNames) == 0 {
			return a.cause, a.until, a.name, true
		}
	}
	return "", time.Time{}, "", false
}

// Drained tells whether a node is drained now. The node "" is the exporter's
// own answer.
func (b *Book) Drained(node string) bool {
	now := b.clock()
	d, ok := b.current.Load().rules.drains[node]
	return ok && !d.ended(now)
}

// DrainedUntil tells whether a node is drained at a time, and until when; zero
// for no end in sight.
func (b *Book) DrainedUntil(node string, at time.Time) (until time.Time, drained bool) {
	d, ok := b.current.Load().rules.drains[node]
	if !ok || d.ended(at.Round(0)) {
		return time.Time{}, false
	}
	return d.Until, true
}

// DrainedSince tells since when a node is drained without a break; the zero time
// if it is not drained.
func (b *Book) DrainedSince(node string) time.Time {
	if d, ok := b.current.Load().rules.drains[node]; ok && !d.ended(b.clock()) {
		return d.Since
	}
	return time.Time{}
}

// InWindow tells whether a window is open at a time for a node with all its
// probes.
func (b *Book) InWindow(node string, at time.Time) bool {
	return slices.ContainsFunc(b.at(at).active, func(a active) bool {
		return a.cause == CauseMaintenance && a.hasNode(node) && len(a.probeNames) == 0
	})
}

// Returned tells when a drain of the node ended, the zero time if none has ended
// lately. One that ended while the exporter was down counts from when it was
// there again.
func (b *Book) Returned(node string) time.Time {
	d, ok := b.current.Load().rules.drains[node]
	if ok && !d.ended(b.clock()) {
		return time.Time{}
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if found := b.loaded[node]; found.After(d.Until) {
		return found
	}
	return d.Until
}

// NextChange returns the time after at until which every answer about at stays
// the same unless a drain or window is added, removed or reloaded. It is at
// most 32 days ahead.
func (b *Book) NextChange(at time.Time) time.Time { return b.at(at).until }

// Drains returns the drains in force, by node.
func (b *Book) Drains() []Drain {
	left, _, _ := b.current.Load().rules.without(b.clock(), 0)
	all := make([]Drain, 0, len(left.drains))
	for _, d := range left.drains {
		all = append(all, d)
	}
	slices.SortFunc(all, func(a, b Drain) int { return cmp.Compare(a.Node, b.Node) })
	return all
}

// Status is a window, open or to come.
type Status struct {
	// Window tells the rest. For a window of the configuration its ID is empty,
	// End is when it closes if it is open, and Start when it opens otherwise;
	// zero if that is more than 400 days ahead.
	Window
	// Open tells whether it holds now.
	Open bool `json:"open"`
}

// Windows returns all windows as they stand now, those of the configuration
// first, in the order of the file, and then the one-off ones by start.
func (b *Book) Windows() []Status {
	now := b.clock()
	r, _, _ := b.current.Load().rules.without(now, 0)
	all := make([]Status, 0, len(r.recurring)+len(r.windows))
	for _, w := range r.recurring {
		s := Status{Window: Window{Name: w.name, Nodes: w.nodes, Probes: w.probes}, Open: w.holds(now)}
		if next := utc(w.next(now, horizon)); s.Open {
			s.End = next
		} else if s.Start = next; !next.IsZero() {
			s.End = utc(w.next(next, horizon))
		}
		all = append(all, s)
	}
	for _, w := range r.windows {
		all = append(all, Status{Window: w, Open: !w.Start.After(now)})
	}
	return all
}

// ActiveWindows returns the windows that are open now.
func (b *Book) ActiveWindows() []Status {
	return slices.DeleteFunc(b.Windows(), func(s Status) bool { return !s.Open })
}

// WindowNames tells of every window name whether a window of that name is open
// at a time. One-off windows may share a name, with each other and with one of
// the configuration.
func (b *Book) WindowNames(at time.Time) map[string]bool {
	v := b.at(at)
	names := make(map[string]bool, len(v.rules.recurring)+len(v.rules.windows))
	for _, w := range v.rules.recurring {
		names[w.name] = false
	}
	for _, w := range v.rules.windows {
		if !w.ended(at) {
			names[w.Name] = false
		}
	}
	for _, a := range v.active {
		if a.cause == CauseMaintenance {
			names[a.name] = true
		}
	}
	return names
}
