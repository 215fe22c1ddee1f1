package httpprobe

import (
	"bytes"
	"context"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/idp-exporter/idp_exporter/internal/expect"
	"github.com/idp-exporter/idp_exporter/internal/fetch"
	"github.com/idp-exporter/idp_exporter/probes"
	"github.com/idp-exporter/idp_exporter/probes/internal/exchange"
)

// The pause after a password was refused: so many intervals, at most so long.
const (
	pauseIntervals = 10
	maxPause       = 10 * time.Minute
)

func (r *run) expected(code int) bool {
	return exchange.Among(r.options.Status, code)
}

// judge compares the answer with what is expected of it. What it reports never
// quotes the answer, which may carry tokens.
func (r *run) judge(ctx context.Context, resp *fetch.Response, h *hop) error {
	if !r.expected(resp.StatusCode) {
		return r.unexpected(resp, h)
	}
	for _, e := range r.headers {
		values := resp.Header.Values(e.name)
		if len(values) == 0 {
			return probes.Failf(probes.ReasonHeaderMismatch, "%s: the header %s is missing", place(h.url), e.name)
		}
		if !slices.ContainsFunc(values, e.pattern.MatchString) {
			return probes.Failf(probes.ReasonHeaderMismatch, "%s: the header %s does not match %s", place(h.url), e.name, e.pattern)
		}
	}
	if err := r.judgeBody(resp.Content, h); err != nil {
		return err
	}
	return r.judgeJSON(ctx, resp, h)
}

func (r *run) unexpected(resp *fetch.Response, h *hop) error {
	code, where := resp.StatusCode, h.method+" "+place(h.url)
	switch {
	case code == http.StatusTooManyRequests:
		f := probes.Unknownf(probes.ReasonRateLimited, "%s answered 429: asked too often", where)
		if wait, ok := fetch.RetryAfter(resp.Header, time.Now()); ok && wait > 0 {
			f.NotBefore = time.Now().Add(wait)
		}
		return f
	case h.credentials && (code == http.StatusUnauthorized || code == http.StatusForbidden):
		f := probes.Unknownf(probes.ReasonClientRefused, "%s answered %d: this probe's own credential was refused; renew it, or give it the right it lacks", where, code)
		if r.options.Basic != nil && code == http.StatusUnauthorized {
			// Trying a wrong password again and again would lock its user out.
			f.NotBefore = time.Now().Add(min(pauseIntervals*r.every, maxPause))
		}
		return f
	default:
		want := make([]string, len(r.options.Status))
		for i, s := range r.options.Status {
			want[i] = string(s)
		}
		return probes.Failf(probes.ReasonHTTPStatus, "%s answered %d, want %s", where, code, strings.Join(want, ", "))
	}
}

func (r *run) judgeBody(body []byte, h *hop) error {
	if want := strings.TrimSpace(r.options.BodyEquals); want != "" && string(bytes.TrimSpace(body)) != want {
		return probes.Failf(probes.ReasonBodyMismatch, "%s: the body, of %d bytes, is not %.100q", place(h.url), len(body), want)
	}
	for _, re := range r.matches {
		if !re.Match(body) {
			return probes.Failf(probes.ReasonBodyMismatch, "%s: the body, of %d bytes, does not match %s", place(h.url), len(body), re)
		}
	}
	for _, re := range r.notMatches {
		if re.Match(body) {
			return probes.Failf(probes.ReasonBodyMismatch, "%s: the body, of %d bytes, matches %s and must not", place(h.url), len(body), re)
		}
	}
	return nil
}

func (r *run) judgeJSON(ctx context.Context, resp *fetch.Response, h *hop) error {
	if r.json.Len() == 0 {
		return nil
	}
	vars := map[string]any{"json": nil, "status": resp.StatusCode, "headers": nil, "body": ""}
	if r.json.Uses("json") {
		v, err := expect.JSON(resp.Content)
		if err != nil {
			return probes.Failf(probes.ReasonJSONMismatch, "%s: the body, of %d bytes, is not JSON", place(h.url), len(resp.Content))
		}
		vars["json"] = v
	}
	if r.json.Uses("headers") {
		headers := make(map[string]any, len(resp.Header))
		for name, values := range resp.Header {
			headers[strings.ToLower(name)] = strings.ToValidUTF8(strings.Join(values, ", "), "\uFFFD")
		}
		vars["headers"] = headers
	}
	if r.json.Uses("body") {
		vars["body"] = strings.ToValidUTF8(string(resp.Content), "\uFFFD")
	}
	var err error
	for _, e := range r.json.Eval(ctx, vars) {
		if e.Untold {
			r.Unverified("%s: the answer does not tell", e.Name)
			continue
		}
		r.Assert(e.Name, e.Pass, e.Detail)
		if !e.Pass && err == nil {
			err = probes.Failf(probes.ReasonJSONMismatch, "%s: %s: %s", place(h.url), e.Name, e.Detail)
		}
	}
	if err != nil && ctx.Err() != nil {
		return probes.NetworkFailure(ctx.Err())
	}
	return err
}
