// Package starttls asks servers of several protocols to begin TLS on a
// connection that is open already. It sends nothing but what that takes.
//
// The handshake itself is package dial's.
package starttls

import (
	"bufio"
	"context"
	"io"
	"maps"
	"slices"

	"github.com/idp-exporter/idp_exporter/probes"
	"github.com/idp-exporter/idp_exporter/probes/internal/dial"
)

// Step is the name of the step in which a server is asked to begin TLS.
const Step = "starttls"

// The bounds of what a server says before TLS begins.
const (
	maxLine  = 4 << 10 // bytes
	maxLines = 100     // of one answer
	maxXML   = 8 << 10 // bytes
	maxLDAP  = 4 << 10 // bytes
)

type protocol struct {
	port string
	ask  func(c *conversation, host string) error
}

func protocols() map[string]protocol {
	return map[string]protocol{
		"ftp":         {"21", ftp},
		"imap":        {"143", imap},
		"ldap":        {"389", ldap},
		"pop3":        {"110", pop3},
		"postgres":    {"5432", postgres},
		"smtp":        {"25", smtp},
		"xmpp":        {"5222", func(c *conversation, host string) error { return xmpp(c, host, "jabber:client") }},
		"xmpp-server": {"5269", func(c *conversation, host string) error { return xmpp(c, host, "jabber:server") }},
	}
}

// Protocols lists the protocols that are known, sorted.
func Protocols() []string { return slices.Sorted(maps.Keys(protocols())) }

// Port returns the port a protocol is served on, empty for an unknown one.
func Port(name string) string { return protocols()[name].port }

// Ask does the step starttls: it asks the server to begin TLS. The host is the
// one users know the server by. Errors are of type *probes.Failure.
func Ask(ctx context.Context, r *probes.Run, c io.ReadWriter, name, host string) error {
	return r.Step(Step, func() error {
		p, ok := protocols()[name]
		if !ok {
			return probes.Failf(probes.ReasonInternal, "no protocol %q", name)
		}
		talk := &conversation{in: bufio.NewReaderSize(c, maxLine), out: c}
		if err := p.ask(talk, host); err != nil {
			return dial.Failure(ctx, err)
		}
		// What came before the handshake could be taken for part of what is
		// said under its protection (RFC 3207, 6; CVE-2011-0411).
		if talk.in.Buffered() > 0 {
			return probes.Failf(probes.ReasonBadResponse, "the server sent more than its consent to TLS")
		}
		return nil
	})
}
