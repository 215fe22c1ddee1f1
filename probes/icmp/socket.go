package icmpprobe

import (
	"errors"
	"io/fs"
	"net"
	"net/netip"
	"syscall"

	"golang.org/x/net/icmp"
	"golang.org/x/net/ipv4"
	"golang.org/x/net/ipv6"

	"github.com/idp-exporter/idp_exporter/probes"
)

// socket sends echo requests to one address.
type socket struct {
	*icmp.PacketConn
	to    net.Addr
	addr  netip.Addr
	proto int // of the IP header: 1 or 58
}

// The protocol numbers of ICMP and ICMPv6 (IANA).
const (
	protoICMP   = 1
	protoICMPv6 = 58
)

// open opens a socket that needs no privilege, or else a raw one.
func open(to netip.Addr) (*socket, error) {
	s := &socket{addr: to, proto: protoICMP}
	datagram, raw, any := "udp4", "ip4:icmp", "0.0.0.0"
	if to.Is6() {
		s.proto = protoICMPv6
		datagram, raw, any = "udp6", "ip6:ipv6-icmp", "::"
	}
	var err error
	if s.PacketConn, err = icmp.ListenPacket(datagram, any); err == nil {
		s.to = &net.UDPAddr{IP: to.AsSlice(), Zone: to.Zone()}
		return s, nil
	}
	conn, rawErr := icmp.ListenPacket(raw, any)
	if rawErr != nil {
		return nil, refusal(errors.Join(err, rawErr), rawErr)
	}
	s.PacketConn, s.to = conn, &net.IPAddr{IP: to.AsSlice(), Zone: to.Zone()}
	s.filter()
	return s, nil
}

// refusal tells what would have to be allowed. That we may not send says
// nothing about the host.
func refusal(err, raw error) error {
	if errors.Is(raw, fs.ErrPermission) || errors.Is(raw, syscall.EPERM) || errors.Is(raw, syscall.EACCES) {
		return probes.Unknownf(probes.ReasonNotPermitted,
			"the kernel gives us no socket for ICMP; widen net.ipv4.ping_group_range to our group (sysctl), or give the binary cap_net_raw: %w", err)
	}
	return probes.Failf(probes.ReasonConnect, "no socket for ICMP: %w", err)
}

// filter has the kernel keep from a raw socket what is of no concern; without
// it, every such socket sees all ICMP of the machine.
func (s *socket) filter() {
	if p := s.IPv4PacketConn(); p != nil {
		var f ipv4.ICMPFilter
		f.SetAll(true)
		f.Accept(ipv4.ICMPTypeEchoReply)
		f.Accept(ipv4.ICMPTypeDestinationUnreachable)
		_ = p.SetICMPFilter(&f) // where there is none, answers are told apart all the same
	}
	if p := s.IPv6PacketConn(); p != nil {
		var f ipv6.ICMPFilter
		f.SetAll(true)
		f.Accept(ipv6.ICMPTypeEchoReply)
		f.Accept(ipv6.ICMPTypeDestinationUnreachable)
		_ = p.SetICMPFilter(&f)
	}
}

func (s *socket) request(id, seq int, data []byte) ([]byte, error) {
	m := icmp.Message{Type: ipv4.ICMPTypeEcho, Body: &icmp.Echo{ID: id, Seq: seq, Data: data}}
	if s.proto == protoICMPv6 {
		m.Type = ipv6.ICMPTypeEchoRequest
	}
	return m.Marshal(nil) // the kernel adds the checksum of ICMPv6
}
