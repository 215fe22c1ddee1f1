package discover

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/miekg/dns"

	"github.com/idp-exporter/idp_exporter/probes"
)

var queryTypes = map[string]uint16{"A": dns.TypeA, "AAAA": dns.TypeAAAA, "SRV": dns.TypeSRV}

// The limits of one lookup.
const (
	tryTime    = 2 * time.Second // the default of resolver.try
	tries      = 2               // rounds over all servers
	maxServers = 3               // as resolv.conf(5) has it
	maxAliases = 8               // CNAMEs in a row
	// udpSize is the size of answers by UDP that passes everywhere undivided
	// (DNS Flag Day 2020).
	udpSize = 1232
)

// resolver is a source of nodes in DNS.
type resolver struct {
	DNS
	conf string        // the system's resolv.conf
	try  time.Duration // the limit of one question to one server
}

func (r resolver) String() string { return fmt.Sprintf("DNS %s %s", r.Type, r.Name) }

func (r resolver) nodes(ctx context.Context) ([]probes.Node, error) {
	answer, err := r.ask(ctx)
	if err != nil {
		return nil, err
	}
	return r.read(answer)
}

// read returns the nodes that an answer names.
func (r resolver) read(answer *dns.Msg) ([]probes.Node, error) {
	var nodes []probes.Node
	for _, rr := range owned(answer, dns.CanonicalName(r.Name), queryTypes[r.Type]) {
		address, err := r.address(rr)
		if err != nil {
			return nil, err
		}
		if address != "" {
			nodes = append(nodes, probes.Node{Address: address})
		}
	}
	if len(nodes) == 0 {
		return nil, errEmpty
	}
	return tidy(nodes)
}

// ask asks the servers in turn until one answers. That there is no such name is
// an answer.
func (r resolver) ask(ctx context.Context) (*dns.Msg, error) {
	servers, err := r.servers()
	if err != nil {
		return nil, err
	}
	for range tries {
		for _, server := range servers {
			var answer *dns.Msg
			if answer, err = r.exchange(ctx, server); err == nil {
				return answer, nil
			}
			var no *noNameError
			if errors.As(err, &no) || ctx.Err() != nil {
				return nil, err
			}
		}
	}
	return nil, err
}

func (r resolver) servers() ([]string, error) {
	if r.Server != "" {
		if _, _, err := net.SplitHostPort(r.Server); err == nil {
			return []string{r.Server}, nil
		}
		return []string{net.JoinHostPort(r.Server, "53")}, nil
	}
	conf, err := dns.ClientConfigFromFile(r.conf)
	if err != nil {
		return nil, fmt.Errorf("the system's DNS servers: %w; name one with dns.server", err)
	}
	var servers []string
	for _, s := range conf.Servers[:min(len(conf.Servers), maxServers)] {
		servers = append(servers, net.JoinHostPort(s, conf.Port))
	}
	if len(servers) == 0 {
		return nil, fmt.Errorf("%s names no server; name one with dns.server", r.conf)
	}
	return servers, nil
}

// noNameError says that there is no such name.
type noNameError struct{ server string }

func (e *noNameError) Error() string { return "there is no such name, says " + e.server }

// exchange asks one server, by UDP and, if the answer is cut short, by TCP.
func (r resolver) exchange(ctx context.Context, server string) (*dns.Msg, error) {
	q := new(dns.Msg)
	q.SetQuestion(dns.Fqdn(r.Name), queryTypes[r.Type])
	q.SetEdns0(udpSize, false)
	answer, err := r.send(ctx, q, server, "udp")
	if err == nil && answer.Truncated {
		if answer, err = r.send(ctx, q, server, "tcp"); err == nil && answer.Truncated {
			err = fmt.Errorf("the answer of %s is cut short even by TCP", server)
		}
	}
	if err != nil {
		return nil, err
	}
	switch answer.Rcode {
	case dns.RcodeSuccess:
		return answer, nil
	case dns.RcodeNameError:
		return nil, &noNameError{server}
	default:
		return nil, fmt.Errorf("%s answers %s", server, dns.RcodeToString[answer.Rcode])
	}
}

func (r resolver) send(ctx context.Context, q *dns.Msg, server, network string) (*dns.Msg, error) {
	ctx, cancel := context.WithTimeout(ctx, r.try)
	defer cancel()
	c := dns.Client{Net: network, Timeout: r.try}
	answer, _, err := c.ExchangeContext(ctx, q, server)
	if err != nil {
		return nil, fmt.Errorf("asking %s by %s: %w", server, network, err)
	}
	if !answer.Response || len(answer.Question) != 1 || !strings.EqualFold(answer.Question[0].Name, q.Question[0].Name) ||
		answer.Question[0].Qtype != q.Question[0].Qtype || answer.Question[0].Qclass != q.Question[0].Qclass {
		return nil, fmt.Errorf("%s answers another question", server)
	}
	return answer, nil
}

// owned returns the records of the type that belong to the name, or to the one
// that it is an alias of (RFC 1034, 3.6.2).
func owned(answer *dns.Msg, name string, kind uint16) []dns.RR {
	aliases := map[string]string{}
	for _, rr := range answer.Answer {
		if c, ok := rr.(*dns.CNAME); ok {
			aliases[dns.CanonicalName(c.Hdr.Name)] = dns.CanonicalName(c.Target)
		}
	}
	for range maxAliases {
		target, ok := aliases[name]
		if !ok {
			break
		}
		name = target
	}
	var records []dns.RR
	for _, rr := range answer.Answer {
		if h := rr.Header(); h.Rrtype == kind && h.Class == dns.ClassINET && dns.CanonicalName(h.Name) == name {
			records = append(records, rr)
		}
	}
	return records
}

// address returns the address of a node, "" for the SRV record that says that
// there is none (RFC 2782).
func (r resolver) address(rr dns.RR) (string, error) {
	var ip net.IP
	switch rr := rr.(type) {
	case *dns.SRV:
		if rr.Target == "." {
			return "", nil
		}
		// As DNS spells it, so that hostile bytes stay escaped and are refused.
		target := strings.ToLower(strings.TrimSuffix(rr.Target, "."))
		if !hostname(target) || rr.Port == 0 {
			return "", fmt.Errorf("an SRV record leads to %q, port %d, which is no place for a node", shorten(target), rr.Port)
		}
		return net.JoinHostPort(target, strconv.Itoa(int(rr.Port))), nil
	case *dns.A:
		ip = rr.A
	case *dns.AAAA:
		ip = rr.AAAA
	}
	a, ok := netip.AddrFromSlice(ip)
	if a = a.Unmap(); !ok || !reachable(a) {
		return "", fmt.Errorf("a record has the address %q, which cannot be a node's", ip)
	}
	if r.Port == 0 {
		return a.String(), nil
	}
	return netip.AddrPortFrom(a, uint16(r.Port)).String(), nil //nolint:gosec // Check bounds it
}
