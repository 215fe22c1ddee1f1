package peers

import "time"

// Verdict is what the cluster says.
type Verdict struct {
	// OK tells that at least Need of Total members pass.
	OK                bool
	Pass, Total, Need int
	// Members are this exporter, named Self, and then the others in the order of
	// the configuration.
	Members []Member
}

// Member is one exporter of the cluster.
type Member struct {
	Name string
	// OK tells that it passes, Known that it is known whether it does. A member
	// of which that is not known does not pass.
	OK, Known bool
	// At is when it last answered; zero if it never did.
	At time.Time
	// Problem says why the last question brought no answer, one of the Problem
	// constants; empty if it did. One question without an answer leaves the
	// member known.
	Problem string
}

// State is "pass", "fail" or "unknown".
func (m Member) State() string {
	switch {
	case !m.Known:
		return "unknown"
	case m.OK:
		return "pass"
	default:
		return "fail"
	}
}

// Cluster combines what this exporter says of itself with the answers of the
// others. It reads memory only.
func (p *Peers) Cluster(self bool) Verdict {
	now := time.Now()
	v := Verdict{Total: 1, Need: 1}
	if p != nil {
		p.mu.RLock()
		defer p.mu.RUnlock()
		v.Total, v.Need = 1+len(p.members), p.config.need()
	}
	v.Members = append(make([]Member, 0, v.Total), Member{Name: Self, OK: self, Known: true, At: now})
	if p != nil {
		for _, m := range p.members {
			v.Members = append(v.Members, m.view(now, p.config.Every))
		}
	}
	for _, m := range v.Members {
		if m.OK {
			v.Pass++
		}
	}
	v.OK = v.Pass >= v.Need
	return v
}

// view is how the member stands. It needs Peers.mu.
func (m *member) view(now time.Time, every time.Duration) Member {
	a := m.answer
	v := Member{Name: m.Name, At: a.at, Problem: a.problem}
	switch {
	case a.at.IsZero(), a.missed >= misses:
	case now.Sub(a.at) > fresh*every:
		if v.Problem == "" {
			v.Problem = ProblemStale
		}
	default:
		v.OK, v.Known = a.ok, true
	}
	return v
}
