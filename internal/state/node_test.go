package state

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/idp-exporter/idp_exporter/probes"
)

// cluster has probes on nodes as a line of words tells: "n1:a,b" has the probes
// a and b failing on n1, a capital one without having reached it, "-n1" is
// drained. All nodes have the probes a, b and c.
func cluster(t *testing.T, g Group, line string) *bench {
	t.Helper()
	c := &calendar{}
	var specs []Spec
	fails := map[Key]bool{}
	for word := range strings.FieldsSeq(line) {
		node, failing, _ := strings.Cut(word, ":")
		if strings.HasPrefix(node, "-") {
			node = node[1:]
			c.spans = append(c.spans, span{cause: SuppressedDrained, node: node})
		}
		for _, p := range []string{"a", "b", "c"} {
			specs = append(specs, needing(Key{p, node}))
		}
		for p := range strings.SplitSeq(failing, ",") {
			fails[Key{p, node}] = true
		}
	}
	b := newBench(t, Options{Suppressor: c, Providers: map[string]Group{"acme": g}}, specs...)
	for _, s := range specs {
		switch upper := (Key{strings.ToUpper(s.Probe), s.Node}); {
		case fails[upper]:
			b.record(s.Key, probes.Fail, func(r *probes.Result) { r.Reason = probes.ReasonConnect })
		case fails[s.Key]:
			b.record(s.Key, probes.Fail)
		default:
			b.record(s.Key, probes.Pass)
		}
	}
	return b
}

func TestNodeVerdictTruthTable(t *testing.T) {
	t.Parallel()
	one := DefaultGroup()
	for _, c := range []struct {
		line string
		g    Group
		in   string // the nodes that are to get traffic
	}{
		{"n1 n2 n3", one, "n1 n2 n3"},
		{"n1:a n2 n3", one, "n2 n3"},
		{"n1:a n2:a n3", one, "n3"},
		{"n1:a n2:a n3:a", one, "n1 n2 n3"},
		{"n1:a n2:a n3:a", Group{}, ""},
		{"n1:a n2:a,b n3:a", one, "n1 n3"},
		{"n1:a n2:b n3:c", one, ""},
		{"n1:a,b n2:a,b n3:a", one, "n3"},
		{"n1:a,b n2:a,b n3:a,b", one, "n1 n2 n3"},
		{"n1:a", one, ""}, // it shares with nobody
		{"n1:a n2:a", one, "n1 n2"},
		{"n1:a n2", one, "n2"},
		// min_up of two: the last two stay in for what they share.
		{"n1:a n2:a n3", Group{MinUp: 2}, "n1 n2 n3"},
		{"n1:a n2:b n3", Group{MinUp: 2}, "n3"},
		{"n1:a n2 n3", Group{MinUp: 3}, "n2 n3"},
		{"n1:a n2:a n3 n4", Group{MinUp: 2}, "n3 n4"},
		// Drained nodes stay out, and do not count as up.
		{"-n1 n2:a n3:a", one, "n2 n3"},
		{"-n1 n2:a n3", one, "n3"},
		{"-n1:a -n2:a n3:a", one, "n3"},
		{"-n1:a -n2 n3:a", one, ""},
		{"-n1:a -n2:a n3:a,b", one, ""},
		// A node that is not reached does not come back because the others fail.
		{"n1:A n2:a n3:a", one, "n2 n3"},
		{"n1:A n2:A n3:A", one, "n1 n2 n3"},
		{"n1:A n2:a", one, "n2"},
		{"-n1:a n2:A", one, ""},
		{"-n1:A n2:A", one, "n2"},
	} {
		b := cluster(t, c.g, c.line)
		var in []string
		for word := range strings.FieldsSeq(c.line) {
			node, fails, _ := strings.Cut(strings.TrimPrefix(word, "-"), ":")
			v := b.NodeVerdict(node)
			require.Equal(t, v.OK, v.Outcome.OK())
			if v.OK {
				in = append(in, node)
				require.Equal(t, fails != "", v.Outcome == probes.Warn, c.line)
			}
			require.Equal(t, v.Outcome != probes.Pass, len(v.Reasons) > 0, c.line)
			require.Equal(t, strings.HasPrefix(word, "-"), v.Drained)
			require.Equal(t, v, b.NodeVerdictOf(node, func(Spec) bool { return true }))
		}
		require.Equal(t, c.in, strings.Join(in, " "), "%s with %+v", c.line, c.g)
		if strings.Contains(strings.ReplaceAll(c.line, "-n", ""), ":") && !strings.Contains(c.line, "-") {
			require.False(t, b.Verdict().OK, "the whole fails all the same: %s", c.line)
		}
	}
	require.Equal(t, []string{
		"node n1 stays in: the other failing nodes of acme share what fails here, and 0 would be up where min_up is 1",
		"a on node n1: fail at step token: credentials_refused (1 run, since 12:03:11Z)",
	}, cluster(t, one, "n1:a n2:a").NodeVerdict("n1").Reasons)
}

