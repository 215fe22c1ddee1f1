package state

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/idp-exporter/idp_exporter/probes"
)

// calendar is a Suppressor made of spans; an empty name stands for all.
type calendar struct{ spans []span }

type span struct {
	cause, probe, node string
	anyNode            bool
	from, until        time.Time
}

func (s span) holds(at time.Time) bool {
	return !at.Before(s.from) && (s.until.IsZero() || at.Before(s.until))
}

func (c *calendar) Suppressed(probe, node string, at time.Time) (string, time.Time, bool) {
	// A window hides a drain here, as it may when it lasts longer.
	for _, cause := range []string{SuppressedMaintenance, SuppressedDrained} {
		for _, s := range c.spans {
			if s.cause == cause && s.holds(at) && (s.anyNode || s.node == node) && (s.probe == "" || s.probe == probe) {
				return cause, s.until, true
			}
		}
	}
	return "", time.Time{}, false
}

func (c *calendar) Drained(node string, at time.Time) (time.Time, bool) {
	for _, s := range c.spans {
		if s.cause == SuppressedDrained && s.holds(at) && s.node == node {
			return s.until, true
		}
	}
	return time.Time{}, false
}

func (c *calendar) NextChange(at time.Time) time.Time {
	var next time.Time
	for _, s := range c.spans {
		for _, t := range []time.Time{s.from, s.until} {
			if t.After(at) && earlier(t, next) {
				next = t
			}
		}
	}
	return next
}

// during makes a span that begins in some time and lasts for some.
func (b *bench) during(s span, from, length time.Duration) span {
	s.from = b.now.Add(from)
	if length > 0 {
		s.until = s.from.Add(length)
	}
	return s
}

func (c *calendar) set(b *bench, spans ...span) {
	c.spans = spans
	b.SuppressionChanged()
}

func TestMaintenanceDoesNotCountForTheWhole(t *testing.T) {
	t.Parallel()
	c := &calendar{}
	b := newBench(t, Options{Suppressor: c}, needing(dns), needing(loginN1), needing(loginN3))
	b.good(dns, loginN1, loginN3)
	b.twice(loginN1, probes.Fail)
	require.False(t, b.Verdict().OK)
	c.set(b, b.during(span{cause: SuppressedMaintenance, node: "n1"}, 0, 20*time.Second))
	require.Equal(t, Verdict{OK: true, Outcome: probes.Pass, Reasons: []string{
		"login on node n1: in maintenance until 12:03:31Z; fail at step token: credentials_refused (2 runs in a row, since 12:03:11Z)",
	}}, b.Verdict())
	e := b.entry(loginN1)
	require.Equal(t, SuppressedMaintenance, e.Suppressed)
	require.Equal(t, b.now.Add(20*time.Second), e.SuppressedUntil)
	require.Equal(t, probes.Fail, e.Verdict)
	require.False(t, b.NodeVerdict("n1").OK, "the load balancer is told as ever")
	require.True(t, b.NodeVerdict("n3").OK)
	b.wait(20*time.Second - 1)
	require.True(t, b.Verdict().OK)
	b.wait(1)
	require.False(t, b.Verdict().OK, "the cached verdict expires with the window")
}

// The same for a window that is still to open.
func TestTheCachedVerdictExpiresWhenAWindowOpens(t *testing.T) {
	t.Parallel()
	c := &calendar{}
	b := newBench(t, Options{Suppressor: c}, spec(public), spec(dns))
	c.set(b, b.during(span{cause: SuppressedMaintenance, probe: "login", anyNode: true}, 5*time.Second, time.Second))
	b.good(dns)
	b.twice(public, probes.Fail)
	for _, ok := range []bool{false, true, false} {
		require.Equal(t, ok, b.Verdict().OK)
		b.wait(5500 * time.Millisecond)
	}
}

