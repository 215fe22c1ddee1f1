package web

import (
	"slices"
	"strings"
	"time"

	"github.com/idp-exporter/idp_exporter/internal/state"
	"github.com/idp-exporter/idp_exporter/probes"
)

// flat is what people are told of one probe on one node in a line.
type flat struct {
	last, step, detail, age string
	reason                  probes.Reason
	ageSeconds              float64
}

func flatten(e state.Entry, now time.Time) flat {
	f := flat{last: "none", age: "-", detail: e.Why}
	if e.Restored && !strings.Contains(f.detail, "restored") {
		f.detail = strings.TrimPrefix(f.detail+"; verdict of before the restart", "; ")
	}
	if e.NotBefore.After(now) {
		f.detail = strings.TrimPrefix(f.detail+"; paused until "+e.NotBefore.UTC().Format("15:04:05Z"), "; ")
	}
	if e.Last == nil {
		return f
	}
	f.last, f.step, f.reason = e.Last.Outcome.String(), e.Last.FailedStep, e.Last.Reason
	if e.Last.Detail != "" {
		f.detail = strings.TrimPrefix(f.detail+"; "+e.Last.Detail, "; ")
	}
	age := max(0, now.Sub(e.Last.Start.Add(e.Last.Duration)))
	f.age, f.ageSeconds = age.Round(time.Second).String(), age.Seconds()
	return f
}

// healthJSON is the document of draft-inadarei-api-health-check-06, section 3.
// The members after Checks are ours.
type healthJSON struct {
	Status      string                 `json:"status"`
	Version     string                 `json:"version"`
	ReleaseID   string                 `json:"releaseId,omitempty"`
	Description string                 `json:"description"`
	Notes       []string               `json:"notes,omitempty"`
	Output      string                 `json:"output,omitempty"`
	Checks      map[string][]checkJSON `json:"checks"`

	Drained       bool               `json:"drained"`
	Disagreements []disagreementJSON `json:"disagreements,omitempty"`
	Cluster       *clusterJSON       `json:"cluster,omitempty"`
}

// disagreementJSON is a difference between nodes.
type disagreementJSON struct {
	Provider string            `json:"provider"`
	Probe    string            `json:"probe"`
	What     string            `json:"what"`
	Nodes    map[string]string `json:"nodes"`
	Odd      []string          `json:"odd"`
	Text     string            `json:"text"`
}

func disagreementsOf(list []state.Disagreement) []disagreementJSON {
	all := make([]disagreementJSON, 0, len(list))
	for _, d := range list {
		all = append(all, disagreementJSON{d.Provider, d.Probe, d.What, d.Nodes, append([]string{}, d.Odd...), d.Text})
	}
	return all
}

// checkJSON is one of its checks (section 4). The members after Output are
// ours, as section 4 allows.
type checkJSON struct {
	ComponentID   string     `json:"componentId"`
	ComponentType string     `json:"componentType"`
	ObservedValue *float64   `json:"observedValue,omitempty"`
	ObservedUnit  string     `json:"observedUnit,omitempty"`
	Status        string     `json:"status"`
	Time          *time.Time `json:"time,omitempty"`
	Output        string     `json:"output,omitempty"`

	Probe      string        `json:"probe"`
	Node       string        `json:"node"`
	Kind       string        `json:"kind"`
	Gates      bool          `json:"gates"`
	Result     string        `json:"result,omitempty"`
	Step       string        `json:"step,omitempty"`
	Reason     probes.Reason `json:"reason,omitempty"`
	AgeSeconds *float64      `json:"age_seconds,omitempty"`
	Detail     string        `json:"detail,omitempty"`
	Since      *time.Time    `json:"since,omitempty"`
	Stale      bool          `json:"stale,omitempty"`
	Pending    bool          `json:"pending,omitempty"`
	Restored   bool          `json:"restored,omitempty"`

	Suppressed      string     `json:"suppressed,omitempty"`
	SuppressedUntil *time.Time `json:"suppressed_until,omitempty"`
}

// healthVersion is the version of the document's own members.
const healthVersion = "1"

func healthDocument(rep report, release string, now time.Time) healthJSON {
	doc := healthJSON{
		Status: healthStatus(rep.Outcome), Version: healthVersion, ReleaseID: release,
		Description: "can people sign in?", Notes: rep.notes(), Checks: make(map[string][]checkJSON, len(rep.entries)),
		Drained: rep.Drained, Disagreements: disagreementsOf(rep.disagreements),
	}
	if rep.cluster != nil {
		doc.Description = "can people sign in, by the cluster?"
		doc.Cluster = clusterOf(*rep.cluster, now)
	}
	if !rep.OK && len(doc.Notes) > 0 {
		doc.Output = doc.Notes[0]
	}
	for _, e := range rep.entries {
		name := e.Probe
		if e.Node != "" {
			name += ":" + e.Node
		}
		doc.Checks[name] = append(doc.Checks[name], checkOf(e, now))
	}
	return doc
}

// notes are the lines of the verdict and those of disagreements that it does
// not tell of, since no gating probe found them.
func (r report) notes() []string {
	lines := slices.Clone(r.Reasons)
	for _, d := range r.disagreements {
		if !slices.Contains(lines, d.Text) {
			lines = append(lines, d.Text)
		}
	}
	return lines
}

func checkOf(e state.Entry, now time.Time) checkJSON {
	f := flatten(e, now)
	c := checkJSON{
		ComponentID: e.String(), ComponentType: "component", Status: healthStatus(e.Verdict), Output: e.Why,
		Probe: e.Probe, Node: e.Node, Kind: e.Kind, Gates: e.Gates, Step: f.step, Reason: f.reason, Detail: f.detail,
		Since: timeOrNil(e.Since), Stale: e.Stale, Pending: e.Pending, Restored: e.Restored,
		Suppressed: e.Suppressed, SuppressedUntil: timeOrNil(e.SuppressedUntil),
	}
	if e.Last != nil {
		seconds := e.Last.Duration.Seconds()
		c.ObservedValue, c.ObservedUnit = &seconds, "s"
		c.Time = timeOrNil(e.Last.Start)
		c.Result = e.Last.Outcome.String()
		c.AgeSeconds = &f.ageSeconds
	}
	return c
}

// healthStatus spells an outcome as the draft does; it has no word for unknown.
func healthStatus(o probes.Outcome) string {
	if o == probes.Unknown {
		return probes.Warn.String()
	}
	return o.String()
}

func timeOrNil(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.UTC()
	return &t
}
