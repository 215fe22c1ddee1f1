package httpprobe

import (
	"fmt"
	"strconv"

	"github.com/alecthomas/units"

	"github.com/idp-exporter/idp_exporter/internal/fetch"
	"github.com/idp-exporter/idp_exporter/internal/secret"
	"github.com/idp-exporter/idp_exporter/probes/internal/dial"
	"github.com/idp-exporter/idp_exporter/probes/internal/exchange"
)

// Options are the settings of one probe of this kind.
type Options struct {
	dial.Common  `yaml:",inline"`
	dial.Proxied `yaml:",inline"`

	// URL is absolute, or a path below the provider's issuer. Without one, a
	// probe with a provider asks for the discovery document.
	URL    string `yaml:"url"`
	Method string `yaml:"method"`
	// Headers are sent to every origin the request is led to; secret ones, and
	// those of the credentials below, only to the origin of URL.
	Headers       map[string]string        `yaml:"headers"`
	SecretHeaders map[string]secret.Secret `yaml:"secret_headers"`
	// BearerToken is sent as RFC 6750, section 2.1, says, Basic as RFC 7617 does.
	BearerToken secret.Secret `yaml:"bearer_token"`
	Basic       *Basic        `yaml:"basic"`
	Body        string        `yaml:"body"`

	FollowRedirects bool `yaml:"follow_redirects"`
	MaxRedirects    int  `yaml:"max_redirects"`
	// AllowedOrigins are the origins that redirects may lead to, besides that
	// of URL, the issuer's, and the same host's by https.
	AllowedOrigins []string `yaml:"allowed_origins"`
	// MaxBody bounds the answer's body after decompression.
	MaxBody Size `yaml:"max_body"`

	// Status lists the status codes that are a success. A redirect that is
	// among them is not followed.
	Status []Status `yaml:"status"`
	// BodyMatches and BodyNotMatches are regular expressions (RE2). Every one
	// of the former must match somewhere in the body, and none of the latter.
	BodyMatches    []string `yaml:"body_matches"`
	BodyNotMatches []string `yaml:"body_not_matches"`
	// BodyEquals is the whole body, white space around it aside.
	BodyEquals string `yaml:"body_equals"`
	// HeaderMatches has a regular expression for each header named; one of the
	// header's values must match it.
	HeaderMatches map[string]string `yaml:"header_matches"`
	// JSON has expectations in CEL by name, over json, status, headers (by
	// names in lower case) and body.
	JSON map[string]string `yaml:"json"`
	// TLS and the proxy take the place of the provider's where they are set.
	TLS fetch.TLS `yaml:"tls"`
}

// Basic is a user and password for HTTP's Basic authentication.
type Basic struct {
	Username string        `yaml:"username"`
	Password secret.Secret `yaml:"password"`
}

// Size is a number of bytes. In a configuration it is a plain number or has a
// unit, such as 512KiB or 2MB.
type Size int64

// UnmarshalText implements encoding.TextUnmarshaler.
func (s *Size) UnmarshalText(b []byte) error {
	n, err := strconv.ParseInt(string(b), 10, 64)
	if err != nil {
		n, err = units.ParseStrictBytes(string(b))
	}
	if err != nil {
		return fmt.Errorf("%q is not a size; write a number of bytes, or one with a unit such as 512KiB or 2MiB", b)
	}
	*s = Size(n)
	return nil
}

// Status is a status code, such as "200", or a class of them, such as "2xx".
type Status = exchange.Status
