package appliance

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/idp-exporter/idp_exporter/internal/demo"
	"github.com/idp-exporter/idp_exporter/internal/secret"
	"github.com/idp-exporter/idp_exporter/internal/status"
	"github.com/idp-exporter/idp_exporter/probes"
)

func TestANodeThatIsWell(t *testing.T) {
	t.Parallel()
	n := newNode(t, demo.ApplianceOptions{})
	r := ran(t, built(t, options(t, "url: "+n.url), probes.Target{}))
	require.Equal(t, probes.Pass, r.Outcome, r.Detail)
	require.Empty(t, r.Unverified)
	require.Equal(t, []string{
		"cpu pass", "memory pass", "disk pass", "services pass", "network pass", "internet pass", "email pass", "db pass", "replicaset pass",
		"test pass", "testall pass",
	}, stepsOf(r))
	require.Len(t, r.Facts.ResourceStatus, 9)
	for resource, code := range r.Facts.ResourceStatus {
		require.Equal(t, 204, code, resource)
	}
	require.NotNil(t, r.Facts.ClockOffset)
	require.Len(t, r.Assertions, 4)
	asked := n.Requests()
	require.Len(t, asked, 11)
	for route, times := range asked {
		require.EqualValues(t, 1, times, route)
	}
}

func TestEachResourceThatIsNotWell(t *testing.T) {
	t.Parallel()
	for _, resource := range Resources() {
		t.Run(resource, func(t *testing.T) {
			t.Parallel()
			n := newNode(t, demo.ApplianceOptions{})
			require.NoError(t, n.SetBroken(resource, true))
			o := options(t, "{test: false, testall: false, url: '"+n.url+"'}")
			r := ran(t, built(t, o, probes.Target{}))
			require.Equal(t, probes.Fail, r.Outcome)
			require.Equal(t, resource, r.FailedStep)
			require.Equal(t, probes.ReasonReportedDown, r.Reason)
			require.Len(t, r.Steps, 9, "the others are asked all the same")
			for other, code := range r.Facts.ResourceStatus {
				require.Equal(t, map[bool]int{true: 520, false: 204}[other == resource], code, other)
			}
			o.Warn = []string{resource}
			r = ran(t, built(t, o, probes.Target{}))
			require.Equal(t, probes.Warn, r.Outcome)
			require.Equal(t, resource, r.FailedStep)
		})
	}
}

// The five kinds of answers, and no answer, are told apart.
func TestAnswersToldApart(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		code    int
		header  http.Header
		outcome probes.Outcome
		reason  probes.Reason
		asked   int
	}{
		"204":       {204, nil, probes.Pass, "", 3},
		"520":       {520, nil, probes.Fail, probes.ReasonReportedDown, 3},
		"429":       {429, nil, probes.Unknown, probes.ReasonRateLimited, 1},
		"401":       {401, nil, probes.Unknown, probes.ReasonClientRefused, 1},
		"403":       {403, nil, probes.Unknown, probes.ReasonClientRefused, 1},
		"404":       {404, nil, probes.Fail, probes.ReasonHTTPStatus, 3},
		"200":       {200, nil, probes.Fail, probes.ReasonHTTPStatus, 3},
		"302":       {302, http.Header{"Location": {"http://example.com/"}}, probes.Fail, probes.ReasonHTTPStatus, 3},
		"500":       {500, nil, probes.Fail, probes.ReasonHTTPStatus, 3},
		"503":       {503, nil, probes.Fail, probes.ReasonHTTPStatus, 3},
		"a bad one": {-1, nil, probes.Fail, probes.ReasonConnect, 1},
	} {
		var asked atomic.Int32
		origin := scripted(t, func(w http.ResponseWriter, r *http.Request) {
			asked.Add(1)
			user, key, _ := r.BasicAuth()
			if user != User || key != demo.ApplianceKey {
				t.Error("the key is missing")
			}
			if c.code < 0 {
				panic(http.ErrAbortHandler)
			}
			for k, v := range c.header {
				w.Header()[k] = v
			}
			w.WriteHeader(c.code)
		})
		r := ran(t, built(t, options(t, "{resources: [cpu, memory, disk], test: false, testall: false, url: '"+origin+"'}"), probes.Target{}))
		require.Equal(t, c.outcome, r.Outcome, name)
		require.Equal(t, c.reason, r.Reason, name)
		if c.reason != "" {
			require.Equal(t, "cpu", r.FailedStep, name)
		}
		require.EqualValues(t, c.asked, asked.Load(), name)
	}
}

