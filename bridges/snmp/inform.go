package snmp

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/gosnmp/gosnmp"
)

// peer is the receiver's engine, which is authoritative for informs (RFC 3414,
// section 1.5.1).
type peer struct {
	id             string // empty until it was discovered
	boots, seconds uint32
	seen           time.Time // when seconds was right
}

// now is the receiver's engine time by our clock.
func (p peer) now() uint32 {
	return p.seconds + uint32(time.Since(p.seen)/time.Second) //nolint:gosec // good for 136 years
}

// What a receiver may say instead of an acknowledgement.
var (
	errWindow = errors.New("the receiver's clock is another")
	errEngine = errors.New("the receiver's engine is another")
)

// inform sends a packet until the receiver acknowledges it. A receiver that
// was restarted or replaced is discovered anew, once.
func (s *sender) inform(ctx context.Context, p *gosnmp.SnmpPacket) error {
	p.RequestID = s.next()
	var renewed, timed bool
	for try := 0; ; {
		err := s.attempt(ctx, p)
		switch {
		case err == nil:
			return nil
		case errors.Is(err, errWindow) && !timed:
			timed = true
		case errors.Is(err, errEngine) && !renewed:
			s.peer, renewed, timed = peer{}, true, false
		case errors.Is(err, errSilent) && try < *s.Retries && ctx.Err() == nil:
			try++
		default:
			s.peer = peer{} // ask again next time, whatever it was
			if errors.Is(err, errSilent) {
				err = fmt.Errorf("%w within %v, asked %d times; is the receiver up, does it take informs, and does it know the %s?", err, s.Timeout, try+1, s.credential())
			}
			return err
		}
	}
}

func (s *sender) credential() string {
	if s.Version == v3 {
		return "user " + s.V3.User
	}
	return "community"
}

// attempt sends the packet once and waits for the answer.
func (s *sender) attempt(ctx context.Context, p *gosnmp.SnmpPacket) error {
	if s.Version != v3 {
		if err := s.community(p); err != nil {
			return err
		}
	} else {
		if s.peer.id == "" {
			if err := s.discover(ctx); err != nil {
				return err
			}
		}
		parameters, err := s.user.with(s.peer.id, s.peer.boots, s.peer.now())
		if err != nil {
			return err
		}
		s.user.sign(p, parameters, s.next())
		p.MsgFlags |= gosnmp.Reportable
	}
	b, err := s.encode(p)
	if err != nil {
		return err
	}
	return s.exchange(ctx, b, func(answer []byte) (bool, error) { return s.judge(p, answer) })
}

// discover asks for the receiver's engine (RFC 3414, section 4).
func (s *sender) discover(ctx context.Context) error {
	question := &gosnmp.SnmpPacket{
		Version: gosnmp.Version3, SecurityModel: gosnmp.UserSecurityModel,
		MsgFlags: gosnmp.NoAuthNoPriv | gosnmp.Reportable, PDUType: gosnmp.GetRequest,
		SecurityParameters: &gosnmp.UsmSecurityParameters{},
		RequestID:          s.next(), MsgID: s.next(), MsgMaxSize: maxSize,
	}
	b, err := question.MarshalMsg()
	if err != nil {
		return err
	}
	return s.exchange(ctx, b, func(answer []byte) (bool, error) {
		r, parameters := plainReport(answer)
		if r == nil || r.MsgID != question.MsgID {
			return false, nil
		}
		if n := len(parameters.AuthoritativeEngineID); n < 5 || n > 32 {
			return false, nil
		}
		s.synchronize(parameters)
		return true, nil
	})
}

func (s *sender) synchronize(p *gosnmp.UsmSecurityParameters) {
	s.peer = peer{p.AuthoritativeEngineID, p.AuthoritativeEngineBoots, p.AuthoritativeEngineTime, time.Now()}
}

// exchange writes b and hands what comes back to judge until it is satisfied
// or the time is over.
func (s *sender) exchange(ctx context.Context, b []byte, judge func([]byte) (bool, error)) error {
	if _, err := s.conn.Write(b); err != nil {
		if !refused(err) {
			_ = s.Close()
			return reach(err)
		}
		if _, err := s.conn.Write(b); err != nil { // the first told of an earlier datagram
			return reach(err)
		}
	}
	deadline := time.Now().Add(s.Timeout)
	for {
		answer, err := s.read(ctx, deadline)
		if errors.Is(err, errSilent) {
			return err
		}
		if err != nil {
			return reach(err)
		}
		if done, err := judge(answer); done || err != nil {
			return err
		}
	}
}
