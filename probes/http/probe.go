package httpprobe

import (
	"context"
	"fmt"
	"time"

	"github.com/idp-exporter/idp_exporter/internal/fetch"
	"github.com/idp-exporter/idp_exporter/internal/secret"
	"github.com/idp-exporter/idp_exporter/probes"
	"github.com/idp-exporter/idp_exporter/probes/internal/dial"
	"github.com/idp-exporter/idp_exporter/probes/internal/exchange"
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
	target := fetch.Target{Public: pl.url, Node: t.Node.Address, Dial: exchange.Dial(pl.options.IPVersion)}
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
	return dial.Finish(r.Run, err, p.options.WarnSlowerThan)
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
			err = exchange.Failure(ctx, err)
			exchange.Note(r.Run, r.session.Last, err)
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
		exchange.Note(r.Run, timing, err)
		if err != nil || next == nil {
			return err
		}
		h = next
	}
}
