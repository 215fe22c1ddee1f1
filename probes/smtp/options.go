package smtpprobe

import (
	"crypto/tls"
	"fmt"
	"strings"

	"github.com/idp-exporter/idp_exporter/internal/fetch"
	"github.com/idp-exporter/idp_exporter/internal/secret"
	"github.com/idp-exporter/idp_exporter/probes"
	"github.com/idp-exporter/idp_exporter/probes/internal/dial"
)

// Options are the settings of one probe of this kind.
type Options struct {
	dial.Common `yaml:",inline"`

	// Address is HOST or HOST:PORT, at port 25, or 465 where Encrypted.
	Address string `yaml:"address"`
	// Encrypted begins TLS at once (RFC 8314, 3). StartTLS is Offered, Required
	// or Never (RFC 3207).
	Encrypted bool      `yaml:"encrypted"`
	StartTLS  string    `yaml:"starttls"`
	TLS       fetch.TLS `yaml:"tls"`
	// EHLO is the name we give for ourselves.
	EHLO string `yaml:"ehlo"`
	// Username and Password are shown by AUTH PLAIN or LOGIN (RFC 4954), never
	// without TLS except to this machine itself.
	Username string        `yaml:"username"`
	Password secret.Secret `yaml:"password"`
	// From and To are the sender and recipients of the envelope. The server is
	// asked whether it would take them; then all is reset.
	From string   `yaml:"from"`
	To   []string `yaml:"to"`
	// Send has a short message delivered to To, at every run.
	Send bool `yaml:"send"`
}

// The choices of Options.StartTLS.
const (
	Offered  = "offered"  // where the server offers it
	Required = "required" // or else the run fails
	Never    = "never"
)

// plan is what the settings come to.
type plan struct {
	*Options
	host, port string
	tls        *tls.Config
}

// Check implements probes.Options.
func (o *Options) Check(s probes.Setting) []probes.Problem {
	_, c := o.compile(s)
	return c.Problems
}

func (o *Options) address() (host, port string, err error) {
	port = "25"
	if o.Encrypted {
		port = "465"
	}
	if o.Address == "" {
		return "", "", fmt.Errorf("missing; write HOST or HOST:PORT")
	}
	return dial.Split(o.Address, port)
}

// UsesNodes implements probes.NodeAware.
func (o *Options) UsesNodes(s probes.Setting) bool {
	host, _, err := o.address()
	return err == nil && dial.IsProviders(host, s.Provider)
}

func (o *Options) compile(s probes.Setting) (*plan, *dial.Checker) {
	c := &dial.Checker{}
	o.Common.Check(c, s)
	pl := &plan{Options: o}
	var err error
	if pl.host, pl.port, err = o.address(); err != nil {
		c.Wrong("address", "%v", err)
	}
	if pl.tls, err = dial.Config(dial.TLSSettings(o.TLS, s.Provider, pl.host), pl.host); err != nil {
		c.Wrong("tls", "%v", err)
	}
	c.OneOf("starttls", o.StartTLS, Offered, Required, Never)
	if o.Encrypted && o.StartTLS == Required {
		c.Wrong("starttls", "encrypted begins TLS at once, so there is none left to begin; keep one of them")
	}
	if o.EHLO == "" || strings.ContainsAny(o.EHLO, " \r\n\t") {
		c.Wrong("ehlo", "%q is not a host name or address literal", o.EHLO)
	}
	pl.checkAuth(c)
	pl.checkEnvelope(c, s)
	return pl, c
}

func (pl *plan) checkAuth(c *dial.Checker) {
	switch {
	case pl.Username == "" && pl.Password.IsSet():
		c.Wrong("username", "missing; the password is somebody's")
	case pl.Username != "" && !pl.Password.IsSet():
		c.Wrong("password", "missing; set password_file")
	case pl.Username != "" && strings.ContainsAny(pl.Username, "\x00\r\n"):
		c.Wrong("username", "it has a line break in it")
	case pl.Username != "" && !pl.Encrypted && pl.StartTLS == Never && !dial.IsLoopback(pl.host):
		c.Wrong("starttls", "the password would travel unencrypted; set starttls: required, or encrypted: true")
	}
}

const maxRecipients = 20

func (pl *plan) checkEnvelope(c *dial.Checker, s probes.Setting) {
	if pl.From != "" && !mailbox(pl.From) {
		c.Wrong("from", "%q is not an address such as probe@example.com", pl.From)
	}
	for i, to := range pl.To {
		if !mailbox(to) {
			c.Wrong(fmt.Sprintf("to[%d]", i), "%q is not an address such as probe@example.com", to)
		}
	}
	if len(pl.To) > maxRecipients {
		c.Wrong("to", "%d recipients; use at most %d", len(pl.To), maxRecipients)
	}
	if len(pl.To) > 0 && pl.From == "" {
		c.Wrong("from", "missing; recipients are named after a sender")
	}
	if pl.Send && len(pl.To) == 0 {
		c.Wrong("to", "missing; somebody has to get the message that send sends")
	}
	const often = 60 // seconds
	if pl.Send && s.Every.Seconds() > 0 && s.Every.Seconds() < often {
		c.Doubtful("send", "a message every %s fills a mailbox; run this probe less often", s.Every)
	}
}

// mailbox tells whether an address can stand in an envelope as it is.
func mailbox(s string) bool {
	at := strings.LastIndex(s, "@")
	return at > 0 && at < len(s)-1 && len(s) <= 254 && !strings.ContainsAny(s, "<> \t\r\n\x00")
}
