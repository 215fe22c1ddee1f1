package maintenance

import (
	"cmp"
	"maps"
	"slices"
	"time"
)

const (
	// ahead is how long a view may stand, and how far it looks for openings.
	ahead = 32 * 24 * time.Hour
	// horizon is how far the end of an open window, or the opening of a closed
	// one, is looked for.
	horizon = 400 * 24 * time.Hour
)

// scope is what a rule is for. Empty lists mean all; the public name is "".
type scope struct{ nodeNames, probeNames []string }

func newScope(nodes, probes []string) scope {
	nodes = slices.Clone(nodes)
	for i, n := range nodes {
		if n == PublicNode {
			nodes[i] = ""
		}
	}
	return scope{nodes, probes}
}

func (s scope) hasNode(node string) bool {
	return len(s.nodeNames) == 0 || slices.Contains(s.nodeNames, node)
}

func (s scope) hasProbe(probe string) bool {
	return len(s.probeNames) == 0 || slices.Contains(s.probeNames, probe)
}

// rules are all drains and windows. They are never changed, only replaced.
type rules struct {
	recurring []*recurring
	windows   []Window // by start
	drains    map[string]Drain
}

// active is a rule that holds.
type active struct {
	scope
	cause Cause
	name  string
	until time.Time
}

// view is what the rules come to from one moment until just before another.
type view struct {
	rules       rules
	from, until time.Time
	active      []active // those that hold longest first
}

func (v *view) covers(at time.Time) bool { return !at.Before(v.from) && at.Before(v.until) }

// at works out the view at a moment.
func (r rules) at(now time.Time) *view {
	v := &view{rules: r, from: now, until: now.Add(ahead)}
	for _, d := range r.drains {
		if d.ended(now) {
			continue
		}
		v.add(active{scope{nodeNames: []string{d.Node}}, CauseDrained, d.Node, d.Until})
	}
	for _, w := range r.windows {
		switch {
		case w.ended(now):
		case w.Start.After(now):
			v.end(w.Start)
		default:
			v.add(active{newScope(w.Nodes, w.Probes), CauseMaintenance, w.Name, w.End})
		}
	}
	for _, w := range r.recurring {
		if w.holds(now) {
			v.add(active{w.scope, CauseMaintenance, w.name, w.next(now, horizon)})
		} else {
			v.end(w.next(now, ahead))
		}
	}
	slices.SortFunc(v.active, func(a, b active) int {
		return cmp.Or(later(a.until, b.until), cmp.Compare(a.cause, b.cause), cmp.Compare(a.name, b.name))
	})
	return v
}

func (v *view) add(a active) {
	v.active = append(v.active, a)
	v.end(a.until)
}

// end lets the view stand no longer than until t, unless t is zero.
func (v *view) end(t time.Time) {
	if !t.IsZero() && t.Before(v.until) {
		v.until = t
	}
}

// later orders times from late to early; zero means no end.
func later(a, b time.Time) int {
	if a.IsZero() || b.IsZero() {
		return cmp.Compare(truth(b.IsZero()), truth(a.IsZero()))
	}
	return b.Compare(a)
}

func truth(b bool) int {
	if b {
		return 1
	}
	return 0
}

// clone returns rules that can be changed.
func (r rules) clone() rules {
	c := rules{recurring: r.recurring, windows: slices.Clone(r.windows), drains: maps.Clone(r.drains)}
	if c.drains == nil {
		c.drains = make(map[string]Drain)
	}
	return c
}

// without returns the rules as they are to be changed, less those that ended,
// and what ended. Drains that ended less than keep ago stay.
func (r rules) without(now time.Time, keep time.Duration) (left rules, nodes, ids []string) {
	left = rules{recurring: r.recurring, drains: maps.Clone(r.drains)}
	for node, d := range r.drains {
		if d.ended(now.Add(-keep)) {
			delete(left.drains, node)
			nodes = append(nodes, node)
		}
	}
	for _, w := range r.windows {
		if w.ended(now) {
			ids = append(ids, w.ID)
		} else {
			left.windows = append(left.windows, w)
		}
	}
	return left, nodes, ids
}
