// Package fetch is the HTTP client of every probe: one session per run, with
// bounded headers, bodies and redirects, an optional node to dial in place of
// the public host, and errors that say which part of the way failed.
//
// It knows nothing of logins, expectations or metrics.
package fetch

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net/http"
	"net/url"
	"os"

	"github.com/idp-exporter/idp_exporter/internal/secret"
)

// Options say how servers are reached. The yaml tags name the keys of a
// provider's `tls` and `proxy` settings.
type Options struct {
	TLS TLS `yaml:"tls"`
	// Proxy is the URL of an HTTP or SOCKS5 proxy; "env" takes it from the
	// environment (HTTPS_PROXY, HTTP_PROXY, NO_PROXY); empty means none.
	Proxy string `yaml:"proxy"`
	// ProxyPassword is the password for the user named in the proxy URL.
	ProxyPassword secret.Secret `yaml:"proxy_password"`
}

// TLS are the settings of the client side of TLS.
type TLS struct {
	// CAFile is a PEM bundle that replaces the system's authorities.
	CAFile string `yaml:"ca_file"`
	// CertFile and KeyFile are a client certificate and its key (PEM).
	CertFile string `yaml:"cert_file"`
	KeyFile  string `yaml:"key_file"`
	// ServerName replaces the host name of the URL in SNI and verification.
	ServerName string `yaml:"server_name"`
	// MinVersion is "1.2" (the default) or "1.3"; "1.0" and "1.1" are accepted for old servers.
	MinVersion string `yaml:"min_version"`
	// InsecureSkipVerify accepts any certificate. Its dates are still recorded.
	InsecureSkipVerify bool `yaml:"insecure_skip_verify"`
}

var tlsVersions = map[string]uint16{
	"": tls.VersionTLS12, "1.0": tls.VersionTLS10, "1.1": tls.VersionTLS11, "1.2": tls.VersionTLS12, "1.3": tls.VersionTLS13,
}

// TLSVersion returns the number of a TLS version that is written as MinVersion is, 0
// if it is none.
func TLSVersion(s string) uint16 { return tlsVersions[s] }

// Config builds a tls.Config. It reads the files named; a client certificate is
// read again at each handshake.
func (t TLS) Config() (*tls.Config, error) {
	version, ok := tlsVersions[t.MinVersion]
	if !ok {
		return nil, fmt.Errorf("min_version: %q is not a TLS version; write \"1.2\" or \"1.3\"", t.MinVersion)
	}
	c := &tls.Config{ //nolint:gosec // the operator may lower the version and switch verification off
		MinVersion: version, ServerName: canonical(t.ServerName), InsecureSkipVerify: t.InsecureSkipVerify,
	}
	if t.CAFile != "" {
		pem, err := os.ReadFile(t.CAFile)
		if err != nil {
			return nil, fmt.Errorf("ca_file: %w; name a PEM file with the certificates of the authorities", err)
		}
		c.RootCAs = x509.NewCertPool()
		if !c.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("ca_file %s: no certificate in it; give a PEM file", t.CAFile)
		}
	}
	if (t.CertFile == "") != (t.KeyFile == "") {
		return nil, fmt.Errorf("cert_file and key_file go together; one of them is missing")
	}
	if t.CertFile != "" {
		if _, err := tls.LoadX509KeyPair(t.CertFile, t.KeyFile); err != nil {
			return nil, fmt.Errorf("client certificate: %w", err)
		}
		// Read at each handshake, so that a renewed certificate is used at once.
		c.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
			pair, err := tls.LoadX509KeyPair(t.CertFile, t.KeyFile)
			return &pair, err
		}
	}
	return c, nil
}

// ProxyFunc returns a transport's proxy function, nil for none.
func (o Options) ProxyFunc() (func(*http.Request) (*url.URL, error), error) {
	switch o.Proxy {
	case "":
		return nil, nil
	case "env":
		return http.ProxyFromEnvironment, nil
	}
	u, err := url.Parse(o.Proxy)
	if err != nil || u.Host == "" {
		// What it is may have a password in it.
		return nil, fmt.Errorf("proxy: not a URL; write http://HOST:PORT, socks5://HOST:PORT or env")
	}
	if u.Scheme != "http" && u.Scheme != "https" && u.Scheme != "socks5" && u.Scheme != "socks5h" {
		return nil, fmt.Errorf("proxy: scheme %q is not known; use http, https, socks5 or socks5h", u.Scheme)
	}
	if _, set := u.User.Password(); set {
		return nil, fmt.Errorf("proxy: keep the password out of the URL; set proxy_password_file")
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

// Check reports what is wrong with the options, without touching the network.
func (o Options) Check() error {
	if _, err := o.TLS.Config(); err != nil {
		return fmt.Errorf("tls: %w", err)
	}
	_, err := o.ProxyFunc()
	return err
}
