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
	transport *http.Transport
	jar       http.CookieJar
	agent     string
	route     route

	// What the transport's dialing goroutines share with the session's own.
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
	// CertificateNotAfter is the earliest end of validity in the chains received.
	CertificateNotAfter time.Time
	// ClockOffset is the server's clock minus ours, to about half a second.
	ClockOffset *time.Duration
}

// Session opens a session. Close it.
func (c *Client) Session() *Session {
	// A jar fails only for a bad public suffix list, and we give none.
	jar, _ := cookiejar.New(nil)
	s := &Session{jar: jar, agent: c.agent, route: c.route, MaxBody: DefaultMaxBody}
	conf := c.tls.Clone() // a transport writes to it
	conf.VerifyConnection = s.accepted
	s.transport = &http.Transport{
		DialContext:            s.dial,
		TLSClientConfig:        conf,
		MaxResponseHeaderBytes: DefaultMaxHeader,
		MaxConnsPerHost:        2,
		ForceAttemptHTTP2:      true,
	}
	if c.proxy != nil {
		s.transport.Proxy = c.proxy
		s.transport.OnProxyConnectResponse = tunnelled
	}
	return s
}

// tunnelled judges a proxy's answer to CONNECT (RFC 9110, 9.3.6).
func tunnelled(ctx context.Context, _ *url.URL, _ *http.Request, resp *http.Response) error {
	if resp.StatusCode != http.StatusOK {
		return &ProxyError{Status: resp.StatusCode}
	}
	exchangeOf(ctx).tunnel(false)
	return nil
}

// accepted notes the chain of a server that was found good, even if the
// handshake fails later on.
func (s *Session) accepted(state tls.ConnectionState) error {
	s.mu.Lock()
	x := s.current
	s.mu.Unlock()
	x.noteChain(state.PeerCertificates)
	return nil
}

// begin starts watching an exchange; the context returned carries the watch.
func (s *Session) begin(ctx context.Context) (context.Context, *exchange) {
	ctx, x := begin(ctx)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.current = x
	return ctx, x
}

// dial connects and remembers the connection, so that Close can end it.
func (s *Session) dial(ctx context.Context, network, addr string) (net.Conn, error) {
	addr, _ = s.route.divert(addr)
	d := net.Dialer{KeepAlive: -1} // a run is over before a keep-alive would be sent
	conn, err := d.DialContext(ctx, network, addr)
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
	s.transport.CloseIdleConnections()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	for _, c := range s.conns {
		_ = c.Close()
	}
	s.conns = nil
}
