package webhook

import (
	"fmt"
	"maps"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"golang.org/x/net/http/httpguts"

	"github.com/idp-exporter/idp_exporter/bridges"
	"github.com/idp-exporter/idp_exporter/internal/fetch"
	"github.com/idp-exporter/idp_exporter/probes"
)

// checker collects problems.
type checker struct{ problems []probes.Problem }

func (c *checker) add(path, format string, args ...any) {
	c.problems = append(c.problems, probes.Problem{Path: path, Message: fmt.Sprintf(format, args...)})
}

func (c *checker) warn(path, format string, args ...any) {
	c.problems = append(c.problems, probes.Problem{Path: path, Message: fmt.Sprintf(format, args...), Warning: true})
}

// Check implements bridges.Options.
func (o *Options) Check(bridges.Setting) []probes.Problem {
	c := &checker{}
	f := o.checkTemplate(c)
	if f != nil {
		o.checkAddress(c, f)
		o.checkValues(c, f)
	}
	o.checkHeaders(c)
	o.checkCredentials(c)
	o.checkBounds(c)
	if err := (fetch.Options{TLS: o.TLS}).Check(); err != nil {
		c.add("tls", "%v", err)
	}
	if err := (fetch.Options{Proxy: o.Proxy}).Check(); err != nil {
		c.add("proxy", "%v", err)
	}
	if o.ProxyPassword.IsSet() && o.Proxy == "" {
		c.add("proxy_password", "there is no proxy for the password; set proxy: http://USER@HOST:PORT")
	}
	return c.problems
}

func (o *Options) checkTemplate(c *checker) *format {
	switch {
	case o.Template != "" && o.Body != "":
		c.add("body", "template and body are both set; keep one")
	case o.Template == "" && o.Body == "":
		c.add("template", "missing; use one of %s, or write your own in body", strings.Join(builtins(), ", "))
	case o.Template != "" && o.Method != "":
		c.add("method", "is the template's; leave it out")
	case o.Template != "" && o.ContentType != "":
		c.add("content_type", "is the template's; leave it out")
	case o.Method != "" && !slices.Contains([]string{http.MethodPost, http.MethodPut, http.MethodPatch}, o.Method):
		c.add("method", "%q is no method for an event; use POST, PUT or PATCH", o.Method)
	case o.ContentType != "" && !httpguts.ValidHeaderFieldValue(o.ContentType):
		c.add("content_type", "has a line break or control character in it")
	default:
		f, err := o.format()
		if err == nil {
			return f
		}
		path := "body"
		if o.Template != "" {
			path = "template"
		}
		c.add(path, "%v", err)
	}
	return nil
}

func (o *Options) checkAddress(c *checker, f *format) {
	path := "url"
	if o.URLFile != "" {
		path = "url_file"
	}
	if o.URLFile != "" && o.URL.IsSet() {
		c.add("url_file", "url and url_file are both set; keep one")
		return
	}
	u, err := o.address(f)
	if err != nil {
		c.add(path, "%v", err)
		return
	}
	if f.secretURL && !o.source().hidden {
		c.warn("url", "whoever has this URL can post with it; keep it in a file of its own and name that with url_file")
	}
	if u.Scheme == "http" && o.hasSecret(f) && !isLoopback(u.Hostname()) {
		c.warn(path, "the credential travels unencrypted over http; use https")
	}
	if f.base && strings.Trim(u.Path, "/") != "" {
		c.add(path, "give scheme, host and port only; the path is known")
	}
}

func (o *Options) hasSecret(f *format) bool {
	return f.secretURL || o.Basic != nil || o.BearerToken.IsSet() || o.OAuth2 != nil || o.RoutingKey.IsSet() || len(o.SecretHeaders) > 0
}

func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

func (o *Options) checkValues(c *checker, f *format) {
	for _, k := range slices.Sorted(maps.Keys(o.Values)) {
		if _, known := f.values[k]; !known && f.values != nil {
			c.add("values."+k, "the template has no value %q; it has %s", k, strings.Join(slices.Sorted(maps.Keys(f.values)), ", "))
		}
		if len(o.Values[k]) > maxLabel {
			c.add("values."+k, "%d bytes are too many; use %d at most", len(o.Values[k]), maxLabel)
		}
	}
	if f.check != nil {
		f.check(o, c)
	}
	if o.RoutingKey.IsSet() && o.Template != "pagerduty" {
		c.add("routing_key", "only the template pagerduty has a routing key")
	}
	for s, word := range o.Severities {
		if s != bridges.Cleared && !slices.Contains(probes.Severities(), s) {
			c.add("severities."+string(s), "%q is no severity; use critical, major, minor, warning, indeterminate or cleared", s)
		}
		if word == "" {
			c.add("severities."+string(s), "is empty; write the receiver's word for it")
		}
	}
}

