package tlsprobe

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"

	"github.com/idp-exporter/idp_exporter/probes"
	"github.com/idp-exporter/idp_exporter/probes/internal/dial"
	"github.com/idp-exporter/idp_exporter/probes/internal/starttls"
)

type probe struct {
	*plan
	dialer *dial.Dialer
}

// New implements probes.Options.
func (o *Options) New(t probes.Target) (probes.Probe, error) {
	pl, c := o.compile(probes.Setting{Provider: t.Provider, Every: t.Every})
	if err := c.Err(t.Probe); err != nil {
		return nil, err
	}
	return &probe{pl, &dial.Dialer{Endpoint: dial.At(pl.host, pl.port, t), Version: o.IPVersion, Proxy: pl.proxy}}, nil
}

// Run implements probes.Probe.
func (p *probe) Run(ctx context.Context) probes.Result {
	r := probes.NewRun(nil)
	err := p.run(ctx, r)
	var f *probes.Failure
	if p.RefusesOlder && (err == nil || errors.As(err, &f) && f.Outcome == probes.Warn) {
		if older := p.older(ctx, r); older != nil {
			err = older
		}
	}
	return dial.Finish(r, err, p.WarnSlowerThan)
}

func (p *probe) run(ctx context.Context, r *probes.Run) error {
	// The chain is judged here and not by the handshake, which would stop at the
	// first thing that is wrong with it.
	conf := p.tls.Clone()
	conf.InsecureSkipVerify = true
	conf.MinVersion = tls.VersionTLS10
	state, err := p.shake(ctx, r, conf)
	if err != nil {
		return err
	}
	for _, c := range state.PeerCertificates[:min(len(state.PeerCertificates), maxChain)] {
		r.Facts().Certificates = append(r.Facts().Certificates, dial.Describe(c))
	}
	return r.Step(stepCertificates, func() error { return p.judge(r, state) })
}

// shake connects and shakes hands.
func (p *probe) shake(ctx context.Context, r *probes.Run, conf *tls.Config) (*tls.ConnectionState, error) {
	conn, err := p.dialer.Open(ctx, r)
	if err != nil {
		return nil, err
	}
	defer func() { _ = conn.Close() }()
	if p.StartTLS != "" {
		if err := starttls.Ask(ctx, r, conn, p.StartTLS, p.host); err != nil {
			return nil, err
		}
	}
	if err := conn.Secure(ctx, r, conf); err != nil {
		return nil, err
	}
	return conn.TLS(), nil
}

// older tries to agree on a version that the server is to refuse. Only a server
// that answers the offer with an alert, or hangs up on it, has refused.
func (p *probe) older(ctx context.Context, r *probes.Run) error {
	return r.Step(stepOlder, func() error {
		conf := p.tls.Clone()
		conf.InsecureSkipVerify = true
		conf.MinVersion, conf.MaxVersion = tls.VersionTLS10, p.floor-1
		apart := probes.NewRun(nil) // its steps are all part of this one
		state, err := p.shake(ctx, apart, conf)
		if err == nil {
			held := fmt.Sprintf("the server agreed on %s, though nothing older than TLS %s is to be accepted", tls.VersionName(state.Version), p.MinVersion)
			r.Assert("refuses older", false, held)
			return probes.Failf(probes.ReasonTLSVersion, "%s", held)
		}
		var f *probes.Failure
		if errors.As(err, &f) && f.Reason == probes.ReasonTLS {
			r.Assert("refuses older", true, "nothing older than TLS "+p.MinVersion)
			return nil
		}
		return err
	})
}
