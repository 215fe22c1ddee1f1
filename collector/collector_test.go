package collector

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/prometheus/common/expfmt"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"

	"github.com/idp-exporter/idp_exporter/internal/state"
	"github.com/idp-exporter/idp_exporter/probes"
)

// Whoever checks what a gatherer returns finds each series once, its labels
// sorted, and everything in order.
func TestSorted(t *testing.T) {
	t.Parallel()
	m, _ := filled(true)
	all, err := own(m).Gather()
	require.NoError(t, err)
	checked, err := prometheus.Gatherers{own(m)}.Gather()
	require.NoError(t, err)
	require.Len(t, checked, len(all))
	for i := range all {
		require.True(t, proto.Equal(checked[i], all[i]), all[i].GetName())
	}
}

func TestSeriesVanishWithTheirProbe(t *testing.T) {
	t.Parallel()
	m, st := filled(true)
	mentions := func(s string) bool {
		return strings.Contains(render(t, m, expfmt.TypeTextPlain), s)
	}
	require.True(t, mentions(`probe="sign-in"`))
	require.True(t, mentions(`kind="http"`))
	st.Configure(specs()[1:3], state.Options{})
	require.False(t, mentions(`probe="sign-in"`))
	require.Len(t, m.durations.known, 2)

	// The same key as another kind: nothing of the old one remains.
	other := specs()[2]
	other.Kind = "login"
	st.Configure([]state.Spec{other}, state.Options{})
	st.Forget(other.Key)
	require.False(t, mentions(`kind="http"`))
	st.Record(other.Key, probes.Result{Outcome: probes.Pass, Duration: time.Second})
	require.True(t, mentions(`idp_probe_duration_seconds_count{kind="login",node="",probe="page",result="pass"} 1`))
	st.Configure(nil, state.Options{})
	require.False(t, mentions("probe="))
	n, err := testutil.GatherAndCount(m, "idp_probe_duration_seconds")
	require.NoError(t, err)
	require.Zero(t, n)
	// Nor does it come back through an observer that was late.
	m.durations.observe(page, specs()[2], probes.Result{})
	require.False(t, mentions("probe="))
}

// Whatever probes report, label values stay within their lists and no series
// comes twice.
func TestLabelsAreBounded(t *testing.T) {
	t.Parallel()
	st := state.New(state.Options{})
	m := New(st, Options{Kinds: kinds})
	st.Configure(specs(), state.Options{})
	for i := range 50 {
		st.Record(login, probes.Result{
			Outcome: probes.Fail, FailedStep: fmt.Sprint("step-", i), Reason: probes.Reason(fmt.Sprint("reason \xff", i)), Start: time.Now(),
			Steps: []probes.Step{
				{Name: "token", Duration: time.Second}, {Name: "token", Duration: time.Second},
				{Name: fmt.Sprint("x", i), Duration: time.Second}, {Name: fmt.Sprint("y\xff", i), Duration: 2 * time.Second},
			},
			Assertions: []probes.Assertion{{Name: "a", Pass: true}, {Name: "a"}, {Name: "b\xff", Pass: true}, {Name: "b?", Pass: true}},
		})
	}
	before, _ := st.Entry(login)
	st.Record(login, probes.Result{Outcome: probes.Fail, Reason: probes.ReasonInternal, Steps: before.Last.Steps})
	require.NoError(t, testutil.GatherAndCompare(m, strings.NewReader(`
# HELP idp_probe_failure_info Where and why the last conclusive run of the probe failed; 1 while it did.
# TYPE idp_probe_failure_info gauge
idp_probe_failure_info{node="n1",probe="sign-in",reason="internal",step=""} 1
# HELP idp_probe_failures_total Failed runs of the probe by the step that failed and the reason.
# TYPE idp_probe_failures_total counter
idp_probe_failures_total{node="n1",probe="sign-in",reason="internal",step=""} 1
idp_probe_failures_total{node="n1",probe="sign-in",reason="other",step="other"} 50
# HELP idp_probe_step_duration_seconds How long each step of the last run of the probe took.
# TYPE idp_probe_step_duration_seconds gauge
idp_probe_step_duration_seconds{node="n1",probe="sign-in",step="other"} 3
idp_probe_step_duration_seconds{node="n1",probe="sign-in",step="token"} 2
`), "idp_probe_failure_info", "idp_probe_failures_total", "idp_probe_step_duration_seconds"))

	for _, r := range probes.Reasons() {
		require.Equal(t, r, newLabels(kinds).failure("login", state.StepReason{Step: "token", Reason: r}).Reason)
	}
	require.Equal(t, "anything", newLabels(nil).step("login", "anything"), "a kind that is not listed has no list to hold it to")
}

