package collector

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/stretchr/testify/require"

	"github.com/idp-exporter/idp_exporter/internal/alarm"
	"github.com/idp-exporter/idp_exporter/probes"
)

func TestAlarms(t *testing.T) {
	t.Parallel()
	s := alarm.Stats{
		Active: map[alarm.NameSeverity]int{
			{Name: "login", Severity: probes.Critical}: 2, {Name: "bad \xff", Severity: probes.Minor}: 1, {Name: "bad \xfe", Severity: probes.Minor}: 1,
		},
		Bridges: []alarm.BridgeStats{{
			Name: "snmp", Outcomes: map[string]uint64{"delivered": 0, "sent": 7, "resent": 3, "retried": 2, "dead": 1, "coalesced": 0},
			Heartbeats: 12, Pending: 4, Oldest: 1500 * time.Millisecond, DeadLetters: 1,
		}},
		Webhooks:          map[string]uint64{"ok": 9, "storage": 1},
		UnknownSeverities: 5, Malformed: 1, Late: 2, Truncated: 3, Refused: 4, StorageErrors: 6, DeadLettersDropped: 8,
	}
	r := prometheus.NewPedanticRegistry()
	r.MustRegister(NewAlarms(func() alarm.Stats { return s }))
	require.NoError(t, testutil.GatherAndCompare(r, strings.NewReader(`
# HELP idp_alarm_active Active alarms of that name and severity.
# TYPE idp_alarm_active gauge
idp_alarm_active{alarm="bad ?",severity="minor"} 2
idp_alarm_active{alarm="login",severity="critical"} 2
# HELP idp_alarm_alerts_left_out_total Alerts of webhooks that changed nothing: malformed, late, or truncated by Alertmanager.
# TYPE idp_alarm_alerts_left_out_total counter
idp_alarm_alerts_left_out_total{cause="late"} 2
idp_alarm_alerts_left_out_total{cause="malformed"} 1
idp_alarm_alerts_left_out_total{cause="truncated"} 3
# HELP idp_alarm_refused_total Attempts to begin an alarm when there were too many.
# TYPE idp_alarm_refused_total counter
idp_alarm_refused_total 4
# HELP idp_alarm_storage_errors_total Failed attempts to put alarms on disk.
# TYPE idp_alarm_storage_errors_total counter
idp_alarm_storage_errors_total 6
# HELP idp_alarm_unknown_severities_total Alerts whose severity is missing or no known word, each time they were received.
# TYPE idp_alarm_unknown_severities_total counter
idp_alarm_unknown_severities_total 5
# HELP idp_alarm_webhooks_total Webhooks of Alertmanager, by what became of them.
# TYPE idp_alarm_webhooks_total counter
idp_alarm_webhooks_total{outcome="ok"} 9
idp_alarm_webhooks_total{outcome="storage"} 1
# HELP idp_bridge_dead_letters Events kept that destinations of the bridge have refused for good.
# TYPE idp_bridge_dead_letters gauge
idp_bridge_dead_letters{bridge="snmp"} 1
# HELP idp_bridge_dead_letters_dropped_total Dead letters that had to make room for later ones.
# TYPE idp_bridge_dead_letters_dropped_total counter
idp_bridge_dead_letters_dropped_total 8
# HELP idp_bridge_deliveries_total Attempts to deliver a transition of an alarm, by what became of them.
# TYPE idp_bridge_deliveries_total counter
idp_bridge_deliveries_total{bridge="snmp",outcome="coalesced"} 0
idp_bridge_deliveries_total{bridge="snmp",outcome="dead"} 1
idp_bridge_deliveries_total{bridge="snmp",outcome="delivered"} 0
idp_bridge_deliveries_total{bridge="snmp",outcome="resent"} 3
idp_bridge_deliveries_total{bridge="snmp",outcome="retried"} 2
idp_bridge_deliveries_total{bridge="snmp",outcome="sent"} 7
# HELP idp_bridge_heartbeats_total Heartbeats that were sent.
# TYPE idp_bridge_heartbeats_total counter
idp_bridge_heartbeats_total{bridge="snmp"} 12
# HELP idp_bridge_oldest_pending_seconds For how long the oldest of them waits, 0 if none does.
# TYPE idp_bridge_oldest_pending_seconds gauge
idp_bridge_oldest_pending_seconds{bridge="snmp"} 1.5
# HELP idp_bridge_pending Alarms that destinations of the bridge are still to be told of.
# TYPE idp_bridge_pending gauge
idp_bridge_pending{bridge="snmp"} 4
`)))
}

func TestAlarmNamesAreBounded(t *testing.T) {
	t.Parallel()
	active := map[alarm.NameSeverity]int{{Name: "zzz", Severity: probes.Critical}: 3}
	for i := range 5000 {
		active[alarm.NameSeverity{Name: fmt.Sprint("a", i), Severity: probes.Minor}] = 2
	}
	got, total := bounded(active), 0
	require.Len(t, got, maxAlarmNames+1)
	for _, n := range got {
		total += n
	}
	require.Equal(t, 10003, total)
	require.Equal(t, 3, got[alarm.NameSeverity{Name: "zzz", Severity: probes.Critical}])
	require.Equal(t, 2*4001, got[alarm.NameSeverity{Name: other, Severity: probes.Minor}])
}
