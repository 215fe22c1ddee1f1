package test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// crossings are the alerts that tell of the same trouble, the milder first: what
// a console shows of it must not clear while the trouble grows. The first of a
// pair goes on firing with the second, unless only one of them can be true.
var crossings = []struct {
	milder, graver string
	either         bool
}{
	{"IdPCertificateExpires30Days", "IdPCertificateExpires7Days", false},
	{"IdPCertificateExpires7Days", "IdPCertificateExpires1Day", false},
	{"IdPQuorumAtRisk", "IdPQuorumLost", false},
	{"IdPNodeFailingSlow", "IdPNodeOut", false},
	{"IdPClusterQuorumAtRisk", "IdPClusterQuorumLost", false},
	{"IdPHostMemoryLowSoon", "IdPHostMemoryLow", false},
	{"IdPHostDiskFullSoon", "IdPHostDiskFull", false},
	{"IdPSignInFailingSlow", "IdPSignInFailingFast", false},
	{"IdPVerdictFailingSlow", "IdPVerdictFailingFast", false},
	{"IdPExporterUnsteady", "IdPExporterDown", false},
	{"IdPRuleNotRun", "IdPSignInDown", true},
	{"IdPSignInDown", "IdPRuleNotRun", true},
	{"IdPRuleNotRun", "IdPLoginFailing", true},
}

// TestNoAlertEndsBeforeAGraverOneFires requires of every pair a unit test in
// which the milder alert fires alone, then the graver one, and one of the two at
// every minute from the former to the latter.
func TestNoAlertEndsBeforeAGraverOneFires(t *testing.T) {
	t.Parallel()
	tests := ruleTests(t)
	for _, pair := range crossings {
		name := pair.graver + ": crossing"
		require.Contains(t, tests, name)
		fires := map[string]map[time.Duration]bool{pair.milder: {}, pair.graver: {}}
		var times []time.Duration
		for _, a := range tests[name].AlertRules {
			at, err := time.ParseDuration(a.EvalTime)
			require.NoError(t, err, name)
			require.Contains(t, fires, a.Alertname, name)
			fires[a.Alertname][at] = len(a.ExpAlerts) > 0
			times = append(times, at)
		}
		slices.Sort(times)
		times = slices.Compact(times)
		require.Len(t, times, 2, "%s: before and after", name)
		require.Equal(t, map[time.Duration]bool{times[0]: true, times[1]: !pair.either}, fires[pair.milder], "%s: %s", name, pair.milder)
		require.Equal(t, map[time.Duration]bool{times[0]: false, times[1]: true}, fires[pair.graver], "%s: %s", name, pair.graver)

		require.Len(t, tests[name].Expressions, 1, name)
		e := tests[name].Expressions[0]
		at, err := time.ParseDuration(e.EvalTime)
		require.NoError(t, err, name)
		require.Equal(t, times[1], at, name)
		require.Len(t, e.ExpSamples, 1, name)
		minutes := int(e.ExpSamples[0].Value) - 1 // from the first to the last
		require.Equal(t, fmt.Sprintf(`count_over_time(count(ALERTS{alertstate="firing",alertname=~"%s|%s"})[%dm30s:1m])`, pair.milder, pair.graver, minutes), e.Expr, name)
		require.Less(t, times[1]-time.Duration(minutes)*time.Minute, times[0], "%s: begins before the crossing", name)
	}
	count := 0
	for name := range tests {
		if strings.HasSuffix(name, ": crossing") {
			count++
		}
	}
	require.Len(t, crossings, count)
}