func TestRetryAfterIsObeyed(t *testing.T) {
	t.Parallel()
	origin := scripted(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/status/cpu" {
			w.WriteHeader(520)
			return
		}
		w.Header().Set("Retry-After", "60")
		w.WriteHeader(http.StatusTooManyRequests)
	})
	r := ran(t, built(t, options(t, "{resources: [cpu, memory], test: false, testall: false, url: '"+origin+"'}"), probes.Target{}))
	require.Equal(t, probes.Fail, r.Outcome, "what is known to be bad counts")
	require.Equal(t, "cpu", r.FailedStep)
	require.WithinDuration(t, time.Now().Add(time.Minute), r.NotBefore, 30*time.Second)
	require.Equal(t, map[string]int{"cpu": 520, "memory": 429}, r.Facts.ResourceStatus)
}

func TestTheWayIsBroken(t *testing.T) {
	t.Parallel()
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	require.NoError(t, closed.Close())
	r := ran(t, built(t, options(t, "url: http://"+closed.Addr().String()), probes.Target{}))
	require.Equal(t, probes.Fail, r.Outcome)
	require.Equal(t, probes.ReasonConnect, r.Reason)
	require.Equal(t, []string{"cpu fail", "test fail"}, stepsOf(r), "what cannot be reached is not asked again and again")
	require.Nil(t, r.Facts.ResourceStatus)

	release := make(chan struct{})
	slow := scripted(t, func(http.ResponseWriter, *http.Request) { <-release })
	defer close(release)
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
	defer cancel()
	r = built(t, options(t, "{resources: [cpu], test: false, testall: false, url: '"+slow+"'}"), probes.Target{}).Run(ctx)
	require.Equal(t, probes.ReasonTimeout, r.Reason)
	require.Equal(t, probes.Fail, r.Outcome)
}

func TestKeyIsSwappedWhileRunning(t *testing.T) {
	t.Parallel()
	n := newNode(t, demo.ApplianceOptions{})
	file := newKeyFile(t, demo.ApplianceKey)
	o := options(t, "{resources: [cpu, memory], test: false, url: '"+n.url+"'}")
	o.Key = file.secret()
	p := built(t, o, probes.Target{})
	require.Equal(t, probes.Pass, ran(t, p).Outcome)

	n.SetKey("second-key")
	before := n.Requests()
	r := ran(t, p)
	require.Equal(t, probes.Unknown, r.Outcome, "a key problem is no ill health")
	require.Equal(t, probes.ReasonClientRefused, r.Reason)
	require.Equal(t, []string{"cpu unknown", "testall pass"}, stepsOf(r))
	require.Equal(t, before["GET /status/memory"], n.Requests()["GET /status/memory"], "a wrong key is shown once in a run")

	file.write("second-key")
	n.SetRestarting(true)
	r = ran(t, p)
	require.Equal(t, probes.Unknown, r.Outcome, "the service restarts for its new key")
	require.Equal(t, probes.ReasonConnect, r.Reason)
	n.SetRestarting(false)
	require.Equal(t, probes.Pass, ran(t, p).Outcome)

	p.(*probe).keySince = time.Now().Add(-time.Hour)
	n.SetRestarting(true)
	r = ran(t, p)
	require.Equal(t, probes.Fail, r.Outcome, "a restart does not take that long")

	o.Key = secret.FromFile(file.path + "-none")
	r = ran(t, built(t, o, probes.Target{}))
	require.Equal(t, probes.Unknown, r.Outcome)
	require.Equal(t, probes.ReasonSecretUnavailable, r.Reason)
	require.Equal(t, "testall pass", stepsOf(r)[1])
}