func TestAssertionsOfOneName(t *testing.T) {
	t.Parallel()
	st := state.New(state.Options{})
	m := New(st, Options{})
	st.Configure(specs(), state.Options{})
	st.Record(login, probes.Result{Outcome: probes.Fail, Assertions: []probes.Assertion{
		{Name: "a", Pass: true}, {Name: "a"}, {Name: "a", Pass: true}, {Name: "b\xff", Pass: true}, {Name: "b?", Pass: true},
	}})
	require.NoError(t, testutil.GatherAndCompare(m, strings.NewReader(`
# HELP idp_probe_assertion_pass Whether the expectation held in the last conclusive run of the probe; absent where that run did not get so far.
# TYPE idp_probe_assertion_pass gauge
idp_probe_assertion_pass{assertion="a",node="n1",probe="sign-in"} 0
idp_probe_assertion_pass{assertion="b?",node="n1",probe="sign-in"} 1
`), "idp_probe_assertion_pass"))
}

func TestVerdictAndTestallAgree(t *testing.T) {
	t.Parallel()
	st := state.New(state.Options{})
	m := New(st, Options{})
	value := func(name string) float64 {
		all, err := m.Gather()
		require.NoError(t, err)
		for _, f := range all {
			if f.GetName() == name {
				return f.GetMetric()[0].GetGauge().GetValue()
			}
		}
		t.Fatal(name, "is missing")
		return 0
	}
	require.Zero(t, value("idp_testall_pass"))
	st.Configure(specs()[:1], state.Options{})
	require.Zero(t, value("idp_testall_pass"))
	require.Zero(t, value("idp_probe_verdict"))
	st.Record(login, probes.Result{Outcome: probes.Warn, Start: time.Now()})
	for _, name := range []string{"idp_testall_pass", "idp_probe_verdict", "idp_probe_success"} {
		require.Equal(t, 1.0, value(name), name)
	}
	st.Record(login, probes.Result{Outcome: probes.Fail, Start: time.Now()})
	require.Zero(t, value("idp_probe_success"), "not damped")
	require.Equal(t, 1.0, value("idp_probe_verdict"), "damped")
	st.Record(login, probes.Result{Outcome: probes.Fail, Start: time.Now()})
	require.Zero(t, value("idp_probe_verdict"))
	require.Zero(t, value("idp_testall_pass"))
}

func TestReload(t *testing.T) {
	t.Parallel()
	m := New(state.New(state.Options{}), Options{})
	m.ReloadSucceeded(noon)
	m.ReloadFailed()
	require.Zero(t, testutil.ToFloat64(m.reload.successful))
	require.Equal(t, float64(noon.Unix()), testutil.ToFloat64(m.reload.at))
	m.ReloadSucceeded(noon.Add(time.Hour))
	require.Equal(t, 1.0, testutil.ToFloat64(m.reload.successful))
}

func TestConcurrentScrapes(t *testing.T) {
	t.Parallel()
	m, st := filled(true)
	var wg sync.WaitGroup
	for range 3 {
		wg.Go(func() {
			for range 20 {
				_, err := m.Gather()
				require.NoError(t, err)
			}
		})
		wg.Go(func() {
			for i := range 200 {
				st.Record(specs()[i%4].Key, probes.Result{Outcome: probes.Outcome(i % 4), Start: time.Now(), Reason: probes.ReasonDNS})
				m.CountTestall(200 + i%400)
				m.ObserveLag(time.Duration(i))
				if i%20 == 0 {
					st.Configure(specs()[i/100:], state.Options{})
				}
			}
		})
	}
	wg.Wait()
}
