package web

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/idp-exporter/idp_exporter/internal/maintenance"
)

// Whatever a body holds, a window that is read says when it is, names no empty
// list, and can be handed to the book.
func FuzzReadWindow(f *testing.F) {
	for _, s := range []string{
		`{"for":"1h"}`, `{"id":"a","name":"b","start":"2031-02-01T21:00:00Z","end":"2031-02-01T22:00:00+01:00","nodes":["n1"],"probes":["x"],"comment":"c"}`,
		`{"for":"1h","nodes":[]}`, `{"for":"1h","for":"1h"}`, `{"for":null}`, `[`, `{"a":{"b":[]}}`, "{\"name\":\"\\ud800\",\"for\":\"1y\"}", `{"for":"1h"}x`,
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, body string) {
		now := time.Date(2031, 1, 1, 0, 0, 0, 0, time.UTC)
		w, err := readWindow(httptest.NewRequest(http.MethodPost, "/-/windows", strings.NewReader(body)), now)
		if err != nil {
			require.NotEmpty(t, err.Error())
			return
		}
		require.False(t, w.Start.IsZero())
		require.False(t, w.End.IsZero())
		require.True(t, w.Nodes == nil || len(w.Nodes) > 0)
		require.True(t, w.Probes == nil || len(w.Probes) > 0)
		require.True(t, w.ID == "" || windowID.MatchString(w.ID))
		_ = windowText(w)
		_, _ = maintenance.New(maintenance.Options{Now: func() time.Time { return now }}).AddWindow(t.Context(), w)
	})
}

// Whatever a query holds, a drain that is read names its node and an end within
// the bounds, or none; a question changes nothing.
func FuzzReadDrain(f *testing.F) {
	for _, s := range []string{"", "node=n1&for=30m", "node=public&state=off", "node=", "for=90d", "for=1s&for=2s", "node=%ff", "state=on;x", "nodes=n1", "for=9999999999y"} {
		f.Add(s, true)
		f.Add(s, false)
	}
	f.Fuzz(func(t *testing.T, query string, post bool) {
		r := httptest.NewRequest(http.MethodGet, "/-/drain", http.NoBody)
		if post {
			r.Method = http.MethodPost
		}
		r.URL.RawQuery = query
		ask, err := readDrain(r)
		if err != nil {
			return
		}
		require.Equal(t, post, ask.change)
		require.NotEqual(t, maintenance.PublicNode, ask.node)
		require.True(t, ask.length == 0 || (ask.on && ask.length >= minDrain && ask.length <= maxDrain))
		if strings.Contains(query, "node") {
			require.True(t, ask.node != "" || r.URL.Query().Get("node") == maintenance.PublicNode)
		}
	})
}
