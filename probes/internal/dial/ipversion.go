package dial

import (
	"context"
	"fmt"
	"net"
	"net/http/httptrace"
	"net/netip"
	"slices"

	"github.com/idp-exporter/idp_exporter/probes"
)

// IPVersion says which addresses of a name are used, and in which order.
type IPVersion string

// The choices. Any, the default, takes the order of the operating system
// (RFC 6724); the preferences fall back to the other version.
const (
	Any     IPVersion = "any"
	Only4   IPVersion = "4"
	Only6   IPVersion = "6"
	Prefer4 IPVersion = "prefer4"
	Prefer6 IPVersion = "prefer6"
)

// Network returns the name that package net has for the version of a network
// such as "ip".
func (v IPVersion) Network(network string) string {
	switch v {
	case Only4, Only6:
		return network + string(v)
	default:
		return network
	}
}

// lookup asks the resolver, and tells the trace of ctx itself: the resolver would
// have its own connections, those to DNS servers, told as the connection to host.
func lookup(ctx context.Context, network, host string) ([]netip.Addr, error) {
	trace := httptrace.ContextClientTrace(ctx)
	if trace == nil {
		trace = &httptrace.ClientTrace{}
	}
	if trace.DNSStart != nil {
		trace.DNSStart(httptrace.DNSStartInfo{Host: host})
	}
	found, err := net.DefaultResolver.LookupNetIP(untraced{ctx}, network, host)
	if trace.DNSDone != nil {
		trace.DNSDone(httptrace.DNSDoneInfo{Err: err})
	}
	return found, err
}

// untraced is a context without its values.
type untraced struct{ context.Context }

func (untraced) Value(any) any { return nil }

// maxAddresses is how many addresses of a host are tried.
const maxAddresses = 6

// Resolve returns the addresses of a host, which may be an address itself, in
// the order they are to be tried. Errors are of type *probes.Failure.
func (v IPVersion) Resolve(ctx context.Context, host string) ([]netip.Addr, error) {
	if addr, err := netip.ParseAddr(host); err == nil {
		if addr = addr.Unmap(); v == Only4 && !addr.Is4() || v == Only6 && addr.Is4() {
			return nil, probes.Failf(probes.ReasonDNS, "%s is not an IPv%s address, which ip_version asks for", host, v)
		}
		return []netip.Addr{addr}, nil
	}
	found, err := lookup(ctx, v.Network("ip"), host)
	if err != nil {
		return nil, Failure(ctx, err)
	}
	addrs := make([]netip.Addr, 0, len(found))
	for _, a := range found {
		addrs = append(addrs, a.Unmap())
	}
	if v == Prefer4 || v == Prefer6 {
		slices.SortStableFunc(addrs, func(a, b netip.Addr) int {
			switch first := v == Prefer4; {
			case a.Is4() == b.Is4():
				return 0
			case a.Is4() == first:
				return -1
			default:
				return 1
			}
		})
	}
	if len(addrs) == 0 {
		return nil, &probes.Failure{Outcome: probes.Fail, Reason: probes.ReasonDNS, Err: fmt.Errorf("%s has no address", host)}
	}
	return addrs[:min(len(addrs), maxAddresses)], nil
}
