package httpprobe

import (
	"encoding/base64"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"golang.org/x/net/http/httpguts"

	"github.com/idp-exporter/idp_exporter/internal/fetch"
	"github.com/idp-exporter/idp_exporter/internal/secret"
	"github.com/idp-exporter/idp_exporter/probes"
)

// hop is one request of a run: the first, or one that a redirect led to.
type hop struct {
	method string
	url    *url.URL
	origin string // of url
	body   string
	// credentials tells whether the request carried any.
	credentials bool
}

// request makes the request of a hop.
func (r *run) request(h *hop) (*http.Request, error) {
	req := &http.Request{Method: h.method, URL: h.url, Header: make(http.Header)}
	if h.body != "" {
		req.ContentLength = int64(len(h.body))
		req.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(h.body)), nil }
		req.Body, _ = req.GetBody()
	}
	home := h.origin == r.origin
	for name, value := range r.options.Headers {
		name = http.CanonicalHeaderKey(name)
		switch {
		case !home && (name == "Host" || slices.Contains(sensitive, name)):
		case name == "Host":
			req.Host = value
		default:
			req.Header.Set(name, value)
		}
	}
	if !home {
		return req, nil
	}
	var err error
	h.credentials, err = r.authorize(req.Header)
	return req, err
}

// authorize adds the probe's credentials, which only the first origin gets to see.
func (r *run) authorize(header http.Header) (bool, error) {
	o := r.options
	for name, s := range o.SecretHeaders {
		value, err := r.reveal(name, s)
		if err != nil {
			return false, err
		}
		header.Set(name, value)
	}
	if o.BearerToken.IsSet() {
		value, err := r.reveal("bearer_token", o.BearerToken)
		if err != nil {
			return false, err
		}
		header.Set("Authorization", "Bearer "+value)
	}
	if o.Basic != nil {
		value, err := r.reveal("basic", o.Basic.Password)
		if err != nil {
			return false, err
		}
		pair := base64.StdEncoding.EncodeToString([]byte(o.Basic.Username + ":" + value))
		r.secrets = append(r.secrets, pair)
		header.Set("Authorization", "Basic "+pair)
	}
	return o.hasCredentials() || header.Get("Authorization") != "", nil
}

func (r *run) reveal(name string, s secret.Secret) (string, error) {
	value, err := s.Value()
	if err != nil {
		return "", probes.Unknownf(probes.ReasonSecretUnavailable, "%s: %w", name, err)
	}
	if name != "basic" && !httpguts.ValidHeaderFieldValue(value) {
		return "", probes.Unknownf(probes.ReasonSecretUnavailable, "%s: the secret has a line break or control character in it; a header cannot carry it", name)
	}
	r.secrets = append(r.secrets, value)
	return value, nil
}

// redirects tells whether the answer leads elsewhere, and is to be followed.
func (r *run) redirects(resp *fetch.Response) bool {
	switch resp.StatusCode {
	case http.StatusMovedPermanently, http.StatusFound, http.StatusSeeOther, http.StatusTemporaryRedirect, http.StatusPermanentRedirect:
		return r.options.FollowRedirects && resp.Header.Get("Location") != "" && !r.expected(resp.StatusCode)
	default:
		return false
	}
}

// next returns the request that a redirect asks for (RFC 9110, 15.4), the n-th
// of this run counted from zero.
func (r *run) next(resp *fetch.Response, h *hop, n int) (*hop, error) {
	if n >= r.options.MaxRedirects {
		return nil, probes.Failf(probes.ReasonTooManyRedirects, "more than %d redirects, the last from %s; raise max_redirects if that is right",
			r.options.MaxRedirects, place(h.url))
	}
	to, err := h.url.Parse(resp.Header.Get("Location"))
	if err != nil || to.Host == "" || to.Scheme != "https" && to.Scheme != "http" {
		return nil, probes.Failf(probes.ReasonBadResponse, "%s redirects to something that is not an HTTP URL", place(h.url))
	}
	to.User, to.Fragment = nil, ""
	origin := fetch.Origin(to)
	if !r.allowed[origin] {
		return nil, probes.Failf(probes.ReasonOriginRefused, "%s redirects to %s, which was not followed; add it to allowed_origins if that is right", place(h.url), origin)
	}
	next := &hop{method: h.method, url: to, origin: origin, body: h.body}
	switch code := resp.StatusCode; {
	case code == http.StatusTemporaryRedirect || code == http.StatusPermanentRedirect:
		// These repeat the body; it was meant for the first origin only.
		if h.body != "" && origin != r.origin {
			return nil, probes.Failf(probes.ReasonOriginRefused, "%s asks to send the body to %s, which was not done; set url to where it belongs", place(h.url), origin)
		}
	case h.method != http.MethodHead && (code == http.StatusSeeOther || h.method == http.MethodPost):
		next.method, next.body = http.MethodGet, ""
	}
	return next, nil
}

// place names a URL for people, without its query: that may carry a code or token.
func place(u *url.URL) string { return fetch.Origin(u) + u.EscapedPath() }
