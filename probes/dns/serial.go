package dnsprobe

import (
	"github.com/miekg/dns"

	"github.com/idp-exporter/idp_exporter/probes"
	"github.com/idp-exporter/idp_exporter/probes/internal/dial"
)

// leaveBehind marks as wrong the servers that lag behind the newest serial, where
// a quorum of others does not, and returns how many there were. With fewer that
// are up to date, what is new does not arrive, which is for all of them together
// to answer for.
func (p *probe) leaveBehind(parts []dial.Part, answers []*dns.Msg) int {
	if !p.SameSerial || p.Quorum == 0 {
		return 0
	}
	zones := make([]*dns.SOA, len(parts))
	newest := -1
	for i, part := range parts {
		if part.Err != nil {
			continue
		}
		if zones[i], _ = p.records(answers[i])[0].(*dns.SOA); zones[i] == nil {
			continue
		}
		if newest < 0 || int32(zones[i].Serial-zones[newest].Serial) > 0 { //nolint:gosec // serial arithmetic wraps around (RFC 1982)
			newest = i
		}
	}
	var late []int
	current := 0
	for i, zone := range zones {
		switch {
		case zone == nil:
		case int64(zones[newest].Serial-zone.Serial) > int64(p.MaxSerialLag):
			late = append(late, i)
		default:
			current++
		}
	}
	if len(late) == 0 || current < p.Quorum {
		return 0
	}
	for _, i := range late {
		f := probes.Failf(probes.ReasonDisagreement, "it has serial %d, while %s has %d", zones[i].Serial, parts[newest].Name, zones[newest].Serial)
		parts[i].Err = f
		parts[i].Result.Outcome, parts[i].Result.Reason, parts[i].Result.FailedStep = f.Outcome, f.Reason, stepAnswer
	}
	return len(late)
}
