package fetch

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"net/url"
)

// The default limits of one exchange.
const (
	// DefaultMaxHeader bounds the headers of an answer, in bytes.
	DefaultMaxHeader = 64 << 10
	// DefaultMaxBody bounds the body of an answer after decompression, in bytes.
	DefaultMaxBody = 1 << 20
)

// UserAgent is sent with every request, so that a provider's operator can tell
// a probe from a person.
const UserAgent = "idp_exporter"

// Client makes sessions. It is safe for concurrent use and holds no connection.
type Client struct {
	tls   *tls.Config
	proxy func(*http.Request) (*url.URL, error)
	route route
	dial  Dial
}

// Dial connects to host:port. The way net.Dialer does it is the default.
type Dial func(ctx context.Context, network, address string) (net.Conn, error)

// Target says where a client's connections go.
type Target struct {
	// Public is the URL users see. Connections to its host go to Node, if set.
	Public *url.URL
	// Node is host:port, which stands for the host and port of Public, or a
	// bare host or address, which stands for the host at whatever port. Empty
	// means the public host.
	Node string
	// Dial makes the connections, to a proxy where there is one, nil for the default.
	Dial Dial
}

// New builds a client. It reads certificate files but does not touch the network.
func New(o Options, t Target) (*Client, error) {
	conf, err := o.TLS.Config()
	if err != nil {
		return nil, fmt.Errorf("tls: %w", err)
	}
	proxy, err := o.ProxyFunc()
	if err != nil {
		return nil, err
	}
	c := &Client{tls: conf, route: newRoute(t), dial: t.Dial}
	if c.dial == nil {
		c.dial = (&net.Dialer{KeepAlive: -1}).DialContext // a run is over before a keep-alive would be sent
	}
	if proxy != nil {
		c.proxy = func(r *http.Request) (*url.URL, error) {
			// A node is addressed past the load balancer, and so past the proxy.
			if _, diverted := c.route.divert(hostPort(r.URL)); diverted {
				return nil, nil
			}
			u, err := proxy(r)
			if u != nil {
				exchangeOf(r.Context()).proxy(u.Scheme, r.URL.Scheme)
			}
			return u, err
		}
	}
	return c, nil
}
