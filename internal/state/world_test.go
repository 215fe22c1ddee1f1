package state

import (
	"slices"
	"time"

	"github.com/idp-exporter/idp_exporter/probes"
)

// world says the rules between entries again, as plainly and slowly as can be.
// The verdicts of single entries are taken from the State: model is for those.
type world struct {
	*bench
	specs         []Spec
	groups        map[string]Group
	calendar      *calendar
	excused, seen map[Key]time.Time
}

// above lists what an entry needs, first causes first.
func (w *world) above(k Key) []Key {
	var list []Key
	for _, s := range w.specs {
		if s.Key != k {
			continue
		}
		for _, need := range s.Needs {
			p := Key{need, k.Node}
			if !w.has(p) {
				p = Key{Probe: need}
			}
			if !w.has(p) {
				continue
			}
			for _, x := range append(w.above(p), p) {
				if !slices.Contains(list, x) {
					list = append(list, x)
				}
			}
		}
	}
	return list
}

func (w *world) has(k Key) bool {
	return slices.ContainsFunc(w.specs, func(s Spec) bool { return s.Key == k })
}

func (w *world) spec(k Key) Spec {
	return w.specs[slices.IndexFunc(w.specs, func(s Spec) bool { return s.Key == k })]
}

func (w *world) fails(k Key) bool {
	e := w.entry(k)
	return e.Verdict == probes.Fail && !e.Pending
}

func (w *world) failing(list []Key) (found []Key) {
	for _, k := range list {
		if w.fails(k) {
			found = append(found, k)
		}
	}
	return found
}

func (w *world) graced(k Key) bool {
	began, ok := w.excused[k]
	if !ok || !w.fails(k) || len(w.failing(w.above(k))) > 0 {
		return false
	}
	end := began.Add(3 * every)
	if fresh := w.seen[k].Add(3 * every); fresh.After(end) {
		end = fresh
	}
	if limit := began.Add(DefaultUnknownMax); end.After(limit) {
		end = limit
	}
	return w.now.Before(end)
}

func (w *world) aside(k Key) bool {
	_, _, ok := w.calendar.Suppressed(k.Probe, k.Node, w.now)
	return ok
}

// run records an outcome and keeps the books of the graces.
func (w *world) run(k Key, o probes.Outcome, unreached bool) {
	var before []Key
	for _, s := range w.specs {
		before = append(before, w.failing([]Key{s.Key})...)
	}
	if o != probes.Unknown {
		delete(w.excused, k)
	}
	w.seen[k] = w.now
	w.record(k, o, func(r *probes.Result) {
		if unreached && o == probes.Fail {
			r.Reason = probes.ReasonConnect
		}
	})
	if !slices.Contains(before, k) || w.fails(k) {
		return
	}
	for _, s := range w.specs {
		if above := w.above(s.Key); slices.Contains(above, k) && len(w.failing(above)) == 0 {
			w.excused[s.Key] = w.now
		}
	}
}

// whole is what Verdict is to say.
func (w *world) whole() probes.Outcome {
	worst, judged := probes.Pass, 0
	out, known, aside, asked := map[string][]string{}, map[string][]string{}, map[string][]string{}, map[string]bool{}
	count := func(provider, node string, o probes.Outcome) {
		if g := w.groups[provider]; node != "" && g.Quorum > 0 {
			known[provider] = append(known[provider], node)
			if o == probes.Fail {
				out[provider] = append(out[provider], node)
				o = probes.Warn
			}
		}
		worst = max(worst, o)
	}
	for _, s := range w.specs {
		if !s.Gates {
			continue
		}
		asked[s.Provider] = asked[s.Provider] || w.groups[s.Provider].Quorum > 0
		if w.aside(s.Key) {
			if s.Node != "" {
				aside[s.Provider] = append(aside[s.Provider], s.Node)
			}
			continue
		}
		own := w.entry(s.Key).Verdict
		above := w.failing(w.above(s.Key))
		switch {
		case len(above) > 0 && own == probes.Fail:
			worst = max(worst, probes.Warn)
			above = slices.DeleteFunc(above, w.aside)
			if gating := func(k Key) bool { return w.spec(k).Gates }; len(above) > 0 && !slices.ContainsFunc(above, gating) {
				judged++
				count(s.Provider, above[0].Node, probes.Fail)
			}
		case len(above) > 0:
			judged++
			count(s.Provider, s.Node, probes.Warn)
		case w.graced(s.Key):
			count(s.Provider, s.Node, probes.Warn)
		default:
			judged++
			count(s.Provider, s.Node, own)
		}
	}
	for provider, is := range asked {
		if !is {
			continue
		}
		unique := func(list []string) int { return len(slices.Compact(slices.Sorted(slices.Values(list)))) }
		need, bad := w.groups[provider].Quorum, unique(out[provider])
		pass, all := unique(known[provider])-bad, unique(slices.Concat(known[provider], aside[provider]))
		switch {
		case pass >= need:
		case bad > 0, all < need:
			worst = probes.Fail
		default:
			worst = max(worst, probes.Warn)
		}
	}
	if judged == 0 {
		worst = max(worst, probes.Warn)
	}
	if _, drained := w.calendar.Drained("", w.now); drained {
		worst = probes.Fail
	}
	return worst
}

// down lists what fails on a node and is held against it, with whether it was
// reached; all three are warn, fail and nothing.
func (w *world) down(provider, node string) (fails map[string]bool, warns, gates bool) {
	fails = map[string]bool{}
	reached := func(k Key) bool {
		r := w.entry(k).LastConclusive
		return r == nil || r.Outcome != probes.Fail || r.Reason != probes.ReasonConnect
	}
	explained := func(k Key) bool { return reached(k) && (len(w.failing(w.above(k))) > 0 || w.graced(k)) }
	for _, s := range w.specs {
		if !s.Gates || s.Node != node || s.Provider != provider {
			continue
		}
		gates = true
		if own := w.entry(s.Key).Verdict; own != probes.Fail {
			warns = warns || own == probes.Warn
			continue
		}
		guilty := []Key{}
		for _, k := range append(w.failing(w.above(s.Key)), s.Key) {
			if k.Node == node && !explained(k) {
				guilty = append(guilty, k)
			}
		}
		if len(guilty) == 0 {
			warns = true
		} else {
			fails[guilty[0].Probe] = reached(guilty[0])
		}
	}
	return fails, warns, gates
}

// node is what NodeVerdict is to say.
func (w *world) node(provider, node string) probes.Outcome {
	if _, drained := w.calendar.Drained(node, w.now); drained {
		return probes.Fail
	}
	mine, warns, gates := w.down(provider, node)
	if !gates {
		return probes.Fail
	}
	if len(mine) == 0 {
		if warns {
			return probes.Warn
		}
		return probes.Pass
	}
	var others, away []map[string]bool
	up, active := 0, 0
	for _, n := range []string{"n1", "n2", "n3"} {
		theirs, _, gates := w.down(provider, n)
		_, drained := w.calendar.Drained(n, w.now)
		switch {
		case !gates:
		case drained:
			away = append(away, theirs)
		default:
			active++
			if len(theirs) == 0 {
				up++
			} else if n != node {
				others = append(others, theirs)
			}
		}
	}
	if active == 1 {
		others = away
	}
	if node == "" || up >= w.groups[provider].MinUp || len(others) == 0 {
		return probes.Fail
	}
	for probe, reached := range mine {
		for _, theirs := range others {
			if r, ok := theirs[probe]; !ok || (!reached && r) {
				return probes.Fail
			}
		}
	}
	return probes.Warn
}
