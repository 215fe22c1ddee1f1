package state

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/idp-exporter/idp_exporter/probes"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// model says the rules again as plainly as can be: it is told of every second,
// and lets the verdict fall the moment a limit is reached.
type model struct {
	failAfter, passAfter int
	every, unknownMax    int // seconds
	open                 bool

	now, lastRun, pause, unknownFrom int
	started, unknown                 bool
	verdict                          probes.Outcome // Unknown before the first conclusive run
	passes, fails                    int
}

func (m *model) tick() {
	m.now++
	m.limits()
}

func (m *model) limits() {
	fresh := m.lastRun + 3*m.every
	if m.pause > 0 {
		fresh = max(fresh, min(m.pause+m.every, m.lastRun+m.unknownMax))
	}
	tooLong := m.unknown && m.now >= m.unknownFrom+m.unknownMax
	if m.now < fresh && !tooLong {
		return
	}
	if !m.started {
		m.open = false
	} else if m.verdict != probes.Fail {
		m.verdict, m.passes = probes.Fail, 0
	}
}

func (m *model) run(o probes.Outcome, decisive bool, pause int) {
	m.lastRun, m.pause = m.now, pause
	if o == probes.Unknown {
		if !m.unknown {
			m.unknown, m.unknownFrom = true, m.now
		}
		return
	}
	m.unknown = false
	if o == probes.Fail {
		m.fails, m.passes = m.fails+1, 0
	} else {
		m.passes, m.fails = m.passes+1, 0
	}
	switch {
	case !m.started:
		m.verdict = o
	case o == probes.Fail:
		if decisive || m.fails >= m.failAfter {
			m.verdict = probes.Fail
		}
	case m.verdict != probes.Fail || m.passes >= m.passAfter:
		m.verdict = o
	}
	m.started = true
}

func (m *model) shown() probes.Outcome {
	switch {
	case !m.started && m.open, m.started && m.verdict == probes.Pass && m.unknown:
		return probes.Warn
	case !m.started:
		return probes.Fail
	default:
		return m.verdict
	}
}

func TestAgainstModel(t *testing.T) {
	t.Parallel()
	for seed := range uint64(400) {
		rnd := rand.New(rand.NewPCG(seed, 7))
		m := &model{
			failAfter: 1 + rnd.IntN(3), passAfter: 1 + rnd.IntN(3), every: 1 + rnd.IntN(10),
			unknownMax: 1 + rnd.IntN(60), open: rnd.IntN(2) == 0,
		}
		s := spec(key)
		s.FailAfter, s.PassAfter, s.Every = m.failAfter, m.passAfter, time.Duration(m.every)*time.Second
		b := newBench(t, Options{UnknownMax: time.Duration(m.unknownMax) * time.Second, StartOpen: m.open}, s)
		for step := range 300 {
			if rnd.IntN(3) > 0 {
				for range 1 + rnd.IntN(1+rnd.IntN(4*m.every)) {
					m.tick()
					b.wait(time.Second)
					if rnd.IntN(4) == 0 {
						b.Verdict() // fill the cache at odd times
					}
				}
			}
			if rnd.IntN(4) > 0 {
				o, hard, pause := probes.Outcome(rnd.IntN(4)), rnd.IntN(5) == 0, 0
				change := func(r *probes.Result) { r.Decisive = hard }
				if rnd.IntN(5) == 0 {
					pause = m.now + 1 + rnd.IntN(100)
					until := b.pauseUntil(time.Duration(pause-m.now) * time.Second)
					change = func(r *probes.Result) { r.Decisive = hard; until(r) }
				}
				m.run(o, hard, pause)
				b.record(key, o, change)
			} else if rnd.IntN(4) == 0 {
				pause := m.now + 1 + rnd.IntN(100)
				m.pause = max(m.pause, pause)
				b.Skip(key, probes.SkipBackoff, b.now.Add(time.Duration(pause-m.now)*time.Second))
			}
			m.limits()
			e, _ := b.Entry(key)
			require.Equal(t, m.shown(), e.Verdict, "seed %d, step %d: %+v\n%s", seed, step, m, e.Why)
			require.Equal(t, m.shown(), b.Verdict().Outcome, "seed %d, step %d: the cached verdict", seed, step)
		}
	}
}

// Readers, writers and reloads at the same time, for the race detector. Every
// snapshot must be whole: counts and results belong together.
func TestConcurrentUse(t *testing.T) {
	t.Parallel()
	var specs []Spec
	for i := range 20 {
		p := needing(Key{fmt.Sprint(i / 4), []string{"", "n1", "n2", "n3"}[i%4]})
		if i > 3 {
			p.Needs = []string{"0"}
		}
		specs = append(specs, printed(p, "f"))
	}
	s := New(Options{Suppressor: &calendar{spans: []span{{cause: SuppressedDrained, node: "n3"}}}})
	s.Observe(func(Key, Spec, probes.Result) {})
	s.Configure(specs, Options{})
	var wg sync.WaitGroup
	for w := range 4 {
		wg.Go(func() {
			for i := range 500 {
				k := specs[(i+w)%20].Key
				s.Record(k, probes.Result{Outcome: probes.Outcome(i % 4), Start: time.Now(), FailedStep: "token", Reason: probes.ReasonTimeout, Facts: probes.Facts{DiscoveryDigest: fmt.Sprint(i % 3)}})
				if i%50 == 0 {
					s.SuppressionChanged()
					s.Restore(s.Export(time.Time{}))
					s.Skip(k, probes.SkipOverrun, time.Time{})
					s.Configure(specs[i/50:], Options{})
					s.Forget(k)
				}
			}
		})
		wg.Go(func() {
			for range 300 {
				for _, e := range s.Snapshot() {
					var failures uint64
					for _, n := range e.Failures {
						failures += n
					}
					if failures != e.Runs[probes.Fail] || (e.Last == nil) != (e.Runs == [4]uint64{}) {
						t.Errorf("torn snapshot: %+v", e)
					}
				}
				if v := s.Verdict(); v.OK != v.Outcome.OK() {
					t.Errorf("torn verdict: %+v", v)
				}
				if v := s.NodeVerdict("n1"); v.OK != v.Outcome.OK() {
					t.Errorf("torn verdict: %+v", v)
				}
				if v := s.NodeVerdict("n3"); v.OK {
					t.Errorf("not drained: %+v", v)
				}
				for _, d := range s.Disagreements() {
					if len(d.Nodes) < 2 {
						t.Errorf("torn disagreement: %+v", d)
					}
				}
				s.VerdictOf(func(s Spec) bool { return s.Probe > "1" })
				s.NodeVerdictOf("n2", func(s Spec) bool { return s.Probe > "1" })
			}
		})
	}
	wg.Wait()
}

func BenchmarkVerdict(b *testing.B) {
	s := New(Options{})
	var specs []Spec
	for i := range 1000 {
		specs = append(specs, spec(Key{Probe: fmt.Sprint(i)}))
	}
	s.Configure(specs, Options{})
	for _, p := range specs {
		s.Record(p.Key, probes.Result{Outcome: probes.Pass, Start: time.Now()})
	}
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if !s.Verdict().OK {
				b.Error("not OK")
			}
		}
	})
}

func BenchmarkSnapshot(b *testing.B) {
	s := New(Options{})
	var specs []Spec
	for i := range 10000 {
		specs = append(specs, spec(Key{Probe: fmt.Sprint(i)}))
	}
	s.Configure(specs, Options{})
	for b.Loop() {
		s.Snapshot()
	}
}
