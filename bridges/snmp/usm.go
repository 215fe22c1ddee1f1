package snmp

import (
	"crypto/rand"
	"encoding/binary"
	"fmt"

	"github.com/gosnmp/gosnmp"
)

// user is one user of the User-based Security Model, with the keys that belong
// to one engine. Deriving keys takes milliseconds (RFC 3414, appendix A.2), so
// they are kept until a password or the engine changes.
type user struct {
	settings V3
	level    gosnmp.SnmpV3MsgFlags
	salt     uint64 // of the next message

	engine     string
	auth, priv string
	keys       *gosnmp.UsmSecurityParameters
}

func newUser(v V3) *user {
	var b [8]byte
	_, _ = rand.Read(b[:])
	return &user{settings: v, level: levels[v.SecurityLevel], salt: binary.BigEndian.Uint64(b[:])}
}

// with returns the user's parameters for a message of the given engine. They
// serve until the next call.
func (u *user) with(engine string, boots, seconds uint32) (*gosnmp.UsmSecurityParameters, error) {
	auth, err := u.settings.AuthPassword.Value()
	if err != nil {
		return nil, fmt.Errorf("auth_password: %w", err)
	}
	priv, err := u.settings.PrivPassword.Value()
	if err != nil {
		return nil, fmt.Errorf("priv_password: %w", err)
	}
	if u.keys == nil || u.engine != engine || u.auth != auth || u.priv != priv {
		keys := u.parameters(engine, auth, priv)
		if err := keys.InitSecurityKeys(); err != nil {
			return nil, fmt.Errorf("keys of user %s: %w", u.settings.User, err)
		}
		u.engine, u.auth, u.priv, u.keys = engine, auth, priv, keys
	}
	u.keys.AuthoritativeEngineBoots, u.keys.AuthoritativeEngineTime = boots, seconds
	u.season(boots)
	return u.keys, nil
}

func (u *user) parameters(engine, auth, priv string) *gosnmp.UsmSecurityParameters {
	p := &gosnmp.UsmSecurityParameters{
		UserName: u.settings.User, AuthoritativeEngineID: engine,
		AuthenticationProtocol: gosnmp.NoAuth, PrivacyProtocol: gosnmp.NoPriv,
	}
	if u.level&gosnmp.AuthNoPriv != 0 {
		p.AuthenticationProtocol, p.AuthenticationPassphrase = authProtocols[u.settings.AuthProtocol], auth
	}
	if u.level == gosnmp.AuthPriv {
		p.PrivacyProtocol, p.PrivacyPassphrase = privProtocols[u.settings.PrivProtocol], priv
	}
	return p
}

// season sets a salt that no message had before (RFC 3414, section 8.1.1.1;
// RFC 3826, section 3.1.2.1).
func (u *user) season(boots uint32) {
	if u.level != gosnmp.AuthPriv {
		return
	}
	u.salt++
	salt := make([]byte, 8)
	binary.BigEndian.PutUint64(salt, u.salt)
	if u.keys.PrivacyProtocol == gosnmp.DES {
		binary.BigEndian.PutUint32(salt, boots)
	}
	u.keys.PrivacyParameters = salt
}

// sign makes a packet one of v3.
func (u *user) sign(p *gosnmp.SnmpPacket, parameters *gosnmp.UsmSecurityParameters, id uint32) {
	p.Version, p.SecurityModel = gosnmp.Version3, gosnmp.UserSecurityModel
	p.MsgFlags, p.SecurityParameters = u.level, parameters
	p.ContextEngineID, p.ContextName = parameters.AuthoritativeEngineID, u.settings.Context
	p.MsgID, p.MsgMaxSize = id, maxSize
}