// picture is a cluster as its properties are stated: the probes that fail.
type picture [][]string

func (p picture) String() string {
	var words []string
	for i, f := range p {
		words = append(words, fmt.Sprintf("n%d:%s", i, strings.Join(f, ",")))
	}
	return strings.Join(words, " ")
}

func (p picture) in(t *testing.T, minUp int) []bool {
	b := cluster(t, Group{MinUp: minUp}, p.String())
	var in []bool
	for i := range p {
		in = append(in, b.NodeVerdict(fmt.Sprint("n", i)).OK)
	}
	return in
}

func TestNodeVerdictProperties(t *testing.T) {
	t.Parallel()
	rnd := rand.New(rand.NewPCG(3, 14))
	for range 1500 {
		p := make(picture, 2+rnd.IntN(4))
		for i := range p {
			for _, f := range []string{"a", "b", "c"} {
				if rnd.IntN(3) == 0 {
					p[i] = append(p[i], f)
				}
			}
		}
		if shared := rnd.IntN(3) == 0; shared { // make the rare common
			for i := range p {
				p[i] = []string{"a"}
			}
		}
		minUp := 1 + rnd.IntN(len(p))
		in := p.in(t, minUp)
		where := func(f string) (n int) {
			for _, fails := range p {
				if strings.Contains(strings.Join(fails, ""), f) {
					n++
				}
			}
			return n
		}
		failing, up := 0, 0
		for i, fails := range p {
			if len(fails) > 0 {
				failing++
				continue
			}
			up++
			require.True(t, in[i], "%v: nothing fails on node %d", p, i)
		}
		staying, sharing := 0, 0
		for i, fails := range p {
			own, common := false, true
			for _, f := range fails {
				own = own || where(f) == 1
				common = common && where(f) == failing
			}
			if own {
				require.False(t, in[i], "%v: node %d has a failure of its own", p, i)
			}
			if common && failing > 1 {
				sharing++
			}
			if in[i] {
				staying++
			}
		}
		require.GreaterOrEqual(t, staying, min(minUp, sharing), "%v: emptied below min_up %d for what all share", p, minUp)
		require.GreaterOrEqual(t, staying, up)

		// Monotonic: one more failure on a node never brings it in, and a higher
		// min_up never takes one out.
		i, more := rnd.IntN(len(p)), make(picture, len(p))
		copy(more, p)
		more[i] = append([]string{[]string{"a", "b", "c"}[rnd.IntN(3)]}, p[i]...)
		if !in[i] {
			require.False(t, more.in(t, minUp)[i], "%v brings in node %d, which %v does not", more, i, p)
		}
		for i, stays := range p.in(t, minUp+1) {
			require.True(t, stays || !in[i], "%v: a higher min_up takes out node %d", p, i)
		}
	}
}

