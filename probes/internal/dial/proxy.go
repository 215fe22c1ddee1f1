package dial

import (
	"bufio"
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"

	"golang.org/x/net/proxy"

	"github.com/idp-exporter/idp_exporter/internal/fetch"
	"github.com/idp-exporter/idp_exporter/internal/secret"
	"github.com/idp-exporter/idp_exporter/probes"
)

// Proxied are the keys of kinds whose connections can go through a proxy.
type Proxied struct {
	// Proxy is the URL of an HTTP or SOCKS5 proxy; "env" takes it from the
	// environment.
	Proxy string `yaml:"proxy"`
	// ProxyPassword is the password for the user named in the proxy URL.
	ProxyPassword secret.Secret `yaml:"proxy_password"`
}

// Or returns the settings themselves, or where there are none the provider's.
func (o Proxied) Or(p *probes.Provider) Proxied {
	if o.Proxy == "" && p != nil {
		return Proxied{p.Dial.Proxy, p.Dial.ProxyPassword}
	}
	return o
}

// For returns the settings for a host: the provider's proxy leads to the
// provider's host only, the probe's own to wherever the probe goes.
func (o Proxied) For(host string, p *probes.Provider) Proxied {
	if IsProviders(host, p) {
		return o.Or(p)
	}
	return o
}

// Check reports what is wrong with the settings.
func (o Proxied) Check(c *Checker) {
	if o.ProxyPassword.IsSet() && o.Proxy == "" {
		c.Wrong("proxy_password", "there is no proxy for the password; set proxy: http://USER@HOST:PORT")
	}
	if err := (fetch.Options{Proxy: o.Proxy}).Check(); err != nil {
		c.Wrong("proxy", "%v", err)
	}
}

// Proxy is a proxy on the way to an endpoint.
type Proxy struct {
	choose   func(*http.Request) (*url.URL, error)
	password secret.Secret
}

// NewProxy returns the proxy of checked settings, nil for none.
func NewProxy(o Proxied) *Proxy {
	switch o.Proxy {
	case "":
		return nil
	case "env":
		return &Proxy{choose: http.ProxyFromEnvironment}
	}
	u, err := url.Parse(o.Proxy)
	return &Proxy{choose: func(*http.Request) (*url.URL, error) { return u, err }, password: o.ProxyPassword}
}

var proxyPorts = map[string]string{"http": "80", "https": "443", "socks5": "1080", "socks5h": "1080"}

// open connects to the proxy and has it connect to the endpoint.
func (p *Proxy) open(ctx context.Context, r *probes.Run, d *Dialer, limit int64) (*Conn, error) {
	target := net.JoinHostPort(d.Endpoint.host, d.Endpoint.port)
	u, err := p.choose(&http.Request{URL: &url.URL{Scheme: "https", Host: target}})
	if err != nil {
		return nil, probes.Failf(probes.ReasonProxy, "the proxy's URL in the environment cannot be used")
	}
	if u == nil { // the environment names none for this host
		direct := *d
		direct.Proxy = nil
		return direct.Open(ctx, r)
	}
	port := u.Port()
	if port == "" {
		port = proxyPorts[u.Scheme]
	}
	raw, err := d.dial(ctx, r, u.Hostname(), port)
	if err != nil {
		return nil, proxyFailure(ctx, err)
	}
	conn := Bound(ctx, raw, limit)
	err = r.Step(StepProxy, func() error { return p.tunnel(ctx, conn, u, target) })
	if err != nil {
		_ = conn.Close()
		return nil, err
	}
	return conn, nil
}

// tunnel has the proxy connect to a target.
func (p *Proxy) tunnel(ctx context.Context, conn *Conn, u *url.URL, target string) error {
	user, password := u.User.Username(), ""
	if p.password.IsSet() {
		var err error
		if password, err = p.password.Value(); err != nil {
			return Failure(ctx, err)
		}
	} else if u.User != nil { // from the environment
		password, _ = u.User.Password()
	}
	var err error
	switch u.Scheme {
	case "socks5", "socks5h":
		err = socks(ctx, conn, user, password, target)
	default:
		if u.Scheme == "https" {
			conf, _ := Config(fetch.TLS{}, u.Hostname())
			secured, accept := conn.client(conf)
			if err = secured.HandshakeContext(ctx); err != nil {
				break
			}
			accept()
		}
		err = connectThrough(conn, user, password, target)
	}
	return proxyFailure(ctx, err)
}

func proxyFailure(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	f := probes.NetworkFailure(Ended(ctx, err))
	if f.Reason != probes.ReasonTimeout && f.Reason != probes.ReasonNotPermitted {
		f.Reason = probes.ReasonProxy
	}
	f.Err = fmt.Errorf("through the proxy: %w", f.Err)
	return f
}

// maxProxyAnswer bounds the header of a proxy's answer, in bytes.
const maxProxyAnswer = 16 << 10

// connectThrough sends CONNECT (RFC 9110, 9.3.6). It reads no byte beyond the
// answer: a server may speak first.
func connectThrough(conn io.ReadWriter, user, password, target string) error {
	req := "CONNECT " + target + " HTTP/1.1\r\nHost: " + target + "\r\nUser-Agent: " + fetch.UserAgent + "\r\n"
	if user != "" {
		req += "Proxy-Authorization: Basic " + base64.StdEncoding.EncodeToString([]byte(user+":"+password)) + "\r\n"
	}
	if _, err := io.WriteString(conn, req+"\r\n"); err != nil {
		return err
	}
	var answer []byte
	for one := make([]byte, 1); !bytes.HasSuffix(answer, []byte("\r\n\r\n")); {
		if len(answer) >= maxProxyAnswer {
			return &fetch.TooLargeError{What: "headers", Limit: maxProxyAnswer}
		}
		if _, err := io.ReadFull(conn, one); err != nil {
			return err
		}
		answer = append(answer, one[0])
	}
	resp, err := http.ReadResponse(bufio.NewReader(bytes.NewReader(answer)), &http.Request{Method: http.MethodConnect})
	if err != nil {
		return errors.New("its answer is not HTTP")
	}
	_ = resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return &fetch.ProxyError{Status: resp.StatusCode}
	}
	return nil
}

// opened is a dialer that returns a connection which is open already.
type opened struct{ net.Conn }

func (o opened) Dial(string, string) (net.Conn, error) { return o.Conn, nil }

func (o opened) DialContext(context.Context, string, string) (net.Conn, error) { return o.Conn, nil }

// socks speaks SOCKS5 (RFC 1928, RFC 1929).
func socks(ctx context.Context, conn net.Conn, user, password, target string) error {
	var auth *proxy.Auth
	if user != "" {
		auth = &proxy.Auth{User: user, Password: password}
	}
	d, err := proxy.SOCKS5("tcp", "proxy", auth, opened{conn})
	if err != nil {
		return err
	}
	contextual, ok := d.(proxy.ContextDialer)
	if !ok {
		return errors.New("no context with SOCKS5")
	}
	_, err = contextual.DialContext(ctx, "tcp", target)
	return err
}
