package tcp

import (
	"crypto/tls"
	"fmt"
	"regexp"

	"github.com/idp-exporter/idp_exporter/internal/fetch"
	"github.com/idp-exporter/idp_exporter/internal/secret"
	"github.com/idp-exporter/idp_exporter/probes"
	"github.com/idp-exporter/idp_exporter/probes/internal/dial"
	"github.com/idp-exporter/idp_exporter/probes/internal/starttls"
)

// Options are the settings of one probe of this kind.
type Options struct {
	dial.Common  `yaml:",inline"`
	dial.Proxied `yaml:",inline"`

	// Address is HOST:PORT; the port may be left out with STARTTLS. Without an
	// address it is that of the provider's issuer.
	Address string `yaml:"address"`
	// Encrypted begins TLS at once, StartTLS by asking in the protocol named.
	Encrypted bool      `yaml:"encrypted"`
	StartTLS  string    `yaml:"starttls"`
	TLS       fetch.TLS `yaml:"tls"`
	// Dialog is what is sent and expected, in order.
	Dialog []Turn `yaml:"dialog"`
	// LineEnd ends each line that is sent.
	LineEnd string `yaml:"line_end"`
	// MaxRead bounds what the server may send, in bytes.
	MaxRead int `yaml:"max_read"`
}

// The ends of lines.
const (
	CRLF = "crlf"
	LF   = "lf"
	None = "none"
)

// Turn is one thing said or heard; one of its keys is set.
type Turn struct {
	// Send is a line to be sent, Secret one that is not to be seen.
	Send   string        `yaml:"send"`
	Secret secret.Secret `yaml:"secret"`
	// Expect is a regular expression (RE2). Lines are read until one matches.
	Expect string `yaml:"expect"`
	// Refuse is a regular expression for lines, while the one expected is
	// waited for, that end the run at once.
	Refuse string `yaml:"refuse"`
}

// plan is what the settings come to.
type plan struct {
	*Options
	host, port string
	turns      []turn
	tls        *tls.Config
	proxy      *dial.Proxy
}

type turn struct {
	Turn
	expect, refuse *regexp.Regexp
}

const maxRead = 16 << 20

// Check implements probes.Options.
func (o *Options) Check(s probes.Setting) []probes.Problem {
	_, c := o.compile(s)
	return c.Problems
}

func (o *Options) address(p *probes.Provider) (host, port string, err error) {
	if o.Address == "" {
		if host, port = dial.Issuers(p); host == "" {
			return "", "", fmt.Errorf("missing; write HOST:PORT")
		}
		return host, port, nil
	}
	return dial.Split(o.Address, starttls.Port(o.StartTLS))
}

// UsesNodes implements probes.NodeAware.
func (o *Options) UsesNodes(s probes.Setting) bool {
	host, _, err := o.address(s.Provider)
	return err == nil && dial.IsProviders(host, s.Provider)
}

func (o *Options) compile(s probes.Setting) (*plan, *dial.Checker) {
	c := &dial.Checker{}
	pl := &plan{Options: o}
	o.Common.Check(c, s)
	o.Proxied.Check(c)
	var err error
	if pl.host, pl.port, err = o.address(s.Provider); err != nil {
		c.Wrong("address", "%v", err)
	}
	pl.proxy = dial.NewProxy(o.For(pl.host, s.Provider))
	if o.StartTLS != "" {
		c.OneOf("starttls", o.StartTLS, starttls.Protocols()...)
		if o.Encrypted {
			c.Wrong("encrypted", "starttls begins TLS later on the same connection; keep one of them")
		}
	}
	if o.secured() {
		if pl.tls, err = dial.Config(dial.TLSSettings(o.TLS, s.Provider, pl.host), pl.host); err != nil {
			c.Wrong("tls", "%v", err)
		}
	} else if o.TLS != (fetch.TLS{}) {
		c.Wrong("tls", "there is no TLS to set; add encrypted: true, or starttls: with the name of the protocol")
	}
	c.OneOf("line_end", o.LineEnd, CRLF, LF, None)
	c.InRange("max_read", o.MaxRead, 1, maxRead)
	pl.compileDialog(c)
	return pl, c
}

func (o *Options) secured() bool { return o.Encrypted || o.StartTLS != "" }

const maxTurns = 100

func (pl *plan) compileDialog(c *dial.Checker) {
	if len(pl.Dialog) > maxTurns {
		c.Wrong("dialog", "%d turns; use at most %d", len(pl.Dialog), maxTurns)
	}
	for i, t := range pl.Dialog {
		path := fmt.Sprintf("dialog[%d]", i)
		set := 0
		for _, is := range []bool{t.Send != "", t.Secret.IsSet(), t.Expect != ""} {
			if is {
				set++
			}
		}
		if set != 1 {
			c.Wrong(path, "one turn is one of send, secret and expect; write each as a list entry of its own")
		}
		if t.Refuse != "" && t.Expect == "" {
			c.Wrong(path+".refuse", "it says which lines end the wait for another one; add expect")
		}
		if t.Secret.IsSet() && !pl.secured() && !dial.IsLoopback(pl.host) {
			c.Doubtful(path+".secret", "the secret travels unencrypted; use encrypted or starttls")
		}
		compiled := turn{Turn: t}
		var err error
		if compiled.expect, err = regexp.Compile(t.Expect); err != nil {
			c.Wrong(path+".expect", "%v; patterns are written as RE2 takes them", err)
		}
		if t.Refuse != "" {
			if compiled.refuse, err = regexp.Compile(t.Refuse); err != nil {
				c.Wrong(path+".refuse", "%v; patterns are written as RE2 takes them", err)
			}
		}
		pl.turns = append(pl.turns, compiled)
	}
}
