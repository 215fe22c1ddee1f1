package state

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/idp-exporter/idp_exporter/probes"
)

func printed(s Spec, fingerprint string) Spec {
	s.Fingerprint = fingerprint
	return s
}

// restart makes a State with the same clock that restores what this one
// exports, as JSON would keep it.
func (b *bench) restart(after time.Duration, o Options, specs ...Spec) (*bench, []Key) {
	b.t.Helper()
	text, err := json.Marshal(b.Export(time.Time{}))
	require.NoError(b.t, err)
	var back []Saved
	require.NoError(b.t, json.Unmarshal(text, &back))
	n := newBench(b.t, o, specs...)
	n.now = b.now.Add(after)
	n.Configure(specs, o)
	// The start is now.
	n.Forget(func() (all []Key) {
		for _, s := range specs {
			all = append(all, s.Key)
		}
		return all
	}()...)
	return n, n.Restore(back)
}

func TestRestore(t *testing.T) {
	t.Parallel()
	s := printed(spec(key), "f")
	s.PassAfter = 3
	for script, c := range map[string]struct {
		after    time.Duration
		restored bool
		want     probes.Outcome
		then     string // verdicts after "f f p p p"
	}{
		"p":         {time.Second, true, probes.Pass, "pffff"},
		"p w":       {time.Second, true, probes.Warn, "wffff"},
		"p f":       {time.Second, true, probes.Pass, "fffff"}, // the first failure is remembered
		"p f f":     {time.Second, true, probes.Fail, "fffff"},
		"p f f p p": {time.Second, true, probes.Fail, "fffff"},
		"p u":       {time.Second, true, probes.Warn, "pffff"},
		"u":         {time.Second, false, probes.Fail, "fffff"},
		"p p":       {3*every - 1, true, probes.Pass, "fffff"}, // by then it is stale
		"p p p":     {3 * every, false, probes.Fail, "fffff"},
		"p p w":     {time.Hour, false, probes.Fail, "fffff"},
	} {
		b := newBench(t, Options{}, s)
		b.play(script)
		n, keys := b.restart(c.after, Options{}, s)
		require.Equal(t, c.restored, len(keys) == 1, script)
		e := n.entry(key)
		require.Equal(t, c.want, e.Verdict, script)
		require.Equal(t, c.want, n.Verdict().Outcome, script)
		require.Equal(t, c.restored, e.Restored, script)
		require.Equal(t, !c.restored, e.Pending, script)
		require.Nil(t, e.Last, "no run took place yet")
		if c.restored && c.want != probes.Pass {
			require.Contains(t, e.Why, "login on node n2: restored after a restart: ", script)
		}
		if c.restored {
			old := b.entry(key)
			require.True(t, old.LastPass.Equal(e.LastPass), script)
			require.Equal(t, old.LastConclusive.Outcome, e.LastConclusive.Outcome, script)
		}
		if c.after == time.Second {
			require.Equal(t, c.then, n.play("f f p p")+n.play("1s"), script)
			require.False(t, n.entry(key).Restored)
		}
	}
}

func TestRestoreKeepsTheRise(t *testing.T) {
	t.Parallel()
	s := printed(spec(key), "f")
	s.PassAfter = 3
	b := newBench(t, Options{}, s)
	b.play("p f f p p")
	n, _ := b.restart(time.Second, Options{}, s)
	require.Equal(t, "p", n.play("p"), "the third of three")
}

func TestWhatIsNotRestored(t *testing.T) {
	t.Parallel()
	good := func(b *bench) Saved {
		return Saved{
			Key: key, Fingerprint: "f", Verdict: probes.Pass, Since: b.now, Seen: b.now, PassRow: 1,
			LastConclusive: &probes.Result{Outcome: probes.Pass, Start: b.now},
		}
	}
	for name, change := range map[string]func(*Saved){
		"":                      func(*Saved) {},
		"another fingerprint":   func(s *Saved) { s.Fingerprint = "g" },
		"no fingerprint":        func(s *Saved) { s.Fingerprint = "" },
		"another key":           func(s *Saved) { s.Key.Node = "n9" },
		"no run":                func(s *Saved) { s.LastConclusive = nil },
		"inconclusive run":      func(s *Saved) { s.LastConclusive = &probes.Result{} },
		"no verdict":            func(s *Saved) { s.Verdict = probes.Unknown },
		"never seen":            func(s *Saved) { s.Seen = time.Time{} },
		"of the future":         func(s *Saved) { s.Seen = s.Seen.Add(time.Hour) },
		"stale":                 func(s *Saved) { s.Seen = s.Seen.Add(-3 * every) },
		"stale, though it fell": func(s *Saved) { s.Seen, s.Verdict = s.Seen.Add(-3*every), probes.Fail },
		"unknown for too long":  func(s *Saved) { s.UnknownSince = s.Seen.Add(-DefaultUnknownMax) },
	} {
		b := newBench(t, Options{}, printed(spec(key), "f"))
		r := good(b)
		change(&r)
		require.Equal(t, name == "", len(b.Restore([]Saved{r})) == 1, name)
		require.Equal(t, name == "", b.Verdict().OK, name)
	}
	b := newBench(t, Options{}, spec(key))
	r := good(b)
	r.Fingerprint = ""
	require.Empty(t, b.Restore([]Saved{r}), "two that have none have not the same")
	b = newBench(t, Options{}, printed(spec(key), "f"))
	b.record(key, probes.Fail)
	require.Empty(t, b.Restore([]Saved{good(b)}), "it has run already")
	require.False(t, b.Verdict().OK)
}

