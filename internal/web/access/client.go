package access

import (
	"crypto/tls"
	"crypto/x509"
	"net/netip"
	"slices"
	"strings"
)

// certificate adds what the client certificate is good for. Only one that the
// TLS layer has verified counts: it has a chain to a configured authority.
func (g *Guard) certificate(state *tls.ConnectionState, grant *Grant) {
	if len(state.PeerCertificates) == 0 {
		return
	}
	grant.Shown = true
	if len(state.VerifiedChains) == 0 {
		return
	}
	leaf := state.PeerCertificates[0]
	for _, c := range g.clients {
		if carries(leaf, c.san) {
			grant.add(c.name, c.scopes)
		}
	}
}

// carries tells whether the certificate has the subject alternative name.
func carries(cert *x509.Certificate, san string) bool {
	if addr, err := netip.ParseAddr(san); err == nil {
		for _, ip := range cert.IPAddresses {
			if a, ok := netip.AddrFromSlice(ip); ok && a.Unmap() == addr.Unmap() {
				return true
			}
		}
		return false
	}
	for _, u := range cert.URIs {
		if u.String() == san {
			return true
		}
	}
	return slices.Contains(cert.EmailAddresses, san) ||
		slices.ContainsFunc(cert.DNSNames, func(name string) bool { return strings.EqualFold(name, san) })
}
