package httpprobe

import (
	"errors"
	"fmt"
	"maps"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"golang.org/x/net/http/httpguts"

	"github.com/idp-exporter/idp_exporter/internal/fetch"
	"github.com/idp-exporter/idp_exporter/probes"
	"github.com/idp-exporter/idp_exporter/probes/internal/dial"
)

// maxBodyLimit is the largest body an operator may ask for, in bytes.
const maxBodyLimit = 16 << 20

const discoveryPath = "/.well-known/openid-configuration"

var methods = []string{
	http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodOptions,
}

// Check implements probes.Options.
func (o *Options) Check(s probes.Setting) []probes.Problem {
	_, problems := o.compile(s.Provider)
	var c dial.Checker
	o.Common.Check(&c, s)
	return append(problems, c.Problems...)
}

func problem(path, format string, args ...any) probes.Problem {
	return probes.Problem{Path: path, Message: fmt.Sprintf(format, args...)}
}

func warning(path, format string, args ...any) probes.Problem {
	return probes.Problem{Path: path, Message: fmt.Sprintf(format, args...), Warning: true}
}

// address returns the URL to ask for.
func (o *Options) address(p *probes.Provider) (*url.URL, []probes.Problem) {
	ref := o.URL
	if ref == "" {
		if p == nil {
			return nil, []probes.Problem{problem("url", "a probe without a provider needs the url to ask for")}
		}
		ref = discoveryPath
	}
	if strings.HasPrefix(ref, "/") {
		if p == nil {
			return nil, []probes.Problem{problem("url", "%q is a path, but there is no provider that it could be below; write the whole URL", o.URL)}
		}
		ref = p.Resolve(ref)
	}
	u, err := url.Parse(ref)
	switch {
	case err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http":
		return nil, []probes.Problem{problem("url", "this is not a URL; write one such as https://login.example.com/health, or a path such as /health below the issuer")}
	case u.User != nil:
		return nil, []probes.Problem{problem("url", "keep user and password out of the URL; use basic: {username, password_file}")}
	}
	u.Fragment = ""
	return u, nil
}

func (o *Options) checkRequest(u *url.URL) []probes.Problem {
	var problems []probes.Problem
	if !slices.Contains(methods, o.Method) {
		problems = append(problems, problem("method", "%q is not a method; use one of %s", o.Method, strings.Join(methods, ", ")))
	}
	if o.Body != "" && (o.Method == http.MethodGet || o.Method == http.MethodHead) {
		problems = append(problems, problem("body", "a body is not sent with %s; set method, to POST for example", o.Method))
	}
	if o.MaxRedirects < 0 || o.MaxRedirects > 20 {
		problems = append(problems, problem("max_redirects", "%d is out of range; use 0 to 20", o.MaxRedirects))
	}
	if o.MaxBody < 1 || o.MaxBody > maxBodyLimit {
		problems = append(problems, problem("max_body", "%d bytes is out of range; use 1 to %dMiB", o.MaxBody, maxBodyLimit>>20))
	}
	for i, origin := range o.AllowedOrigins {
		if _, err := parseOrigin(origin); err != nil {
			problems = append(problems, problem(fmt.Sprintf("allowed_origins[%d]", i), "%v", err))
		}
	}
	problems = append(problems, o.checkHeaders()...)
	return append(problems, o.checkCredentials(u)...)
}

func parseOrigin(s string) (string, error) {
	u, err := url.Parse(s)
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" || u.User != nil || strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.Fragment != "" {
		return "", errors.New("this is not an origin; write scheme and host only, such as https://www.example.com")
	}
	return fetch.Origin(u), nil
}

// framing are the headers that net/http writes itself.
var framing = []string{"Connection", "Content-Length", "Keep-Alive", "Proxy-Authorization", "Te", "Trailer", "Transfer-Encoding", "Upgrade"}

// sensitive are headers that carry credentials by their nature.
var sensitive = []string{"Authorization", "Cookie", "X-Api-Key", "X-Auth-Token"}

func (o *Options) checkHeaders() []probes.Problem {
	var problems []probes.Problem
	taken := map[string]string{}
	name := func(path, name string) {
		canonical := http.CanonicalHeaderKey(name)
		switch {
		case !httpguts.ValidHeaderFieldName(name):
			problems = append(problems, problem(path, "%q is not a header name", name))
		case slices.Contains(framing, canonical):
			problems = append(problems, problem(path, "%s cannot be set; it is written for each request", canonical))
		case taken[canonical] != "":
			problems = append(problems, problem(path, "%s is already set by %s", canonical, taken[canonical]))
		}
		taken[canonical] = path
	}
	for _, k := range slices.Sorted(maps.Keys(o.Headers)) {
		path := "headers." + k
		name(path, k)
		if !httpguts.ValidHeaderFieldValue(o.Headers[k]) {
			problems = append(problems, problem(path, "the value has a line break or control character in it"))
		}
		if slices.Contains(sensitive, http.CanonicalHeaderKey(k)) {
			problems = append(problems, warning(path, "%s carries a credential; write it in secret_headers, as {file: PATH} or ${VARIABLE}", k))
		}
	}
	for _, k := range slices.Sorted(maps.Keys(o.SecretHeaders)) {
		name("secret_headers."+k, k)
	}
	if o.BearerToken.IsSet() {
		name("bearer_token", "Authorization")
	}
	if o.Basic != nil {
		name("basic", "Authorization")
	}
	return problems
}

func (o *Options) checkCredentials(u *url.URL) []probes.Problem {
	var problems []probes.Problem
	if b := o.Basic; b != nil {
		if b.Username == "" || strings.ContainsAny(b.Username, ":\r\n") {
			problems = append(problems, problem("basic.username", "a user name is needed, without a colon in it (RFC 7617, 2)"))
		}
		if !b.Password.IsSet() {
			problems = append(problems, problem("basic", "the password is missing; set password_file"))
		}
	}
	if o.ProxyPassword.IsSet() && o.Proxy == "" {
		problems = append(problems, problem("proxy_password", "there is no proxy for the password; set proxy: http://USER@HOST:PORT"))
	}
	if u != nil && u.Scheme == "http" && o.hasCredentials() && !isLoopback(u.Hostname()) {
		problems = append(problems, warning("url", "the credential travels unencrypted over http; use https"))
	}
	return problems
}

func (o *Options) hasCredentials() bool {
	return o.BearerToken.IsSet() || o.Basic != nil || len(o.SecretHeaders) > 0
}

func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// UsesNodes implements probes.NodeAware: a host other than the issuer's is not
// behind the provider's nodes.
func (o *Options) UsesNodes(s probes.Setting) bool {
	u, problems := o.address(s.Provider)
	return len(problems) == 0 && s.Provider != nil && u.Hostname() == s.Provider.IssuerURL().Hostname()
}
