package state

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/idp-exporter/idp_exporter/probes"
)

func newWorld(t *testing.T, rnd *rand.Rand) *world {
	t.Helper()
	w := &world{
		calendar: &calendar{}, excused: map[Key]time.Time{}, seen: map[Key]time.Time{},
		groups: map[string]Group{"acme": {MinUp: rnd.IntN(4), Quorum: rnd.IntN(4)}},
	}
	for i := range 2 + rnd.IntN(4) {
		gates := rnd.IntN(3) > 0
		var needs []string
		for j := range i {
			if rnd.IntN(2) == 0 {
				needs = append(needs, fmt.Sprint("p", j))
			}
		}
		for _, node := range []string{"", "n1", "n2", "n3"} {
			if rnd.IntN(4) > 0 {
				s := needing(Key{fmt.Sprint("p", i), node}, needs...)
				s.Gates = gates
				w.specs = append(w.specs, s)
			}
		}
	}
	w.specs = append(w.specs, needing(Key{"q", "n1"}))
	w.bench = newBench(t, Options{Suppressor: w.calendar, Providers: w.groups}, w.specs...)
	return w
}

func TestAgainstWorld(t *testing.T) {
	t.Parallel()
	met := map[string]int{} // a world in which nothing ever happens proves nothing
	for seed := range uint64(50) {
		rnd := rand.New(rand.NewPCG(seed, 11))
		w := newWorld(t, rnd)
		bad := map[string]bool{}
		for step := range 120 {
			switch rnd.IntN(12) {
			case 0:
				w.wait(time.Duration(rnd.IntN(15)) * time.Second)
			case 1:
				w.disturb(rnd)
			case 2, 3:
				p := w.specs[rnd.IntN(len(w.specs))].Probe
				bad[p] = !bad[p]
			default:
				s := w.specs[rnd.IntN(len(w.specs))]
				o := probes.Outcome(rnd.IntN(4))
				if bad[s.Probe] {
					o = probes.Fail
				} else if rnd.IntN(2) == 0 {
					o = probes.Pass
				}
				w.run(s.Key, o, rnd.IntN(4) == 0)
			}
			if rnd.IntN(3) == 0 {
				continue // leave the cache as it is
			}
			want := w.whole()
			met["whole "+want.String()]++
			require.Equal(t, want, w.Verdict().Outcome, "seed %d, step %d: %+v", seed, step, w.Verdict().Reasons)
			require.Equal(t, want, w.VerdictOf(func(Spec) bool { return true }).Outcome)
			for _, n := range []string{"", "n1", "n2", "n3"} {
				want, got := w.node("acme", n), w.NodeVerdict(n)
				met["node "+want.String()]++
				require.Equal(t, want, got.Outcome, "seed %d, step %d, node %q: %+v", seed, step, n, got.Reasons)
			}
			for _, s := range w.specs {
				e := w.entry(s.Key)
				suppressed := w.aside(s.Key) || len(w.failing(w.above(s.Key))) > 0 || w.graced(s.Key)
				require.Equal(t, suppressed, e.Suppressed != "", "seed %d, step %d: %v", seed, step, s.Key)
				if w.graced(s.Key) {
					met["grace"]++
				}
			}
		}
	}
	for _, what := range []string{"whole pass", "whole warn", "whole fail", "node pass", "node warn", "node fail", "grace"} {
		require.Greater(t, met[what], 25, what)
	}
}

// disturb drains a node or opens a window, or ends all of them.
func (w *world) disturb(rnd *rand.Rand) {
	node := []string{"", "n1", "n2", "n3"}[rnd.IntN(4)]
	s := w.during(span{cause: SuppressedMaintenance, node: node, anyNode: rnd.IntN(3) == 0},
		time.Duration(rnd.IntN(10))*time.Second, time.Duration(1+rnd.IntN(40))*time.Second)
	if rnd.IntN(2) == 0 {
		s.probe = fmt.Sprint("p", rnd.IntN(4))
	}
	if rnd.IntN(2) == 0 {
		s.cause, s.probe, s.anyNode = SuppressedDrained, "", false
	}
	spans := append(slices.Clone(w.calendar.spans), s)
	if rnd.IntN(3) == 0 {
		spans = nil
	}
	w.calendar.set(w.bench, spans...)
}
