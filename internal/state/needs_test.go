package state

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/idp-exporter/idp_exporter/probes"
)

var (
	dns     = Key{Probe: "dns"}
	lb      = Key{Probe: "lb"}
	public  = Key{Probe: "login"}
	loginN1 = Key{"login", "n1"}
	loginN3 = Key{"login", "n3"}
	portN1  = Key{"port", "n1"}
)

// needing is a spec that needs others.
func needing(k Key, needs ...string) Spec {
	s := spec(k)
	s.Provider, s.Needs = "acme", needs
	return s
}

func ungated(s Spec) Spec {
	s.Gates = false
	return s
}

func (b *bench) entry(k Key) Entry {
	b.t.Helper()
	e, ok := b.Entry(k)
	require.True(b.t, ok)
	return e
}

// twice records an outcome as often as it takes for a verdict to fall.
func (b *bench) twice(k Key, o probes.Outcome) {
	b.record(k, o)
	b.record(k, o)
}

func (b *bench) good(keys ...Key) {
	for _, k := range keys {
		b.record(k, probes.Pass)
	}
}

func TestCheckNeeds(t *testing.T) {
	t.Parallel()
	require.Empty(t, CheckNeeds([]Spec{needing(dns), needing(loginN1, "dns", "port"), needing(public, "dns"), needing(portN1)}))
	var got []string
	for _, p := range CheckNeeds([]Spec{
		needing(dns, "lb"), needing(lb, "web"), needing(Key{Probe: "web"}, "dns"), needing(portN1, "port"),
		needing(loginN1, "port", "nothing"), needing(loginN3, "port", "nothing"), needing(Key{Probe: "aside"}, "dns"),
	}) {
		got = append(got, p.Error())
	}
	require.Equal(t, []string{
		"probe dns: needs lb: that is a circle: dns needs lb needs web needs dns",
		"probe lb: needs web: that is a circle: lb needs web needs dns needs lb",
		"probe web: needs dns: that is a circle: web needs dns needs lb needs web",
		"probe port: needs port: a probe cannot need itself",
		"probe login: needs nothing: there is no probe of that name; there are aside, dns, lb, login, port, web",
		"probe login: needs port: it runs neither on node n3 nor under the public name; let it run on one of them",
	}, got)
}

// What CheckNeeds complains of does no harm.
func TestWrongNeedsAreLeftOut(t *testing.T) {
	t.Parallel()
	b := newBench(t, Options{}, needing(dns, "lb", "dns"), needing(lb, "dns"), needing(loginN3, "port", "nothing"), needing(portN1))
	b.good(dns, lb, loginN3, portN1)
	require.Equal(t, Verdict{OK: true, Outcome: probes.Pass}, b.Verdict())
	b.twice(dns, probes.Fail)
	require.Equal(t, SuppressedParent, b.entry(lb).Suppressed)
	require.False(t, b.Verdict().OK)
}

func TestAChildOfAFailingParentIsNotJudged(t *testing.T) {
	t.Parallel()
	b := newBench(t, Options{}, needing(dns), needing(loginN1, "dns"), needing(loginN3, "dns"), needing(public, "dns"))
	b.good(dns, loginN1, loginN3, public)
	for range 2 {
		b.wait(every)
		b.record(dns, probes.Fail)
		b.record(loginN1, probes.Fail)
		b.record(public, probes.Unknown)
		b.record(loginN3, probes.Pass)
	}
	e := b.entry(loginN1)
	require.Equal(t, probes.Fail, e.Verdict, "its own verdict stays its own")
	require.Equal(t, SuppressedParent, e.Suppressed)
	require.Equal(t, "login on node n1: not judged: it needs dns, which fails", e.Why)
	require.Equal(t, uint64(2), e.Runs[probes.Fail], "it goes on being measured")
	require.Empty(t, b.entry(dns).Suppressed)
	require.Equal(t, Verdict{Outcome: probes.Fail, Reasons: []string{
		"dns: fail at step token: credentials_refused (2 runs in a row, since 12:03:21Z)",
		"login: not judged: it needs dns, which fails",
		"login on node n1: not judged: it needs dns, which fails",
		"login on node n3: not judged: it needs dns, which fails",
	}}, b.Verdict())
}