func TestKeyIsInNoText(t *testing.T) {
	t.Parallel()
	origin := scripted(t, func(w http.ResponseWriter, r *http.Request) {
		_, key, _ := r.BasicAuth()
		w.Header().Set("X-Auth0-Host", key)
		w.WriteHeader(http.StatusNoContent)
	})
	o := options(t, "{resources: [cpu], test: false, testall: false}")
	o.URL = origin
	r := ran(t, built(t, o, probes.Target{Node: probes.Node{Name: "a0-1"}}))
	require.Equal(t, probes.ReasonNodeMismatch, r.Reason)
	require.NotContains(t, fmt.Sprintf("%+v", r), demo.ApplianceKey)
}

func TestNodeGivesItsName(t *testing.T) {
	t.Parallel()
	n := newNode(t, demo.ApplianceOptions{Host: "a0-2"})
	for config, want := range map[string]probes.Reason{
		"{}":                            probes.ReasonNodeMismatch,
		"{check_host: false}":           "",
		"{hosts: {n1: A0-2}}":           "",
		"{hosts: {n1: a0-3}}":           probes.ReasonNodeMismatch,
		"{hosts: {another: a0-2}}":      probes.ReasonNodeMismatch,
		"{via: manage, hosts: {n1: x}}": "", // any node answers there
	} {
		o := options(t, config)
		o.URL, o.Resources, o.Test, o.Testall = n.url, []string{"cpu", "db"}, false, false
		r := ran(t, built(t, o, probes.Target{Node: probes.Node{Name: "n1", Address: n.address}}))
		require.Equal(t, want, r.Reason, config)
		if want != "" {
			require.Equal(t, probes.Fail, r.Outcome)
			require.Nil(t, r.Facts.ResourceStatus, "they are another node's")
			require.Len(t, r.Steps, 1)
		}
	}
	silent := scripted(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) })
	r := ran(t, built(t, options(t, "{resources: [cpu], test: false, testall: false, url: '"+silent+"'}"), probes.Target{Node: probes.Node{Name: "n1"}}))
	require.Equal(t, probes.Warn, r.Outcome, "a page of whatever is in between says 204 to everything, too")
	require.Equal(t, probes.ReasonNodeMismatch, r.Reason)
	require.Contains(t, r.Detail, "X-Auth0-Host")
	r = ran(t, built(t, options(t, "{resources: [cpu], check_host: false, test: false, testall: false, url: '"+silent+"'}"), probes.Target{Node: probes.Node{Name: "n1"}}))
	require.Equal(t, probes.Pass, r.Outcome)
}

// This exporter's own /status/* can stand for an appliance's: what it does not
// cover is a gap, not a failure.
func TestOurOwnStatus(t *testing.T) {
	t.Parallel()
	h := status.New(nil)
	h.Set("box", func(resource string) status.Answer {
		switch resource {
		case "cpu", "memory", "disk":
			return status.Good
		case "db":
			return status.Bad
		}
		return status.NotCovered
	})
	origin := scripted(t, h.ServeHTTP)
	r := ran(t, built(t, options(t, "{test: false, testall: false, url: '"+origin+"'}"), probes.Target{Node: probes.Node{Name: "box"}}))
	require.Equal(t, probes.Fail, r.Outcome)
	require.Equal(t, "db", r.FailedStep)
	require.Equal(t, []string{"not there (404): services, network, internet, email, replicaset"}, r.Unverified)
	require.Equal(t, 204, r.Facts.ResourceStatus["cpu"])
}

func TestEndlessAnswer(t *testing.T) {
	t.Parallel()
	origin := scripted(t, func(w http.ResponseWriter, _ *http.Request) {
		for {
			if _, err := io.WriteString(w, "manage seems down\n"); err != nil {
				return
			}
		}
	})
	r := ran(t, built(t, options(t, "{resources: [cpu], url: '"+origin+"'}"), probes.Target{}))
	require.Equal(t, probes.Fail, r.Outcome)
	require.Equal(t, probes.ReasonTooLarge, r.Reason)
}
