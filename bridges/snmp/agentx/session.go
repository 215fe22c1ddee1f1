package agentx

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"time"

	"github.com/idp-exporter/idp_exporter/bridges/snmp/mib"
)

const (
	// patience is how long the master may take for an answer or for the rest
	// of a PDU.
	patience = 10 * time.Second
	// masterPatience is how long the master is to wait for us, in seconds.
	masterPatience = 5
	// priority is that of registrations (RFC 2741, section 6.2.3, the default).
	priority = 127
	// byShutdown is why a session ends (RFC 2741, section 6.2.2).
	byShutdown = 5
)

// session is one connection with the master.
type session struct {
	conn   net.Conn
	cache  *mib.Cache
	id     uint32
	packet uint32
}

// open opens the session and registers the region.
func (s *session) open(ctx context.Context, region mib.OID, description string) error {
	b := appendOID([]byte{masterPatience, 0, 0, 0}, region)
	h, err := s.call(ctx, typeOpen, appendOctets(b, description))
	if err != nil {
		return fmt.Errorf("open: %w", err)
	}
	s.id = h.session
	b = appendOID([]byte{masterPatience, priority, 0, 0}, region)
	if _, err := s.call(ctx, typeRegister, b); err != nil {
		return fmt.Errorf("register %s: %w", region, err)
	}
	return nil
}

// close takes leave, without waiting for an answer.
func (s *session) close() {
	s.packet++
	_ = s.write(header{kind: typeClose, session: s.id, packet: s.packet}, []byte{byShutdown, 0, 0, 0})
	_ = s.conn.Close()
}

// call sends a PDU and waits for its response.
func (s *session) call(ctx context.Context, kind byte, payload []byte) (header, error) {
	s.packet++
	if err := s.write(header{kind: kind, session: s.id, packet: s.packet}, payload); err != nil {
		return header{}, err
	}
	h, payload, err := s.read(ctx, patience)
	if err != nil {
		return h, err
	}
	if h.kind != typeResponse || h.packet != s.packet {
		return h, errMalformed
	}
	return h, failure(h, payload)
}

// failure is the error that a response tells of.
func failure(h header, payload []byte) error {
	if len(payload) < 8 {
		return errMalformed
	}
	switch status := h.order().Uint16(payload[4:]); status {
	case noError:
		return nil
	case 256:
		return errors.New("the master did not open a session (openFailed)")
	case 257:
		return errors.New("the master has lost the session (notOpen)")
	case 263:
		return errors.New("another agent serves this part of the tree (duplicateRegistration); is another exporter running here? Give one another base_oid")
	case 267:
		return errors.New("the master denied it (requestDenied)")
	default:
		return fmt.Errorf("the master answered with error %d", status)
	}
}

func (s *session) write(h header, payload []byte) error {
	if err := s.conn.SetWriteDeadline(time.Now().Add(patience)); err != nil {
		return err
	}
	_, err := s.conn.Write(h.pdu(payload))
	return err
}

// read reads one PDU. Where nothing at all comes in the given time the error
// is os.ErrDeadlineExceeded.
func (s *session) read(ctx context.Context, wait time.Duration) (header, []byte, error) {
	var b [headerSize]byte
	if err := s.wait(ctx, wait); err != nil {
		return header{}, nil, err
	}
	if _, err := io.ReadFull(s.conn, b[:1]); err != nil {
		return header{}, nil, err
	}
	if err := s.wait(ctx, patience); err != nil {
		return header{}, nil, err
	}
	if _, err := io.ReadFull(s.conn, b[1:]); err != nil {
		return header{}, nil, cut(err)
	}
	h, err := parseHeader(b[:])
	if err != nil {
		return h, nil, err
	}
	payload := make([]byte, h.length)
	if _, err := io.ReadFull(s.conn, payload); err != nil {
		return h, nil, cut(err)
	}
	return h, payload, nil
}

// wait sets how long reading may take. The end of ctx sets a deadline that is
// over, which this must not undo.
func (s *session) wait(ctx context.Context, d time.Duration) error {
	if err := s.conn.SetReadDeadline(time.Now().Add(d)); err != nil {
		return err
	}
	return ctx.Err()
}

// cut tells a PDU that stopped half-way from silence.
func cut(err error) error {
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return errors.New("the master stopped within a PDU")
	}
	return err
}

// serve answers until the session ends. After silence of the given time it
// asks whether the master is still there.
func (s *session) serve(ctx context.Context, silence time.Duration) error {
	asked := false
	for {
		h, payload, err := s.read(ctx, silence)
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case errors.Is(err, os.ErrDeadlineExceeded) && !asked:
			asked = true
			s.packet++
			if err := s.write(header{kind: typePing, session: s.id, packet: s.packet}, nil); err != nil {
				return err
			}
			continue
		case errors.Is(err, os.ErrDeadlineExceeded):
			return errors.New("the master is silent")
		case errors.Is(err, io.EOF):
			return errors.New("the master closed the connection")
		case err != nil:
			return err
		}
		asked = false
		switch h.kind {
		case typeClose:
			return errors.New("the master closed the session")
		case typeResponse: // to a ping
			if err := failure(h, payload); err != nil {
				return err
			}
			continue
		}
		if a, ok := respond(s.cache.Tree(), h, payload); ok {
			if err := s.write(header{kind: typeResponse, session: h.session, transaction: h.transaction, packet: h.packet}, a.payload()); err != nil {
				return err
			}
		}
	}
}
