package test

import (
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/idp-exporter/idp_exporter/internal/demo"
)

// row is a fault under way, and lines of the table in the end.
type row struct {
	*site
	fault    string
	begun    time.Time
	verdicts string
	// lost counts the failed requests by balancer.
	lost map[string]int
}

// begin begins to count for a fault, which happens now.
func (s *site) begin(fault string) *row {
	s.t.Helper()
	for _, b := range s.balancers {
		b.cut()
		b.row = newLoadWindow()
	}
	return &row{site: s, fault: fault, begun: time.Now(), lost: map[string]int{}}
}

// end ends the counting and makes the lines of the table. A node that was to leave was gone
// when the last request that it answered, or that failed, had begun.
func (r *row) end(left string) {
	r.t.Helper()
	for _, b := range r.balancers {
		b.row.add(b.cut())
		w := b.row
		gone := "-"
		if left != "" {
			last := r.begun
			for _, who := range []string{left, ""} {
				if at := b.gone[who]; at.After(last) {
					last = at
				}
			}
			gone = fmt.Sprintf("%.1f s", last.Sub(r.begun).Seconds())
		}
		r.lost[b.name] = w.failures()
		r.table = append(r.table, strings.TrimRight(fmt.Sprintf("%-23s | %-13s | %6d | %5.2f %% | %9s | %s | %s",
			r.fault, b.name, w.total, 100*r.share(b), gone, r.verdicts, w.causes()), " |"))
	}
}

const tableHeader = "fault                   | balancer      | asked  | failed  | out after | verdicts | failed for\n"

func (r *row) share(b *balancerInFront) float64 {
	return float64(b.row.failures()) / float64(max(b.row.total, 1))
}

// noneLost requires that no client noticed anything.
func (r *row) noneLost() {
	r.t.Helper()
	for _, b := range r.balancers {
		require.Zero(r.t, r.lost[b.name], "%s, %s: %s", r.fault, b.name, b.row.causes())
		require.Positive(r.t, b.row.total)
	}
}

// left waits until the balancers send nothing to a node any more.
func (r *row) left(name string) {
	r.t.Helper()
	var others []string
	for _, n := range r.cluster.Nodes {
		if n.Name != name {
			others = append(others, n.Name)
		}
	}
	r.settle(r.fault, true, others...)
	for _, b := range r.balancers {
		b.gone = map[string]time.Time{"": b.row.last[""], name: b.row.last[name]}
	}
}

// back waits until every node has its share again.
func (r *row) back() {
	r.t.Helper()
	r.settle("after "+r.fault, true, "n1", "n2", "n3")
}

// turned waits until the verdict of a probe turns, and requires that two
// failures, or one pass, are enough for that. One run may have been under way
// when the fault began; those that do not notice its end are slow.
func (r *row) turned(probe, want string) {
	r.t.Helper()
	enough := map[string]uint64{"fail": 2, "pass": 1}[want]
	before := r.results()[probe]
	eventually(r.t, 60*time.Second, func() error {
		now := r.results()[probe]
		runs := now.Runs[want] - before.Runs[want]
		if want == "fail" {
			require.LessOrEqual(r.t, now.Runs["pass"]-before.Runs["pass"], uint64(1), "%s: runs of %s that did not notice", r.fault, probe)
		}
		if now.Verdict == want {
			if want == "fail" {
				r.verdicts = fmt.Sprintf("%s fails after %d runs, %.1f s", probe, runs, time.Since(r.begun).Seconds())
			}
			return nil
		}
		require.Less(r.t, runs, enough, "%s: %s is still %s", r.fault, probe, now.Verdict)
		return fmt.Errorf("%s: %s is %s after %d runs", r.fault, probe, now.Verdict, runs)
	})
}

// says requires the answers of /testall about the whole, the cluster of
// exporters and each node, soon: a run on another node may just have failed for
// want of time, and the peer is asked once a second.
func (r *row) says(whole int, nodes [3]int) {
	r.t.Helper()
	want := map[string]int{"/testall": whole, "/testall?scope=cluster": whole}
	for i, code := range nodes {
		want[fmt.Sprintf("/testall?node=n%d", i+1)] = code
	}
	eventually(r.t, 30*time.Second, func() error {
		for path, code := range want {
			if got, body := r.get(path); got != code {
				_, verbose := r.get("/testall?verbose")
				return fmt.Errorf("%s: %s is %d %s, want %d\n%s", r.fault, path, got, body, code, verbose)
			}
		}
		return nil
	})
}

