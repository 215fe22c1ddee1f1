package state

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/idp-exporter/idp_exporter/probes"
)

func TestNothingGates(t *testing.T) {
	t.Parallel()
	want := Verdict{Outcome: probes.Fail, Reasons: []string{"no probe gates"}}
	require.Equal(t, want, New(Options{}).Verdict())
	s := spec(key)
	s.Gates = false
	b := newBench(t, Options{StartOpen: true}, s)
	b.record(key, probes.Pass)
	require.Equal(t, want, b.Verdict())
	b = newBench(t, Options{}, spec(key))
	b.record(key, probes.Pass)
	require.True(t, b.Verdict().OK)
	require.Equal(t, want, b.VerdictOf(func(Spec) bool { return false }))
}

func TestWholeAndParts(t *testing.T) {
	t.Parallel()
	a, c, side := Key{"a", "n1"}, Key{"c", ""}, Key{"b", ""}
	aside := spec(side)
	aside.Gates = false
	b := newBench(t, Options{}, spec(c), aside, spec(a))
	require.Equal(t, []string{"a on node n1: no result yet", "c: no result yet"}, b.Verdict().Reasons)
	b.record(a, probes.Pass)
	require.False(t, b.Verdict().OK, "c is not known yet")
	b.record(c, probes.Pass)
	require.Equal(t, Verdict{OK: true, Outcome: probes.Pass}, b.Verdict())
	b.record(side, probes.Fail)
	require.True(t, b.Verdict().OK, "a probe that does not gate counts")
	b.record(c, probes.Warn)
	require.Equal(t, Verdict{OK: true, Outcome: probes.Warn, Reasons: []string{"c: warn"}}, b.Verdict())
	b.record(a, probes.Fail, decisive)
	v := b.Verdict()
	require.Equal(t, probes.Fail, v.Outcome)
	require.Len(t, v.Reasons, 2)
	node := func(n string) Verdict { return b.VerdictOf(func(s Spec) bool { return s.Node == n }) }
	require.Equal(t, probes.Fail, node("n1").Outcome)
	require.Equal(t, probes.Warn, node("").Outcome)

	var order []Key
	for _, e := range b.Snapshot() {
		order = append(order, e.Key)
	}
	require.Equal(t, []Key{a, side, c}, order)
}

func TestVerdictChangesWithTheClockAlone(t *testing.T) {
	t.Parallel()
	other := Key{Probe: "other"}
	b := newBench(t, Options{UnknownMax: 20 * time.Second}, spec(key), spec(other))
	b.record(key, probes.Pass)
	b.record(other, probes.Pass)
	require.True(t, b.Verdict().OK) // cached from here on
	b.wait(20 * time.Second)
	b.record(other, probes.Pass) // does not refresh what key says
	b.wait(10*time.Second - 1)
	require.True(t, b.Verdict().OK)
	b.wait(1)
	require.False(t, b.Verdict().OK)
	require.Equal(t, []string{"login on node n2: stale: no run since 12:03:11Z, though one is due every 10s"}, b.Verdict().Reasons)
	b.record(key, probes.Pass)
	require.True(t, b.Verdict().OK)
	b.record(key, probes.Unknown)
	require.Equal(t, probes.Warn, b.Verdict().Outcome)
	b.wait(20 * time.Second)
	require.Equal(t, probes.Fail, b.Verdict().Outcome)
}

// A back-off that a pass cuts short must not let the cached verdict outlive freshness.
func TestCacheIsDroppedWhenFreshnessShrinks(t *testing.T) {
	t.Parallel()
	b := newBench(t, Options{}, spec(key))
	b.record(key, probes.Pass, b.pauseUntil(10*time.Minute))
	require.True(t, b.Verdict().OK)
	b.record(key, probes.Pass)
	b.wait(3 * every)
	require.False(t, b.Verdict().OK)
}

func TestConfigureKeepsAndDrops(t *testing.T) {
	t.Parallel()
	gone, fresh := Key{Probe: "gone"}, Key{Probe: "fresh"}
	b := newBench(t, Options{}, spec(key), spec(gone))
	b.record(key, probes.Pass)
	b.record(gone, probes.Fail)
	b.Configure([]Spec{spec(key)}, Options{})
	require.True(t, b.Verdict().OK)
	_, ok := b.Entry(gone)
	require.False(t, ok)
	b.Record(gone, probes.Result{Outcome: probes.Pass}) // a late result of what is gone
	require.Len(t, b.Snapshot(), 1)

	again := spec(key)
	again.Kind = "rule"
	b.Configure([]Spec{spec(key), again, spec(fresh)}, Options{})
	require.Len(t, b.Snapshot(), 2)
	e, _ := b.Entry(key)
	require.Equal(t, "login", e.Kind, "of two the first counts")
	require.Equal(t, uint64(1), e.Runs[probes.Pass])
	require.Equal(t, []string{"fresh: no result yet"}, b.Verdict().Reasons)
	b.Configure([]Spec{spec(key), spec(fresh)}, Options{StartOpen: true})
	require.Equal(t, probes.Warn, b.Verdict().Outcome)

	b.Forget(key, Key{Probe: "nobody"})
	e, _ = b.Entry(key)
	require.True(t, e.Pending)
	require.Nil(t, e.Last)
	require.Zero(t, e.Runs)
	require.Equal(t, "login", e.Kind)
}