func TestNodeVerdictAndNeeds(t *testing.T) {
	t.Parallel()
	directory := Key{Probe: "directory"}
	specs := []Spec{needing(directory), needing(portN1), needing(at("n3", "port")), needing(loginN1, "directory", "port"), needing(loginN3, "directory", "port")}
	specs[1].Gates, specs[2].Gates = false, false
	b := newBench(t, Options{}, specs...)
	b.good(directory, portN1, at("n3", "port"), loginN1, loginN3)
	b.twice(directory, probes.Fail)
	b.twice(loginN1, probes.Fail)
	require.False(t, b.Verdict().OK)
	require.Equal(t, Verdict{OK: true, Outcome: probes.Warn, Reasons: []string{"login on node n1: not judged: it needs directory, which fails"}},
		b.NodeVerdict("n1"), "what is behind all nodes is not held against one")
	b.record(loginN1, probes.Fail, func(r *probes.Result) { r.Reason = probes.ReasonTimeout })
	require.False(t, b.NodeVerdict("n1").OK, "but that it hangs is")
	b.record(loginN1, probes.Fail, func(r *probes.Result) {
		r.Reason, r.FailedStep = probes.ReasonTimeout, "token"
		r.Steps = []probes.Step{{Name: "discovery", Outcome: probes.Pass}, {Name: "token", Outcome: probes.Fail}}
	})
	require.True(t, b.NodeVerdict("n1").OK, "this one was the directory again")

	b.good(directory)
	require.True(t, b.NodeVerdict("n1").OK, "its grace")
	b.record(loginN1, probes.Fail)
	require.False(t, b.NodeVerdict("n1").OK)
	b.good(loginN1)
	b.twice(portN1, probes.Fail)
	require.True(t, b.NodeVerdict("n1").OK, "the port does not gate, and the login passes")
	b.twice(loginN1, probes.Fail)
	require.Equal(t, Verdict{Outcome: probes.Fail, Reasons: []string{
		"port on node n1: fail at step token: credentials_refused (2 runs in a row, since 12:03:11Z)",
	}}, b.NodeVerdict("n1"))
	require.Equal(t, Verdict{OK: true, Outcome: probes.Pass}, b.NodeVerdict("n3"))
	// A parent on the node is excused by what it needs itself.
	specs[1].Needs = []string{"directory"}
	b.Configure(specs, Options{})
	b.twice(directory, probes.Fail)
	require.True(t, b.NodeVerdict("n1").OK)
}

func TestNodeVerdictOfOddNames(t *testing.T) {
	t.Parallel()
	b := newBench(t, Options{}, needing(public), needing(loginN1), ungated(needing(loginN3)))
	nothing := Verdict{Outcome: probes.Fail, Reasons: []string{NoProbeGates}}
	require.Equal(t, nothing, b.NodeVerdict("nobody"))
	require.Equal(t, nothing, b.NodeVerdict("n3"))
	require.Equal(t, nothing, b.NodeVerdictOf("n1", func(s Spec) bool { return s.Probe == "other" }))
	b.good(public)
	require.True(t, b.NodeVerdict("").OK)
	require.Equal(t, []string{"login on node n1: no result yet"}, b.NodeVerdict("n1").Reasons)
	b.twice(public, probes.Fail)
	require.False(t, b.NodeVerdict("").OK)
}

// What the clock does to a node reaches its cached answer.
func TestNodeVerdictExpires(t *testing.T) {
	t.Parallel()
	b := newBench(t, Options{}, needing(loginN1), needing(loginN3))
	b.good(loginN1, loginN3)
	require.True(t, b.NodeVerdict("n1").OK)
	b.wait(2 * every)
	b.good(loginN3)
	b.wait(every)
	require.False(t, b.NodeVerdict("n1").OK)
	require.True(t, b.NodeVerdict("n3").OK)
}