func TestTheFailureOfAParentThatDoesNotGateCountsOnce(t *testing.T) {
	t.Parallel()
	b := newBench(t, Options{}, ungated(needing(dns)), needing(loginN1, "dns"), needing(loginN3, "dns"))
	b.good(dns, loginN1, loginN3)
	b.twice(dns, probes.Fail)
	require.Equal(t, Verdict{OK: true, Outcome: probes.Warn, Reasons: []string{
		"login on node n1: not judged: it needs dns, which fails",
		"login on node n3: not judged: it needs dns, which fails",
	}}, b.Verdict(), "what passes all the same does not fail for it")
	b.twice(loginN1, probes.Fail)
	b.twice(loginN3, probes.Fail)
	v := b.Verdict()
	require.False(t, v.OK)
	require.Equal(t, []string{
		"login on node n1: not judged: it needs dns, which fails",
		"dns: fail at step token: credentials_refused (2 runs in a row, since 12:03:11Z)",
		"login on node n3: not judged: it needs dns, which fails",
	}, v.Reasons)
	// The same where the parent gates, but was not asked about.
	b = newBench(t, Options{}, needing(dns), needing(loginN1, "dns"))
	b.twice(dns, probes.Fail)
	b.twice(loginN1, probes.Fail)
	require.False(t, b.VerdictOf(func(s Spec) bool { return s.Probe == "login" }).OK)
}

func TestAParentWithoutAnyResultExplainsNothing(t *testing.T) {
	t.Parallel()
	b := newBench(t, Options{}, needing(dns), needing(loginN1, "dns"))
	require.Equal(t, []string{"dns: no result yet", "login on node n1: no result yet"}, b.Verdict().Reasons)
	b.good(dns)
	require.False(t, b.Verdict().OK, "the start stays closed")
	require.Empty(t, b.entry(loginN1).Suppressed)
}

func TestNeedsReachThroughTheFamily(t *testing.T) {
	t.Parallel()
	b := newBench(t, Options{}, needing(dns), needing(lb, "dns"), needing(loginN1, "lb", "port"), needing(portN1))
	b.good(dns, lb, loginN1, portN1)
	b.twice(dns, probes.Fail)
	b.twice(lb, probes.Fail)
	require.Equal(t, "login on node n1: not judged: it needs dns, which fails", b.entry(loginN1).Why, "the first cause is named")
	b.twice(dns, probes.Pass)
	require.Equal(t, SuppressedParent, b.entry(lb).Suppressed, "in its grace")
	require.Equal(t, "login on node n1: not judged: it needs lb, which fails", b.entry(loginN1).Why)
	b.wait(time.Second)
	b.good(lb)
	b.twice(portN1, probes.Fail)
	require.Equal(t, "login on node n1: not judged: it needs port, which fails", b.entry(loginN1).Why)
}

