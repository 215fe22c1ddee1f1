package dnsprobe

import (
	"context"
	"errors"
	"net"
	"strings"
	"time"

	"github.com/miekg/dns"

	"github.com/idp-exporter/idp_exporter/probes"
	"github.com/idp-exporter/idp_exporter/probes/internal/dial"
)

// payload is the size of datagrams that we take: larger ones are fragmented on
// the way and get lost (RFC 9715).
const payload = 1232

// maxMessage is the most that a connection brings: one answer with its length
// and TLS around it, in bytes.
const maxMessage = 64<<10 + 2

func (p *probe) question() *dns.Msg {
	m := new(dns.Msg)
	m.SetQuestion(p.name, p.qtype)
	m.RecursionDesired = p.Recursion
	m.AuthenticatedData = p.Authenticated // RFC 6840, 5.7: tell us of AD
	m.SetEdns0(payload, p.Authenticated)
	return m
}

// ask puts the question to one server and returns its answer.
func (p *probe) ask(ctx context.Context, r *probes.Run, s server) (*dns.Msg, error) {
	d := &dial.Dialer{
		Endpoint: dial.At(s.host, s.port, probes.Target{}), Version: p.IPVersion, MaxRead: maxMessage,
	}
	if p.Transport == UDP {
		answer, err := p.askUDP(ctx, r, d)
		if err != nil || !answer.Truncated {
			return answer, err
		}
		// What does not fit into a datagram is asked for again (RFC 7766, 5).
	}
	conn, err := d.Open(ctx, r)
	if err != nil {
		return nil, err
	}
	defer func() { _ = conn.Close() }()
	if s.tls != nil {
		if err := conn.Secure(ctx, r, s.tls); err != nil {
			return nil, err
		}
	}
	var answer *dns.Msg
	err = r.Step(stepQuery, func() error {
		answer, err = p.converse(conn)
		return dial.Failure(ctx, err)
	})
	return answer, err
}

func (p *probe) askUDP(ctx context.Context, r *probes.Run, d *dial.Dialer) (*dns.Msg, error) {
	var answer *dns.Msg
	err := d.AskUDP(ctx, r, stepQuery, func(conn net.Conn, _ time.Duration) error {
		var err error
		answer, err = p.converse(conn)
		return err
	})
	return answer, err
}

// converse puts the question on a connection, and puts it again without EDNS
// where the server does not know that (RFC 6891, 7), as people's resolvers would.
// Without EDNS there is no DNSSEC to ask for.
func (p *probe) converse(conn net.Conn) (*dns.Msg, error) {
	q := p.question()
	answer, err := exchange(conn, q)
	if err != nil || p.Authenticated || answer.Rcode == p.rcode || answer.Rcode != dns.RcodeFormatError && answer.Rcode != dns.RcodeNotImplemented {
		return answer, err
	}
	q.Id, q.Extra = dns.Id(), nil
	return exchange(conn, q)
}

// exchange sends a question and waits for its answer, past answers to others.
func exchange(conn net.Conn, q *dns.Msg) (*dns.Msg, error) {
	c := &dns.Conn{Conn: conn, UDPSize: payload}
	if err := c.WriteMsg(q); err != nil {
		return nil, err
	}
	for {
		raw, err := c.ReadMsgHeader(nil)
		if err != nil {
			if errors.Is(err, dns.ErrShortRead) {
				return nil, probes.Failf(probes.ReasonBadResponse, "the answer is too short to be one")
			}
			return nil, err
		}
		answer, err := parse(raw, q)
		if answer != nil || err != nil {
			return answer, err
		}
		if _, datagrams := conn.(net.PacketConn); !datagrams {
			return nil, probes.Failf(probes.ReasonBadResponse, "the answer belongs to another question")
		}
	}
}

// parse reads a message that came. It returns nothing for one that does not
// answer the question.
func parse(raw []byte, q *dns.Msg) (*dns.Msg, error) {
	m := new(dns.Msg)
	if err := m.Unpack(raw); err != nil {
		if len(raw) < 2 || m.Id != q.Id {
			return nil, nil // somebody else's
		}
		return nil, probes.Failf(probes.ReasonBadResponse, "the answer cannot be read: %v", err)
	}
	if m.Id != q.Id || !m.Response {
		return nil, nil
	}
	// A server that could not read the question, or refuses it, may leave it out.
	if len(m.Question) == 0 && m.Rcode != dns.RcodeSuccess {
		return m, nil
	}
	if len(m.Question) != 1 || m.Question[0].Qtype != q.Question[0].Qtype || m.Question[0].Qclass != q.Question[0].Qclass ||
		!strings.EqualFold(m.Question[0].Name, q.Question[0].Name) {
		return nil, nil
	}
	return m, nil
}
