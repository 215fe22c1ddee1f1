// Package ntpprobe is the probe kind `ntp`: what time servers say of our clock,
// of their own state, and whether they agree.
//
// It owns the judgment. Messages are beevik/ntp's.
package ntpprobe

import (
	"fmt"
	"slices"
	"time"

	"github.com/idp-exporter/idp_exporter/probes"
	"github.com/idp-exporter/idp_exporter/probes/internal/dial"
)

const (
	stepQuery = "query"
	stepJudge = "judge"
)

func steps() []string { return []string{dial.StepDNS, dial.StepConnect, stepQuery, stepJudge} }

// Kind returns the kind `ntp`.
func Kind() probes.Kind {
	return probes.Kind{
		Name:    "ntp",
		Summary: "Asks time servers and checks our clock's offset, their stratum and leap state, and their agreement.",
		Steps:   steps(),
		NewOptions: func() probes.Options {
			return &Options{
				Common: dial.Common{IPVersion: dial.Any}, WarnOffset: 500 * time.Millisecond, MaxOffset: 5 * time.Second,
				MaxStratum: 15, MaxSpread: time.Second,
			}
		},
	}
}

// Options are the settings of one probe of this kind.
type Options struct {
	// WarnSlowerThan of dial.Common counts for the longest round trip.
	dial.Common `yaml:",inline"`

	// Servers are HOST or HOST:PORT, at port 123.
	Servers []string `yaml:"servers"`
	// Quorum is how many servers must answer rightly; 0 means all of them. With
	// one, a minority whose clocks are off is outvoted.
	Quorum int `yaml:"quorum"`
	// WarnOffset and MaxOffset are how far a server's clock may be from ours,
	// either way, before the run warns and fails.
	WarnOffset time.Duration `yaml:"warn_offset"`
	MaxOffset  time.Duration `yaml:"max_offset"`
	// MaxStratum is how far from a reference clock a server may be.
	MaxStratum int `yaml:"max_stratum"`
	// MaxSpread is how far apart the clocks of several servers may be.
	MaxSpread time.Duration `yaml:"max_spread"`
}

const maxServers = 20

// Check implements probes.Options.
func (o *Options) Check(s probes.Setting) []probes.Problem { return o.check(s).Problems }

// UsesNodes implements probes.NodeAware: clocks of others are the same for
// every node.
func (o *Options) UsesNodes(probes.Setting) bool { return false }

func (o *Options) check(s probes.Setting) *dial.Checker {
	c := &dial.Checker{}
	o.Common.Check(c, s)
	if len(o.Servers) == 0 {
		c.Wrong("servers", "missing; list the time servers, such as [ntp1.example.com, ntp2.example.com]")
	} else {
		c.InRange("quorum", o.Quorum, 0, len(o.Servers))
	}
	if len(o.Servers) > maxServers {
		c.Wrong("servers", "%d servers; use at most %d", len(o.Servers), maxServers)
	}
	for i, address := range o.Servers {
		path := fmt.Sprintf("servers[%d]", i)
		if _, _, err := dial.Split(address, "123"); err != nil {
			c.Wrong(path, "%v", err)
		}
		if slices.Contains(o.Servers[:i], address) {
			c.Wrong(path, "%s stands here twice; keep one", address)
		}
	}
	if o.WarnOffset <= 0 || o.MaxOffset <= 0 || o.MaxSpread <= 0 {
		c.Wrong("max_offset", "warn_offset, max_offset and max_spread are more than 0; use 500ms for example")
	} else if o.WarnOffset > o.MaxOffset {
		c.Wrong("warn_offset", "%s is more than max_offset, %s, so that nothing would ever warn; use less", o.WarnOffset, o.MaxOffset)
	}
	c.InRange("max_stratum", o.MaxStratum, 1, 15)
	return c
}
