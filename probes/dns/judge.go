package dnsprobe

import (
	"fmt"
	"slices"
	"strings"

	"github.com/miekg/dns"

	"github.com/idp-exporter/idp_exporter/probes"
)

// judge compares one server's answer with what is expected of it.
func (p *probe) judge(m *dns.Msg) error {
	if m.Rcode != p.rcode {
		reason := probes.ReasonRcode
		if m.Rcode == dns.RcodeNameError {
			reason = probes.ReasonDNS // the name does not exist
		}
		return probes.Failf(reason, "%s %s was answered with %s, want %s", p.name, p.Type, rcodeName(m.Rcode), dns.RcodeToString[p.rcode])
	}
	if p.rcode == dns.RcodeSuccess {
		if err := p.judgeRecords(m); err != nil {
			return err
		}
	}
	switch {
	case p.Authoritative && !m.Authoritative:
		return probes.Failf(probes.ReasonAnswerMismatch, "the server is not authoritative for %s", p.name)
	case p.Authenticated && !m.AuthenticatedData:
		return probes.Failf(probes.ReasonNotAuthenticated, "the answer is not authenticated (no AD): either %s is not signed, or this server does not validate", p.name)
	}
	return nil
}

func rcodeName(code int) string {
	if name, ok := dns.RcodeToString[code]; ok {
		return name
	}
	return fmt.Sprintf("code %d", code)
}

// records returns those of an answer that have the type asked for, and belong to
// the name asked for or to one that its aliases lead to (RFC 1034, 3.6.2).
func (p *probe) records(m *dns.Msg) []dns.RR {
	owners := p.owners(m)
	var found []dns.RR
	for _, rr := range m.Answer {
		if rr != nil && (rr.Header().Rrtype == p.qtype || p.qtype == dns.TypeANY) && owners[dns.CanonicalName(rr.Header().Name)] {
			found = append(found, rr)
		}
	}
	return found
}

// owners follows the aliases of the name asked for.
func (p *probe) owners(m *dns.Msg) map[string]bool {
	aliases := map[string]string{}
	for _, rr := range m.Answer {
		if c, ok := rr.(*dns.CNAME); ok && p.qtype != dns.TypeCNAME {
			aliases[dns.CanonicalName(c.Hdr.Name)] = dns.CanonicalName(c.Target)
		}
	}
	owners := map[string]bool{}
	for name := dns.CanonicalName(p.name); name != "" && !owners[name]; name = aliases[name] {
		owners[name] = true
	}
	return owners
}

func (p *probe) judgeRecords(m *dns.Msg) error {
	got := p.records(m)
	switch {
	case len(got) == 0 && len(m.Answer) > 0:
		return probes.Failf(probes.ReasonAnswerMismatch, "%s has no record of type %s; the answer has %d records of other names or types", p.name, p.Type, len(m.Answer))
	case len(got) == 0:
		return probes.Failf(probes.ReasonAnswerMismatch, "%s has no record of type %s", p.name, p.Type)
	case len(p.answers) == 0:
		return nil
	}
	var missing, foreign []string
	for _, want := range p.answers {
		if !slices.ContainsFunc(got, func(rr dns.RR) bool { return same(rr, want) }) {
			missing = append(missing, data(want))
		}
	}
	for _, rr := range got {
		if !slices.ContainsFunc(p.answers, func(want dns.RR) bool { return same(rr, want) }) {
			foreign = append(foreign, data(rr))
		}
	}
	switch {
	case p.Match == Any && len(missing) == len(p.answers):
		return probes.Failf(probes.ReasonAnswerMismatch, "%s %s has none of the records expected, but %s", p.name, p.Type, list(foreign))
	case p.Match != Any && len(missing) > 0:
		return probes.Failf(probes.ReasonAnswerMismatch, "%s %s lacks %s; it has %d other records: %s", p.name, p.Type, list(missing), len(foreign), list(foreign))
	case p.Match == Exact && len(foreign) > 0:
		return probes.Failf(probes.ReasonAnswerMismatch, "%s %s has records that are not expected: %s", p.name, p.Type, list(foreign))
	}
	return nil
}

// same tells whether two records hold the same data, whoever owns them.
func same(a, b dns.RR) bool {
	c := dns.Copy(a)
	c.Header().Name, c.Header().Class = b.Header().Name, b.Header().Class
	return dns.IsDuplicate(c, b)
}

// data returns a record's data as zone files write it.
func data(rr dns.RR) string { return strings.TrimPrefix(rr.String(), rr.Header().String()) }

func list(texts []string) string {
	const most = 5
	if len(texts) > most {
		return strings.Join(texts[:most], ", ") + ", …"
	}
	return strings.Join(texts, ", ")
}
