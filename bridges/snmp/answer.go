package snmp

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/gosnmp/gosnmp"
)

// The counters that reports name (RFC 3414, section 5; RFC 3412, section 5).
const (
	unsupportedLevel = ".1.3.6.1.6.3.15.1.1.1.0"
	notInWindow      = ".1.3.6.1.6.3.15.1.1.2.0"
	unknownUser      = ".1.3.6.1.6.3.15.1.1.3.0"
	unknownEngine    = ".1.3.6.1.6.3.15.1.1.4.0"
	wrongDigest      = ".1.3.6.1.6.3.15.1.1.5.0"
	undecryptable    = ".1.3.6.1.6.3.15.1.1.6.0"
)

// judge tells whether a datagram answers the inform p: done is an
// acknowledgement, an error is what the receiver said instead. Anything else,
// such as a late answer to another message, is neither.
func (s *sender) judge(p *gosnmp.SnmpPacket, answer []byte) (done bool, err error) {
	r, parameters := s.authentic(answer)
	if r == nil {
		if s.Version == v3 {
			return false, s.refusal(p, answer)
		}
		return false, nil
	}
	if s.Version == v3 && r.PDUType == gosnmp.Report {
		if r.MsgID != p.MsgID {
			return false, nil
		}
		return false, s.report(r, parameters)
	}
	// An acknowledgement counts whichever repetition it is of: those of a slow
	// receiver all come late.
	switch {
	case r.PDUType != gosnmp.GetResponse || r.RequestID != p.RequestID:
		return false, nil
	case r.Error == gosnmp.TooBig:
		return false, errors.New("the receiver finds the inform too big; lower max_size")
	case r.Error != gosnmp.NoError:
		return false, fmt.Errorf("the receiver answered the inform with error %s", r.Error)
	}
	return true, nil
}

// authentic decodes an answer, and for v3 only one that the receiver signed as
// the user's security level asks. It returns nil for any other.
func (s *sender) authentic(answer []byte) (r *gosnmp.SnmpPacket, parameters *gosnmp.UsmSecurityParameters) {
	defer func() { // the decoder is not ours and the datagram may come from anybody
		if recover() != nil {
			r, parameters = nil, nil
		}
	}()
	if s.Version != v3 {
		r, err := (&gosnmp.GoSNMP{Version: gosnmp.Version2c}).SnmpDecodePacket(answer)
		if err != nil || r.Version != gosnmp.Version2c {
			return nil, nil
		}
		return r, nil
	}
	decoder := &gosnmp.GoSNMP{
		Version: gosnmp.Version3, SecurityModel: gosnmp.UserSecurityModel,
		MsgFlags: s.user.level, SecurityParameters: s.user.keys,
	}
	// Decoding blanks the signature in place.
	r, err := decoder.UnmarshalTrap(bytes.Clone(answer), false)
	if err != nil || r.Version != gosnmp.Version3 {
		return nil, nil
	}
	parameters, ok := r.SecurityParameters.(*gosnmp.UsmSecurityParameters)
	if !ok || parameters.AuthoritativeEngineID != s.peer.id {
		return nil, nil
	}
	return r, parameters
}

// plainReport decodes a report that nobody signed, as the first one of every
// receiver is. It returns nil for anything else.
func plainReport(answer []byte) (r *gosnmp.SnmpPacket, parameters *gosnmp.UsmSecurityParameters) {
	defer func() {
		if recover() != nil {
			r, parameters = nil, nil
		}
	}()
	decoder := &gosnmp.GoSNMP{
		Version: gosnmp.Version3, SecurityModel: gosnmp.UserSecurityModel,
		SecurityParameters: &gosnmp.UsmSecurityParameters{UserName: "-"}, // one has to be given
	}
	r, err := decoder.SnmpDecodePacket(bytes.Clone(answer))
	if err != nil || r.Version != gosnmp.Version3 || r.PDUType != gosnmp.Report || len(r.Variables) != 1 {
		return nil, nil
	}
	parameters, ok := r.SecurityParameters.(*gosnmp.UsmSecurityParameters)
	if !ok {
		return nil, nil
	}
	return r, parameters
}

// refusal reads a report that nobody signed. It is no proof, but only who saw
// the message knows its number, and refusing needs no key.
func (s *sender) refusal(p *gosnmp.SnmpPacket, answer []byte) error {
	r, _ := plainReport(answer)
	if r == nil || r.MsgID != p.MsgID {
		return nil
	}
	// A receiver that lost its clock would sign this; unsigned it says nothing.
	if r.Variables[0].Name == notInWindow {
		return nil
	}
	return s.report(r, nil)
}

// report explains a report. Parameters are nil where nobody signed it.
func (s *sender) report(r *gosnmp.SnmpPacket, parameters *gosnmp.UsmSecurityParameters) error {
	if len(r.Variables) != 1 {
		return errors.New("the receiver answered the inform with an empty report")
	}
	switch name := r.Variables[0].Name; name {
	case notInWindow:
		if parameters != nil {
			s.synchronize(parameters)
		}
		return errWindow
	case unknownEngine:
		return errEngine
	case unsupportedLevel:
		return fmt.Errorf("the receiver does not take security level %s from user %s; correct security_level, or the user there", s.V3.SecurityLevel, s.V3.User)
	case unknownUser:
		return fmt.Errorf("the receiver does not know user %s; create it there", s.V3.User)
	case wrongDigest:
		return fmt.Errorf("the receiver finds the signature of user %s wrong; compare auth_protocol and auth_password with its own", s.V3.User)
	case undecryptable:
		return fmt.Errorf("the receiver cannot decrypt the inform; compare priv_protocol and priv_password of user %s with its own", s.V3.User)
	default:
		return fmt.Errorf("the receiver answered the inform with report %s", name)
	}
}
