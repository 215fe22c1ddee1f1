package web

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/idp-exporter/idp_exporter/internal/audit"
	"github.com/idp-exporter/idp_exporter/internal/maintenance"
)

func TestWindows(t *testing.T) {
	t.Parallel()
	e := newEstate(t)
	require.JSONEq(t, `{"windows":[]}`, e.with("GET", "/api/v1/windows", "").body)
	start, end := time.Now().Add(time.Hour).UTC().Truncate(time.Second), time.Now().Add(3*time.Hour).UTC().Truncate(time.Second)
	got := e.with("POST", "/-/windows", `{"name":"kernel","start":"`+start.Format(time.RFC3339)+`","end":"`+
		end.In(time.FixedZone("", 3600)).Format(time.RFC3339)+`","nodes":["n1","public"],"probes":["login"],"comment":"change 4711"}`)
	require.Equal(t, http.StatusCreated, got.code, got.body)
	var w maintenance.Status
	require.NoError(t, json.Unmarshal([]byte(got.body), &w))
	require.NotEmpty(t, w.ID)
	require.Equal(t, windowsPath+w.ID, got.header.Get("Location"))
	require.Equal(t, maintenance.Status{Window: maintenance.Window{ID: w.ID, Name: "kernel", Start: start, End: end, Nodes: []string{"n1", "public"},
		Probes: []string{"login"}, By: "holder of all", Comment: "change 4711"}}, w)
	require.Contains(t, e.disk.windows, w.ID)
	rec := e.trail.admin()[0]
	require.Equal(t, []any{audit.EventWindow, w.ID}, []any{rec.Event, rec.Target})
	require.Equal(t, start.Format(time.RFC3339)+" to "+end.Format(time.RFC3339)+"; nodes n1, public; probes login; kernel", rec.Detail)

	got = e.with("POST", "/-/windows", `{"id":"now","for":"1h"}`)
	require.Equal(t, 201, got.code)
	require.Contains(t, got.body, `"open": true`)
	require.Equal(t, 200, e.with("POST", "/-/windows", `{"id":"now","for":"2h","nodes":["n2"]}`).code, "an id again replaces the window")
	var list struct{ Windows []maintenance.Status }
	require.NoError(t, json.Unmarshal([]byte(e.with("GET", "/api/v1/windows", "").body), &list))
	require.Len(t, list.Windows, 2)
	require.Equal(t, "now", list.Windows[0].ID)
	require.Equal(t, []string{"n2"}, list.Windows[0].Nodes)

	for _, id := range []string{"now", w.ID} {
		got = e.with("DELETE", windowsPath+id, "")
		require.Equal(t, http.StatusNoContent, got.code, got.body)
		require.Equal(t, 404, e.with("DELETE", windowsPath+id, "").code)
	}
	require.Empty(t, e.book.Windows())
	for _, path := range []string{windowsPath, windowsPath + "x/y", windowsPath + "..", windowsPath + strings.Repeat("x", 9000)} {
		require.Equal(t, 404, e.with("DELETE", path, "").code)
	}
	require.Len(t, e.trail.admin(), 5)
}

func TestWindowsRefuses(t *testing.T) {
	t.Parallel()
	e := newEstate(t)
	for body, says := range map[string]string{
		``:                                   "one JSON object",
		`[]`:                                 "one JSON object",
		`null`:                               "one JSON object",
		`{"for":"1h"`:                        "not JSON",
		`{"for":"1h"} {}`:                    "something follows",
		`{"for":"1h","For":"2h"}`:            `unknown key "For"`,
		`{"for":"1h","by":"x"}`:              `unknown key "by"`,
		`{"for":"1h","for":"2h"}`:            "stands twice",
		`{"for":"1h","nodes":null}`:          "null",
		`{"for":"1h","nodes":[]}`:            "the list is empty",
		`{"for":"1h","nodes":"n1"}`:          "want a list of texts",
		`{"for":"1h","nodes":[1]}`:           "want a text",
		`{"for":60}`:                         "want a text",
		`{}`:                                 "either end or for",
		`{"for":"1h","end":"` + in(2) + `"}`: "either end or for",
		`{"for":"1h","nodes":["n9"]}`:        `there is no node "n9"; there are n1, n2, n3, public`,
		`{"for":"1h","nodes":[""]}`:          `there is no node ""`,
		`{"for":"1h","probes":["x"]}`:        "there are certificate, login",
		`{"for":"31d"}`:                      "longer than 30 days",
		`{"for":"0s"}`:                       "ends before it starts",
		`{"end":"` + in(-2) + `"}`:           "ends before it starts",
		`{"start":"` + in(-3) + `","end":"` + in(-2) + `"}`: "ended already",
		`{"end":"2031-02-01T21:00:00"}`:                     "zone",
		`{"end":"2031-02-01 21:00:00Z"}`:                    "zone",
		`{"end":"tomorrow"}`:                                "zone",
		`{"for":"1h","id":"a/b"}`:                           "id: write",
		`{"for":"1h","id":".."}`:                            "id: write",
		"{\"for\":\"1h\",\"name\":\"a\\u0000b\"}":           "control characters",
		"{\"for\":\"1h\",\"name\":\"\xff\"}":                "UTF-8",
		`{"for":` + strings.Repeat("[", 20000) + `}`:        "",
	} {
		got := e.with("POST", "/-/windows", body)
		require.Equal(t, 400, got.code, "%s: %s", body, got.body)
		require.Contains(t, got.body, says, body)
	}
	require.Empty(t, e.book.Windows())
	got := e.with("POST", "/-/windows", `{"for":"1h","comment":"`+strings.Repeat("x", maxBody)+`"}`)
	require.Equal(t, http.StatusRequestEntityTooLarge, got.code)
}

func in(hours int) string {
	return time.Now().Add(time.Duration(hours) * time.Hour).UTC().Format(time.RFC3339)
}
