package appliance

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/idp-exporter/idp_exporter/internal/schedule"
	"github.com/idp-exporter/idp_exporter/internal/state"
	"github.com/idp-exporter/idp_exporter/probes"
)

// crowd are probes of one node, with a node that takes its time to answer.
type crowd struct {
	mu      sync.Mutex
	asked   []time.Time
	results map[string][]probes.Result
	last    map[string]time.Time // when each probe last had a result
	longest time.Duration        // between two results of a probe
}

// probe returns a probe that makes its requests to the made-up node.
func (c *crowd) probe(o *Options, name string, latency func() time.Duration) probes.Probe {
	p := &probe{Options: o, budget: "n", who: name}
	return probes.Func(func(ctx context.Context) probes.Result {
		r, later := p.begin(ctx)
		if r == nil {
			return skipped(later)
		}
		for _, resource := range r.Resources {
			begin := time.Now()
			f := r.wait(ctx)
			if f == nil {
				f = c.ask(ctx, r, latency())
			}
			if r.note(resource, begin, f); f != nil {
				break
			}
		}
		return r.end()
	})
}

func (c *crowd) ask(ctx context.Context, r *run, latency time.Duration) *probes.Failure {
	begin := time.Now()
	c.mu.Lock()
	c.asked = append(c.asked, begin)
	c.mu.Unlock()
	select {
	case <-time.After(latency):
		return nil
	case <-ctx.Done():
		return r.hurried(probes.NetworkFailure(ctx.Err()), time.Since(begin))
	}
}

func (c *crowd) record(k state.Key, r probes.Result) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if r.Skipped != "" {
		return
	}
	if last, known := c.last[k.Probe]; known {
		c.longest = max(c.longest, time.Since(last))
	}
	c.last[k.Probe] = time.Now()
	c.results[k.Probe] = append(c.results[k.Probe], r)
}

// Probes of one node take turns: none fails, and none goes stale, for having to
// wait; where there are too many for the budget each runs as often as any other.
func TestProbesOfANodeTakeTurns(t *testing.T) {
	t.Parallel()
	steady := func(d time.Duration) func() time.Duration { return func() time.Duration { return d } }
	for name, c := range map[string]struct {
		probes  int
		every   time.Duration
		latency func() time.Duration
		unknown int           // how many runs of each may end without a conclusion
		most    time.Duration // between results
	}{
		"one":            {1, 6 * time.Second, steady(60 * time.Millisecond), 0, 7 * time.Second},
		"two":            {2, 6 * time.Second, steady(60 * time.Millisecond), 0, 10 * time.Second},
		"two, slow":      {2, 7 * time.Second, steady(240 * time.Millisecond), 0, 11 * time.Second},
		"two, slower":    {2, 10 * time.Second, steady(600 * time.Millisecond), 1, 20 * time.Second},
		"three":          {3, 10 * time.Second, steady(60 * time.Millisecond), 0, 16 * time.Second},
		"eight":          {8, time.Minute, steady(60 * time.Millisecond), 0, 90 * time.Second},
		"eight, too few": {8, 5 * time.Second, steady(60 * time.Millisecond), 0, 30 * time.Second},
		"tight":          {2, 4 * time.Second, steady(60 * time.Millisecond), 0, 10 * time.Second},
		"now and then":   {3, 15 * time.Second, everySeventh(2*time.Second, 60*time.Millisecond), 50, 40 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				crowd := &crowd{results: map[string][]probes.Result{}, last: map[string]time.Time{}}
				st := state.New(state.Options{})
				s := schedule.New(schedule.Options{Skip: st.Skip, Record: func(k state.Key, r probes.Result) {
					st.Record(k, r)
					crowd.record(k, r)
				}})
				budgets := NewBudgets()
				var jobs []schedule.Job
				var specs []state.Spec
				for i := range c.probes {
					o := NewOptions(budgets)
					o.Resources = append(Resources(), "x", "y") // as many as with /test and /testall
					o.Test, o.Testall = false, false
					key := state.Key{Probe: fmt.Sprint("p", i)}
					jobs = append(jobs, schedule.Job{Key: key, Every: c.every, Timeout: c.every * 9 / 10, RunAtStart: true, Probe: crowd.probe(o, key.Probe, c.latency)})
					specs = append(specs, state.Spec{Key: key, Gates: true, Every: c.every})
				}
				require.NoError(t, s.Set(jobs, func([]state.Key) { st.Configure(specs, state.Options{}) }))
				ctx, cancel := context.WithCancel(t.Context())
				var watch sync.WaitGroup
				watch.Go(func() {
					defer cancel()
					for end := time.Now().Add(time.Hour); time.Now().Before(end); time.Sleep(time.Second) {
						if time.Until(end) > 59*time.Minute {
							continue // not all have run
						}
						for _, e := range st.Snapshot() {
							if e.Stale || !e.Verdict.OK() || e.Verdict == probes.Warn && c.unknown == 0 {
								t.Error(time.Now(), e.Why)
								return
							}
						}
					}
				})
				require.NoError(t, s.Run(ctx))
				watch.Wait()

				least, most := 1<<30, 0
				require.Len(t, crowd.results, c.probes)
				for p, results := range crowd.results {
					least, most = min(least, len(results)), max(most, len(results))
					unknown := 0
					for _, r := range results {
						if r.Outcome == probes.Unknown {
							unknown++
						} else {
							require.Equal(t, probes.Pass, r.Outcome, "%s: %s", p, r.Detail)
						}
					}
					require.LessOrEqual(t, unknown, c.unknown, p)
				}
				require.LessOrEqual(t, most-least, most/10+2, "least %d, most %d", least, most)
				require.LessOrEqual(t, crowd.longest, c.most)
				for i := range crowd.asked[1:] {
					require.GreaterOrEqual(t, crowd.asked[i+1].Sub(crowd.asked[i]), 250*time.Millisecond)
				}
			})
		})
	}
}

