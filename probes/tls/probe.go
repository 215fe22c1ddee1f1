package tlsprobe

import (
	"context"
	"crypto/tls"
	"errors"

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
	state, err := p.shake(ctx, r, p.offer(clientSuites()))
	if err != nil {
		return p.obsolete(ctx, r, err)
	}
	return r.Step(stepCertificates, func() error { return p.judge(r, state) })
}

// offer returns the settings of a handshake. The chain is judged by the probe
// and not by the handshake, which would stop at the first thing that is wrong
// with it.
func (p *probe) offer(suites []uint16) *tls.Config {
	conf := p.tls.Clone()
	conf.InsecureSkipVerify = true
	conf.MinVersion = tls.VersionTLS10
	conf.CipherSuites = suites
	return conf
}

// clientSuites are what browsers offer: crypto/tls's own choice and, as long as
// they do, AES with RSA key exchange.
func clientSuites() []uint16 {
	suites := []uint16{
		tls.TLS_RSA_WITH_AES_128_GCM_SHA256, tls.TLS_RSA_WITH_AES_256_GCM_SHA384, tls.TLS_RSA_WITH_AES_128_CBC_SHA, tls.TLS_RSA_WITH_AES_256_CBC_SHA,
	}
	for _, s := range tls.CipherSuites() {
		suites = append(suites, s.ID)
	}
	return suites
}

// obsolete handles a failed handshake: the certificates of a server that only
// agrees on what browsers have given up are judged all the same.
func (p *probe) obsolete(ctx context.Context, r *probes.Run, failed error) error {
	var f *probes.Failure
	if !errors.As(failed, &f) || f.Reason != probes.ReasonTLS {
		return failed
	}
	suites := clientSuites()
	for _, s := range tls.InsecureCipherSuites() {
		suites = append(suites, s.ID)
	}
	apart := probes.NewRun(nil) // its steps are no part of this run
	state, err := p.shake(ctx, apart, p.offer(suites))
	if err != nil {
		return failed
	}
	_ = p.judge(r, state) // for what it notes: that there is no handshake is graver
	return probes.Failf(probes.ReasonTLS, "%w; the server agrees on %s, which browsers no longer offer", failed, tls.CipherSuiteName(state.CipherSuite))
}

// shake connects and shakes hands.
func (p *probe) shake(ctx context.Context, r *probes.Run, conf *tls.Config) (*tls.ConnectionState, error) {
	conn, err := p.open(ctx, r)
	if err != nil {
		return nil, err
	}
	defer func() { _ = conn.Close() }()
	if err := conn.Secure(ctx, r, conf); err != nil {
		return nil, err
	}
	return conn.TLS(), nil
}

// open connects, up to where a handshake begins.
func (p *probe) open(ctx context.Context, r *probes.Run) (*dial.Conn, error) {
	conn, err := p.dialer.Open(ctx, r)
	if err != nil || p.StartTLS == "" {
		return conn, err
	}
	if err := starttls.Ask(ctx, r, conn, p.StartTLS, p.host); err != nil {
		_ = conn.Close()
		return nil, err
	}
	return conn, nil
}
