// Package icmpprobe is the probe kind `icmp`: echo requests, how many of them
// come back, and how fast.
//
// It uses datagram sockets, which need no privilege where the kernel allows
// them, and raw ones otherwise.
package icmpprobe

import (
	"context"
	"fmt"
	"time"

	"github.com/idp-exporter/idp_exporter/probes"
	"github.com/idp-exporter/idp_exporter/probes/internal/dial"
)

const (
	stepSocket = "socket"
	stepEcho   = "echo"
)

// Kind returns the kind `icmp`.
func Kind() probes.Kind {
	return probes.Kind{
		Name:    "icmp",
		Summary: "Sends echo requests (ping) and checks loss and round-trip time.",
		Steps:   []string{dial.StepDNS, stepSocket, stepEcho},
		NewOptions: func() probes.Options {
			return &Options{
				Common: dial.Common{IPVersion: dial.Any}, Count: 5, Interval: 200 * time.Millisecond, Wait: 2 * time.Second, Size: 56,
				WarnLoss: 20, MaxLoss: 60,
			}
		},
	}
}

// Options are the settings of one probe of this kind.
type Options struct {
	// WarnSlowerThan of dial.Common counts for the median round trip.
	dial.Common `yaml:",inline"`

	// Host is a name or address; the host of the provider's issuer by default.
	Host string `yaml:"host"`
	// Count requests are sent, one every Interval. Wait is how long the answer to
	// the last is waited for.
	Count    int           `yaml:"count"`
	Interval time.Duration `yaml:"interval"`
	Wait     time.Duration `yaml:"wait"`
	// Size is the length of the data of a request, in bytes.
	Size int `yaml:"size"`
	// WarnLoss and MaxLoss are percentages: more lost than that warns and fails.
	WarnLoss int `yaml:"warn_loss"`
	MaxLoss  int `yaml:"max_loss"`
}

// Check implements probes.Options.
func (o *Options) Check(s probes.Setting) []probes.Problem { return o.check(s).Problems }

func (o *Options) host(p *probes.Provider) string {
	if o.Host != "" {
		return o.Host
	}
	host, _ := dial.Issuers(p)
	return host
}

// UsesNodes implements probes.NodeAware.
func (o *Options) UsesNodes(s probes.Setting) bool {
	return dial.IsProviders(o.host(s.Provider), s.Provider)
}

// The least data of a request holds the mark by which its answer is known; the
// most fits into an IPv4 packet.
const (
	minSize = markSize
	maxSize = 65_507 - 8
)

// noPort stands for the port that ICMP has not.
const noPort = "65535"

func (o *Options) check(s probes.Setting) *dial.Checker {
	c := &dial.Checker{}
	o.Common.Check(c, s)
	if host := o.host(s.Provider); host == "" {
		c.Wrong("host", "missing; write a name or address")
	} else if _, port, err := dial.Split(host, noPort); err != nil || port != noPort {
		c.Wrong("host", "%q is not a host; write a name or address, without a port", host)
	}
	c.InRange("count", o.Count, 1, 100)
	c.InRange("size", o.Size, minSize, maxSize)
	if c.InRange("warn_loss", o.WarnLoss, 0, 100) && c.InRange("max_loss", o.MaxLoss, 0, 100) && o.WarnLoss > o.MaxLoss {
		c.Wrong("warn_loss", "%d %% is more than max_loss, %d %%, so that nothing would ever warn; use less", o.WarnLoss, o.MaxLoss)
	}
	if o.Interval < 10*time.Millisecond || o.Interval > time.Minute {
		c.Wrong("interval", "%s is out of range; use 10ms to 1m", o.Interval)
	}
	if o.Wait < 10*time.Millisecond {
		c.Wrong("wait", "%s is too short for any answer; use 10ms or more", o.Wait)
	}
	if took := o.longest(); s.Timeout > 0 && took > s.Timeout {
		c.Wrong("count", "%d requests every %s and a wait of %s take %s, but a run ends after %s; use fewer", o.Count, o.Interval, o.Wait, took, s.Timeout)
	}
	return c
}

func (o *Options) longest() time.Duration { return time.Duration(o.Count-1)*o.Interval + o.Wait }

type probe struct {
	*Options
	endpoint dial.Endpoint
}

// New implements probes.Options.
func (o *Options) New(t probes.Target) (probes.Probe, error) {
	if err := o.check(probes.Setting{Provider: t.Provider, Every: t.Every}).Err(t.Probe); err != nil {
		return nil, err
	}
	host, _, err := dial.Split(o.host(t.Provider), noPort)
	if err != nil {
		return nil, fmt.Errorf("probe %s: host: %w", t.Probe, err)
	}
	return &probe{o, dial.At(host, noPort, t)}, nil
}

// Run implements probes.Probe.
func (p *probe) Run(ctx context.Context) probes.Result {
	r := probes.NewRun(nil)
	return r.Finish(p.run(ctx, r))
}
