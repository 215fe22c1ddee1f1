package collector

import (
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/stretchr/testify/require"

	"github.com/idp-exporter/idp_exporter/internal/peers"
)

func TestPeers(t *testing.T) {
	t.Parallel()
	v := peers.Verdict{OK: true, Pass: 2, Total: 5, Need: 2, Members: []peers.Member{
		{Name: peers.Self, OK: true, Known: true, At: noon},
		{Name: "idp2", OK: true, Known: true, At: noon.Add(1500 * time.Millisecond), Problem: peers.ProblemTimeout},
		{Name: "idp3", Known: true, At: noon},
		{Name: "idp4", At: noon, Problem: peers.ProblemConnect},
		{Name: "idp5", Problem: peers.ProblemPending},
	}}
	r := prometheus.NewPedanticRegistry()
	r.MustRegister(NewPeers(func() peers.Verdict { return v }))
	require.NoError(t, testutil.GatherAndCompare(r, strings.NewReader(`
# HELP idp_cluster_members Members of the cluster, this exporter included, by what is known of them.
# TYPE idp_cluster_members gauge
idp_cluster_members{state="fail"} 1
idp_cluster_members{state="pass"} 2
idp_cluster_members{state="unknown"} 2
# HELP idp_cluster_need How many members of the cluster must pass, this exporter included.
# TYPE idp_cluster_need gauge
idp_cluster_need 2
# HELP idp_cluster_pass Whether /testall?scope=cluster answers OK.
# TYPE idp_cluster_pass gauge
idp_cluster_pass 1
# HELP idp_peer_last_answer_timestamp_seconds When the peer last answered; absent if it never did.
# TYPE idp_peer_last_answer_timestamp_seconds gauge
idp_peer_last_answer_timestamp_seconds{peer="idp2"} 1.7726256015e+09
idp_peer_last_answer_timestamp_seconds{peer="idp3"} 1.7726256e+09
idp_peer_last_answer_timestamp_seconds{peer="idp4"} 1.7726256e+09
# HELP idp_peer_pass Whether the peer says that it passes; absent while that is not known.
# TYPE idp_peer_pass gauge
idp_peer_pass{peer="idp2"} 1
idp_peer_pass{peer="idp3"} 0
# HELP idp_peer_up Whether it is known what the peer says.
# TYPE idp_peer_up gauge
idp_peer_up{peer="idp2"} 1
idp_peer_up{peer="idp3"} 1
idp_peer_up{peer="idp4"} 0
idp_peer_up{peer="idp5"} 0
`)))
	problems, err := testutil.GatherAndLint(r)
	require.NoError(t, err)
	require.Empty(t, problems)

	v = (*peers.Peers)(nil).Cluster(false)
	n, err := testutil.GatherAndCount(r, "idp_peer_up", "idp_peer_pass", "idp_peer_last_answer_timestamp_seconds")
	require.NoError(t, err)
	require.Zero(t, n, "peers that are gone take their series with them")
}
