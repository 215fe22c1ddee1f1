package web

import (
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/idp-exporter/idp_exporter/internal/state"
	"github.com/idp-exporter/idp_exporter/internal/web/access"
	"github.com/idp-exporter/idp_exporter/probes"
)

func TestTestallBare(t *testing.T) {
	t.Parallel()
	config, bearer := withToken(t, "testall")
	config.Open = []string{"test", "testall"}
	st := healthyState()
	counter := &fakeCounter{codes: map[int]int{}}
	o := options()
	o.Access, o.State, o.Testall = config, st, counter
	s := start(t, o)

	for _, header := range [][]string{nil, {"Authorization", bearer}, {"Accept", "application/json"}, {"Accept", "*/*", "Authorization", bearer},
		{"Accept", "application/json", "Authorization", "Bearer wrong"}, {"Accept", "application/json;q=0", "Authorization", bearer}} {
		got := s.get(t, "/testall", header...)
		require.Equal(t, http.StatusOK, got.code)
		require.Equal(t, "OK", got.body, header)
		require.Equal(t, "2", got.header.Get("Content-Length"))
		require.Equal(t, typeText, got.header.Get("Content-Type"))
		require.Equal(t, "no-store", got.header.Get("Cache-Control"))
	}
	require.Equal(t, "OK", s.get(t, "/testall?verbose").body, "no details without a credential")
	head := s.do(t, http.MethodHead, "/testall")
	require.Equal(t, []any{http.StatusOK, "", "2"}, []any{head.code, head.body, head.header.Get("Content-Length")})

	st.broken.Store(true)
	got := s.get(t, "/testall")
	require.Equal(t, http.StatusServiceUnavailable, got.code)
	require.Equal(t, "FAIL", got.body)
	require.Equal(t, http.StatusServiceUnavailable, s.do(t, http.MethodHead, "/testall").code)
	require.Equal(t, 8, counter.of(200))
	require.Equal(t, 2, counter.of(503))
	s.get(t, "/testall?probe=login")
	require.Equal(t, 1, counter.of(401))
}

func TestTest(t *testing.T) {
	t.Parallel()
	s := start(t, options())
	before := time.Now().UnixMilli()
	got := s.get(t, "/test")
	var body struct{ Clock int64 }
	require.NoError(t, json.Unmarshal([]byte(got.body), &body))
	require.LessOrEqual(t, before, body.Clock)
	require.LessOrEqual(t, body.Clock, time.Now().UnixMilli())
	require.Equal(t, "application/json", got.header.Get("Content-Type"))
	require.Equal(t, strconv.Itoa(len(got.body)), got.header.Get("Content-Length"))
}

func TestTestallNarrowed(t *testing.T) {
	t.Parallel()
	config, bearer := withToken(t, "testall")
	config.Open = []string{"testall"}
	token2, other := tokenFor(t, "metrics")
	config.Tokens = append(config.Tokens, other)
	o := options()
	o.Access = config
	o.State = &fakeState{entries: []state.Entry{
		entry("login", "", true, probes.Pass), entry("login", "n1", true, probes.Pass), entry("login", "n2", true, probes.Fail),
		entry("http", "", true, probes.Warn), entry("rule", "", false, probes.Fail),
	}}
	s := start(t, o)
	var many []string
	for i := range maxNames + 1 {
		many = append(many, strconv.Itoa(i))
	}
	for _, c := range []struct {
		query string
		code  int
	}{
		{"", 503}, {"?node=n1", 200}, {"?node=n2", 503}, {"?node=", 200}, {"?node=n1,n2", 503}, {"?node=n1&node=n2", 503},
		{"?exclude=login", 200}, {"?probe=login", 503}, {"?probe=login&node=n1", 200}, {"?probe=http", 200},
		{"?probe=rule", 503}, {"?probe=http,rule", 503}, {"?probe=http,login&exclude=login", 200},
		{"?node=public", 200}, {"?node=public&probe=login", 200}, {"?node=n1&exclude=login", 503}, {"?scope=local", 503}, {"?scope=cluster", 503},
		{"?scope=cluster&node=n1", 400}, {"?scope=cluster&probe=login", 400}, {"?scope=", 400}, {"?scope=all", 400}, {"?scope=local&scope=cluster", 400},
		{"?node=" + strings.Repeat("n,", 50) + strings.Join(many, ","), 400},
		{"?node=n3", 404}, {"?probe=nope", 404}, {"?exclude=nope", 404}, {"?probe=http&node=n1", 404}, {"?node=%zz", 400}, {"?probe=", 404},
	} {
		got := s.get(t, "/testall"+c.query, "Authorization", bearer)
		require.Equal(t, c.code, got.code, c.query)
		if c.code == 404 {
			require.NotContains(t, got.body, "nope")
		}
	}
	require.Equal(t, "OK", s.get(t, "/testall?node=n1").body, "a load balancer may ask about its node")
	require.Equal(t, 404, s.get(t, "/testall?node=n3").code)
	for _, q := range []string{"?probe=login", "?exclude=login"} {
		require.Equal(t, 401, s.get(t, "/testall"+q).code)
		require.Equal(t, 403, s.get(t, "/testall"+q, "X-API-Key", token2).code)
	}
	require.Equal(t, "FAIL", s.get(t, "/testall?verbose", "X-API-Key", token2).body, "another scope sees the bare answer")
}