// Whatever a file holds, a restored entry can be shown.
func TestRestoreOfOddRecords(t *testing.T) {
	t.Parallel()
	for _, o := range probes.Outcomes() {
		for _, last := range probes.Outcomes() {
			for rows := range 16 {
				b := newBench(t, Options{}, printed(spec(key), "f"))
				r := Saved{
					Key: key, Fingerprint: "f", Verdict: o, Seen: b.now.Add(2 * time.Second), PassRow: rows%4 - 1, FailRow: rows/4 - 1,
					LastConclusive: &probes.Result{Outcome: last}, UnknownSince: b.now.Add(time.Duration(rows%2) * time.Hour),
					Since: b.now.Add(time.Hour), NotBefore: b.now.Add(240 * time.Hour),
				}
				b.Restore([]Saved{r})
				for range 20 {
					b.Verdict()
					b.NodeVerdict("n2")
					require.NotContains(t, b.entry(key).Why, "%!")
					require.False(t, b.entry(key).Since.After(b.now))
					b.wait(time.Minute)
				}
				require.False(t, b.Verdict().OK, "nothing is good for ever")
			}
		}
	}
}

func TestBackoffIsRestored(t *testing.T) {
	t.Parallel()
	s := printed(spec(key), "f")
	b := newBench(t, Options{}, s)
	b.record(key, probes.Pass, b.pauseUntil(10*time.Minute))
	n, keys := b.restart(5*time.Minute, Options{}, s)
	require.Len(t, keys, 1, "the pause kept it fresh")
	require.Equal(t, probes.Pass, n.Verdict().Outcome)
	require.WithinDuration(t, b.now.Add(10*time.Minute), n.entry(key).NotBefore, 0)
}

func TestExportIsOfWhatChanged(t *testing.T) {
	t.Parallel()
	other := Key{Probe: "other"}
	b := newBench(t, Options{}, printed(spec(key), "f"), printed(spec(other), "g"), spec(dns))
	require.Empty(t, b.Export(time.Time{}), "there is nothing to store yet")
	b.good(key, other, dns)
	require.Len(t, b.Export(time.Time{}), 2, "without a fingerprint it could not be restored")
	b.wait(time.Second)
	require.Empty(t, b.Export(b.now))
	b.Skip(other, probes.SkipOverrun, time.Time{})
	require.Empty(t, b.Export(b.now))
	b.Skip(other, probes.SkipBackoff, b.now.Add(time.Hour))
	b.record(key, probes.Unknown)
	got := b.Export(b.now)
	require.Len(t, got, 2)
	require.Equal(t, []Key{key, other}, []Key{got[0].Key, got[1].Key})
	require.Equal(t, b.now, got[0].UnknownSince)
}

// What was found before a restart still suppresses and compares.
func TestRestoredParentsAndNodes(t *testing.T) {
	t.Parallel()
	specs := []Spec{printed(needing(dns), "a"), printed(needing(loginN1, "dns"), "b"), printed(needing(loginN3, "dns"), "c")}
	b := newBench(t, Options{}, specs...)
	b.twice(dns, probes.Fail)
	b.record(loginN1, probes.Pass, keys("a"))
	b.record(loginN3, probes.Fail, keys("b"))
	n, restored := b.restart(time.Second, Options{}, specs...)
	require.Len(t, restored, 3)
	require.Equal(t, SuppressedParent, n.entry(loginN3).Suppressed)
	require.Len(t, n.Disagreements(), 1)
	n.good(dns)
	require.Equal(t, probes.Warn, n.Verdict().Outcome, "the grace")
	require.True(t, n.entry(loginN3).Restored)
}
