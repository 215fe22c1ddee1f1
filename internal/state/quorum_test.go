package state

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/idp-exporter/idp_exporter/probes"
)

func at(node string, probe ...string) Key {
	if len(probe) == 0 {
		return Key{"login", node}
	}
	return Key{probe[0], node}
}

func TestQuorum(t *testing.T) {
	t.Parallel()
	c := &calendar{}
	b := newBench(t, Options{Suppressor: c, Providers: map[string]Group{"acme": {MinUp: 1, Quorum: 2}}},
		needing(dns), needing(at("n1")), needing(at("n2")), needing(at("n3")), needing(at("n1", "port")))
	b.good(dns, at("n2"), at("n3"), at("n1", "port"))
	b.twice(at("n1"), probes.Fail)
	fails := func(k Key) string {
		return k.String() + ": fail at step token: credentials_refused (2 runs in a row, since 12:03:11Z)"
	}
	require.Equal(t, Verdict{OK: true, Outcome: probes.Warn, Reasons: []string{
		fails(at("n1")), "acme: 2 of 3 nodes pass, the quorum is 2; out: n1",
	}}, b.Verdict())
	require.False(t, b.NodeVerdict("n1").OK, "a quorum is of the whole")

	c.set(b, b.during(span{cause: SuppressedDrained, node: "n3"}, 0, 0))
	v := b.Verdict()
	require.False(t, v.OK)
	require.Contains(t, v.Reasons, "acme: 1 of 3 nodes pass, the quorum is 2; out: n1; drained or in maintenance: n3")
	b.good(at("n1"))
	v = b.Verdict()
	require.True(t, v.OK)
	require.NotContains(t, strings.Join(v.Reasons, " "), "quorum", "two of three are a quorum")
	c.set(b, b.during(span{cause: SuppressedDrained, node: "n3"}, 0, 0), b.during(span{cause: SuppressedDrained, node: "n2"}, 0, 0))
	v = b.Verdict()
	require.True(t, v.OK, "it is by a decision that so few are left")
	require.Equal(t, probes.Warn, v.Outcome)
	require.Contains(t, v.Reasons, "acme: 1 of 3 nodes pass, the quorum is 2; drained or in maintenance: n2, n3")
	c.set(b)

	b.twice(at("n1", "port"), probes.Fail)
	require.True(t, b.Verdict().OK)
	b.twice(at("n2"), probes.Fail)
	v = b.Verdict()
	require.False(t, v.OK)
	require.Contains(t, v.Reasons, "acme: 1 of 3 nodes pass, the quorum is 2; out: n1, n2")
	b.good(at("n2"), at("n1", "port"))
	b.twice(dns, probes.Fail)
	require.False(t, b.Verdict().OK, "the public name always counts")
}

func TestQuorumOfEachProvider(t *testing.T) {
	t.Parallel()
	other := func(k Key) Spec {
		s := spec(k)
		s.Provider = "other"
		return s
	}
	b := newBench(t, Options{Providers: map[string]Group{"acme": {Quorum: 1}}},
		needing(at("n1")), needing(at("n2")), other(at("n1", "crm")), other(at("n2", "crm")))
	b.good(at("n1"), at("n2"), at("n1", "crm"), at("n2", "crm"))
	b.twice(at("n1"), probes.Fail)
	require.True(t, b.Verdict().OK)
	b.good(at("n1"))
	b.twice(at("n1", "crm"), probes.Fail)
	require.False(t, b.Verdict().OK)
	require.False(t, b.NodeVerdict("n1").OK, "a name that two providers use stands for both nodes")
	require.True(t, b.NodeVerdict("n2").OK)
}

// In the grace after an outage a node has the benefit of the doubt.
func TestQuorumAndGrace(t *testing.T) {
	t.Parallel()
	b := newBench(t, Options{Providers: map[string]Group{"acme": {Quorum: 2}}},
		needing(dns), needing(at("n1"), "dns"), needing(at("n2"), "dns"), needing(at("n3"), "dns"))
	b.twice(dns, probes.Fail)
	for i := range 3 {
		b.twice(at(fmt.Sprint("n", i+1)), probes.Fail)
	}
	b.good(dns)
	b.record(at("n1"), probes.Fail)
	require.True(t, b.Verdict().OK)
	b.record(at("n2"), probes.Fail)
	require.False(t, b.Verdict().OK)
}

func TestLongListsAreCut(t *testing.T) {
	t.Parallel()
	var names []string
	for i := range 10 {
		names = append(names, fmt.Sprint("n", i))
	}
	require.Equal(t, "n0, n1, n2, n3, n4, n5, n6, n7", nodeList(names[:8]))
	require.Equal(t, "n0, n1, n2, n3, n4, n5, n6, n7 and 2 more", nodeList(names))
}

// A discovery that came to find nothing leaves a quorum of nobody.
func TestQuorumOfTooFewNodes(t *testing.T) {
	t.Parallel()
	b := newBench(t, Options{Providers: map[string]Group{"acme": {Quorum: 2}}}, needing(dns), needing(at("n1")))
	b.good(dns, at("n1"))
	v := b.Verdict()
	require.False(t, v.OK)
	require.Equal(t, []string{"acme: 1 of 1 nodes pass, the quorum is 2"}, v.Reasons)
	require.True(t, b.VerdictOf(func(s Spec) bool { return s.Probe == dns.Probe }).OK, "one probe is no quorum")
}
