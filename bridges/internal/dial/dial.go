// Package dial turns the settings `tls` and `proxy`, which are those of
// probes, into what the bridges' own connections need.
package dial

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	promconfig "github.com/prometheus/common/config"

	"github.com/idp-exporter/idp_exporter/internal/fetch"
)

var versions = map[string]promconfig.TLSVersion{
	"": tls.VersionTLS12, "1.0": tls.VersionTLS10, "1.1": tls.VersionTLS11, "1.2": tls.VersionTLS12, "1.3": tls.VersionTLS13,
}

// TLS returns the client side's settings. A client certificate is read at each
// handshake, so that a renewed one is used at once.
func TLS(t fetch.TLS) (*tls.Config, error) {
	if err := (fetch.Options{TLS: t}).Check(); err != nil {
		return nil, err
	}
	conf, err := promconfig.NewTLSConfig(&promconfig.TLSConfig{
		CAFile: t.CAFile, CertFile: t.CertFile, KeyFile: t.KeyFile, ServerName: t.ServerName,
		MinVersion: versions[t.MinVersion], InsecureSkipVerify: t.InsecureSkipVerify,
	})
	if err != nil {
		return nil, fmt.Errorf("tls: %w", err)
	}
	return conf, nil
}

// Proxy returns a transport's proxy function, nil for none. The options must
// have passed their own check.
func Proxy(o fetch.Options) (func(*http.Request) (*url.URL, error), error) {
	switch o.Proxy {
	case "":
		return nil, nil
	case "env":
		return http.ProxyFromEnvironment, nil
	}
	u, err := url.Parse(o.Proxy)
	if err != nil { // which may have a password in it
		return nil, errors.New("proxy: not a URL")
	}
	return func(*http.Request) (*url.URL, error) {
		if !o.ProxyPassword.IsSet() {
			return u, nil
		}
		password, err := o.ProxyPassword.Value()
		if err != nil {
			return nil, err
		}
		c := *u
		c.User = url.UserPassword(u.User.Username(), password)
		return &c, nil
	}, nil
}

// WithPort returns host:port of an address, with the given port if the address
// is a bare host.
func WithPort(address, port string) (string, error) {
	host, p, err := net.SplitHostPort(address)
	if err != nil {
		host, p = strings.TrimSuffix(strings.TrimPrefix(address, "["), "]"), port
		if strings.Contains(host, ":") && net.ParseIP(host) == nil {
			return "", fmt.Errorf("%.80q is no address; write HOST or HOST:PORT", address)
		}
	}
	if n, err := strconv.ParseUint(p, 10, 16); host == "" || strings.ContainsAny(host, " /@,;\r\n\t") || err != nil || n == 0 {
		return "", fmt.Errorf("%.80q is no address; write HOST or HOST:PORT", address)
	}
	return net.JoinHostPort(host, p), nil
}
