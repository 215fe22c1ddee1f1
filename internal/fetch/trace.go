package fetch

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"net/http/httptrace"
	"strings"
	"sync"
	"time"
)

// Timing tells when the parts of one exchange happened. The time of a part that
// did not happen, or did not come to its end, is zero: an address needs no DNS,
// a kept connection neither that nor a handshake.
type Timing struct {
	Start time.Time
	// DNSStart and DNSDone enclose the resolution of the host dialed.
	DNSStart, DNSDone time.Time
	// ConnectStart and ConnectDone enclose the TCP connection, to the proxy
	// where there is one.
	ConnectStart, ConnectDone time.Time
	// TLSStart and TLSDone enclose the handshake with the server itself.
	TLSStart, TLSDone time.Time
	// GotConn is when the connection was ready for the request.
	GotConn time.Time
	// FirstByte is when the first byte of the answer came, End when the
	// exchange was over.
	FirstByte, End time.Time
	// Reused tells that the connection served an earlier exchange.
	Reused bool
	// Forwarded tells that a proxy was asked for the answer, which it could have
	// written itself, and not for a way to the server.
	Forwarded bool
}

// exchange watches one request. Its callbacks run on net/http's goroutines,
// some of them after the request has been given up.
type exchange struct {
	// deadline is when the exchange has to be over; zero for never.
	deadline time.Time

	mu     sync.Mutex
	timing Timing
	// notAfter is the end of the chain received.
	notAfter time.Time
	// tunneling is set while a proxy has not yet opened the way to the server.
	tunneling bool
}

type exchangeKey struct{}

func exchangeOf(ctx context.Context) *exchange {
	x, _ := ctx.Value(exchangeKey{}).(*exchange)
	return x
}

// begin starts watching; the context returned carries the watch.
func begin(ctx context.Context) (context.Context, *exchange) {
	x := &exchange{timing: Timing{Start: time.Now()}}
	x.deadline, _ = ctx.Deadline()
	return httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		DNSStart:             func(httptrace.DNSStartInfo) { x.first(&x.timing.DNSStart) },
		DNSDone:              x.dnsDone,
		ConnectStart:         func(_, _ string) { x.first(&x.timing.ConnectStart) },
		ConnectDone:          x.connectDone,
		TLSHandshakeStart:    x.tlsStart,
		TLSHandshakeDone:     x.tlsDone,
		GotConn:              x.gotConn,
		GotFirstResponseByte: func() { x.first(&x.timing.FirstByte) },
	}), x
}

// first notes the time unless it is known: two addresses may be tried at once.
func (x *exchange) first(t *time.Time) {
	now := time.Now()
	x.mu.Lock()
	defer x.mu.Unlock()
	if t.IsZero() {
		*t = now
	}
}

func (x *exchange) dnsDone(info httptrace.DNSDoneInfo) {
	if info.Err == nil {
		x.first(&x.timing.DNSDone)
	}
}

func (x *exchange) connectDone(_, _ string, err error) {
	if err == nil {
		x.first(&x.timing.ConnectDone)
	}
}

// tlsStart leaves out the handshake with a proxy, which is part of connecting.
func (x *exchange) tlsStart() {
	now := time.Now()
	x.mu.Lock()
	defer x.mu.Unlock()
	if !x.withProxy() {
		x.timing.TLSStart = now
	}
}

func (x *exchange) tlsDone(_ tls.ConnectionState, err error) {
	now := time.Now()
	var refused *tls.CertificateVerificationError
	if errors.As(err, &refused) {
		x.noteChain(refused.UnverifiedCertificates, nil)
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	if err == nil && !x.withProxy() {
		x.timing.TLSDone = now
	}
}

// noteChain notes the end of a server's chain; a proxy's does not count.
func (x *exchange) noteChain(sent []*x509.Certificate, verified [][]*x509.Certificate) {
	end := ChainEnd(sent, verified, time.Now())
	x.mu.Lock()
	defer x.mu.Unlock()
	if !x.withProxy() {
		x.notAfter = end
	}
}

// withProxy tells that a handshake is one with the proxy: it has not opened the
// way yet, or never will.
func (x *exchange) withProxy() bool { return x.tunneling || x.timing.Forwarded }

func (x *exchange) gotConn(info httptrace.GotConnInfo) {
	now := time.Now()
	x.mu.Lock()
	defer x.mu.Unlock()
	x.timing.GotConn, x.timing.Reused = now, info.Reused
	x.tunneling = false // a kept connection goes where the proxy led before
}

// proxy notes that the request goes through a proxy. One that speaks HTTP opens
// the way for https, and forwards requests for http.
func (x *exchange) proxy(its, scheme string) {
	if x == nil || strings.HasPrefix(its, "socks") {
		return
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	x.tunneling, x.timing.Forwarded = scheme == "https", scheme != "https"
}

// tunneled notes that the way is open.
func (x *exchange) tunneled() {
	if x == nil {
		return
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	x.tunneling = false
}

// end stops the clock and returns what was seen.
func (x *exchange) end() (Timing, time.Time) {
	now := time.Now()
	x.mu.Lock()
	defer x.mu.Unlock()
	x.timing.End = now
	return x.timing, x.notAfter
}

// part says how far the exchange had come when err ended it.
func (x *exchange) part(err error) Part {
	x.mu.Lock()
	defer x.mu.Unlock()
	if p := typed(err); p != "" && p != PartConnect {
		return p
	}
	switch t := x.timing; {
	case x.tunneling:
		return PartProxy
	case !t.TLSStart.IsZero() && t.TLSDone.IsZero():
		return PartTLS
	case isClosed(err), t.GotConn.IsZero():
		return PartConnect
	default:
		return PartResponse
	}
}

// isClosed tells whether err says that the connection broke or ended early.
func isClosed(err error) bool {
	var op *net.OpError
	return errors.As(err, &op) || typed(err) == PartConnect
}

// forwarded tells whether the answer came from a proxy.
func (x *exchange) forwarded() bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.timing.Forwarded
}
