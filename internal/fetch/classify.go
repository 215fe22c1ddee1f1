package fetch

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/netip"
	"net/url"
	"strings"
	"syscall"
)

// Part is the part of the way to a server on which an exchange failed.
type Part string

// The parts.
const (
	PartDNS      Part = "dns"
	PartConnect  Part = "connect"
	PartTLS      Part = "tls"
	PartTimeout  Part = "timeout"
	PartProxy    Part = "proxy"
	PartTooLarge Part = "too_large"
	PartResponse Part = "bad_response"
	// PartOwn is this machine, which does not let us, such as by its firewall.
	PartOwn Part = "not_permitted"
)

// wsaeacces is what Windows says instead of EACCES of a connection that it forbids.
const wsaeacces = syscall.Errno(10013)

// Classify says on which part of the way an exchange failed. It is meant for
// errors that Session.Do returned; of others it judges by their type.
func Classify(err error) Part {
	var known *Error
	if errors.As(err, &known) {
		return known.Part
	}
	if p := typed(err); p != "" {
		return p
	}
	return PartResponse
}

// typed judges an error by its type alone, never by its text: servers write
// parts of that. The answer is empty where the type says nothing.
func typed(err error) Part {
	var (
		dnsErr   *net.DNSError
		addrErr  *net.AddrError // such as none of the version wanted
		opErr    *net.OpError
		certErr  *tls.CertificateVerificationError
		alert    tls.AlertError
		record   tls.RecordHeaderError
		hostname x509.HostnameError
		tooLarge *TooLargeError
		proxy    *ProxyError
		netErr   net.Error
	)
	switch {
	case errors.As(err, &tooLarge):
		return PartTooLarge
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		return PartTimeout
	case forbidden(err):
		return PartOwn
	case errors.As(err, &proxy):
		return PartProxy
	case errors.As(err, &opErr) && (opErr.Op == "proxyconnect" || opErr.Op == "socks connect"):
		return PartProxy
	case errors.As(err, &dnsErr), errors.As(err, &addrErr):
		return PartDNS
	case errors.As(err, &certErr), errors.As(err, &alert), errors.As(err, &record), errors.As(err, &hostname):
		return PartTLS
	case opErr != nil && (opErr.Op == "remote error" || opErr.Op == "local error"): // a TLS alert
		return PartTLS
	case errors.As(err, &netErr) && netErr.Timeout():
		return PartTimeout
	case opErr != nil, errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, net.ErrClosed):
		return PartConnect
	default:
		return ""
	}
}

// forbidden tells that this machine itself kept a connection or message back.
// Its firewall says EPERM. EACCES may be said by the rules of its kernel, but of
// IPv6 Linux also makes it of an ICMPv6 "administratively prohibited" (RFC 4443,
// 3.1), which routers and the other end send: that is theirs to answer for.
func forbidden(err error) bool {
	var op *net.OpError
	if !errors.As(err, &op) {
		return false
	}
	if errors.Is(err, syscall.EPERM) || errors.Is(err, wsaeacces) {
		return true
	}
	for inner := op; errors.As(inner.Err, &inner); { // a proxy's error is around that of the connection
		op = inner
	}
	return op.Addr != nil && errors.Is(op, syscall.EACCES) && AddrOf(op.Addr).Is4()
}

// AddrOf returns the IP address of a, with a port or without; the zero Addr if it
// has none.
func AddrOf(a net.Addr) netip.Addr {
	if ap, err := netip.ParseAddrPort(a.String()); err == nil {
		return ap.Addr().Unmap().WithZone("")
	}
	addr, _ := netip.ParseAddr(a.String())
	return addr.Unmap().WithZone("")
}

// Origin returns the origin of a URL as RFC 6454 spells it: scheme, host in
// lower case, and the port where it is not the scheme's own.
func Origin(u *url.URL) string {
	host := strings.ToLower(u.Hostname())
	if strings.Contains(host, ":") {
		host = "[" + host + "]"
	}
	scheme := strings.ToLower(u.Scheme)
	if p := u.Port(); p != "" && (scheme != "https" || p != "443") && (scheme != "http" || p != "80") {
		host += ":" + p
	}
	return scheme + "://" + host
}
