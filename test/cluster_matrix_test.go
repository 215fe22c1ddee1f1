package test

import (
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/idp-exporter/idp_exporter/internal/demo"
)

// TestFaultsOfAClusterBehindItsBalancers goes through the faults that a cluster
// and its exporter can have, with real balancers in front and constant load, and
// prints for each how many requests of clients failed.
func TestFaultsOfAClusterBehindItsBalancers(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	defer func() { t.Log("\n" + tableHeader + strings.Join(s.table, "\n")) }()
	s.settle("at the start", true, "n1", "n2", "n3")
	rounds := 1
	if soak() {
		rounds = 10
	}
	for range rounds {
		s.clients(impatient)
		s.faultsOfANode()
		s.clients(patient)
		s.faultOfTheDirectory()
		s.withoutLoss()
		s.faultsOfTheExporter()
	}
}

func (s *site) faultsOfANode() {
	s.ofNode("node stopped", "connect",
		func(n *demo.Node) { require.NoError(s.t, n.Stop()) },
		func(n *demo.Node) { require.NoError(s.t, n.Start()) })
	s.ofNode("node hung", "timeout",
		func(n *demo.Node) { n.SetHung(true) },
		func(n *demo.Node) { n.SetHung(false) })
	s.ofNode("node slow", "timeout",
		func(n *demo.Node) { n.SetDelay(1200 * time.Millisecond) },
		func(n *demo.Node) { n.SetDelay(0) })
	s.ofNode("clock an hour behind", "node n2 has another time than n1, n3",
		func(n *demo.Node) { n.Provider.SetClock(-time.Hour) },
		func(n *demo.Node) { n.Provider.SetClock(0) })
	s.ofNode("stale key set published", "node n2 has another key set than n1, n3",
		func(n *demo.Node) {
			n.Provider.HoldKeys(false, true)
			require.NoError(s.t, s.cluster.RotateKeys())
		},
		func(n *demo.Node) { n.Provider.HoldKeys(false, false) })
	s.ofNode("rotation missed", "node n2 has another key set than n1, n3",
		func(n *demo.Node) {
			n.Provider.HoldKeys(true, true)
			require.NoError(s.t, s.cluster.RotateKeys())
			require.NoError(s.t, s.cluster.RotateKeys())
		},
		func(n *demo.Node) { n.Provider.HoldKeys(false, false) })
}

// faultOfTheDirectory takes down what all nodes need: nobody can sign in, and
// yet no balancer is emptied.
func (s *site) faultOfTheDirectory() {
	for _, way := range []struct{ fault, login string }{
		{"directory down", ""},
		{"directory down, needs:", ", needs: [directory]"},
	} {
		s.reload(way.login)
		r := s.begin(way.fault)
		s.cluster.Directory.SetDown(true)
		r.turned("directory", "fail")
		r.says(503, [3]int{200, 200, 200})
		r.because("", "directory: fail at step response: http_status")
		r.allFailAlike(way.login != "")
		r.settle(way.fault, false, "n1", "n2", "n3")
		r.steadily("login: status 503")
		s.cluster.Directory.SetDown(false)
		r.turned("directory", "pass")
		r.says(200, [3]int{200, 200, 200})
		r.back()
		r.end("")
	}
	s.reload("")
}

// withoutLoss goes through what no client may notice.
func (s *site) withoutLoss() {
	// A machine that is slow for seconds is no fault that is measured here.
	s.reload(", fail_after: 5")
	defer s.reload("")
	n := s.cluster.Nodes[1]
	n.SetDelay(100 * time.Millisecond) // so that requests are under way
	r := s.begin("drained")
	code, body := s.request(http.MethodPost, "/-/drain?node=n2&for=30m", "")
	require.Equal(s.t, http.StatusOK, code, body)
	r.says(200, [3]int{200, 503, 200})
	r.because("", "node n2: drained until")
	r.verdicts = "n2 fails at once"
	r.left("n2")
	code, body = s.request(http.MethodDelete, "/-/drain?node=n2", "")
	require.Equal(s.t, http.StatusOK, code, body)
	r.says(200, [3]int{200, 200, 200})
	r.back()
	r.end("n2")
	r.noneLost()

	r = s.begin("maintenance")
	s.window(s.t, map[string]any{"id": "update", "for": "30m", "nodes": []string{"n2"}})
	r.says(200, [3]int{200, 200, 200})
	code, body = s.request(http.MethodPost, "/-/drain?node=n2", "")
	require.Equal(s.t, http.StatusOK, code, body)
	r.verdicts = "n2 drained in a window"
	r.left("n2")
	require.NoError(s.t, n.Stop())
	require.NoError(s.t, n.Start())
	r.turned("login@n2", "pass")
	code, body = s.request(http.MethodDelete, "/-/drain?node=n2", "")
	require.Equal(s.t, http.StatusOK, code, body)
	r.back()
	code, body = s.request(http.MethodDelete, "/-/windows/update", "")
	require.Equal(s.t, http.StatusNoContent, code, body)
	r.end("n2")
	r.noneLost()

	for fresh := false; !fresh; {
		r = s.begin("exporter restarted")
		s.restart()
		// Verdicts are fresh for three intervals of 1 s; on a machine that takes longer
		// to restart nothing is restored, and there is nothing to see here.
		fresh = time.Since(r.begun) < 2*time.Second
		r.recovered(nil)
		r.back()
		r.end("")
	}
	r.noneLost()
	n.SetDelay(0)
}

// faultsOfTheExporter goes through those of the one that the balancers ask. Its
// peer goes on answering for itself, and misses it.
func (s *site) faultsOfTheExporter() {
	for _, f := range []struct {
		fault  string
		damage func()
		end    func() (before map[string]result)
	}{
		{"exporter killed", func() {
			_, err := s.end(syscall.SIGKILL)
			require.Error(s.t, err)
		}, func() map[string]result {
			s.startExporter()
			return nil
		}},
		{"exporter frozen", func() { s.signal(syscall.SIGSTOP) }, func() map[string]result {
			s.signal(syscall.SIGCONT)
			return s.results()
		}},
	} {
		r := s.begin(f.fault)
		f.damage()
		r.missed()
		r.outlived(3 * time.Second)
		before := f.end()
		r.recovered(before)
		r.back()
		r.end("")
	}
}
