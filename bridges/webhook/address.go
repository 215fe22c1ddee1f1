package webhook

import (
	"errors"
	"fmt"
	"net/url"
	"os"
	"regexp"
	"strings"

	"github.com/idp-exporter/idp_exporter/internal/secret"
)

// URL is an address that is never printed, since it may let whoever has it in.
type URL struct {
	secret.Secret
	// hidden tells that it does not stand in the configuration.
	hidden bool
}

// NewURL returns the URL as if it stood in the configuration.
func NewURL(s string) URL { return URL{Secret: secret.New(s)} }

var variable = regexp.MustCompile(`^\$\{([A-Za-z_][A-Za-z0-9_]*)\}$`)

// UnmarshalText implements encoding.TextUnmarshaler. ${NAME} is a variable of
// the environment.
func (u *URL) UnmarshalText(b []byte) error {
	value, hidden := string(b), false
	if m := variable.FindStringSubmatch(value); m != nil {
		value, hidden = os.Getenv(m[1]), true
		if value == "" {
			return fmt.Errorf("the environment variable %s is not set; set it, or use url_file", m[1])
		}
	}
	*u = URL{secret.New(value), hidden}
	return nil
}

// source returns the URL that is configured, by whatever key.
func (o *Options) source() URL {
	if o.URLFile != "" {
		return URL{secret.FromFile(o.URLFile), true}
	}
	return o.URL
}

var errAddress = errors.New("this is not a URL; write one such as https://events.example.com/hook")

// address returns where requests go. Its errors do not repeat it.
func (o *Options) address(f *format) (*url.URL, error) {
	source := o.source()
	if !source.IsSet() {
		if f.url == "" {
			return nil, errors.New("missing; write where the requests go, or name a file with url_file")
		}
		return url.Parse(f.url)
	}
	value, err := source.Value()
	if err != nil {
		return nil, err
	}
	u, err := url.Parse(value)
	switch {
	case err != nil || u.Host == "" || u.Hostname() == "" || u.Scheme != "https" && u.Scheme != "http":
		return nil, errAddress
	case u.User != nil:
		return nil, errors.New("keep user and password out of the URL; use basic: {username, password_file}")
	}
	u.Fragment, u.RawFragment = "", ""
	return u, nil
}

// secretsOf returns the parts of a URL that errors must not have.
func secretsOf(u *url.URL, hidden bool) []string {
	var all []string
	for _, values := range u.Query() {
		all = append(all, values...)
	}
	if !hidden {
		return all
	}
	all = append(all, u.String(), u.RequestURI(), u.Path, u.RawQuery)
	for _, part := range strings.Split(u.Path, "/") {
		if len(part) >= 6 {
			all = append(all, part)
		}
	}
	return all
}