func TestGraceAfterAnOutage(t *testing.T) {
	t.Parallel()
	outage := func(change func(*Spec)) *bench {
		s := needing(loginN1, "dns")
		s.PassAfter = 3
		if change != nil {
			change(&s)
		}
		b := newBench(t, Options{}, needing(dns), s)
		b.good(dns, loginN1)
		b.wait(time.Second)
		b.twice(dns, probes.Fail)
		b.twice(loginN1, probes.Fail)
		b.wait(time.Second)
		b.good(dns)
		require.Equal(t, Verdict{OK: true, Outcome: probes.Warn, Reasons: []string{
			"login on node n1: not judged before its next run: what it needs has only just recovered",
		}}, b.Verdict())
		require.Equal(t, SuppressedParent, b.entry(loginN1).Suppressed)
		return b
	}
	b := outage(nil)
	b.good(loginN1) // began no earlier than the recovery
	require.Equal(t, Verdict{OK: true, Outcome: probes.Pass}, b.Verdict(), "one pass is enough: there is nothing to damp from")

	b = outage(nil)
	b.record(loginN1, probes.Fail)
	require.False(t, b.Verdict().OK, "the next conclusive run decides")
	require.Empty(t, b.entry(loginN1).Suppressed)
	require.Contains(t, b.entry(loginN1).Why, "(1 run, ")

	b = outage(nil)
	b.record(loginN1, probes.Fail, func(r *probes.Result) { r.Start = b.now.Add(-time.Millisecond) })
	require.True(t, b.Verdict().OK, "that run began during the outage")
	b.record(loginN1, probes.Unknown)
	require.True(t, b.Verdict().OK, "that one decides nothing")
	b.wait(3*every - 1)
	b.good(dns)
	require.True(t, b.Verdict().OK)
	b.wait(1)
	require.False(t, b.Verdict().OK, "no run decided in time")

	// What never fell is damped as ever, though not by failures of the outage.
	s := needing(loginN1, "dns")
	b = newBench(t, Options{}, needing(dns), s)
	b.good(dns, loginN1)
	b.twice(dns, probes.Fail)
	b.record(loginN1, probes.Fail)
	b.good(dns)
	b.record(loginN1, probes.Fail)
	require.Equal(t, Verdict{OK: true, Outcome: probes.Pass}, b.Verdict())
	b.record(loginN1, probes.Fail)
	require.False(t, b.Verdict().OK)
}

// A parent that vanishes or changes leaves its children a grace as well.
func TestGraceWhenAParentIsGone(t *testing.T) {
	t.Parallel()
	for name, remove := range map[string]func(*bench){
		"removed":             func(b *bench) { b.Configure([]Spec{needing(loginN1, "dns")}, Options{}) },
		"not needed any more": func(b *bench) { b.Configure([]Spec{ungated(needing(dns)), needing(loginN1)}, Options{}) },
		"another check":       func(b *bench) { b.Forget(dns) },
	} {
		b := newBench(t, Options{}, ungated(needing(dns)), needing(loginN1, "dns"))
		b.twice(dns, probes.Fail)
		b.twice(loginN1, probes.Fail)
		require.False(t, b.Verdict().OK)
		remove(b)
		require.Equal(t, probes.Warn, b.Verdict().Outcome, name)
		b.record(loginN1, probes.Fail)
		require.False(t, b.Verdict().OK, name)
	}
}

// The clock alone makes a parent fail, and the cached verdict follows.
func TestAParentFallsWithTheClock(t *testing.T) {
	t.Parallel()
	slow := needing(loginN1, "dns")
	slow.Every = time.Hour
	b := newBench(t, Options{}, ungated(needing(dns)), slow)
	b.good(dns, loginN1)
	require.Equal(t, Verdict{OK: true, Outcome: probes.Pass}, b.Verdict())
	b.wait(3 * every)
	require.Equal(t, probes.Warn, b.Verdict().Outcome)
	b.twice(loginN1, probes.Fail)
	require.False(t, b.Verdict().OK)
}

// The grace ends by itself, and the cached verdict with it.
func TestGraceEnds(t *testing.T) {
	t.Parallel()
	slow := needing(dns)
	slow.Every = time.Hour
	start := func() *bench {
		b := newBench(t, Options{UnknownMax: time.Minute}, slow, needing(loginN1, "dns"))
		b.twice(dns, probes.Fail)
		b.twice(loginN1, probes.Fail)
		b.wait(20 * time.Second)
		b.good(dns)
		return b
	}
	b := start()
	for range 3 * every / time.Second {
		require.True(t, b.Verdict().OK)
		b.wait(time.Second)
	}
	require.False(t, b.Verdict().OK, "it was not run")
	b = start()
	for range time.Minute / time.Second {
		require.True(t, b.Verdict().OK)
		b.wait(time.Second)
		b.record(loginN1, probes.Unknown)
	}
	require.False(t, b.Verdict().OK, "its runs were of no avail for too long")
}
