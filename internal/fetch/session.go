package fetch

import (
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"sync"
	"time"
)

// Session is the HTTP state of one run: its connections, one for each host, and
// its cookies. It is used by one goroutine and closed at the end of the run.
type Session struct {
	client *Client
	// plain and secure are made when first needed: preparing HTTP/2, which
	// needs TLS, costs as much as a tenth of an exchange over plain HTTP.
	plain, secure *http.Transport
	jar           http.CookieJar

	// What the transports' dialing goroutines share with the session's own.
	mu      sync.Mutex
	conns   []net.Conn
	closed  bool
	current *exchange

	// MaxBody bounds the body of each answer, in bytes.
	MaxBody int64
	// Seen collects what the exchanges showed by the way.
	Seen Seen
	// Last is the timing of the latest exchange, whether it failed or not.
	Last Timing
}

// Seen is what a session's exchanges showed by the way. It is filled in even
// when the exchange failed.
type Seen struct {
	// CertificateNotAfter is the earliest end of the servers' chains (ChainEnd).
	CertificateNotAfter time.Time
	// ClockOffset is the server's clock minus ours, to about half a second.
	ClockOffset *time.Duration
}

// Session opens a session. Close it.
func (c *Client) Session() *Session {
	// A jar fails only for a bad public suffix list, and we give none.
	jar, _ := cookiejar.New(nil)
	return &Session{client: c, jar: jar, MaxBody: DefaultMaxBody}
}

// transport returns the transport for a scheme.
func (s *Session) transport(scheme string) *http.Transport {
	if scheme != "https" {
		if s.plain == nil {
			s.plain = s.newTransport()
			if s.client.proxy != nil { // which may be reached by TLS itself
				s.plain.TLSClientConfig = s.client.tls.Clone()
			}
		}
		return s.plain
	}
	if s.secure == nil {
		s.secure = s.newTransport()
		s.secure.TLSClientConfig = s.client.tls.Clone() // a transport writes to it
		s.secure.TLSClientConfig.VerifyConnection = s.accepted
		s.secure.ForceAttemptHTTP2 = true
	}
	return s.secure
}

func (s *Session) newTransport() *http.Transport {
	t := &http.Transport{
		DialContext:            s.dial,
		MaxResponseHeaderBytes: DefaultMaxHeader,
	}
	if s.client.proxy != nil {
		t.Proxy = s.client.proxy
		t.OnProxyConnectResponse = tunneled
	}
	return t
}

// tunneled judges a proxy's answer to CONNECT (RFC 9110, 9.3.6).
func tunneled(ctx context.Context, _ *url.URL, _ *http.Request, resp *http.Response) error {
	if resp.StatusCode != http.StatusOK {
		return &ProxyError{Status: resp.StatusCode}
	}
	exchangeOf(ctx).tunneled()
	return nil
}

// accepted notes the chain of a server that was found good, even if the
// handshake fails later on.
func (s *Session) accepted(state tls.ConnectionState) error {
	s.mu.Lock()
	x := s.current
	s.mu.Unlock()
	x.noteChain(state.PeerCertificates, state.VerifiedChains)
	return nil
}

// begin starts watching an exchange; the context returned carries the watch.
func (s *Session) begin(ctx context.Context) (context.Context, *exchange) {
	ctx, x := begin(ctx)
	if s.client.proxy != nil {
		ctx = context.WithValue(ctx, exchangeKey{}, x) // for the proxy's callbacks
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.current = x
	return ctx, x
}

// dial connects and remembers the connection, so that Close can end it. A
// transport keeps the deadline of the exchange from whoever dials, who needs it
// to give each address of a host its share of the time.
func (s *Session) dial(ctx context.Context, network, addr string) (net.Conn, error) {
	s.mu.Lock()
	deadline := s.current.deadline
	s.mu.Unlock()
	if !deadline.IsZero() {
		var cancel context.CancelFunc
		ctx, cancel = context.WithDeadline(ctx, deadline)
		defer cancel()
	}
	addr, _ = s.client.route.divert(addr)
	conn, err := s.client.dial(ctx, network, addr)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		_ = conn.Close()
		return nil, net.ErrClosed
	}
	s.conns = append(s.conns, conn)
	return conn, nil
}

// Close ends the session's connections, those still in use and those still
// being made included.
func (s *Session) Close() {
	for _, t := range []*http.Transport{s.plain, s.secure} {
		if t != nil {
			t.CloseIdleConnections()
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	for _, c := range s.conns {
		_ = c.Close()
	}
	s.conns = nil
}
