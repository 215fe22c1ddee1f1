package snmp

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"syscall"
	"time"

	"github.com/gosnmp/gosnmp"

	"github.com/idp-exporter/idp_exporter/bridges"
	"github.com/idp-exporter/idp_exporter/bridges/snmp/mib"
)

const (
	// redial is how long a socket is kept: names and routes change.
	redial = 5 * time.Minute
	// suspicion is how long to listen for a refusal of a receiver that has not
	// been seen to take anything yet.
	suspicion = 50 * time.Millisecond
)

// errSilent says that a receiver did not answer in time.
var errSilent = errors.New("no answer")

// sender delivers to one destination.
type sender struct {
	Destination
	notification
	own  *engine // of v3 traps, nil for all else
	user *user   // nil but for v3
	peer peer    // of v3 informs
	id   uint32  // of the last message

	conn    net.Conn
	dialed  time.Time
	suspect bool // nothing shows that datagrams arrive
	buffer  []byte
}

func newSender(d Destination, model mib.Model, s bridges.Setting, own *engine) (*sender, error) {
	start := s.Start
	if start.IsZero() {
		start = time.Now()
	}
	n := &sender{
		Destination: d, notification: newNotification(model, start, d.MaxSize), own: own,
		id: rand.Uint32(), //nolint:gosec // tells answers apart, no secret
	}
	switch d.Version {
	case v1, v2c:
	case v3:
		n.user = newUser(d.V3)
	default:
		return nil, fmt.Errorf("version %q is not known", d.Version)
	}
	return n, nil
}

// Deliver implements bridges.Deliverer.
func (s *sender) Deliver(ctx context.Context, e bridges.Event) error {
	p, err := s.packet(e)
	if err != nil {
		return err
	}
	if err := s.connect(ctx); err != nil {
		return err
	}
	if s.Inform {
		p.PDUType = gosnmp.InformRequest
		err = s.inform(ctx, p)
	} else {
		err = s.trap(ctx, p)
	}
	if err == nil {
		return nil
	}
	if ctx.Err() != nil && !errors.Is(err, errSilent) {
		err = ctx.Err()
	}
	return fmt.Errorf("%s: %w", s.Address, err)
}

// Close implements bridges.Deliverer.
func (s *sender) Close() error {
	if s.conn == nil {
		return nil
	}
	err := s.conn.Close()
	s.conn = nil
	return err
}

func (s *sender) connect(ctx context.Context) error {
	if s.conn != nil && time.Since(s.dialed) < redial {
		return nil
	}
	_ = s.Close()
	var d net.Dialer
	conn, err := d.DialContext(ctx, "udp", s.Address)
	if err != nil {
		return fmt.Errorf("no way to the receiver: %w", err)
	}
	s.conn, s.dialed, s.suspect = conn, time.Now(), true
	return nil
}

// next returns an identifier of 31 bits that the last messages did not have.
func (s *sender) next() uint32 {
	s.id++
	return s.id & 0x7fffffff
}

func (s *sender) trap(ctx context.Context, p *gosnmp.SnmpPacket) error {
	b, err := s.marshalTrap(p)
	if err != nil {
		return err
	}
	return s.write(ctx, b)
}

func (s *sender) marshalTrap(p *gosnmp.SnmpPacket) ([]byte, error) {
	p.RequestID = s.next()
	switch s.Version {
	case v3:
		who, seconds, err := s.own.now()
		if err != nil {
			return nil, err
		}
		parameters, err := s.user.with(who.id, who.boots, seconds)
		if err != nil {
			return nil, err
		}
		s.user.sign(p, parameters, p.RequestID)
	default:
		if err := s.community(p); err != nil {
			return nil, err
		}
	}
	return s.encode(p)
}

// community makes a packet one of v1 or v2c.
func (s *sender) community(p *gosnmp.SnmpPacket) error {
	community, err := s.Community.Value()
	if err != nil {
		return fmt.Errorf("community: %w", err)
	}
	if len(community) > maxCommunity {
		return fmt.Errorf("community: longer than %d bytes", maxCommunity)
	}
	p.Version, p.Community = gosnmp.Version2c, community
	if s.Version == v1 {
		return asV1(p, s.model.Base, s.localIPv4())
	}
	return nil
}

// localIPv4 is the agent address of v1, 0.0.0.0 where there is none (RFC 3584,
// section 3.2).
func (s *sender) localIPv4() string {
	if s.conn != nil {
		if a, ok := s.conn.LocalAddr().(*net.UDPAddr); ok && a.IP.To4() != nil {
			return a.IP.To4().String()
		}
	}
	return "0.0.0.0"
}

// write sends a trap. Nothing acknowledges it, but where nobody listens the
// network often says so: an earlier datagram's refusal comes with the next
// write, and of a receiver under suspicion it is waited for.
func (s *sender) write(ctx context.Context, b []byte) error {
	_, err := s.conn.Write(b)
	if refused(err) { // an earlier one; this one was not sent
		s.suspect = true
		_, err = s.conn.Write(b)
	}
	if err != nil {
		if !refused(err) {
			_ = s.Close() // another socket may know a way
		}
		return reach(err)
	}
	if !s.suspect {
		return nil
	}
	_, err = s.read(ctx, time.Now().Add(suspicion))
	if refused(err) {
		return reach(err)
	}
	s.suspect = false
	return nil
}

func refused(err error) bool { return errors.Is(err, syscall.ECONNREFUSED) }

// reach explains an error of the socket.
func reach(err error) error {
	if refused(err) {
		return fmt.Errorf("nothing listens there (%w); start the receiver or correct the address", err)
	}
	return fmt.Errorf("no way to the receiver: %w", err)
}

// read waits for one datagram until the deadline, or until ctx ends.
func (s *sender) read(ctx context.Context, deadline time.Time) ([]byte, error) {
	if s.buffer == nil {
		s.buffer = make([]byte, 1<<16)
	}
	if d, ok := ctx.Deadline(); ok && d.Before(deadline) {
		deadline = d
	}
	if err := s.conn.SetReadDeadline(deadline); err != nil {
		return nil, err
	}
	conn := s.conn
	stop := context.AfterFunc(ctx, func() { _ = conn.SetReadDeadline(time.Unix(1, 0)) })
	defer stop()
	n, err := conn.Read(s.buffer)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return nil, errSilent
	}
	if err != nil {
		return nil, err
	}
	return bytes.Clone(s.buffer[:n]), nil
}
