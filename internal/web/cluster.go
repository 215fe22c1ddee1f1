package web

import (
	"errors"
	"fmt"
	"net/url"
	"time"

	"github.com/idp-exporter/idp_exporter/internal/peers"
	"github.com/idp-exporter/idp_exporter/probes"
)

// Cluster knows what the other exporters say. It answers from memory.
type Cluster interface {
	// Cluster adds what this exporter says of itself to what is known of the others.
	Cluster(self bool) peers.Verdict
}

func (s *Server) clusterVerdict() peers.Verdict {
	return s.options.Cluster.Cluster(s.options.State.Verdict().OK)
}

// asksCluster reads scope=, local by default. The cluster is asked as a whole: the
// others know nothing of our nodes and probes.
func asksCluster(query url.Values) (cluster bool, err error) {
	if !query.Has("scope") {
		return false, nil
	}
	values := query["scope"]
	switch {
	case len(values) != 1 || (values[0] != "cluster" && values[0] != "local"):
		return false, errors.New("scope= takes local (the default) or cluster")
	case values[0] == "local":
		return false, nil
	}
	for _, key := range []string{"node", "probe", "exclude"} {
		if query.Has(key) {
			return false, fmt.Errorf("scope=cluster asks about the whole; leave %s= out", key)
		}
	}
	return true, nil
}

// join makes a report about this exporter one about the cluster.
func (r *report) join(v peers.Verdict) {
	own := r.Outcome
	r.cluster, r.OK, r.Outcome = &v, v.OK, probes.Fail
	switch {
	case v.OK && v.Pass == v.Total && own == probes.Pass:
		r.Outcome = probes.Pass
	case v.OK:
		r.Outcome = probes.Warn
	}
	reasons := []string{fmt.Sprintf("cluster: %d of %d members pass, %d needed", v.Pass, v.Total, v.Need)}
	for _, m := range v.Members {
		if line := memberLine(m); line != "" {
			reasons = append(reasons, line)
		}
	}
	if v.Pass == v.Total {
		reasons = reasons[1:]
	}
	r.Reasons = append(reasons, r.Reasons...)
}

func memberLine(m peers.Member) string {
	switch {
	case m.OK && m.Problem == "":
		return ""
	case m.Problem == "":
		return "member " + m.Name + ": " + m.State()
	}
	return "member " + m.Name + ": " + m.State() + ": " + m.Problem
}

type clusterJSON struct {
	OK      bool         `json:"ok"`
	Pass    int          `json:"pass"`
	Total   int          `json:"total"`
	Need    int          `json:"need"`
	Members []memberJSON `json:"members"`
}

type memberJSON struct {
	Name       string     `json:"name"`
	OK         bool       `json:"ok"`
	Known      bool       `json:"known"`
	Time       *time.Time `json:"time,omitempty"`
	AgeSeconds *float64   `json:"age_seconds,omitempty"`
	Problem    string     `json:"problem,omitempty"`
}

func clusterOf(v peers.Verdict, now time.Time) *clusterJSON {
	j := &clusterJSON{OK: v.OK, Pass: v.Pass, Total: v.Total, Need: v.Need, Members: []memberJSON{}}
	for _, m := range v.Members {
		member := memberJSON{Name: m.Name, OK: m.OK, Known: m.Known, Time: timeOrNil(m.At), Problem: m.Problem}
		if !m.At.IsZero() {
			age := max(0, now.Sub(m.At).Seconds())
			member.AgeSeconds = &age
		}
		j.Members = append(j.Members, member)
	}
	return j
}
