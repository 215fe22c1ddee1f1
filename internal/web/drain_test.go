package web

import (
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/idp-exporter/idp_exporter/internal/audit"
	"github.com/idp-exporter/idp_exporter/probes"
)

func TestDrain(t *testing.T) {
	t.Parallel()
	e := newEstate(t)
	before := time.Now()
	got := e.with("POST", "/-/drain?node=n2&for=30m", "")
	require.Equal(t, http.StatusOK, got.code, got.body)
	require.Equal(t, typeJSON, got.header.Get("Content-Type"))
	d := e.drained(got.body)
	require.True(t, d.Drained)
	require.Equal(t, "n2", d.Node)
	require.Equal(t, "holder of all", d.By)
	require.WithinRange(t, *d.Until, before.Add(30*time.Minute), time.Now().Add(30*time.Minute))
	require.Len(t, e.disk.drains, 1, "on disk before it is answered")
	require.Len(t, e.trail.admin(), 1)
	rec := e.trail.admin()[0]
	require.Equal(t, []any{audit.EventDrain, audit.OutcomeAccepted, "n2", "/-/drain", "POST", "holder of all"},
		[]any{rec.Event, rec.Outcome, rec.Target, rec.Route, rec.Method, rec.Actor.Name})
	require.Equal(t, "on until "+d.Until.UTC().Format(time.RFC3339), rec.Detail)

	// The node leaves its load balancer at once, and nobody else does.
	require.Equal(t, 503, e.get(t, "/testall?node=n2").code)
	for _, q := range []string{"", "?node=n1", "?node=n3", "?node=", "?node=public"} {
		require.Equal(t, "OK", e.get(t, "/testall"+q).body, q)
	}

	got = e.with("PUT", "/-/drain?node=n2&state=on", "")
	require.Equal(t, 200, got.code)
	require.Nil(t, e.drained(got.body).Until, "a second time it sets the end anew")
	require.Equal(t, "on until turned off", e.trail.admin()[1].Detail)
	require.JSONEq(t, got.body, e.with("GET", "/-/drain?node=n2", "").body)
	require.False(t, e.drained(e.with("GET", "/-/drain?node=n1", "").body).Drained)
	var list struct{ Drains []drainJSON }
	require.NoError(t, json.Unmarshal([]byte(e.with("GET", "/-/drain", "").body), &list))
	require.Len(t, list.Drains, 1)

	for range 2 { // idempotent
		got = e.with("DELETE", "/-/drain?node=n2", "")
		require.Equal(t, 200, got.code)
		require.JSONEq(t, `{"node":"n2","drained":false}`, got.body)
	}
	require.Equal(t, "off", e.trail.admin()[2].Detail)
	require.Equal(t, "OK", e.get(t, "/testall?node=n2").body)
	require.JSONEq(t, `{"drains":[]}`, e.with("GET", "/-/drain", "").body)
	require.Len(t, e.trail.admin(), 4, "questions are no admin actions")

	// Without a node, or with public, it is the exporter's own answer.
	for _, q := range []string{"", "?node=public"} {
		require.True(t, e.drained(e.with("POST", "/-/drain"+q, "").body).Drained)
		require.Equal(t, "FAIL", e.get(t, "/testall").body)
		require.Equal(t, "FAIL", e.get(t, "/testall?node=").body)
		require.Equal(t, "OK", e.get(t, "/testall?node=n1").body)
		require.True(t, e.drained(e.with("GET", "/-/drain?node=public", "").body).Drained)
		require.JSONEq(t, `{"node":"","drained":false}`, e.with("POST", "/-/drain?state=off", "").body)
	}
	require.Equal(t, "public", e.trail.admin()[4].Target)
}

func TestDrainOfANodeThatIsGone(t *testing.T) {
	t.Parallel()
	e := newEstate(t)
	require.NoError(t, e.book.Drain(t.Context(), "n9", time.Time{}, ""))
	require.Equal(t, 404, e.with("POST", "/-/drain?node=n9", "").code)
	require.Equal(t, 200, e.with("DELETE", "/-/drain?node=n9", "").code)
	require.Empty(t, e.book.Drains())
	require.Equal(t, 404, e.with("DELETE", "/-/drain?node=n9", "").code)
}

func TestDrainRefuses(t *testing.T) {
	t.Parallel()
	e := newEstate(t)
	for _, c := range []struct {
		method, query, body string
		code                int
		says                string
	}{
		{"POST", "?node=n9", "", 404, "there are n1, n2, n3"},
		{"GET", "?node=n9", "", 404, "there are n1, n2, n3"},
		{"POST", "?node=", "", 400, "node= is empty"},
		{"POST", "?nod=n1", "", 400, `unknown parameter "nod"`},
		{"POST", "?node=n1&node=n2", "", 400, "twice"},
		{"POST", "", "node=n1", 400, "in the query"},
		{"POST", "?node=n1&state=maybe", "", 400, "on or off"},
		{"POST", "?node=n1&state=off&for=1m", "", 400, "for="},
		{"DELETE", "?node=n1&for=1m", "", 400, "unknown parameter"},
		{"POST", "?node=n1&for=", "", 400, "for= is empty"},
		{"POST", "?node=n1&for=0s", "", 400, "1s to 90d"},
		{"POST", "?node=n1&for=999ms", "", 400, "1s to 90d"},
		{"POST", "?node=n1&for=91d", "", 400, "1s to 90d"},
		{"POST", "?node=n1&for=-5m", "", 400, "such as 30m"},
		{"POST", "?node=n1&for=soon", "", 400, "such as 30m"},
		{"POST", "?node=n1&for=9999999y", "", 400, "for="},
		{"POST", "?node=%zz", "", 400, "cannot be read"},
	} {
		got := e.with(c.method, "/-/drain"+c.query, c.body)
		require.Equal(t, c.code, got.code, "%s %s: %s", c.method, c.query, got.body)
		require.Contains(t, got.body, c.says, c.query)
	}
	require.Empty(t, e.book.Drains())
	require.Empty(t, e.trail.admin(), "what is wrong in itself is no action")
	for _, length := range []string{"1s", "90d", "1h30m", "2d"} {
		require.Equal(t, 200, e.with("POST", "/-/drain?node=n1&for="+length, "").code, length)
	}
}

