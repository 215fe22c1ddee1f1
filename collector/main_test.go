package collector

import (
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/idp-exporter/idp_exporter/internal/state"
	"github.com/idp-exporter/idp_exporter/probes"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var (
	noon  = time.Date(2026, 3, 4, 12, 0, 0, 0, time.UTC)
	login = state.Key{Probe: "sign-in", Node: "n1"}
	crm   = state.Key{Probe: "crm \"claim\"\n"} // hostile to text formats
	page  = state.Key{Probe: "page"}
	late  = state.Key{Probe: "late"}
	two   = state.Key{Probe: "sign-in", Node: "n2"}
	three = state.Key{Probe: "sign-in", Node: "n3"}
	kinds = []probes.Kind{
		{Name: "login", Steps: []string{"discovery", "jwks", "token", "verify"}},
		{Name: "rule", Steps: []string{"token", "rule"}},
		{Name: "http", Steps: []string{"dns", "connect", "tls", "request", "response"}},
	}
)

func specs() []state.Spec {
	s := func(k state.Key, kind string, gates bool) state.Spec {
		return state.Spec{Key: k, Kind: kind, Provider: "acme", Severity: probes.Critical, Gates: gates, Every: 30 * time.Second}
	}
	all := []state.Spec{
		s(login, "login", true), s(crm, "rule", false), s(page, "http", true), s(late, "http", false),
		s(two, "login", true), s(three, "login", true),
	}
	all[5].Needs = []string{"page"}
	return all
}

// calendar has n2 drained and a window open for the probe late.
type calendar struct{}

func (calendar) Suppressed(probe, node string, _ time.Time) (string, time.Time, bool) {
	if node == "n2" {
		return state.SuppressedDrained, time.Time{}, true
	}
	return state.SuppressedMaintenance, noon.Add(time.Hour), probe == "late"
}

func (calendar) Drained(node string, _ time.Time) (time.Time, bool) { return time.Time{}, node == "n2" }

func (calendar) NextChange(time.Time) time.Time { return noon.Add(time.Hour) }

func (calendar) WindowNames(time.Time) map[string]bool {
	return map[string]bool{"patches": false, "late \"one\"": true, "bad \xff": false, "bad \xfe": true}
}

// filled returns metrics of a state with something of everything.
func filled(classic bool) (*Metrics, *state.State) {
	st := state.New(state.Options{Now: func() time.Time { return noon.Add(time.Minute) }, Suppressor: calendar{}})
	m := New(st, Options{ClassicBuckets: classic, Kinds: kinds, Windows: calendar{}})
	st.Configure(specs(), state.Options{})
	keys, offset := 3, -250*time.Millisecond
	step := func(name string, took time.Duration) probes.Step {
		return probes.Step{Name: name, Duration: took, Outcome: probes.Pass}
	}
	st.Record(login, probes.Result{
		Outcome: probes.Pass, Start: noon, Duration: 420 * time.Millisecond,
		Steps: []probes.Step{step("discovery", 100*time.Millisecond), step("jwks", 20*time.Millisecond), step("token", 300*time.Millisecond)},
		Facts: probes.Facts{
			JWKSKeys: &keys, KeyIDs: []string{"k1"}, ClockOffset: &offset, CertificateNotAfter: noon.AddDate(0, 2, 0),
			TokenLifetimes: map[string]time.Duration{"id_token": time.Hour, "access_token": 24 * time.Hour},
		},
	})
	st.Record(three, probes.Result{
		Outcome: probes.Pass, Start: noon, Duration: 420 * time.Millisecond,
		Facts: probes.Facts{JWKSKeys: &keys, KeyIDs: []string{"k2"}, ClockOffset: &offset},
	})
	st.Record(login, probes.Result{Outcome: probes.Unknown, Reason: probes.ReasonRateLimited, FailedStep: "token", Start: noon.Add(30 * time.Second), Duration: 40 * time.Millisecond, Steps: []probes.Step{step("token", 40*time.Millisecond)}})
	st.Skip(login, probes.SkipBackoff, noon.Add(90*time.Second))
	st.Record(crm, probes.Result{
		Outcome: probes.Fail, Reason: probes.ReasonClaimMismatch, FailedStep: "rule", Start: noon, Duration: 3 * time.Second,
		Steps:      []probes.Step{step("token", time.Second), step("rule", 2*time.Second)},
		Assertions: []probes.Assertion{{Name: "CRM id is stamped", Detail: "it is missing"}, {Name: "audience", Pass: true}},
	})
	for range 2 {
		st.Record(page, probes.Result{Outcome: probes.Fail, Reason: probes.ReasonTLS, FailedStep: "tls", Start: noon, Duration: 10 * time.Millisecond,
			Steps: []probes.Step{step("dns", time.Millisecond), step("tls", 5*time.Millisecond)},
			Facts: probes.Facts{CertificateNotAfter: noon.AddDate(0, 0, -1)}})
	}
	m.CountTestall(200)
	m.CountTestall(503)
	m.CountTestall(503)
	m.CountTestall(418)
	m.ReloadSucceeded(noon)
	m.ObserveLag(2 * time.Millisecond)
	return m, st
}
