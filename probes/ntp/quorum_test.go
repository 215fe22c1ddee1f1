package ntpprobe

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/idp-exporter/idp_exporter/probes"
	"github.com/idp-exporter/idp_exporter/probes/internal/probetest"
)

func TestAMinorityIsOutvoted(t *testing.T) {
	t.Parallel()
	right := clock{stratum: 2}
	liar, early := clock{stratum: 2, offset: time.Hour}, clock{stratum: 2, offset: -time.Hour}
	lost, slow := clock{stratum: 2, leap: 3}, clock{stratum: 2, offset: 700 * time.Millisecond}
	drifting := clock{stratum: 2, offset: 1400 * time.Millisecond}
	off := clock{stratum: 2, offset: 10 * time.Second}
	for _, c := range []struct {
		name    string
		quorum  int
		clocks  []clock
		outcome probes.Outcome
		reason  probes.Reason
		wrong   []int // the servers that are named as wrong
	}{
		{"a liar of three", 2, []clock{right, liar, right}, probes.Warn, probes.ReasonDisagreement, []int{1}},
		{"a liar of three, the other way", 2, []clock{early, right, right}, probes.Warn, probes.ReasonDisagreement, []int{0}},
		{"two liars of five", 3, []clock{right, liar, right, early, right}, probes.Warn, probes.ReasonDisagreement, []int{1, 3}},
		{"a liar and one without time", 2, []clock{right, liar, lost, right}, probes.Warn, probes.ReasonDisagreement, []int{1, 2}},
		{"all are to be right", 0, []clock{right, liar, right}, probes.Fail, probes.ReasonDisagreement, nil},
		{"three are to be right", 3, []clock{right, liar, right}, probes.Fail, probes.ReasonDisagreement, nil},
		{"two against two", 2, []clock{right, liar, right, liar}, probes.Fail, probes.ReasonDisagreement, nil},
		{"one against one", 1, []clock{right, liar}, probes.Fail, probes.ReasonDisagreement, nil},
		{"each by itself", 1, []clock{right, liar, early}, probes.Fail, probes.ReasonDisagreement, nil},
		{"no majority of those with a time", 1, []clock{right, liar, lost}, probes.Fail, probes.ReasonDisagreement, []int{2}},
		{"one beyond the largest group", 2, []clock{right, right, slow, drifting}, probes.Warn, probes.ReasonDisagreement, []int{3}},
		{"the majority is what our clock is off from", 2, []clock{off, right, off}, probes.Fail, probes.ReasonClockOffset, []int{1}},
		{"all agree", 2, []clock{right, slow, right}, probes.Pass, "", nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			var servers, wrong, named []string
			for _, clock := range c.clocks {
				servers = append(servers, clock.start(t))
			}
			got := probetest.Run(t, options(func(o *Options) { o.Quorum = c.quorum }, servers...), probes.Target{}, probetest.Limit)
			require.Equal(t, c.outcome, got.Outcome, got.Detail)
			require.Equal(t, c.reason, got.Reason, got.Detail)
			if c.outcome != probes.Pass {
				require.Equal(t, stepJudge, got.FailedStep)
			}
			for _, i := range c.wrong {
				wrong = append(wrong, servers[i])
				if c.outcome == probes.Warn {
					require.Contains(t, got.Detail, servers[i])
				}
			}
			for _, a := range got.Assertions[:len(servers)] {
				if !a.Pass {
					named = append(named, a.Name)
				}
			}
			require.Equal(t, wrong, named)
			if c.outcome == probes.Warn {
				require.Less(t, got.Facts.ClockOffset.Abs(), 900*time.Millisecond, "liars do not move the offset")
			}
		})
	}
}
