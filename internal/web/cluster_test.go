package web

import (
	"encoding/json"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/idp-exporter/idp_exporter/internal/peers"
	"github.com/idp-exporter/idp_exporter/internal/state"
	"github.com/idp-exporter/idp_exporter/internal/web/access"
	"github.com/idp-exporter/idp_exporter/probes"
)

// twoPeers is a cluster of three with a majority of two.
type twoPeers struct{ a, b bool }

func (c twoPeers) Cluster(self bool) peers.Verdict {
	v := peers.Verdict{Total: 3, Need: 2, Members: []peers.Member{
		{Name: peers.Self, OK: self, Known: true, At: time.Now()}, {Name: "idp2", OK: c.a, Known: true, At: time.Now().Add(-3 * time.Second)},
		{Name: "idp3", OK: c.b, Known: c.b, Problem: map[bool]string{false: "timeout"}[c.b]},
	}}
	for _, m := range v.Members {
		if m.OK {
			v.Pass++
		}
	}
	v.OK = v.Pass >= v.Need
	return v
}

func TestCluster(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		self, a, b bool
		code       int
		status     string
	}{
		{true, true, true, 200, "pass"}, {true, true, false, 200, "warn"}, {false, true, true, 200, "warn"},
		{true, false, false, 503, "fail"}, {false, true, false, 503, "fail"}, {false, false, false, 503, "fail"},
	} {
		config, bearer := withToken(t, "testall")
		config.Open = []string{access.OpenTestall}
		st := healthyState()
		st.broken.Store(!c.self)
		o := options()
		o.Access, o.State, o.Cluster, o.HealthAddresses = config, st, twoPeers{c.a, c.b}, []string{"127.0.0.1:0", "n1@127.0.0.1:0"}
		s := start(t, o)
		word := map[int]string{200: "OK", 503: "FAIL"}[c.code]
		for _, from := range []*server{s, s.health(), s.health(1)} {
			got := from.get(t, "/testall?scope=cluster")
			require.Equal(t, c.code, got.code)
			require.Equal(t, word, got.body, "anybody hears one word")
			require.Equal(t, word, from.get(t, "/testall?scope=cluster&verbose").body)
		}
		own := map[bool]int{true: 200, false: 503}[c.self]
		require.Equal(t, own, s.get(t, "/testall").code, "its own answer rests on nobody else")
		require.Equal(t, own, s.get(t, "/testall?scope=local").code)

		got := s.get(t, "/testall?scope=cluster", "Authorization", bearer, "Accept", typeHealth)
		require.Equal(t, c.code, got.code)
		var doc healthJSON
		require.NoError(t, json.Unmarshal([]byte(got.body), &doc))
		require.Equal(t, c.status, doc.Status)
		require.Equal(t, c.code == 200, doc.Cluster.OK)
		require.Equal(t, []int{3, 2}, []int{doc.Cluster.Total, doc.Cluster.Need})
		require.Len(t, doc.Cluster.Members, 3)
		require.Equal(t, []any{"idp2", c.a}, []any{doc.Cluster.Members[1].Name, doc.Cluster.Members[1].OK})
		require.InDelta(t, 3, *doc.Cluster.Members[1].AgeSeconds, 2)
		require.Nil(t, doc.Cluster.Members[2].Time)
		if c.code == 503 {
			require.Regexp(t, `^cluster: [01] of 3 members pass, 2 needed`, doc.Output)
		}
		text := s.get(t, "/testall?scope=cluster&verbose", "Authorization", bearer).body
		require.Regexp(t, `(?m)^MEMBER +SAYS +AGE +PROBLEM\nself `, text)
		if !c.b {
			require.Contains(t, text, "- member idp3: unknown: timeout\n")
			require.Regexp(t, `(?m)^idp3 +unknown +- +timeout$`, text)
		}
	}
}

func TestClusterWithoutPeers(t *testing.T) {
	t.Parallel()
	st := healthyState()
	o := options()
	o.State = st
	s := start(t, o)
	require.Equal(t, "OK", s.get(t, "/testall?scope=cluster").body)
	st.broken.Store(true)
	require.Equal(t, 503, s.get(t, "/testall?scope=cluster").code)
	got := s.get(t, "/testall?scope=everything")
	require.Equal(t, 400, got.code)
	require.Contains(t, got.body, "local (the default) or cluster")
}

func TestHealthListenerOfANode(t *testing.T) {
	t.Parallel()
	config, bearer := withToken(t, "testall")
	o := options()
	o.Access = config
	o.HealthAddresses = []string{"127.0.0.1:0", "n1@127.0.0.1:0", "n2@127.0.0.1:0", "n9@127.0.0.1:0", "public@127.0.0.1:0"}
	o.State = &fakeState{entries: []state.Entry{
		entry("login", "", true, probes.Pass), entry("login", "n1", true, probes.Pass), entry("login", "n2", true, probes.Fail),
	}}
	s := start(t, o)
	for i, code := range []int{503, 200, 503, 404, 200} {
		l := s.health(i)
		got := l.get(t, "/testall")
		require.Equal(t, code, got.code, o.HealthAddresses[i])
		if code != 404 {
			require.Equal(t, map[int]string{200: "OK", 503: "FAIL"}[code], got.body)
		}
		require.Equal(t, code, l.do(t, http.MethodHead, "/testall").code)
		require.Equal(t, code, l.get(t, "/testall?cache=0").code, "with any query")
		require.Equal(t, got.body, l.get(t, "/testall?verbose", "Authorization", bearer, "Accept", typeJSON).body, "no details here")
		require.Equal(t, 503, l.get(t, "/testall?node=n2").code, "a question that names a node is about that node")
		require.Equal(t, 200, l.get(t, "/-/healthy").code)
		require.Equal(t, 200, l.get(t, "/-/ready").code)
		require.Equal(t, 200, l.get(t, "/test").code)
	}
	for _, address := range []string{"@127.0.0.1:0", "n1@nowhere", "n1@"} {
		o := options()
		o.HealthAddresses = []string{address}
		_, err := New(o)
		require.ErrorContains(t, err, "NODE@HOST:PORT", address)
	}
}

// Anybody may ask about a node where /testall is open, so a made-up name must
// not make the exporter go through all its probes.
func TestUnknownNodeIsCheap(t *testing.T) {
	t.Parallel()
	config, _ := withToken(t, "testall")
	config.Open = []string{access.OpenTestall}
	o := options()
	o.Access, o.State = config, countingState{healthyState(), t}
	s := start(t, o)
	require.Equal(t, 404, s.get(t, "/testall?node=made-up").code)
	require.Equal(t, 200, s.get(t, "/testall?node=n1").code)
}

type countingState struct {
	*fakeState
	t *testing.T
}

func (c countingState) Snapshot() []state.Entry {
	c.t.Error("went through all probes")
	return nil
}
