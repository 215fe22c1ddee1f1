package fetch

import (
	"net"
	"net/url"
	"strings"
	"unicode"

	"golang.org/x/net/idna"
)

// route sends connections meant for the public host to a node.
type route struct {
	host, port         string // public
	nodeHost, nodePort string
}

func newRoute(t Target) route {
	if t.Node == "" || t.Public == nil {
		return route{}
	}
	var r route
	r.nodeHost, r.nodePort = splitAddress(t.Node)
	r.host, r.port, _ = net.SplitHostPort(hostPort(t.Public))
	return r
}

// divert returns the address to dial in place of addr, and whether it differs.
func (r route) divert(addr string) (string, bool) {
	if r.nodeHost == "" {
		return addr, false
	}
	host, port, err := net.SplitHostPort(addr)
	switch {
	case err != nil || canonical(host) != r.host:
		return addr, false
	case r.nodePort == "":
		return net.JoinHostPort(r.nodeHost, port), true
	case port == r.port:
		return net.JoinHostPort(r.nodeHost, r.nodePort), true
	default:
		return addr, false
	}
}

// hostPort returns the host, in the one spelling that names are compared in,
// and the port of a URL.
func hostPort(u *url.URL) string {
	port := u.Port()
	if port == "" {
		port = "443"
		if u.Scheme == "http" {
			port = "80"
		}
	}
	return net.JoinHostPort(canonical(u.Hostname()), port)
}

// canonical returns a host name in lower case, an international one as DNS
// spells it (RFC 5891).
func canonical(host string) string { return strings.ToLower(ASCII(host)) }

// ASCII returns a host's name as DNS and certificates spell it (RFC 5891). Names
// are written as people read them, too.
func ASCII(host string) string {
	if strings.IndexFunc(host, func(r rune) bool { return r > unicode.MaxASCII }) < 0 {
		return host
	}
	if ascii, err := idna.Lookup.ToASCII(host); err == nil {
		return ascii
	}
	return host
}

// HostOf returns the host of a node's address, which is host:port or a bare host.
func HostOf(address string) string {
	host, _ := splitAddress(address)
	return host
}

func splitAddress(address string) (host, port string) {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return canonical(strings.TrimSuffix(strings.TrimPrefix(address, "["), "]")), ""
	}
	return canonical(host), port
}