func TestWhatIsNotOnDiskIsNotAcknowledged(t *testing.T) {
	t.Parallel()
	e := newEstate(t)
	require.Equal(t, 201, e.with("POST", "/-/windows", `{"id":"w1","for":"1h"}`).code)
	require.Equal(t, 200, e.with("POST", "/-/drain?node=n1", "").code)
	for name, breaks := range map[string]func(error){
		"the disk":  e.disk.breaks,
		"the trail": func(err error) { e.trail.mu.Lock(); e.trail.err = err; e.trail.mu.Unlock() },
	} {
		breaks(errors.New("no space left"))
		for _, r := range [][3]string{{"POST", "/-/drain?node=n2"}, {"DELETE", "/-/drain?node=n1"}, {"POST", "/-/windows", `{"for":"1h"}`}, {"DELETE", "/-/windows/w1"}} {
			got := e.with(r[0], r[1], r[2])
			require.Equal(t, 503, got.code, "%s: %v", name, r)
			require.Contains(t, got.body, "no space left")
		}
		breaks(nil)
	}
	require.Len(t, e.trail.failed(), 4, "that it failed is noted")
	require.Contains(t, e.trail.failed()[0].Detail, "no space left")
	require.Len(t, e.book.Drains(), 1)
	require.Len(t, e.book.Windows(), 1)

	s, bearer := admin(t, options())
	got := s.do(t, "POST", "/-/drain", "Authorization", bearer)
	require.Equal(t, 503, got.code)
	require.Contains(t, got.body, "--storage.path", "an exporter without storage says what to do")
}

func TestDetailsOfDrainsAndWindows(t *testing.T) {
	t.Parallel()
	e := newEstate(t)
	e.record("login", "n1", probes.Fail)
	e.record("certificate", "n3", probes.Fail)
	require.Equal(t, 200, e.with("POST", "/-/drain?node=n2&for=1h", "").code)
	require.Equal(t, 201, e.with("POST", "/-/windows", `{"id":"w","name":"<kernel>","for":"2h","nodes":["n3"]}`).code)

	var doc healthJSON
	read := func(query string) int {
		t.Helper()
		got := e.with("GET", "/testall"+query, "", "Accept", typeJSON)
		doc = healthJSON{}
		require.NoError(t, json.Unmarshal([]byte(got.body), &doc), got.body)
		return got.code
	}
	require.Equal(t, 503, read("?node=n2"))
	require.True(t, doc.Drained)
	require.Regexp(t, `^node n2: drained until `, doc.Output)
	require.Len(t, doc.Checks, 2)
	require.Equal(t, "drained", doc.Checks["login:n2"][0].Suppressed)
	require.WithinDuration(t, time.Now().Add(time.Hour), *doc.Checks["login:n2"][0].SuppressedUntil, time.Minute)
	require.Equal(t, "pass", doc.Checks["login:n2"][0].Status, "it is measured on")

	require.Equal(t, 200, read("?node=n3"), "a window takes no node out")
	require.Equal(t, "maintenance", doc.Checks["login:n3"][0].Suppressed)
	require.Equal(t, 200, read("?probe=certificate&exclude=login"))
	require.Equal(t, "warn", doc.Status, "what is in maintenance fails nothing")

	require.Equal(t, 503, read(""))
	require.False(t, doc.Drained)
	require.Regexp(t, `login on node n1: fail at step token: token_invalid`, strings.Join(doc.Notes, "\n"))
	require.Regexp(t, `node n2: drained until`, strings.Join(doc.Notes, "\n"))
	require.Equal(t, 503, read("?node=n1"))
	require.Regexp(t, `^login on node n1: fail at step token`, doc.Output)

	// A failure that the last nodes share takes none of them out, and says why.
	e.record("login", "n3", probes.Fail)
	require.Equal(t, 200, read("?node=n1"))
	require.Equal(t, "warn", doc.Status)
	require.Regexp(t, `^node n1 stays in: .* min_up is 1`, doc.Notes[0])
	text := e.with("GET", "/testall?node=n1&verbose", "").body
	require.Regexp(t, `^OK\n- node n1 stays in: [^\n]*\n- login on node n1: fail at step token`, text)
	require.Regexp(t, `(?m)^pass +yes +login +n2 .* drained until \d{4}-`, e.with("GET", "/testall?verbose", "").body)
	require.Equal(t, "FAIL", e.get(t, "/testall").body)

	got := e.with("GET", "/api/v1/results?node=n2", "")
	require.Contains(t, got.body, `"suppressed": "drained"`)
	require.Contains(t, got.body, `"drained": true`)

	page := e.with("GET", "/", "").body
	require.Regexp(t, `<h2>Drained</h2><ul><li>node n2 until \d{4}`, page)
	require.Regexp(t, `<h2>In maintenance</h2><ul><li>&lt;kernel&gt;, nodes n3 until \d{4}`, page)
}
