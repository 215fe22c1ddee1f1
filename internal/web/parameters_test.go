package web

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/idp-exporter/idp_exporter/internal/state"
	"github.com/idp-exporter/idp_exporter/internal/web/access"
	"github.com/idp-exporter/idp_exporter/probes"
)

// A typing error in a balancer must not be answered about something else.
func TestMisspelledParameters(t *testing.T) {
	t.Parallel()
	o := options()
	o.Access = &access.Config{Open: []string{"testall"}}
	o.State = &fakeState{entries: []state.Entry{entry("login", "", true, probes.Pass), entry("login", "n1", true, probes.Pass)}}
	s := start(t, o)
	for wrong, meant := range map[string]string{
		"nodes": "node", "Node": "node", "NODES": "node", "noed": "node", "ndoe": "node", "nod": "node", "node[]": "node", "node1": "node", "%20node": "node", "node+": "node",
		"probes": "probe", "Probe": "probe", "prob": "probe", "proeb": "probe",
		"excludes": "exclude", "exlude": "exclude", "excldue": "exclude", "include": "exclude",
		"scopes": "scope", "SCOPE": "scope", "verbos": "verbose", "Verbose": "verbose", "vebrose": "verbose",
	} {
		for _, query := range []string{"?" + wrong + "=n1", "?" + wrong, "?node=n1&" + wrong + "=n1"} {
			got := s.get(t, "/testall"+query)
			require.Equal(t, http.StatusBadRequest, got.code, query)
			require.Contains(t, got.body, "was "+meant+"= meant?", query)
			require.Contains(t, got.body, "node=, probe=, exclude=, scope=, verbose=", query)
		}
		require.Equal(t, http.StatusBadRequest, s.do(t, http.MethodHead, "/testall?"+wrong+"=n1").code)
	}
	for _, other := range []string{
		"_=123", "cache=0", "t=1767225600", "ts=1", "now=1", "nonce=5f", "nocache", "rnd=1", "random=1", "cb=1", "v=2", "no-cache=1", "timestamp=1", "n1", "id=1", "=",
		"probability=1", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaanode=1", "%ff%fe=1", "n=1",
	} {
		for _, query := range []string{"?" + other, "?node=n1&" + other} {
			got := s.get(t, "/testall"+query)
			require.Equal(t, http.StatusOK, got.code, query)
			require.Equal(t, "OK", got.body, query)
		}
	}
}

func TestSlips(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		a, b string
		n    int
	}{
		{"", "", 0}, {"node", "node", 0}, {"", "node", 4}, {"node", "", 4}, {"nodes", "node", 1}, {"ndoe", "node", 1}, {"nonce", "node", 2},
		{"mode", "node", 1}, {"verb", "verbose", 3}, {"include", "exclude", 2}, {"cache", "scope", 4}, {"aaaaaaaaaaaaaaaa", "bbbbbbbbbbbbbbbb", 16},
	} {
		require.Equal(t, c.n, slips(c.a, c.b), "%q, %q", c.a, c.b)
		require.Equal(t, c.n, slips(c.b, c.a), "%q, %q", c.b, c.a)
	}
}

// Whatever a query says, it is read.
func FuzzParameters(f *testing.F) {
	f.Add("nodes", "node")
	f.Add("NÖDE[]", "0123456789abcdef")
	f.Fuzz(func(t *testing.T, a, b string) {
		misspelled(map[string][]string{a: {""}, b: nil})
		x, y := letters(a), letters(b)
		n := slips(x, y)
		require.Equal(t, n, slips(y, x))
		require.Equal(t, x == y, n == 0)
		require.LessOrEqual(t, n, max(len(x), len(y)))
	})
}
