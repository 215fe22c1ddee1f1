package access

import (
	"fmt"
	"net/http"
	"net/netip"
	"slices"
)

// The words that Config.ForwardedHeader takes; "" is the first.
const (
	HeaderXForwardedFor = "x-forwarded-for"
	HeaderForwarded     = "forwarded"
)

// maxHops bounds the proxies that a request may have come through.
const maxHops = 32

// ClientAddr returns the address that the request comes from: that of the TCP
// peer or, where the peer is a trusted proxy, the one that the forwarding
// header names, read from its end past further trusted proxies. What stands
// before the first address that is not trusted was sent by the client and
// counts for nothing. Where the header breaks off or cannot be read, the
// address is that of the last trusted proxy. The zero Addr stands for a peer
// without an IP address, as on a Unix socket.
func (g *Guard) ClientAddr(r *http.Request) netip.Addr {
	peer, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return netip.Addr{}
	}
	addr := peer.Addr().Unmap().WithZone("")
	if !contains(g.proxies, addr) {
		return addr
	}
	header, last := "X-Forwarded-For", lastForwardedFor
	if g.forwarded {
		header, last = "Forwarded", lastForwarded
	}
	lines := r.Header[header]
	hops := 0
	for i := len(lines) - 1; i >= 0; i-- {
		for rest, more := lines[i], true; more; hops++ {
			if hops == maxHops {
				return addr
			}
			var hop netip.Addr
			var ok bool
			if hop, rest, more, ok = last(rest); !ok {
				return addr
			}
			if addr = hop; !contains(g.proxies, addr) {
				return addr
			}
		}
	}
	return addr
}

func contains(networks []netip.Prefix, addr netip.Addr) bool {
	return slices.ContainsFunc(networks, func(p netip.Prefix) bool { return p.Contains(addr) })
}

// parseNetworks reads networks in CIDR notation.
func parseNetworks(texts []string) ([]netip.Prefix, error) {
	var list []netip.Prefix
	for _, text := range texts {
		p, err := parseNetwork(text)
		if err != nil {
			return nil, err
		}
		list = append(list, p)
	}
	return list, nil
}

func parseNetwork(text string) (netip.Prefix, error) {
	p, err := netip.ParsePrefix(text)
	if err != nil || p.Addr().Is4In6() {
		return p, fmt.Errorf("%.60q is no network; write it as 10.0.0.0/8 or fd00::/8, and a single address as 10.0.0.1/32", text)
	}
	return p.Masked(), nil
}
