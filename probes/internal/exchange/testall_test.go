package exchange

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/idp-exporter/idp_exporter/probes"
)

func TestTestallReason(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		code int
		ok   bool
		down []string
		want probes.Reason
	}{
		{200, true, nil, ""},
		{200, false, nil, probes.ReasonDisagreement},
		{200, false, []string{"docs"}, probes.ReasonReportedDown},
		{500, false, []string{"docs"}, probes.ReasonReportedDown},
		{500, false, nil, probes.ReasonReportedDown},
		{520, false, nil, probes.ReasonReportedDown},
		{503, true, nil, probes.ReasonDisagreement},
		{404, true, nil, probes.ReasonHTTPStatus},
		{204, false, nil, probes.ReasonHTTPStatus},
	} {
		require.Equal(t, c.want, TestallReason(c.code, c.ok, c.down), "%+v", c)
	}
}

// FuzzComponentsDown looks for names that are none.
func FuzzComponentsDown(f *testing.F) {
	f.Add([]byte("manage seems down. Reason: connect ENOENT /x\ndocs seems down"))
	f.Fuzz(func(t *testing.T, body []byte) {
		names := ComponentsDown(body)
		require.LessOrEqual(t, len(names), maxDown)
		for _, n := range names {
			require.LessOrEqual(t, len(n), 40)
			require.False(t, strings.ContainsAny(n, "\n\x1b "))
		}
	})
}
