// Package dial turns the settings `tls` and the addresses of consoles into what
// the bridges' own connections need.
package dial

import (
	"crypto/tls"
	"fmt"
	"net"
	"strconv"
	"strings"

	"github.com/idp-exporter/idp_exporter/internal/fetch"
)

// TLS returns the client side's settings.
func TLS(t fetch.TLS) (*tls.Config, error) {
	conf, err := t.Config()
	if err != nil {
		return nil, fmt.Errorf("tls: %w", err)
	}
	return conf, nil
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