func TestADrainedNode(t *testing.T) {
	t.Parallel()
	c := &calendar{}
	b := newBench(t, Options{Suppressor: c}, needing(dns), needing(loginN1), needing(loginN3), needing(portN1))
	b.good(dns, loginN1, loginN3, portN1)
	b.twice(loginN1, probes.Fail)
	c.set(b, b.during(span{cause: SuppressedDrained, node: "n1"}, 0, 24*time.Hour),
		b.during(span{cause: SuppressedMaintenance, anyNode: true, probe: "port"}, 0, 0))
	require.Equal(t, Verdict{OK: true, Outcome: probes.Pass, Reasons: []string{"node n1: drained until 2026-03-05 12:03:11Z"}}, b.Verdict())
	require.Equal(t, SuppressedDrained, b.entry(portN1).Suppressed, "a drain goes before a window")
	require.Equal(t, "port on node n1: drained until 2026-03-05 12:03:11Z", b.entry(portN1).Why)
	b.good(loginN1, loginN1)
	v := b.NodeVerdict("n1")
	require.Equal(t, Verdict{Outcome: probes.Fail, Drained: true, Reasons: []string{"node n1: drained until 2026-03-05 12:03:11Z"}}, v)
	require.True(t, b.NodeVerdict("n3").OK)
	c.set(b, b.during(span{cause: SuppressedDrained, node: "n1"}, 0, 0))
	require.Equal(t, []string{"node n1: drained"}, b.NodeVerdict("n1").Reasons)
	c.set(b)
	require.Equal(t, Verdict{OK: true, Outcome: probes.Pass}, b.NodeVerdict("n1"))
}

func TestTheExportersOwnAnswerIsDrained(t *testing.T) {
	t.Parallel()
	c := &calendar{}
	b := newBench(t, Options{Suppressor: c}, needing(dns), needing(loginN1))
	b.good(dns, loginN1)
	c.set(b, b.during(span{cause: SuppressedDrained}, 0, time.Second))
	v := b.Verdict()
	require.True(t, v.Drained)
	require.False(t, v.OK)
	require.Equal(t, "drained until 12:03:12Z", v.Reasons[0])
	require.False(t, b.VerdictOf(func(s Spec) bool { return s.Probe == "login" }).OK)
	require.True(t, b.NodeVerdict("n1").OK, "the nodes are not drained for it")
	b.wait(time.Second)
	require.Equal(t, Verdict{OK: true, Outcome: probes.Pass}, b.Verdict())
}

func TestNothingIsJudged(t *testing.T) {
	t.Parallel()
	c := &calendar{}
	b := newBench(t, Options{Suppressor: c}, needing(dns), needing(loginN1, "dns"), ungated(needing(portN1)))
	b.good(dns, portN1)
	b.twice(loginN1, probes.Fail)
	c.set(b, b.during(span{cause: SuppressedMaintenance, anyNode: true}, 0, 0))
	require.Equal(t, Verdict{OK: true, Outcome: probes.Warn, Reasons: []string{
		NothingJudged, "dns: in maintenance",
		"login on node n1: in maintenance; fail at step token: credentials_refused (2 runs in a row, since 12:03:11Z)",
	}}, b.Verdict())
	// A window over what fails silences what needs it, as long as that is all that fails.
	c.set(b, b.during(span{cause: SuppressedMaintenance, probe: "dns", anyNode: true}, 0, 0))
	require.False(t, b.Verdict().OK)
	b.twice(dns, probes.Fail)
	v := b.Verdict()
	require.True(t, v.OK)
	require.Equal(t, NothingJudged, v.Reasons[0])
	require.True(t, slices.Contains(v.Reasons, "login on node n1: not judged: it needs dns, which fails"))
	b.Configure([]Spec{ungated(needing(dns)), needing(loginN1, "dns")}, Options{})
	require.Equal(t, []string{NothingJudged, "login on node n1: not judged: it needs dns, which fails"}, b.Verdict().Reasons)
	require.False(t, b.VerdictOf(func(Spec) bool { return false }).OK, "nothing that gates is something else")
}
