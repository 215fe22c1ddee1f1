package state

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/idp-exporter/idp_exporter/probes"
)

func withFacts(f probes.Facts) func(*probes.Result) {
	return func(r *probes.Result) { r.Facts = f }
}

func keys(ids ...string) func(*probes.Result) {
	n := len(ids)
	return withFacts(probes.Facts{JWKSKeys: &n, KeyIDs: ids})
}

func clockOff(d time.Duration) func(*probes.Result) { return withFacts(probes.Facts{ClockOffset: &d}) }

// trio has a login on three nodes and records a pass with one change on each.
func trio(t *testing.T, o Options, changes ...func(*probes.Result)) *bench {
	t.Helper()
	var specs []Spec
	for i := range changes {
		specs = append(specs, needing(at(fmt.Sprint("n", i+1))))
	}
	b := newBench(t, o, specs...)
	for i, c := range changes {
		b.record(specs[i].Key, probes.Pass, c)
	}
	return b
}

func TestDisagreements(t *testing.T) {
	t.Parallel()
	end := time.Date(2027, 1, 2, 3, 4, 5, 0, time.UTC)
	none := func(*probes.Result) {}
	cert := func(t time.Time) func(*probes.Result) { return withFacts(probes.Facts{CertificateNotAfter: t}) }
	doc := func(d string) func(*probes.Result) { return withFacts(probes.Facts{DiscoveryDigest: d}) }
	type changes = []func(*probes.Result)
	for name, c := range map[string]struct {
		found      changes
		what, text string
		odd        []string
	}{
		"same keys in another order": {changes{keys("a", "b"), keys("b", "a"), keys("a", "b", "a")}, "", "", nil},
		"not measured everywhere":    {changes{keys("a"), none, keys("a")}, "", "", nil},
		"another key":                {changes{keys("a"), keys("b"), keys("a")}, DisagreeJWKS, "acme: node n2 has another key set than n1, n3", []string{"n2"}},
		"one key more":               {changes{keys("a"), keys("a"), keys("a", "b")}, DisagreeJWKS, "acme: node n3 has another key set than n1, n2", []string{"n3"}},
		"ids that run together":      {changes{keys("a,b"), keys("a", "b"), keys("a,b")}, DisagreeJWKS, "acme: node n2 has another key set than n1, n3", []string{"n2"}},
		"two against three":          {changes{keys("a"), keys("a"), keys("b"), keys("c"), keys("a")}, DisagreeJWKS, "acme: nodes n3, n4 have another key set than n1, n2, n5", []string{"n3", "n4"}},
		"no majority":                {changes{keys("a"), keys("b")}, DisagreeJWKS, "acme: nodes n1, n2 have different key sets", nil},
		"half is no majority":        {changes{keys("a"), keys("a"), keys("b"), keys("b")}, DisagreeJWKS, "acme: nodes n1, n2, n3, n4 have different key sets", nil},
		"certificate":                {changes{cert(end), cert(end.In(time.FixedZone("", 3600))), cert(end.Add(time.Second))}, DisagreeCertificate, "acme: node n3 has another certificate than n1, n2", []string{"n3"}},
		"discovery":                  {changes{doc("x"), doc("y"), doc("y")}, DisagreeDiscovery, "acme: node n1 has another discovery document than n2, n3", []string{"n1"}},
		"clocks within the limit":    {changes{clockOff(-time.Minute), clockOff(5*time.Second - time.Minute)}, "", "", nil},
		"clock ahead":                {changes{clockOff(0), clockOff(time.Second), clockOff(6*time.Second + 1)}, DisagreeClock, "acme: node n3 has another time than n1, n2", []string{"n3"}},
		"clock behind":               {changes{clockOff(-time.Hour), clockOff(time.Second), clockOff(0)}, DisagreeClock, "acme: node n1 has another time than n2, n3", []string{"n1"}},
		"two clocks":                 {changes{clockOff(0), clockOff(time.Hour)}, DisagreeClock, "acme: nodes n1, n2 have clocks up to 1h0m0s apart", nil},
		"a row of clocks":            {changes{clockOff(0), clockOff(4 * time.Second), clockOff(8 * time.Second)}, DisagreeClock, "acme: nodes n1, n2, n3 have clocks up to 8s apart", nil},
	} {
		b := trio(t, Options{}, c.found...)
		got := b.Disagreements()
		if c.what == "" {
			require.Empty(t, got, name)
			require.Equal(t, Verdict{OK: true, Outcome: probes.Pass}, b.Verdict(), name)
			continue
		}
		require.Len(t, got, 1, name)
		d := got[0]
		require.Equal(t, []any{"acme", "login", c.what, c.text, c.odd}, []any{d.Provider, d.Probe, d.What, d.Text, d.Odd}, name)
		require.Len(t, d.Nodes, len(c.found), name)
		require.Equal(t, Verdict{OK: true, Outcome: probes.Warn, Reasons: []string{c.text}}, b.Verdict(), name)
		require.Contains(t, DisagreementKinds(), d.What)
		for i := range c.found {
			node := fmt.Sprint("n", i+1)
			blamed := len(c.odd) == 0 || strings.Contains(strings.Join(c.odd, " "), node)
			require.Equal(t, blamed, b.NodeVerdict(node).Outcome == probes.Warn, "%s, %s", name, node)
			require.True(t, b.NodeVerdict(node).OK)
		}
	}
}

