package smtpprobe

import (
	"context"

	"github.com/idp-exporter/idp_exporter/internal/secret"
	"github.com/idp-exporter/idp_exporter/probes"
	"github.com/idp-exporter/idp_exporter/probes/internal/dial"
)

type probe struct {
	*plan
	dialer *dial.Dialer
	target probes.Target
}

// maxRead bounds what a server may say in one run, in bytes.
const maxRead = 64 << 10

// New implements probes.Options.
func (o *Options) New(t probes.Target) (probes.Probe, error) {
	pl, c := o.compile(probes.Setting{Provider: t.Provider, Every: t.Every})
	if err := c.Err(t.Probe); err != nil {
		return nil, err
	}
	return &probe{pl, &dial.Dialer{Endpoint: dial.At(pl.host, pl.port, t), Version: o.IPVersion, MaxRead: maxRead}, t}, nil
}

// Run implements probes.Probe.
func (p *probe) Run(ctx context.Context) probes.Result {
	var redactor secret.Redactor
	r := probes.NewRun(redactor.String)
	return r.Finish(p.run(ctx, &talk{Run: r, plan: p.plan, ctx: ctx, redactor: &redactor, every: p.target.Every}))
}

func (p *probe) run(ctx context.Context, t *talk) error {
	conn, err := p.dialer.Open(ctx, t.Run)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }()
	t.conn = conn
	if p.Encrypted {
		if err := conn.Secure(ctx, t.Run, p.tls); err != nil {
			return err
		}
	}
	t.listen()
	steps := []struct {
		name   string
		wanted bool
		do     func() error
	}{
		{stepBanner, true, t.banner},
		{stepEHLO, true, t.ehlo},
		{stepStartTLS, !p.Encrypted && p.StartTLS != Never, t.startTLS},
		{stepAuth, p.Username != "", t.auth},
		{stepMail, p.From != "", t.mail},
		{stepRcpt, len(p.To) > 0, t.rcpt},
		{stepData, p.Send, t.data},
	}
	for _, s := range steps {
		switch {
		case !s.wanted:
			continue
		case s.name == stepStartTLS && !t.offers("STARTTLS") && p.StartTLS == Offered:
			t.Unverified("the server does not offer STARTTLS: the conversation is not encrypted")
			continue
		}
		if err := t.Step(s.name, func() error { return dial.Failure(ctx, s.do()) }); err != nil {
			return err
		}
		if s.name != stepStartTLS {
			continue
		}
		if err := conn.Secure(ctx, t.Run, p.tls); err != nil {
			return err
		}
		t.listen()
		// What the server offered before TLS counts no more (RFC 3207, 4.2).
		if err := t.Step(stepEHLO, func() error { return dial.Failure(ctx, t.ehlo()) }); err != nil {
			return err
		}
	}
	slow := dial.JudgeSpeed(t.Run, p.WarnSlowerThan) // before the farewell, which nobody waits for
	t.leave()
	return slow
}
