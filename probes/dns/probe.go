package dnsprobe

import (
	"context"
	"fmt"
	"net"
	"runtime"
	"time"

	"github.com/miekg/dns"

	"github.com/idp-exporter/idp_exporter/probes"
	"github.com/idp-exporter/idp_exporter/probes/internal/dial"
)

type probe struct {
	*plan
}

// New implements probes.Options.
func (o *Options) New(t probes.Target) (probes.Probe, error) {
	pl, c := o.compile(probes.Setting{Provider: t.Provider, Every: t.Every})
	if err := c.Err(t.Probe); err != nil {
		return nil, err
	}
	return &probe{pl}, nil
}

// resolvConf names the servers of the operating system.
const resolvConf = "/etc/resolv.conf"

func systemServers() ([]server, error) {
	if runtime.GOOS == "windows" {
		return nil, fmt.Errorf("Windows has no %s; list them in servers", resolvConf) //nolint:staticcheck // a name
	}
	conf, err := dns.ClientConfigFromFile(resolvConf)
	if err != nil {
		return nil, err
	}
	var servers []server
	for _, host := range conf.Servers {
		servers = append(servers, server{host: host, port: conf.Port})
	}
	if len(servers) == 0 {
		return nil, fmt.Errorf("%s names none; list them in servers", resolvConf)
	}
	return servers[:min(len(servers), maxSystem)], nil
}

// Run implements probes.Probe.
func (p *probe) Run(ctx context.Context) probes.Result {
	r := probes.NewRun(nil)
	servers, names := p.servers, p.Servers
	if len(servers) == 0 {
		var err error
		if servers, err = systemServers(); err != nil {
			err = probes.Failf(probes.ReasonDNS, "the operating system's DNS servers cannot be read: %w", err)
			r.AddStep(dial.StepDNS, time.Now(), 0, err)
			return r.Finish(err)
		}
		for _, s := range servers {
			names = append(names[:len(names):len(names)], net.JoinHostPort(s.host, s.port))
		}
	}
	answers := make([]*dns.Msg, len(servers))
	parts := dial.Each(ctx, names, nil, func(ctx context.Context, i int, r *probes.Run) error {
		var err error
		if answers[i], err = p.ask(ctx, r, servers[i]); err != nil {
			return err
		}
		return r.Step(stepAnswer, func() error { return p.judge(answers[i]) })
	})
	behind := p.leaveBehind(parts, answers)
	p.note(r, parts)
	if behind > 0 {
		r.Assert("same serial", false, fmt.Sprintf("%d of %d servers lag behind", behind, len(parts)))
	}
	decided, end := dial.Quorum(parts, p.Quorum)
	dial.Lay(r, steps(), parts, end, decided)
	if p.SameSerial && behind == 0 && dial.NoWorseThanWarn(end) {
		if apart := r.Step(stepAnswer, func() error { return p.agree(r, parts, answers) }); apart != nil {
			result := r.Finish(apart)
			result.FailedStep = stepAnswer // whichever server made it a warning before
			return result
		}
	}
	return dial.Finish(r, end, p.WarnSlowerThan)
}

// note records what was found of each server.
func (p *probe) note(r *probes.Run, parts []dial.Part) {
	f := r.Facts()
	for _, part := range parts {
		if t := part.Result.Facts.CertificateNotAfter; !t.IsZero() && (f.CertificateNotAfter.IsZero() || t.Before(f.CertificateNotAfter)) {
			f.CertificateNotAfter = t
		}
		if len(parts) > 1 {
			detail := fmt.Sprintf("answered in %s", part.Result.Duration.Round(time.Millisecond))
			if part.Err != nil {
				detail = part.Err.Error()
			}
			r.Assert(part.Name, part.Err == nil, detail)
		}
	}
}