func TestDisagreementsComeAndGo(t *testing.T) {
	t.Parallel()
	b := trio(t, Options{}, keys("a"), keys("a"), keys("a"))
	require.Equal(t, probes.Pass, b.Verdict().Outcome)
	b.record(at("n2"), probes.Pass, keys("a", "b"))
	require.Equal(t, []string{"acme: node n2 has another key set than n1, n3"}, b.Verdict().Reasons)
	require.Equal(t, map[string]string{"n1": "a", "n2": "a, b", "n3": "a"}, b.Disagreements()[0].Nodes)
	b.record(at("n2"), probes.Unknown)
	require.Equal(t, probes.Warn, b.NodeVerdict("n2").Outcome, "an inconclusive run takes nothing back")
	require.Len(t, b.Disagreements(), 1)
	b.record(at("n2"), probes.Pass, keys("a", "c"))
	require.Equal(t, "a, c", b.Disagreements()[0].Nodes["n2"])
	b.record(at("n2"), probes.Pass, keys("a", "d"))
	require.Equal(t, "a, d", b.Disagreements()[0].Nodes["n2"], "the text is the same, what was found is not")
	b.record(at("n2"), probes.Pass)
	require.Empty(t, b.Disagreements(), "it was not measured any more")
	require.Equal(t, probes.Pass, b.Verdict().Outcome)
	b.record(at("n2"), probes.Pass, keys("b"))
	b.record(at("n1"), probes.Pass, keys("b"))
	require.Equal(t, []string{"n3"}, b.Disagreements()[0].Odd)
	b.Forget(at("n3"))
	require.Empty(t, b.Disagreements())
}

func TestWhoIsNotCompared(t *testing.T) {
	t.Parallel()
	c := &calendar{}
	b := trio(t, Options{Suppressor: c}, keys("a"), keys("b"), keys("a"))
	require.Len(t, b.Disagreements(), 1)
	c.set(b, b.during(span{cause: SuppressedDrained, node: "n2"}, 0, time.Second))
	require.Empty(t, b.Disagreements())
	b.wait(time.Second)
	require.Len(t, b.Disagreements(), 1)
	require.Empty(t, b.VerdictOf(func(s Spec) bool { return s.Node != "n2" }).Reasons)

	// A probe that does not gate is not a matter of the verdict, and the public name is no node.
	b = newBench(t, Options{}, ungated(needing(at("n1", "aside"))), ungated(needing(at("n2", "aside"))), needing(public), needing(loginN1))
	b.record(at("n1", "aside"), probes.Pass, keys("a"))
	b.record(at("n2", "aside"), probes.Pass, keys("b"))
	b.record(public, probes.Pass, keys("a"))
	b.record(loginN1, probes.Pass, keys("b"))
	require.Len(t, b.Disagreements(), 1)
	require.Equal(t, Verdict{OK: true, Outcome: probes.Pass}, b.Verdict())
	require.Equal(t, Verdict{OK: true, Outcome: probes.Pass}, b.NodeVerdict("n1"))
}

// Two probes that find the same say it once.
func TestDisagreementsAreToldOnce(t *testing.T) {
	t.Parallel()
	b := newBench(t, Options{ClockLimit: time.Minute}, needing(at("n1")), needing(at("n2")), needing(at("n1", "rule")), needing(at("n2", "rule")))
	for _, p := range []string{"login", "rule"} {
		b.record(at("n1", p), probes.Pass, clockOff(0))
		b.record(at("n2", p), probes.Pass, clockOff(time.Minute))
	}
	require.Empty(t, b.Disagreements())
	for _, p := range []string{"login", "rule"} {
		b.record(at("n2", p), probes.Pass, clockOff(time.Minute+1))
	}
	require.Len(t, b.Disagreements(), 2)
	require.Len(t, b.Verdict().Reasons, 1)
	require.Len(t, b.NodeVerdict("n2").Reasons, 1)
	require.Equal(t, map[string]string{"n1": "+0.0s", "n2": "+60.0s"}, b.Disagreements()[0].Nodes)
}

func TestForeignKeyIDsStayShort(t *testing.T) {
	t.Parallel()
	var many []string
	for i := range 20 {
		many = append(many, strings.Repeat("x\xff", 500)+fmt.Sprint(i))
	}
	m := keySetMark(many)
	require.Less(t, len(m.text), 1000)
	require.Contains(t, m.text, "and 12 more")
	require.NotContains(t, m.text, "\xff")
	require.NotEqual(t, m.id, keySetMark(many[1:]).id)
}
