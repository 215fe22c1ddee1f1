package web

import (
	"cmp"
	"net/http"
	"slices"
	"time"

	"github.com/idp-exporter/idp_exporter/internal/state"
	"github.com/idp-exporter/idp_exporter/internal/web/access"
	"github.com/idp-exporter/idp_exporter/probes"
)

// The documents of /api/v1; docs/api.md describes them. Within v1 members are
// added, never changed or removed.

type specJSON struct {
	Probe     string          `json:"probe"`
	Node      string          `json:"node"`
	Kind      string          `json:"kind"`
	Provider  string          `json:"provider"`
	Severity  probes.Severity `json:"severity"`
	Gates     bool            `json:"gates"`
	Every     float64         `json:"every_seconds"`
	FailAfter int             `json:"fail_after"`
	PassAfter int             `json:"pass_after"`
	Needs     []string        `json:"needs,omitempty"`
}

type verdictJSON struct {
	OK      bool           `json:"ok"`
	Outcome probes.Outcome `json:"outcome"`
	Reasons []string       `json:"reasons"`
	Drained bool           `json:"drained"`
}

type failureJSON struct {
	Step   string        `json:"step"`
	Reason probes.Reason `json:"reason"`
	Count  uint64        `json:"count"`
}

type entryJSON struct {
	specJSON
	Verdict        probes.Outcome              `json:"verdict"`
	Since          *time.Time                  `json:"since,omitempty"`
	Why            string                      `json:"why,omitempty"`
	Stale          bool                        `json:"stale"`
	Pending        bool                        `json:"pending"`
	Restored       bool                        `json:"restored"`
	Suppressed     string                      `json:"suppressed,omitempty"`
	SuppressUntil  *time.Time                  `json:"suppressed_until,omitempty"`
	NotBefore      *time.Time                  `json:"not_before,omitempty"`
	LastPass       *time.Time                  `json:"last_pass,omitempty"`
	Last           *probes.Result              `json:"last"`
	LastConclusive *probes.Result              `json:"last_conclusive"`
	Runs           map[string]uint64           `json:"runs"`
	Failures       []failureJSON               `json:"failures"`
	Skipped        map[probes.SkipCause]uint64 `json:"skipped"`
}

func (s *Server) apiProbes(w http.ResponseWriter, _ *http.Request, _ access.Grant) {
	list := []specJSON{}
	for _, e := range s.options.State.Snapshot() {
		list = append(list, specOf(e.Spec))
	}
	writeJSON(w, http.StatusOK, typeJSON, map[string]any{"probes": list})
}

func (s *Server) apiResults(w http.ResponseWriter, r *http.Request, _ access.Grant) {
	query := r.URL.Query()
	query.Del("exclude")
	sel, err := selectionOf(query)
	if err != nil {
		writeJSON(w, http.StatusBadRequest, typeJSON, map[string]string{"error": err.Error()})
		return
	}
	rep, err := s.ask(sel)
	if err != nil {
		writeJSON(w, http.StatusNotFound, typeJSON, map[string]string{"error": err.Error()})
		return
	}
	results := make([]entryJSON, 0, len(rep.entries))
	for _, e := range rep.entries {
		results = append(results, entryOf(e))
	}
	v := verdictJSON{OK: rep.OK, Outcome: rep.Outcome, Reasons: append([]string{}, rep.Reasons...), Drained: rep.Drained}
	writeJSON(w, http.StatusOK, typeJSON, map[string]any{"verdict": v, "results": results, "disagreements": disagreementsOf(rep.disagreements)})
}

func specOf(s state.Spec) specJSON {
	return specJSON{s.Probe, s.Node, s.Kind, s.Provider, s.Severity, s.Gates, s.Every.Seconds(), s.FailAfter, s.PassAfter, s.Needs}
}

func entryOf(e state.Entry) entryJSON {
	j := entryJSON{
		specJSON: specOf(e.Spec), Verdict: e.Verdict, Since: timeOrNil(e.Since), Why: e.Why, Stale: e.Stale, Pending: e.Pending,
		Restored: e.Restored, Suppressed: e.Suppressed, SuppressUntil: timeOrNil(e.SuppressedUntil),
		NotBefore: timeOrNil(e.NotBefore), LastPass: timeOrNil(e.LastPass), Last: e.Last, LastConclusive: e.LastConclusive,
		Runs: make(map[string]uint64, len(e.Runs)), Failures: []failureJSON{}, Skipped: e.Skipped,
	}
	if j.Skipped == nil {
		j.Skipped = map[probes.SkipCause]uint64{}
	}
	for _, o := range probes.Outcomes() {
		j.Runs[o.String()] = e.Runs[o]
	}
	for at, n := range e.Failures {
		j.Failures = append(j.Failures, failureJSON{at.Step, at.Reason, n})
	}
	slices.SortFunc(j.Failures, func(a, b failureJSON) int {
		return cmp.Or(cmp.Compare(a.Step, b.Step), cmp.Compare(a.Reason, b.Reason))
	})
	return j
}