func TestConfigureAppliesDamping(t *testing.T) {
	t.Parallel()
	s := spec(key)
	s.FailAfter, s.PassAfter = 5, 5
	b := newBench(t, Options{}, s)
	require.Equal(t, "pppp", b.play("p f f f"))
	s.FailAfter = 3
	b.Configure([]Spec{s}, Options{})
	require.False(t, b.Verdict().OK)
	require.Equal(t, "ffff", b.play("p p p p"))
	s.PassAfter = 4
	b.Configure([]Spec{s}, Options{})
	require.True(t, b.Verdict().OK)
	s.PassAfter = 10
	b.Configure([]Spec{s}, Options{})
	require.True(t, b.Verdict().OK, "a stricter rule does not undo what stands")
}

// Longer limits do not bring back a verdict that had run out.
func TestConfigureDoesNotRevive(t *testing.T) {
	t.Parallel()
	b := newBench(t, Options{}, spec(key))
	require.Equal(t, "pf", b.play("p 30s"))
	s := spec(key)
	s.Every = time.Hour
	b.Configure([]Spec{s}, Options{})
	require.Equal(t, []string{"login on node n2: fail: results stopped coming at 12:03:21Z"}, b.Verdict().Reasons)
	require.Equal(t, "p", b.play("p"))
}

func TestReasonLines(t *testing.T) {
	t.Parallel()
	for script, want := range map[string]string{
		"1s":      "login on node n2: no result yet",
		"u":       "login on node n2: no conclusive result yet: unknown at step token: rate_limited",
		"f":       "login on node n2: fail at step token: credentials_refused (1 run, since 12:03:21Z)",
		"p f f":   "login on node n2: fail at step token: credentials_refused (2 runs in a row, since 12:03:31Z)",
		"f u":     "login on node n2: fail at step token: credentials_refused (1 run, since 12:03:21Z); the last run was unknown at step token: rate_limited",
		"f 24h f": "login on node n2: fail at step token: credentials_refused (2 runs in a row, since 2026-03-04 12:03:21Z)",
		"f 30s":   "login on node n2: fail at step token: credentials_refused (1 run, since 12:03:21Z); stale: no run since 12:03:21Z, though one is due every 10s",
		"f p":     "login on node n2: fail: passes again, 1 of 3 runs needed (fail since 12:03:21Z)",
		"f p 30s": "login on node n2: stale: no run since 12:03:31Z, though one is due every 10s",
		"p u":     "login on node n2: unknown at step token: rate_limited (last verdict pass is held from 12:03:31Z to 12:18:31Z)",
		"w":       "login on node n2: warn",
		"p 30s":   "login on node n2: stale: no run since 12:03:21Z, though one is due every 10s",
		"p 30s u": "login on node n2: fail: unknown at step token: rate_limited (fail since 12:03:51Z)",
	} {
		s := spec(key)
		s.PassAfter = 3
		b := newBench(t, Options{}, s)
		b.play(script)
		require.Equal(t, []string{want}, b.Verdict().Reasons, script)
	}
	s := spec(key)
	s.Every = time.Hour
	b := newBench(t, Options{}, s)
	b.play("p u 15m")
	require.Equal(t, []string{"login on node n2: fail: unknown at step token: rate_limited for more than 15m0s, since 12:03:31Z"}, b.Verdict().Reasons)
}

func TestWhatAReloadAddsOrChangesHasAGraceUntilItsFirstRun(t *testing.T) {
	t.Parallel()
	now := time.Unix(1_800_000_000, 0)
	s := New(Options{Now: func() time.Time { return now }})
	spec := func(name string) Spec {
		return Spec{Key: Key{Probe: name}, Gates: true, Every: time.Minute, FailAfter: 2, PassAfter: 1}
	}
	run := func(name string, o probes.Outcome) { s.Record(Key{Probe: name}, probes.Result{Outcome: o, Start: now}) }

	s.Configure([]Spec{spec("good"), spec("bad")}, Options{})
	require.False(t, s.Verdict().OK, "the start is closed")
	run("good", probes.Pass)
	run("bad", probes.Pass)
	require.True(t, s.Verdict().OK)

	s.Configure([]Spec{spec("good"), spec("bad"), spec("new")}, Options{})
	require.True(t, s.Verdict().OK)
	require.Equal(t, probes.Warn, s.Verdict().Outcome)
	run("new", probes.Fail)
	require.False(t, s.Verdict().OK, "the first conclusive run ends the grace")
	run("new", probes.Pass)

	s.Forget(Key{Probe: "good"})
	require.Equal(t, probes.Warn, s.Verdict().Outcome, "it passed before it changed")
	now = now.Add(staleAfter * time.Minute)
	require.False(t, s.Verdict().OK, "but not without any run for long")
	run("good", probes.Pass)
	run("new", probes.Pass)
	run("bad", probes.Fail)
	run("bad", probes.Fail)
	s.Forget(Key{Probe: "bad"})
	require.False(t, s.Verdict().OK, "it failed before it changed")
}
