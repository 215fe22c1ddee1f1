package dnsprobe

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/idp-exporter/idp_exporter/probes"
	"github.com/idp-exporter/idp_exporter/probes/internal/probetest"
)

// A quorum is of servers that are up to date.
func TestServersThatLagBehind(t *testing.T) {
	t.Parallel()
	start := func(serial string) string { return serve(t, zone{serial}, nil) }
	wrapped, newest, second, late, later, closed := start("2"), start("1"), start("4294967295"), start("4294967280"), start("4294967270"), probetest.Closed(t)
	for _, c := range []struct {
		name    string
		quorum  int
		servers []string
		outcome probes.Outcome
		reason  probes.Reason
		named   []string // in the detail
		wrong   []string // by their own assertions
		agree   bool
	}{
		{"one of three", 2, []string{newest, late, wrapped}, probes.Warn, probes.ReasonDisagreement, []string{late, "4294967280"}, []string{late}, false},
		{"one of three, all have to be right", 0, []string{newest, late, wrapped}, probes.Fail, probes.ReasonDisagreement, []string{late}, nil, false},
		{"one of three, three have to be right", 3, []string{newest, late, wrapped}, probes.Fail, probes.ReasonDisagreement, []string{late}, nil, false},
		{"two of four", 2, []string{late, newest, later, second}, probes.Warn, probes.ReasonDisagreement, []string{late, later}, []string{late, later}, false},
		{"two of three: what is new does not arrive", 2, []string{newest, late, later}, probes.Fail, probes.ReasonDisagreement, []string{late, later}, nil, false},
		{"one, and one that is down", 2, []string{closed, newest, late, wrapped}, probes.Warn, probes.ReasonConnect, []string{closed, late}, []string{closed, late}, false},
		{"one is enough", 1, []string{newest, late}, probes.Warn, probes.ReasonDisagreement, []string{late}, []string{late}, false},
		{"none", 2, []string{newest, second, wrapped}, probes.Pass, "", nil, nil, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			got := probetest.Run(t, options("example.com", func(o *Options) {
				o.Type, o.SameSerial, o.MaxSerialLag, o.Quorum = "SOA", true, 5, c.quorum
			}, c.servers...), probes.Target{}, probetest.Limit)
			require.Equal(t, c.outcome, got.Outcome, got.Detail)
			require.Equal(t, c.reason, got.Reason, got.Detail)
			for _, name := range c.named {
				require.Contains(t, got.Detail, name)
			}
			var wrong []string
			for _, a := range got.Assertions {
				if !a.Pass && a.Name != "same serial" {
					wrong = append(wrong, a.Name)
				}
			}
			require.Equal(t, c.wrong, wrong)
			i := slices.IndexFunc(got.Assertions, func(a probes.Assertion) bool { return a.Name == "same serial" })
			require.Equal(t, c.agree, got.Assertions[i].Pass)
			require.Empty(t, got.Unverified)
			if c.reason == probes.ReasonDisagreement {
				require.Equal(t, stepAnswer, got.FailedStep)
			}
		})
	}
}
