package egress

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/idp-exporter/idp_exporter/internal/fetch"
	"github.com/idp-exporter/idp_exporter/probes"
	"github.com/idp-exporter/idp_exporter/probes/internal/dial"
	"github.com/idp-exporter/idp_exporter/probes/internal/exchange"
)

type probe struct {
	*Options
	proxied dial.Proxied
	proxy   *dial.Proxy
	names   []string
	places  []*place
}

// place is one target, prepared: it has a dialer, or a URL and a client.
type place struct {
	name   string
	dialer *dial.Dialer
	tls    *tls.Config
	url    *url.URL
	status []exchange.Status
	client *fetch.Client
}

// New implements probes.Options.
func (o *Options) New(t probes.Target) (probes.Probe, error) {
	p, c := o.compile(probes.Setting{Provider: t.Provider, Every: t.Every})
	if err := c.Err(t.Probe); err != nil {
		return nil, err
	}
	return p, nil
}

// Run implements probes.Probe.
func (p *probe) Run(ctx context.Context) probes.Result {
	r := probes.NewRun(nil)
	parts := dial.Each(ctx, p.names, nil, func(ctx context.Context, i int, r *probes.Run) error {
		if err := p.places[i].reach(ctx, r); err != nil {
			return ours(err)
		}
		return dial.JudgeSpeed(r, p.WarnSlowerThan)
	})
	for _, part := range parts {
		detail := fmt.Sprintf("reached in %s", part.Result.Duration.Round(time.Millisecond))
		if part.Err != nil {
			detail = fmt.Sprintf("%s: %v", part.Result.Reason, part.Err)
		}
		r.Assert(part.Name, part.Result.Outcome.OK(), detail)
	}
	decided, end := dial.Quorum(parts, p.Quorum)
	dial.Lay(r, steps(), parts, end, decided)
	return r.Finish(end)
}

// ours makes a failure of what this machine's own firewall does not let out: here
// it is part of the way.
func ours(err error) error {
	var f *probes.Failure
	if errors.As(err, &f) && f.Reason == probes.ReasonNotPermitted {
		return probes.Failf(f.Reason, "%w", err)
	}
	return err
}

// reach proves that a place can be reached.
func (p *place) reach(ctx context.Context, r *probes.Run) error {
	if p.url != nil {
		return p.ask(ctx, r)
	}
	conn, err := p.dialer.Open(ctx, r)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }()
	if p.tls == nil {
		return nil
	}
	return conn.Secure(ctx, r, p.tls)
}

// ask sends a request. Its answer is not read further than its headers tell,
// since HEAD has none to read.
func (p *place) ask(ctx context.Context, r *probes.Run) error {
	session := p.client.Session()
	defer session.Close()
	resp, err := session.Do(ctx, &http.Request{Method: http.MethodHead, URL: p.url, Header: http.Header{}})
	if err = exchange.Failure(ctx, err); err == nil {
		err = p.judge(resp.StatusCode, session.Last.Forwarded)
	}
	exchange.Note(r, session.Last, err)
	return err
}

// judge tells whether an answer proves that the place was reached.
func (p *place) judge(code int, forwarded bool) error {
	answered := fmt.Sprintf("%s answered %d", fetch.Origin(p.url)+p.url.EscapedPath(), code)
	if forwarded {
		answered += " through the proxy"
	}
	switch {
	case len(p.status) > 0 && exchange.Among(p.status, code):
		return nil
	case len(p.status) > 0:
		return probes.Failf(probes.ReasonHTTPStatus, "%s, which is not among status", answered)
	case code >= http.StatusInternalServerError:
		return probes.Failf(probes.ReasonHTTPStatus, "%s", answered)
	case forwarded && code/100 != 2:
		return probes.Failf(probes.ReasonHTTPStatus, "%s, which may have written that itself: name the place by https or, if this is its own answer, set status: [%d]", answered, code)
	}
	return nil
}