// recovered waits until the exporter, which was away, is right again about every
// node, and requires that it takes two further runs at most.
func (r *row) recovered(before map[string]result) {
	r.t.Helper()
	most := uint64(0)
	eventually(r.t, 60*time.Second, func() error {
		now := r.results()
		for _, n := range r.cluster.Nodes {
			probe := "login@" + n.Name
			runs := now[probe].Runs["pass"] - before[probe].Runs["pass"]
			if most = max(most, runs); now[probe].Verdict != "pass" {
				require.Less(r.t, runs, uint64(2), "%s: %s is still %s", r.fault, probe, now[probe].Verdict)
				return fmt.Errorf("%s: %s is %s", r.fault, probe, now[probe].Verdict)
			}
		}
		return nil
	})
	r.verdicts = fmt.Sprintf("right again after %d runs", most)
	r.says(200, [3]int{200, 200, 200})
}

// missed requires that the peer of an exporter that is away answers for itself
// as before, and that the cluster of the two fails.
func (r *row) missed() {
	r.t.Helper()
	eventually(r.t, 60*time.Second, func() error {
		code, body := r.peer.request(http.MethodGet, "/testall?scope=cluster&verbose", "text/plain")
		if code != 503 || !strings.Contains(body, "cluster: 1 of 2 members pass, 2 needed") {
			return fmt.Errorf("%s: the cluster is %d %s", r.fault, code, body)
		}
		return nil
	})
	for _, path := range []string{"/testall", "/testall?node=n1", "/testall?node=n2", "/testall?node=n3"} {
		code, body := r.peer.get(path)
		require.Equal(r.t, http.StatusOK, code, "%s: %s: %s", r.fault, path, body)
	}
}

// because requires reasons of the verdict that is asked about.
func (r *row) because(query string, texts ...string) {
	r.t.Helper()
	eventually(r.t, 30*time.Second, func() error {
		_, body := r.request(http.MethodGet, "/testall?verbose"+query, "text/plain")
		for _, text := range texts {
			if !strings.Contains(body, text) {
				return fmt.Errorf("%s: no %q in\n%s", r.fault, text, body)
			}
		}
		return nil
	})
}

// allFailAlike waits until the logins on all nodes have failed often enough to
// tell, and requires that each node says why it stays in all the same.
func (r *row) allFailAlike(needs bool) {
	r.t.Helper()
	eventually(r.t, 60*time.Second, func() error {
		for _, n := range r.cluster.Nodes {
			if now := r.results()["login@"+n.Name]; now.Verdict != "fail" {
				return fmt.Errorf("%s: login on %s is %s", r.fault, n.Name, now.Verdict)
			}
		}
		return nil
	})
	for _, n := range r.cluster.Nodes {
		if needs {
			r.because("&node="+n.Name, "not judged: it needs directory, which fails")
		} else {
			r.because("&node="+n.Name, "stays in: the other failing nodes of acme share what fails here")
		}
	}
	r.says(503, [3]int{200, 200, 200})
}

// steadily requires that every balancer comes to use every node, with requests
// that fail for this alone.
func (r *row) steadily(cause string) {
	r.t.Helper()
	for _, b := range r.balancers {
		b.row.add(b.cut())
		w := newLoadWindow()
		eventually(r.t, 60*time.Second, func() error {
			time.Sleep(200 * time.Millisecond) // the length of a window
			w.add(b.cut())
			if w.total < 30 {
				return fmt.Errorf("%s, %s: %d requests", r.fault, b.name, w.total)
			}
			long := w
			b.row.add(w)
			w = newLoadWindow()
			if long.failures() > long.failed[cause] || len(long.last) <= len(r.cluster.Nodes) {
				return fmt.Errorf("%s, %s: answered by %v, failed: %s", r.fault, b.name, long.by, long.causes())
			}
			return nil
		})
	}
}

// ofNode goes through a fault of n2 that takes it out, and its end. The verdict of
// the whole names it.
func (s *site) ofNode(fault, named string, damage, repair func(*demo.Node)) {
	s.t.Helper()
	n := s.cluster.Nodes[1]
	r := s.begin(fault)
	damage(n)
	r.turned("login@n2", "fail")
	r.because("", "acme: 2 of 3 nodes pass, the quorum is 2; out: n2", named)
	r.says(200, [3]int{200, 503, 200})
	r.left("n2")
	repair(n)
	r.turned("login@n2", "pass")
	r.says(200, [3]int{200, 200, 200})
	r.back()
	r.end("n2")
	for _, b := range s.balancers {
		require.Less(s.t, r.share(b), 0.5, "%s, %s: a third of the nodes cannot spoil half of the requests", fault, b.name)
	}
}
