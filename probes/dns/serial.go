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

// serials returns those of the servers that answered rightly, and the newest
// (RFC 1982).
func (p *probe) serials(parts []dial.Part, answers []*dns.Msg) (all []serial, newest serial) {
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
	return all, newest
}

func (p *probe) lags(s, newest serial) bool {
	return int64(newest.number-s.number) > int64(p.MaxSerialLag)
}

// leaveBehind marks as wrong the servers that lag behind the newest serial, where
// a quorum of others does not, and returns how many there were. With fewer that
// are up to date, what is new does not arrive, which is for all of them together
// to answer for.
func (p *probe) leaveBehind(parts []dial.Part, answers []*dns.Msg) int {
	if !p.SameSerial || p.Quorum == 0 {
		return 0
	}
	all, newest := p.serials(parts, answers)
	var late []serial
	for _, s := range all {
		if p.lags(s, newest) {
			late = append(late, s)
		}
	}
	if len(all)-len(late) < p.Quorum {
		return 0
	}
	for _, s := range late {
		f := probes.Failf(probes.ReasonDisagreement, "it has serial %d, while %s has %d", s.number, newest.server, newest.number)
		part := &parts[s.part]
		part.Err = f
		part.Result.Outcome, part.Result.Reason, part.Result.FailedStep = f.Outcome, f.Reason, stepAnswer
	}
	return len(late)
}

// agree compares the serials of the servers that answered rightly.
func (p *probe) agree(r *probes.Run, parts []dial.Part, answers []*dns.Msg) error {
	all, newest := p.serials(parts, answers)
	if len(all) < 2 {
		r.Unverified("the serials were not compared: fewer than two servers answered")
		return nil
	}
	var late []string
	for _, s := range all {
		if p.lags(s, newest) {
			late = append(late, fmt.Sprintf("%s has serial %d", s.server, s.number))
		}
	}
	if len(late) > 0 {
		held := fmt.Sprintf("%s, while %s has %d", list(late), newest.server, newest.number)
		r.Assert("same serial", false, held)
		return probes.Failf(probes.ReasonDisagreement, "%s", held)
	}
	r.Assert("same serial", true, fmt.Sprintf("serial %d", newest.number))
	return nil
}
