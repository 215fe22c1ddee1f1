package testall

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/idp-exporter/idp_exporter/internal/fetch"
	"github.com/idp-exporter/idp_exporter/internal/secret"
	"github.com/idp-exporter/idp_exporter/probes"
	"github.com/idp-exporter/idp_exporter/probes/internal/dial"
	"github.com/idp-exporter/idp_exporter/probes/internal/exchange"
)

type probe struct {
	*Options
	url    *url.URL
	where  string
	client *fetch.Client
	every  time.Duration
}

// maxBody bounds the answer, in bytes: OK, FAIL, or a few lines about what is down.
const maxBody = 64 << 10

// New implements probes.Options.
func (o *Options) New(t probes.Target) (probes.Probe, error) {
	c := &dial.Checker{Problems: o.Check(probes.Setting{Provider: t.Provider, Every: t.Every})}
	if err := c.Err(t.Probe); err != nil {
		return nil, err
	}
	u, err := o.address(t.Provider)
	if err != nil {
		return nil, fmt.Errorf("probe %s: url: %w", t.Probe, err)
	}
	client, err := exchange.New(o.dial(u, t.Provider), u, o.IPVersion, t)
	if err != nil {
		return nil, fmt.Errorf("probe %s: %w", t.Probe, err)
	}
	return &probe{o, u, fetch.Origin(u) + u.EscapedPath(), client, t.Every}, nil
}

// Run implements probes.Probe.
func (p *probe) Run(ctx context.Context) probes.Result {
	var redactor secret.Redactor
	r := probes.NewRun(redactor.String)
	return dial.Finish(r, p.run(ctx, r, &redactor), p.WarnSlowerThan)
}

func (p *probe) run(ctx context.Context, r *probes.Run, redactor *secret.Redactor) error {
	req := &http.Request{Method: http.MethodGet, URL: p.url, Header: http.Header{"Accept": {"text/plain"}, "Cache-Control": {"no-cache"}}}
	if err := p.Authorize(req.Header, redactor); err != nil {
		r.AddStep(exchange.StepRequest, time.Now(), 0, err)
		return err
	}
	session := p.client.Session()
	defer session.Close()
	session.MaxBody = maxBody
	resp, err := session.Do(ctx, req)
	if err = exchange.Failure(ctx, err); err == nil {
		err = p.judge(resp, r)
	}
	timing := session.Last
	exchange.Note(r, timing, err)
	r.Facts().NoteSeen(session.Seen)
	return err
}

// minAge is how old an answer may be in any case.
const minAge = 10 * time.Second

// judge reads code and body, and notes how each component fares, if the answer
// tells.
func (p *probe) judge(resp *fetch.Response, r *probes.Run) error {
	code, body := resp.StatusCode, strings.TrimSpace(string(resp.Content))
	// A cache tells how things were (RFC 9111, 5.1).
	if age, err := strconv.ParseUint(resp.Header.Get("Age"), 10, 64); (err == nil || errors.Is(err, strconv.ErrRange)) && float64(age) > max(p.every, minAge).Seconds() {
		return probes.Unknownf(probes.ReasonBadResponse, "%s answered %d out of a cache, from %d s ago; let caches pass it by", p.where, code, age)
	}
	switch code {
	case http.StatusTooManyRequests:
		return exchange.RateLimited(resp, p.where)
	case http.StatusUnauthorized, http.StatusForbidden:
		return p.refused(code)
	}
	down := exchange.ComponentsDown(resp.Content)
	reason := exchange.TestallReason(code, body == "OK", down)
	if reason == "" || len(down) > 0 {
		for _, c := range p.Components {
			r.Assert("component "+c, !slices.Contains(down, c), "")
		}
	}
	switch {
	case reason == "":
		return nil
	case len(down) > 0:
		return probes.Failf(reason, "%s answered %d; down: %s", p.where, code, strings.Join(down, ", "))
	case code == http.StatusOK:
		return probes.Failf(reason, "%s answered 200, but its body, of %d bytes, is not OK: \"%s\"", p.where, len(resp.Content), probes.Foreign(body, 100))
	case reason == probes.ReasonDisagreement:
		return probes.Failf(reason, "%s answered %d, but its body is OK", p.where, code)
	case reason == probes.ReasonReportedDown:
		return probes.Failf(reason, "%s answered %d: %s", p.where, code, probes.Foreign(body, 500))
	default:
		return probes.Failf(reason, "%s answered %d, want 200", p.where, code)
	}
}

// refused tells of our key, not of the health of what is asked about.
func (p *probe) refused(code int) error {
	if !p.Set() {
		return probes.Unknownf(probes.ReasonClientRefused, "%s answered %d: it wants a credential; set bearer_token_file or basic", p.where, code)
	}
	f := probes.Unknownf(probes.ReasonClientRefused, "%s answered %d: this probe's own credential was refused; renew it, or give it the right it lacks", p.where, code)
	if p.Basic != nil && code == http.StatusUnauthorized {
		// Trying a wrong password again and again would lock its user out.
		f.NotBefore = dial.Refused(probes.ReasonClientRefused, p.every, "").NotBefore
	}
	return f
}