// everySeventh answers late one time in seven.
func everySeventh(late, usual time.Duration) func() time.Duration {
	n := 0
	var mu sync.Mutex
	return func() time.Duration {
		mu.Lock()
		defer mu.Unlock()
		if n++; n%7 == 0 {
			return late
		}
		return usual
	}
}

// A node that gives no answer fails, however long its probe waited before.
func TestAHungNodeFailsThoughOthersWereFirst(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		crowd := &crowd{}
		b := NewBudgets()
		o := NewOptions(b)
		o.Resources, o.Test, o.Testall = []string{"cpu", "db"}, false, false
		ahead, _ := b.turn(t.Context(), "n", "ahead", 8, o.gap(), 0)
		defer ahead.leave()
		ctx, cancel := context.WithTimeout(t.Context(), 6*time.Second)
		defer cancel()
		begin := time.Now()
		r := crowd.probe(o, "p", func() time.Duration { return time.Hour }).Run(ctx)
		require.Equal(t, probes.Fail, r.Outcome)
		require.Equal(t, probes.ReasonTimeout, r.Reason)
		require.Equal(t, 2*time.Second, r.Start.Sub(begin), "waiting is no part of it")
		require.Equal(t, 4*time.Second, r.Duration)
	})
}

// What waiting for the budget leaves no time for is not known.
func TestARunThatTheBudgetCutsShort(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		answered int // requests before the others press ahead
		latency  time.Duration
		detail   string
	}{
		"too late to ask":    {3, 60 * time.Millisecond, "leaves no time"},
		"too late to answer": {2, 1100 * time.Millisecond, "no answer in the"},
	} {
		synctest.Test(t, func(t *testing.T) {
			b := NewBudgets()
			o := NewOptions(b)
			o.Resources, o.Test, o.Testall = []string{"cpu", "memory", "disk", "db", "email"}, false, false
			n := 0
			crowd := &crowd{}
			ctx, cancel := context.WithTimeout(t.Context(), 4*time.Second)
			defer cancel()
			r := crowd.probe(o, "p", func() time.Duration {
				if n++; n == c.answered {
					b.mu.Lock()
					b.nodes["n"].last = time.Now().Add(map[bool]time.Duration{true: 2300 * time.Millisecond, false: time.Hour}[n == 2]) // they are late
					b.mu.Unlock()
				}
				return c.latency
			}).Run(ctx)
			require.Equal(t, probes.Unknown, r.Outcome, "%s: %s", name, r.Detail)
			require.Equal(t, probes.ReasonTimeout, r.Reason, name)
			require.Contains(t, r.Detail, c.detail, name)
		})
	}
}
