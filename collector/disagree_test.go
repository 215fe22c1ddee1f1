package collector

import (
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/stretchr/testify/require"

	"github.com/idp-exporter/idp_exporter/internal/state"
	"github.com/idp-exporter/idp_exporter/probes"
)

// A 0 says that nodes agree. Where nobody looked there is no series.
func TestNodesAgreeOnlyAboutWhatTheyTold(t *testing.T) {
	t.Parallel()
	st := state.New(state.Options{Now: func() time.Time { return noon }})
	m := New(st, Options{Kinds: kinds})
	var specs []state.Spec
	for _, node := range []string{"n1", "n2"} {
		specs = append(specs, state.Spec{Key: state.Key{Probe: "page", Node: node}, Kind: "http", Provider: "acme", Gates: true, Every: time.Minute})
	}
	st.Configure(specs, state.Options{})
	shows := func(want string) {
		t.Helper()
		if want != "" {
			want = "# HELP idp_nodes_disagree Whether the nodes of the provider differ in their key set, clock, certificate or discovery document.\n" +
				"# TYPE idp_nodes_disagree gauge\n" + want
		}
		require.NoError(t, testutil.GatherAndCompare(m, strings.NewReader(want), "idp_nodes_disagree"))
	}
	shows("")
	record := func(node string, end time.Time) {
		st.Record(state.Key{Probe: "page", Node: node}, probes.Result{Outcome: probes.Pass, Start: noon, Facts: probes.Facts{CertificateNotAfter: end}})
	}
	record("n1", noon.AddDate(0, 1, 0))
	shows("")
	record("n2", noon.AddDate(0, 1, 0))
	shows(`idp_nodes_disagree{provider="acme",what="certificate"} 0` + "\n")
	record("n2", noon.AddDate(0, 2, 0))
	shows(`idp_nodes_disagree{provider="acme",what="certificate"} 1` + "\n")
}
