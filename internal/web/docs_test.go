package web

import (
	"encoding/json"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/idp-exporter/idp_exporter/internal/maintenance"
	"github.com/idp-exporter/idp_exporter/internal/peers"
	"github.com/idp-exporter/idp_exporter/internal/state"
	"github.com/idp-exporter/idp_exporter/probes"
)

// Every route and every member of every document stands in docs/api.md.
func TestDocumented(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../../docs/api.md")
	require.NoError(t, err)
	o := options()
	o.Switches = &fakeSwitches{on: map[string]bool{}}
	o.State = &fakeState{entries: []state.Entry{entry("login", "", true, probes.Fail)}}
	s := start(t, o)
	for _, r := range s.Routes() {
		require.Contains(t, string(page), "`"+r.Path)
	}
	require.Contains(t, string(page), "`idp_probe_run_skipped{cause}`")

	named := map[string]bool{"pass": true, "warn": true, "fail": true, "unknown": true, "login": true, "n1": true, "alertname": true}
	var walk func(v any)
	walk = func(v any) {
		switch v := v.(type) {
		case map[string]any:
			for k, child := range v {
				if !named[k] {
					require.Contains(t, string(page), "`"+k+"`")
				}
				walk(child)
			}
		case []any:
			for _, child := range v {
				walk(child)
			}
		}
	}
	e, at := entry("login", "", true, probes.Fail), time.Now()
	e.Stale, e.Pending, e.Restored, e.Suppressed, e.SuppressedUntil, e.Needs = true, true, true, "drained", at, []string{"dns"}
	rep := report{
		Verdict: s.options.State.Verdict(), entries: []state.Entry{e},
		disagreements: []state.Disagreement{{Nodes: map[string]string{"n1": "a"}}},
		cluster:       &peers.Verdict{Members: []peers.Member{{Name: "self", At: at, Problem: "x"}}},
	}
	failed := someAlarms().report
	failed.Destinations[0].Raise, failed.Destinations[0].Clear = "x", "y"
	for _, document := range []any{
		healthDocument(rep, "1", e.Last.Start), entryOf(e), specOf(e.Spec), s.options.Switches.List(),
		drainOf(maintenance.Drain{Node: "n1", Since: at, Until: at, By: "ops"}),
		alarmOf(someAlarms().views[1]), s.deliveryOf(someAlarms().Deliveries()[0]), s.deadLetterOf(someAlarms().letters[0]), s.reportOf(failed),
		maintenance.Status{Window: maintenance.Window{ID: "a", Name: "b", Start: at, End: at, Nodes: []string{"n1"}, Probes: []string{"login"}, By: "c", Comment: "d"}},
	} {
		b, err := json.Marshal(document)
		require.NoError(t, err)
		var v any
		require.NoError(t, json.Unmarshal(b, &v))
		walk(v)
	}
}
