package starttls

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"

	ber "github.com/go-asn1-ber/asn1-ber"
	ldapv3 "github.com/go-ldap/ldap/v3"

	"github.com/idp-exporter/idp_exporter/probes"
)

// smtp is RFC 3207.
func smtp(c *conversation, _ string) error {
	if _, err := c.want("220", "greeting"); err != nil {
		return err
	}
	if err := c.say("EHLO idp-exporter.invalid"); err != nil {
		return err
	}
	lines, err := c.want("250", "EHLO")
	if err != nil {
		return err
	}
	if !offers(lines) {
		return notOffered()
	}
	if err := c.say("STARTTLS"); err != nil {
		return err
	}
	_, err = c.want("220", "STARTTLS")
	return err
}

func offers(lines []string) bool {
	for _, l := range lines {
		if len(l) > 4 && strings.EqualFold(strings.TrimSpace(l[4:]), "STARTTLS") {
			return true
		}
	}
	return false
}

// ftp is RFC 4217, 4.
func ftp(c *conversation, _ string) error {
	if _, err := c.want("220", "greeting"); err != nil {
		return err
	}
	if err := c.say("AUTH TLS"); err != nil {
		return err
	}
	_, err := c.want("234", "AUTH TLS")
	return err
}

// imap is RFC 3501, 6.2.1.
func imap(c *conversation, _ string) error {
	greeting, err := c.hear()
	if err != nil {
		return err
	}
	if !strings.HasPrefix(greeting, "* OK") {
		return refused("greeting", greeting)
	}
	if err := c.say("a STARTTLS"); err != nil {
		return err
	}
	for range maxLines {
		line, err := c.hear()
		switch {
		case err != nil:
			return err
		case strings.HasPrefix(line, "* "): // untagged, of no concern here
		case strings.HasPrefix(line, "a OK"):
			return nil
		default:
			return refused("STARTTLS", line)
		}
	}
	return probes.Failf(probes.ReasonTooLarge, "the server sent more than %d lines", maxLines)
}

// pop3 is RFC 2595, 4.
func pop3(c *conversation, _ string) error {
	for _, what := range []string{"greeting", "STLS"} {
		if what == "STLS" {
			if err := c.say(what); err != nil {
				return err
			}
		}
		line, err := c.hear()
		if err != nil {
			return err
		}
		if !strings.HasPrefix(line, "+OK") {
			return refused(what, line)
		}
	}
	return nil
}

// postgres sends an SSLRequest, which is answered by one byte (PostgreSQL
// protocol 3.0, message flow, SSL session encryption).
func postgres(c *conversation, _ string) error {
	if _, err := c.out.Write([]byte{0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f}); err != nil {
		return err
	}
	answer, err := c.in.ReadByte()
	switch {
	case err != nil:
		return err
	case answer == 'S':
		return nil
	case answer == 'N':
		return probes.Failf(probes.ReasonTLS, "the server does not do TLS")
	default:
		return probes.Failf(probes.ReasonBadResponse, "the server answered an SSLRequest with %q", answer)
	}
}

// ldap sends the extended operation StartTLS (RFC 4511, 4.14) as message 1.
func ldap(c *conversation, _ string) error {
	const oid = "1.3.6.1.4.1.1466.20037"
	request := append([]byte{0x30, 0x1d, 0x02, 0x01, 0x01, 0x77, 0x18, 0x80, 0x16}, oid...)
	if _, err := c.out.Write(request); err != nil {
		return err
	}
	if first, err := c.in.Peek(1); err != nil {
		return err
	} else if first[0] != request[0] { // a SEQUENCE
		return probes.Failf(probes.ReasonBadResponse, "the server's answer to StartTLS is not LDAP: it begins with %q", first)
	}
	packet, err := ber.ReadPacket(io.LimitReader(c.in, maxLDAP))
	if err != nil {
		if typed := new(net); errors.As(err, typed) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF) {
			return err
		}
		return probes.Failf(probes.ReasonBadResponse, "the server's answer to StartTLS is not LDAP: %s", probes.Foreign(err.Error(), 100))
	}
	if err := ldapv3.GetLDAPError(packet); err != nil {
		var known *ldapv3.Error
		if errors.As(err, &known) && known.ResultCode < ldapv3.ErrorNetwork {
			return probes.Failf(probes.ReasonUnexpectedReply, "StartTLS: %s", probes.Foreign(err.Error(), 200))
		}
		return probes.Failf(probes.ReasonBadResponse, "the server's answer to StartTLS is not LDAP: %s", probes.Foreign(err.Error(), 100))
	}
	return nil
}

// net is what errors of connections have in common.
type net interface {
	error
	Timeout() bool
}

// The parts of an XMPP stream that are waited for (RFC 6120, 5.4.2).
var (
	xmppFeatures = regexp.MustCompile(`(?s)<(?:\w+:)?features[\s/>].*?(?:</(?:\w+:)?features\s*>)`)
	xmppStartTLS = regexp.MustCompile(`<(?:\w+:)?starttls[\s/>]`)
	xmppAnswer   = regexp.MustCompile(`<(?:\w+:)?(proceed|failure)[\s/][^>]*>(?:\s*</(?:\w+:)?failure\s*>)?`)
)

func xmpp(c *conversation, host, namespace string) error {
	var to strings.Builder
	if err := xml.EscapeText(&to, []byte(host)); err != nil {
		return err
	}
	if _, err := fmt.Fprintf(c.out, "<?xml version='1.0'?><stream:stream xmlns='%s' xmlns:stream='http://etherx.jabber.org/streams' to='%s' version='1.0'>",
		namespace, to.String()); err != nil {
		return err
	}
	features, err := c.until(xmppFeatures, "features")
	if err != nil {
		return err
	}
	if !xmppStartTLS.MatchString(features) {
		return notOffered()
	}
	if _, err := io.WriteString(c.out, "<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>"); err != nil {
		return err
	}
	answer, err := c.until(xmppAnswer, "proceed", "failure")
	if err != nil {
		return err
	}
	if !strings.Contains(answer, "proceed") {
		return refused("starttls", answer)
	}
	return nil
}

// until reads up to the end of what matches, whose last tag has one of the words
// in it, and returns that.
func (c *conversation) until(re *regexp.Regexp, words ...string) (string, error) {
	const tag = 100 // bytes, in which the last tag is looked for
	var got []byte
	for len(got) < maxXML {
		b, err := c.in.ReadByte()
		if err != nil {
			return "", err
		}
		if got = append(got, b); b != '>' {
			continue
		}
		end := string(got[max(0, len(got)-tag):])
		if !slices.ContainsFunc(words, func(w string) bool { return strings.Contains(end, w) }) {
			continue
		}
		if m := re.Find(got); m != nil {
			return string(m), nil
		}
	}
	return "", probes.Failf(probes.ReasonTooLarge, "the server sent more than %d bytes without an end", maxXML)
}