func TestHealthDocument(t *testing.T) {
	t.Parallel()
	config, bearer := withToken(t, "testall")
	o := options()
	o.Access = config
	o.State = &fakeState{entries: []state.Entry{
		entry("login", "", true, probes.Fail), entry("login", "n1", true, probes.Warn), entry("rule", "", false, probes.Unknown),
		{Spec: state.Spec{Key: state.Key{Probe: "new"}}, Verdict: probes.Fail, Pending: true, Why: "new: no result yet"},
	}}
	s := start(t, o)
	for _, accept := range []string{"application/json", "text/html, application/health+json;q=0.5"} {
		got := s.get(t, "/testall?exclude=", "Authorization", bearer, "Accept", accept)
		require.Equal(t, 404, got.code)
		got = s.get(t, "/testall", "Authorization", bearer, "Accept", accept)
		require.Equal(t, 503, got.code)
		require.Equal(t, "application/health+json", got.header.Get("Content-Type"))
		var doc struct {
			Status, Version, ReleaseID, Output string
			Notes                              []string
			Checks                             map[string][]map[string]any
		}
		require.NoError(t, json.Unmarshal([]byte(got.body), &doc))
		require.Equal(t, "fail", doc.Status)
		require.Equal(t, "1.2.3", doc.ReleaseID)
		require.Len(t, doc.Notes, 2)
		require.Len(t, doc.Checks, 4)
		check := doc.Checks["login"][0]
		require.Equal(t, "fail", check["status"])
		require.Equal(t, "token", check["step"])
		require.Equal(t, "token_invalid", check["reason"])
		require.InDelta(t, 2.75, check["age_seconds"], 2)
		require.Contains(t, check["output"], "alg none")
		require.Equal(t, "warn", doc.Checks["login:n1"][0]["status"])
		require.Equal(t, "warn", doc.Checks["rule"][0]["status"])
		require.Equal(t, "unknown", doc.Checks["rule"][0]["result"])
		require.Equal(t, true, doc.Checks["new"][0]["pending"])
		require.NotContains(t, doc.Checks["new"][0], "age_seconds")
	}
	got := s.get(t, "/testall?verbose", "Authorization", bearer)
	require.Equal(t, 503, got.code)
	require.Equal(t, typeText, got.header.Get("Content-Type"))
	require.Regexp(t, `^FAIL\n- login: token: token_invalid[^\n]*\n(- [^\n]*\n)+\nVERDICT +GATES +PROBE`, got.body)
	require.Regexp(t, `(?m)^fail +yes +login +- +fail +3s +- +token +token_invalid +login: token`, got.body)
	require.Equal(t, "FAIL", s.get(t, "/testall?verbose=false", "Authorization", bearer).body)
}

func TestOpenToNetworks(t *testing.T) {
	t.Parallel()
	for network, code := range map[string]int{"127.0.0.0/8": 200, "10.0.0.0/8": 401} {
		config, _ := withToken(t, "testall")
		config.Open, config.OpenTo = []string{access.OpenTestall}, []string{network}
		o := options()
		o.Access = config
		s := start(t, o)
		require.Equal(t, code, s.get(t, "/testall", "X-Forwarded-For", "10.1.1.1").code)
		require.Equal(t, 401, s.get(t, "/test").code, "not opened")
	}
}