// framing are the headers that net/http writes itself.
var framing = []string{"Connection", "Content-Length", "Content-Type", "Host", "Idempotency-Key", "Keep-Alive", "Proxy-Authorization", "Te", "Trailer", "Transfer-Encoding", "Upgrade"}

// carriesCredential tells whether a header's value is a secret wherever it stands.
func carriesCredential(name string) bool {
	return slices.Contains([]string{"Authorization", "Cookie", "X-Api-Key", "X-Auth-Token"}, http.CanonicalHeaderKey(name))
}

func (o *Options) checkHeaders(c *checker) {
	taken := map[string]string{}
	name := func(path, name string) {
		canonical := http.CanonicalHeaderKey(name)
		switch {
		case !httpguts.ValidHeaderFieldName(name):
			c.add(path, "%q is not a header name", name)
		case slices.Contains(framing, canonical):
			c.add(path, "%s cannot be set; it is written for each request", canonical)
		case taken[canonical] != "":
			c.add(path, "%s is already set by %s", canonical, taken[canonical])
		}
		taken[canonical] = path
	}
	for _, k := range slices.Sorted(maps.Keys(o.Headers)) {
		name("headers."+k, k)
		if !httpguts.ValidHeaderFieldValue(o.Headers[k]) {
			c.add("headers."+k, "the value has a line break or control character in it")
		}
		if carriesCredential(k) {
			c.warn("headers."+k, "%s carries a credential; write it in secret_headers, as {file: PATH} or ${VARIABLE}", k)
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
	if o.OAuth2 != nil {
		name("oauth2", "Authorization")
	}
	if h := o.HMAC; h != nil {
		name("hmac.header", h.header())
	}
}

func (o *Options) checkCredentials(c *checker) {
	if b := o.Basic; b != nil {
		if b.Username == "" || strings.ContainsAny(b.Username, ":\r\n") {
			c.add("basic.username", "a user name is needed, without a colon in it (RFC 7617, 2)")
		}
		if !b.Password.IsSet() {
			c.add("basic", "the password is missing; set password_file")
		}
	}
	if a := o.OAuth2; a != nil {
		u, err := url.Parse(a.TokenURL)
		if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" || u.User != nil {
			c.add("oauth2.token_url", "this is not the URL of a token endpoint; write one such as https://login.example.com/oauth/token")
		} else if u.Scheme == "http" && !isLoopback(u.Hostname()) {
			c.warn("oauth2.token_url", "the client secret travels unencrypted over http; use https")
		}
		if a.ClientID == "" || !a.ClientSecret.IsSet() {
			c.add("oauth2", "client_id and client_secret_file are both needed")
		}
		if a.ClientAuth != "" && a.ClientAuth != "basic" && a.ClientAuth != "post" {
			c.add("oauth2.client_auth", "%q is not known; write basic or post", a.ClientAuth)
		}
	}
	if h := o.HMAC; h != nil {
		if !h.Secret.IsSet() {
			c.add("hmac", "the secret is missing; set secret_file")
		}
		if h.hash() == nil {
			c.add("hmac.algorithm", "%q is not known; write sha256 or sha512", h.Algorithm)
		}
		if h.Prefix != nil && !httpguts.ValidHeaderFieldValue(*h.Prefix) {
			c.add("hmac.prefix", "has a line break or control character in it")
		}
	}
}

// The largest bodies an operator may ask for.
const (
	minBody = 1 << 10
	maxBody = 4 << 20
)

func (o *Options) checkBounds(c *checker) {
	for i, s := range o.Retry {
		if slices.Contains(o.Accept, s) {
			c.add(fmt.Sprintf("retry[%d]", i), "%s is accepted already", s)
		}
	}
	if o.Timeout < 100*time.Millisecond || o.Timeout > 2*time.Minute {
		c.add("timeout", "%s is out of range; use 100ms to 2m", o.Timeout)
	}
	if o.MaxBytes < minBody || o.MaxBytes > maxBody {
		c.add("max_bytes", "%d is out of range; use %d to %d", o.MaxBytes, minBody, maxBody)
	}
}
