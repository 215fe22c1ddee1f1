package ntpprobe

import (
	"cmp"
	"slices"

	"github.com/beevik/ntp"

	"github.com/idp-exporter/idp_exporter/probes"
	"github.com/idp-exporter/idp_exporter/probes/internal/dial"
)

// outvote marks as wrong the servers whose clocks are not among those of the
// most that agree. It does so where a quorum says that some may be wrong, and
// only if those that agree are as many and more than half of all that gave a
// time: otherwise nobody can tell who is right, and all of them disagree.
func (p *probe) outvote(parts []dial.Part, answers []*ntp.Response) {
	var told []int // the servers that gave a time, in the order of their clocks
	for i, part := range parts {
		if part.Err == nil {
			told = append(told, i)
		}
	}
	slices.SortStableFunc(told, func(a, b int) int { return cmp.Compare(answers[a].ClockOffset, answers[b].ClockOffset) })
	from, to := 0, 0 // of the largest group within max_spread
	for first, last := 0, 0; last < len(told); last++ {
		for answers[told[last]].ClockOffset-answers[told[first]].ClockOffset > p.MaxSpread {
			first++
		}
		if last+1-first > to-from {
			from, to = first, last+1
		}
	}
	if agree := to - from; p.Quorum == 0 || agree < p.Quorum || 2*agree <= len(told) {
		return
	}
	middle := answers[told[from+(to-from)/2]].ClockOffset
	for n, i := range told {
		if n >= from && n < to {
			continue
		}
		off, way := answers[i].ClockOffset-middle, "ahead of"
		if off < 0 {
			off, way = -off, "behind"
		}
		parts[i].Fail(stepJudge, probes.Failf(probes.ReasonDisagreement, "its clock is %s %s those of the %d servers that agree", rounded(off), way, to-from))
	}
}
