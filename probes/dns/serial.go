package dnsprobe

import (
	"fmt"

	"github.com/miekg/dns"

	"github.com/idp-exporter/idp_exporter/probes"
	"github.com/idp-exporter/idp_exporter/probes/internal/dial"
)

// serial is that of the zone, as a server has it.
type serial struct {
	part   int
	server string
	number uint32
}

// serials returns those of the servers that answered rightly, the newest (RFC
// 1982), and those that lag behind it.
func (p *probe) serials(parts []dial.Part, answers []*dns.Msg) (all, late []serial, newest serial) {
	for i, part := range parts {
		if part.Err != nil {
			continue
		}
		if soa, ok := p.records(answers[i])[0].(*dns.SOA); ok {
			s := serial{i, part.Name, soa.Serial}
			if len(all) == 0 || int32(s.number-newest.number) > 0 { //nolint:gosec // serial arithmetic wraps around
				newest = s
			}
			all = append(all, s)
		}
	}
	for _, s := range all {
		if lag := newest.number - s.number; int64(lag) > int64(p.MaxSerialLag) {
			late = append(late, s)
		}
	}
	return all, late, newest
}

// leaveBehind marks as wrong the servers that lag behind the newest serial, where
// a quorum of others does not, and returns how many there were. With fewer that
// are up to date, what is new does not arrive, which is for all of them together
// to answer for.
func (p *probe) leaveBehind(parts []dial.Part, answers []*dns.Msg) int {
	if !p.SameSerial || p.Quorum == 0 {
		return 0
	}
	all, late, newest := p.serials(parts, answers)
	if len(all)-len(late) < p.Quorum {
		return 0
	}
	for _, s := range late {
		parts[s.part].Fail(stepAnswer, probes.Failf(probes.ReasonDisagreement, "it has serial %d, while %s has %d", s.number, newest.server, newest.number))
	}
	return len(late)
}

// agree compares the serials of the servers that answered rightly.
func (p *probe) agree(r *probes.Run, parts []dial.Part, answers []*dns.Msg) error {
	all, late, newest := p.serials(parts, answers)
	if len(all) < 2 {
		r.Unverified("the serials were not compared: fewer than two servers answered")
		return nil
	}
	if len(late) > 0 {
		var told []string
		for _, s := range late {
			told = append(told, fmt.Sprintf("%s has serial %d", s.server, s.number))
		}
		held := fmt.Sprintf("%s, while %s has %d", list(told), newest.server, newest.number)
		r.Assert("same serial", false, held)
		return probes.Failf(probes.ReasonDisagreement, "%s", held)
	}
	r.Assert("same serial", true, fmt.Sprintf("serial %d", newest.number))
	return nil
}
