package syslog

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/url"
	"strings"
)

// facilities by name; RFC 5424, section 6.2.1, table 1.
var facilities = map[string]int{
	"kern": 0, "user": 1, "mail": 2, "daemon": 3, "auth": 4, "syslog": 5, "lpr": 6, "news": 7, "uucp": 8, "cron": 9,
	"authpriv": 10, "ftp": 11, "ntp": 12, "audit": 13, "alert": 14, "clock": 15,
	"local0": 16, "local1": 17, "local2": 18, "local3": 19, "local4": 20, "local5": 21, "local6": 22, "local7": 23,
}

// Facility returns the number of a facility.
func Facility(name string) (int, error) {
	n, ok := facilities[name]
	if !ok {
		return 0, fmt.Errorf("%.40q is no facility; write one such as authpriv, daemon or local0", name)
	}
	return n, nil
}

// Endpoint is where a receiver listens.
type Endpoint struct {
	// Scheme is udp, tcp or tls.
	Scheme     string
	Host, Port string
}

// ParseEndpoint reads udp://host[:514] (RFC 5426), tcp://host:port (RFC 6587)
// or tls://host[:6514] (RFC 5425).
func ParseEndpoint(address string) (Endpoint, error) {
	const form = "write udp://host:514, tcp://host:port or tls://host:6514"
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || u.User != nil || strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.Fragment != "" {
		return Endpoint{}, fmt.Errorf("%.80q is no receiver; %s", address, form)
	}
	e := Endpoint{u.Scheme, u.Hostname(), u.Port()}
	switch {
	case e.Scheme != "udp" && e.Scheme != "tcp" && e.Scheme != "tls":
		return Endpoint{}, fmt.Errorf("%.20q is no transport; %s", e.Scheme, form)
	case e.Host == "":
		return Endpoint{}, fmt.Errorf("the host is missing; %s", form)
	case e.Port != "":
	case e.Scheme == "udp":
		e.Port = "514" // RFC 5426, section 3.3
	case e.Scheme == "tls":
		e.Port = "6514" // RFC 5425, section 4.1
	default:
		return Endpoint{}, fmt.Errorf("the port is missing: tcp:// has no standard one (RFC 6587, section 3.1); %s", form)
	}
	return e, nil
}

// Address returns host and port.
func (e Endpoint) Address() string { return net.JoinHostPort(e.Host, e.Port) }

// String returns the endpoint as it is configured.
func (e Endpoint) String() string { return e.Scheme + "://" + e.Address() }

// Datagram tells whether each message is a datagram.
func (e Endpoint) Datagram() bool { return e.Scheme == "udp" }

// Dial connects. The settings of TLS are those for tls://, which name the
// server if it is not the endpoint's host.
func (e Endpoint) Dial(ctx context.Context, d *net.Dialer, conf *tls.Config) (net.Conn, error) {
	if e.Scheme != "tls" {
		return d.DialContext(ctx, e.Scheme, e.Address())
	}
	if conf.ServerName == "" {
		conf = conf.Clone()
		conf.ServerName = e.Host
	}
	return (&tls.Dialer{NetDialer: d, Config: conf}).DialContext(ctx, "tcp", e.Address())
}
