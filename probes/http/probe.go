package httpprobe

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/idp-exporter/idp_exporter/internal/fetch"
	"github.com/idp-exporter/idp_exporter/internal/secret"
	"github.com/idp-exporter/idp_exporter/probes"
)

type probe struct {
	*plan
	client *fetch.Client
	every  time.Duration
}

// New implements probes.Options.
func (o *Options) New(t probes.Target) (probes.Probe, error) {
	pl, problems := o.compile(t.Provider)
	for _, p := range problems {
		if !p.Warning {
			return nil, fmt.Errorf("probe %s: %s: %s", t.Probe, p.Path, p.Message)
		}
	}
	client, err := fetch.New(pl.dial, pl.target(t))
	if err != nil {
		return nil, fmt.Errorf("probe %s: %w", t.Probe, err)
	}
	return &probe{plan: pl, client: client, every: t.Every}, nil
}

// target says what a node stands for: the issuer's host. Where the probe asks
// for another port of that host, it is asked of the node too. Other hosts are
// not the node's to answer for.
func (pl *plan) target(t probes.Target) fetch.Target {
	target := fetch.Target{Public: pl.url, Node: t.Node.Address}
	if t.Provider == nil || pl.origin == fetch.Origin(t.Provider.IssuerURL()) {
		return target
	}
	target.Public = t.Provider.IssuerURL()
	if target.Public.Hostname() == pl.url.Hostname() {
		target.Node = fetch.HostOf(t.Node.Address)
	}
	return target
}

// run is one run of the probe.
type run struct {
	*probe
	*probes.Run
	session *fetch.Session
	secrets []string // those sent in this run
}

// Run implements probes.Probe.
func (p *probe) Run(ctx context.Context) probes.Result {
	r := &run{probe: p, session: p.client.Session()}
	defer r.session.Close()
	r.Run = probes.NewRun(r.redact)
	r.session.MaxBody = int64(p.options.MaxBody)
	err := r.follow(ctx)
	r.Facts().NoteSeen(r.session.Seen)
	result := r.Finish(err)
	if limit := p.options.WarnSlowerThan; err == nil && limit > 0 && result.Duration > limit {
		return r.slow(result)
	}
	return result
}

// slow turns a pass into a warning, laid at the door of the longest step.
func (r *run) slow(result probes.Result) probes.Result {
	err := &probes.Failure{Outcome: probes.Warn, Reason: probes.ReasonSlow, Err: fmt.Errorf("took %s, more than %s",
		result.Duration.Round(time.Millisecond), r.options.WarnSlowerThan)}
	longest := probes.Step{}
	for _, s := range result.Steps {
		if s.Duration > longest.Duration {
			longest = s
		}
	}
	r.AddStep(longest.Name, result.Start.Add(longest.Start), 0, err)
	return r.Finish(err)
}

// redact removes the secrets of this run. It is called only for texts, so that
// a run that passes costs nothing here.
func (r *run) redact(s string) string {
	var redactor secret.Redactor
	redactor.Add(r.secrets...)
	return redactor.String(s)
}

// follow sends the request and goes where redirects lead.
func (r *run) follow(ctx context.Context) error {
	h := &hop{method: r.options.Method, url: r.url, origin: r.origin, body: r.options.Body}
	for n := 0; ; n++ {
		req, err := r.request(h)
		if err != nil {
			r.AddStep(stepRequest, time.Now(), 0, err)
			return err
		}
		resp, err := r.session.Do(ctx, req)
		if err != nil {
			err = networkFailure(err)
			r.note(r.session.Last, err)
			return err
		}
		var next *hop
		if r.redirects(resp) {
			next, err = r.next(resp, h, n)
		} else {
			err = r.judge(ctx, resp, h)
		}
		timing := r.session.Last
		timing.End = time.Now()
		r.note(timing, err)
		if err != nil || next == nil {
			return err
		}
		h = next
	}
}

// networkFailure gives an error of the session its reason. That the proxy's
// password cannot be read is our own fault, not the network's.
func networkFailure(err error) error {
	var unreadable *secret.Error
	if errors.As(err, &unreadable) {
		return probes.Unknownf(probes.ReasonSecretUnavailable, "%w", err)
	}
	return probes.NetworkFailure(err)
}

// note records the steps of one exchange; an error belongs to the last of them.
func (r *run) note(t fetch.Timing, err error) {
	steps := []struct {
		name string
		// from is when the step began, to when the next one did.
		from, to time.Time
	}{
		{stepDNS, t.DNSStart, earlier(t.DNSDone, t.ConnectStart)},
		{stepConnect, t.ConnectStart, earlier(t.TLSStart, t.GotConn)},
		{stepTLS, t.TLSStart, earlier(t.TLSDone, t.GotConn)},
		{stepRequest, t.GotConn, t.FirstByte},
		{stepResponse, t.FirstByte, t.End},
	}
	last := -1
	for i, s := range steps {
		if !s.from.IsZero() {
			last = i
		}
	}
	if last < 0 {
		r.AddStep(stepConnect, t.Start, t.End.Sub(t.Start), err)
		return
	}
	for i, s := range steps[:last+1] {
		switch {
		case s.from.IsZero():
		case i == last:
			r.AddStep(s.name, s.from, t.End.Sub(s.from), err)
		case s.to.IsZero():
			r.AddStep(s.name, s.from, steps[last].from.Sub(s.from), nil)
		default:
			r.AddStep(s.name, s.from, s.to.Sub(s.from), nil)
		}
	}
}

// earlier returns the first of two times that is known.
func earlier(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}
