package access

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"slices"
	"strings"
)

type client struct {
	key
	san san
}

// certificate adds what the client certificate is good for. Only one that the
// TLS layer has verified counts: it has a chain to a configured authority. The
// subject's common name is not looked at.
func (q *inquiry) certificate(state *tls.ConnectionState) {
	if len(state.PeerCertificates) == 0 {
		return
	}
	q.show()
	if len(state.VerifiedChains) == 0 {
		q.refuse(ReasonWrong, nil)
		return
	}
	leaf, known := state.PeerCertificates[0], false
	for i := range q.clients {
		c := &q.clients[i]
		if !c.san.in(leaf) {
			continue
		}
		known = true
		if q.now.After(leaf.NotAfter) {
			q.refuse(ReasonExpired, c.holder) // since the handshake
			continue
		}
		q.admit(&c.key)
	}
	if !known {
		q.refuse(ReasonWrong, nil)
	}
}

// san is a subject alternative name (RFC 5280, section 4.2.1.6), of one type.
type san struct {
	ip            netip.Addr
	uri           *url.URL
	local, domain string // of an e-mail address
	dns           string
}

// parseSAN tells the type of a name from its form.
func parseSAN(text string) (san, error) {
	if addr, err := netip.ParseAddr(text); err == nil {
		return san{ip: addr.Unmap()}, nil
	}
	at := strings.LastIndexByte(text, '@')
	switch {
	case text == "":
		return san{}, errors.New("missing; give the DNS name, URI, e-mail or IP address that the certificate carries")
	case strings.Contains(text, " "), strings.Contains(text, "=") && !strings.ContainsAny(text, ":@"), at == 0, at == len(text)-1:
		return san{}, fmt.Errorf("%.60q is no subject alternative name; give the DNS name, URI, e-mail or IP address that "+
			"the certificate carries (its common name is not looked at)", text)
	case strings.Contains(text, ":"):
		u, err := url.Parse(text)
		if err != nil || u.Scheme == "" {
			return san{}, fmt.Errorf("%.60q is no URI; give it as the certificate carries it, such as spiffe://example.com/prometheus", text)
		}
		return san{uri: u}, nil
	case at >= 0:
		return san{local: text[:at], domain: text[at+1:]}, nil
	}
	return san{dns: text}, nil
}

// in tells whether the certificate carries the name. Names are compared as RFC
// 5280, section 7, has it: hosts and schemes in any case, the rest exactly.
func (s san) in(cert *x509.Certificate) bool {
	switch {
	case s.ip.IsValid():
		for _, ip := range cert.IPAddresses {
			if a, ok := netip.AddrFromSlice(ip); ok && a.Unmap() == s.ip {
				return true
			}
		}
		return false
	case s.uri != nil:
		return slices.ContainsFunc(cert.URIs, s.sameURI)
	case s.domain != "":
		return slices.ContainsFunc(cert.EmailAddresses, func(mail string) bool {
			at := strings.LastIndexByte(mail, '@')
			return at >= 0 && mail[:at] == s.local && strings.EqualFold(mail[at+1:], s.domain)
		})
	}
	return slices.ContainsFunc(cert.DNSNames, func(name string) bool { return strings.EqualFold(name, s.dns) })
}

func (s san) sameURI(u *url.URL) bool {
	mine, theirs := *s.uri, *u
	mine.Scheme, theirs.Scheme = strings.ToLower(mine.Scheme), strings.ToLower(theirs.Scheme)
	mine.Host, theirs.Host = strings.ToLower(mine.Host), strings.ToLower(theirs.Host)
	return mine.String() == theirs.String()
}
