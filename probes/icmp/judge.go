package icmpprobe

import (
	"fmt"
	"slices"
	"time"

	"github.com/idp-exporter/idp_exporter/probes"
	"github.com/idp-exporter/idp_exporter/probes/internal/dial"
)

// lost tells how many requests were not answered, and of how many. Where the
// time of the run ended the exchange, those that had less than half of the wait
// left for their answers do not count, unless nothing came back at all.
func (e *echoes) lost(wait time.Duration) (lost, of int) {
	for i, sent := range e.sent {
		switch {
		case sent.IsZero():
		case e.trips[i] != 0:
			of++
		case e.back == 0 || e.ended.Sub(sent) >= wait/2:
			lost, of = lost+1, of+1
		}
	}
	return lost, of
}

// judge compares loss and round trips with what is allowed.
func (p *probe) judge(r *probes.Run, e *echoes) error {
	lost, sent := e.lost(p.Wait)
	percent := lost * 100 / max(sent, 1)
	trips := slices.DeleteFunc(slices.Clone(e.trips), func(d time.Duration) bool { return d == 0 })
	slices.Sort(trips)
	switch {
	case e.back == 0 && e.refused != nil:
		return probes.Failf(probes.ReasonConnect, "%w", e.refused)
	case e.back == 0:
		return probes.Failf(probes.ReasonTimeout, "%s answered none of %d requests", e.addr, sent)
	case percent > p.MaxLoss:
		return probes.Failf(probes.ReasonPacketLoss, "%d of %d requests (%d %%) were lost, more than %d %%", lost, sent, percent, p.MaxLoss)
	}
	median := trips[len(trips)/2]
	r.Assert("loss", percent <= p.WarnLoss, fmt.Sprintf("%d of %d lost", lost, sent))
	if p.WarnSlowerThan > 0 {
		r.Assert("round trip", median <= p.WarnSlowerThan, fmt.Sprintf("median %s, longest %s", median, trips[len(trips)-1]))
	}
	if percent > p.WarnLoss {
		return &probes.Failure{Outcome: probes.Warn, Reason: probes.ReasonPacketLoss,
			Err: fmt.Errorf("%d of %d requests (%d %%) were lost, more than %d %%", lost, sent, percent, p.WarnLoss)}
	}
	if p.WarnSlowerThan > 0 && median > p.WarnSlowerThan {
		return dial.Slow(median, p.WarnSlowerThan)
	}
	return nil
}
