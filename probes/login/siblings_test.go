package login

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/idp-exporter/idp_exporter/probes"
)

func TestSiblings(t *testing.T) {
	t.Parallel()
	type run struct {
		node, signs string
		published   string // one letter for each key
		fails       bool
	}
	good := func(nodes ...string) (runs []run) {
		for _, n := range nodes {
			runs = append(runs, run{n, "b", "ba", false})
		}
		return runs
	}
	stale := func(fails bool) run { return run{"n2", "a", "a", fails} }
	with := func(runs []run, more ...run) []run { return append(runs, more...) }
	for name, runs := range map[string][]run{
		"all agree":                     with(good("n1", "n2", "n3"), good("n1", "n2", "n3")...),
		"signs with the older key":      {{"n2", "a", "ba", false}, {"n1", "b", "ba", false}, {"n3", "b", "ba", false}, {"n2", "a", "ba", false}},
		"a rotation that n2 misses":     {{"n1", "a", "a", false}, stale(false), {"n3", "a", "a", false}, {"n1", "c", "cb", false}, stale(false), {"n3", "c", "cb", false}, stale(true), {"n1", "c", "cb", false}},
		"a rotation on its way":         {{"n1", "a", "a", false}, {"n2", "a", "a", false}, {"n3", "a", "a", false}, {"n2", "c", "c", false}, {"n1", "c", "c", false}, {"n3", "c", "c", false}, {"n2", "c", "c", false}},
		"one against one":               {stale(false), {"n1", "b", "b", false}, stale(false), {"n1", "b", "b", false}},
		"two against two":               {stale(false), {"n4", "a", "a", false}, {"n1", "b", "b", false}, {"n3", "b", "b", false}, stale(false), {"n4", "a", "a", false}, {"n1", "b", "b", false}},
		"the public name is no node":    {stale(false), {"", "b", "b", false}, {"n1", "b", "b", false}, stale(false)},
		"a token without key id":        {{"n2", "", "a", false}, {"n1", "b", "b", false}, {"n3", "b", "b", false}, {"n2", "", "a", false}},
		"comes back after the rotation": {stale(false), {"n1", "b", "b", false}, {"n3", "b", "b", false}, stale(true), {"n2", "b", "b", false}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var s siblings
			now := time.Now()
			for i, r := range runs {
				now = now.Add(time.Second)
				var published []string
				for _, key := range r.published {
					published = append(published, string(key))
				}
				err := s.check("https://issuer.example", r.node, r.signs, published, now)
				require.Equal(t, r.fails, err != nil, "run %d of %s: %v", i+1, r.node, err)
				var f *probes.Failure
				if err != nil {
					require.ErrorAs(t, err, &f)
					require.Equal(t, probes.ReasonTokenInvalid, f.Reason)
				}
			}
		})
	}
}

func TestSiblingsForget(t *testing.T) {
	t.Parallel()
	var s siblings
	now := time.Now()
	require.NoError(t, s.check("i", "n1", "b", []string{"b"}, now))
	require.NoError(t, s.check("i", "n3", "b", []string{"b"}, now))
	require.NoError(t, s.check("i", "n2", "a", []string{"a"}, now.Add(siblingAge+time.Second)))
	require.Len(t, s.nodes["i"], 1)
}
