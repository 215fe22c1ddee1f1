package collector

import (
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/stretchr/testify/require"

	"github.com/idp-exporter/idp_exporter/internal/web/access"
)

func TestAccess(t *testing.T) {
	t.Parallel()
	s := access.Stats{
		Keys: []access.Use{
			{Kind: "client", Name: "lb \"one\"", NotAfter: time.Unix(1_900_000_000, 0)},
			{Kind: "token", Name: "never used"},
			{Kind: "token", Name: "bad \xfe", LastUsed: time.Unix(1_700_000_000, 0)},
			{Kind: "token", Name: "bad \xff", LastUsed: time.Unix(1_700_000_001, 0)},
			{Kind: "user", Name: "prometheus", LastUsed: time.Unix(1_700_000_002, 0), NotAfter: time.Unix(1_800_000_000, 0)},
		},
		Refused: []access.Refusals{{Reason: access.ReasonNone}, {Reason: access.ReasonWrong, Count: 7}},
	}
	a := NewAccess(func() access.Stats { return s })
	require.NoError(t, testutil.CollectAndCompare(a, strings.NewReader(`
# HELP idp_access_key_last_used_timestamp_seconds When a request last showed a valid credential of this holder; absent while none has since the start.
# TYPE idp_access_key_last_used_timestamp_seconds gauge
idp_access_key_last_used_timestamp_seconds{kind="token",name="bad ?"} 1.7e+09
idp_access_key_last_used_timestamp_seconds{kind="user",name="prometheus"} 1.700000002e+09
# HELP idp_access_key_not_after_timestamp_seconds When the last credential of this holder ends; absent where one never does.
# TYPE idp_access_key_not_after_timestamp_seconds gauge
idp_access_key_not_after_timestamp_seconds{kind="client",name="lb \"one\""} 1.9e+09
idp_access_key_not_after_timestamp_seconds{kind="user",name="prometheus"} 1.8e+09
# HELP idp_access_refused_total Requests refused for their credentials.
# TYPE idp_access_refused_total counter
idp_access_refused_total{reason="none"} 0
idp_access_refused_total{reason="wrong"} 7
`)))
	problems, err := testutil.CollectAndLint(a)
	require.NoError(t, err)
	require.Empty(t, problems)
}
