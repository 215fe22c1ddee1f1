package dial

import (
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"strconv"
	"strings"

	"github.com/idp-exporter/idp_exporter/internal/fetch"
	"github.com/idp-exporter/idp_exporter/probes"
)

// Endpoint is where a probe connects.
type Endpoint struct {
	// Host and Port are those that users see: certificates are checked for Host.
	Host, Port string
	// host and port are dialed: the node's, or those that users see.
	host, port string
	node       bool
}

// Address returns host:port as users see it.
func (e Endpoint) Address() string { return net.JoinHostPort(e.Host, e.Port) }

// Dialed returns the host that is connected to, and on which port.
func (e Endpoint) Dialed() (host, port string) { return e.host, e.port }

// At returns the endpoint for a target. Where the host is the provider's, a
// node stands for it: at the node's port if the provider's own port was meant,
// at the port asked for otherwise.
func At(host, port string, t probes.Target) Endpoint {
	host = fetch.ASCII(host)
	e := Endpoint{Host: host, Port: port, host: host, port: port}
	if t.Node.Address == "" || !IsProviders(host, t.Provider) {
		return e
	}
	e.host, e.node = fetch.HostOf(t.Node.Address), true
	if _, nodePort, err := net.SplitHostPort(t.Node.Address); err == nil && port == portOf(t.Provider.IssuerURL()) {
		e.port = nodePort
	}
	return e
}

// IsProviders tells whether a host is the one users know the provider by, for
// which its nodes stand.
func IsProviders(host string, p *probes.Provider) bool {
	return p != nil && host != "" && canonical(host) == canonical(p.IssuerURL().Hostname())
}

// Issuers returns the host and port of a provider's issuer, empty without one.
func Issuers(p *probes.Provider) (host, port string) {
	if p == nil {
		return "", ""
	}
	u := p.IssuerURL()
	return u.Hostname(), portOf(u)
}

func portOf(u *url.URL) string {
	if p := u.Port(); p != "" {
		return p
	}
	if u.Scheme == "http" {
		return "80"
	}
	return "443"
}

func canonical(host string) string {
	return strings.ToLower(strings.TrimSuffix(fetch.ASCII(host), "."))
}

// Split parses an address as operators write it: a host name or address, with a
// port unless there is a default. Ports are numbers.
func Split(address, defaultPort string) (host, port string, err error) {
	host, port = address, defaultPort
	if strings.Contains(address, "://") { // with a password in it, perhaps
		return "", "", fmt.Errorf("a URL stands here; write HOST or HOST:PORT, without scheme and path")
	}
	if _, bad := netip.ParseAddr(strings.Trim(address, "[]")); bad == nil {
		host = strings.Trim(address, "[]")
	} else if strings.Contains(address, ":") {
		if host, port, err = net.SplitHostPort(address); err != nil {
			return "", "", fmt.Errorf("%q is not an address; write HOST:PORT, an IPv6 address in brackets", address)
		}
	}
	if host == "" || len(host) > 255 || strings.ContainsAny(host, "/@ \t\r\n\"'<>\\") {
		return "", "", fmt.Errorf("%q is not an address; write HOST:PORT without scheme or path", address)
	}
	if port == "" {
		return "", "", fmt.Errorf("%q has no port; write %s", address, net.JoinHostPort(host, "PORT"))
	}
	if n, bad := strconv.ParseUint(port, 10, 16); bad != nil || n == 0 {
		return "", "", fmt.Errorf("%q is not a port; use 1 to 65535", port)
	}
	return host, port, nil
}

// IsLoopback tells whether a host is this machine, which no password leaves.
func IsLoopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}
