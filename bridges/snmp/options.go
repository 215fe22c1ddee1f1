package snmp

import (
	"strings"
	"time"

	"github.com/gosnmp/gosnmp"

	"github.com/idp-exporter/idp_exporter/bridges/internal/dial"
	"github.com/idp-exporter/idp_exporter/internal/secret"
)

// The versions of SNMP.
const (
	v1  = "v1"
	v2c = "v2c"
	v3  = "v3"
)

// The security levels of RFC 3411, section 3.4.3.
const (
	noAuth   = "noAuthNoPriv"
	authOnly = "authNoPriv"
	authPriv = "authPriv"
)

const (
	defaultPort    = "162"
	defaultTimeout = 5 * time.Second
	defaultRetries = 2
	defaultSize    = 1400
	// minSize is what every receiver takes (RFC 3417, section 3.2), maxSize
	// what a UDP datagram holds.
	minSize, maxSize = 484, 65507
)

// Options are the settings of one bridge of this kind.
type Options struct {
	// Destinations are the receivers. Each gets every event.
	Destinations []Destination `yaml:"destinations"`
}

// Destination is one receiver of notifications.
type Destination struct {
	// Name is shown in metrics; without one it is the address.
	Name string `yaml:"name"`
	// Address is a host or host:port; the port is 162 if none is given.
	Address string `yaml:"address"`
	// Version is v1, v2c (the default) or v3.
	Version string `yaml:"version"`
	// Community is sent with v1 and v2c; public if none is given.
	Community secret.Secret `yaml:"community"`
	// Inform asks the receiver for an acknowledgement, which v1 does not have.
	Inform bool `yaml:"inform"`
	V3     V3   `yaml:"v3"`
	// Timeout is how long to wait for each answer to an inform (5s), Retries
	// how often an inform is repeated before the delivery failed (2).
	Timeout time.Duration `yaml:"timeout"`
	Retries *int          `yaml:"retries"`
	// MaxSize bounds a message, in bytes: 1400 if not given, at least 484.
	MaxSize int `yaml:"max_size"`
}

// V3 is a user of the User-based Security Model (RFC 3414).
type V3 struct {
	User string `yaml:"user"`
	// AuthProtocol is MD5, SHA, SHA224, SHA256 (the default), SHA384 or SHA512.
	AuthProtocol string        `yaml:"auth_protocol"`
	AuthPassword secret.Secret `yaml:"auth_password"`
	// PrivProtocol is DES, AES (the default), AES192, AES256, or AES192C and
	// AES256C, which lengthen the key in another way.
	PrivProtocol string        `yaml:"priv_protocol"`
	PrivPassword secret.Secret `yaml:"priv_password"`
	// Context is the contextName of RFC 3411, empty as a rule.
	Context string `yaml:"context"`
	// SecurityLevel is noAuthNoPriv, authNoPriv or authPriv; without one it is
	// what the given passwords allow.
	SecurityLevel string `yaml:"security_level"`
}

var authProtocols = map[string]gosnmp.SnmpV3AuthProtocol{
	"MD5": gosnmp.MD5, "SHA": gosnmp.SHA, "SHA1": gosnmp.SHA, "SHA224": gosnmp.SHA224,
	"SHA256": gosnmp.SHA256, "SHA384": gosnmp.SHA384, "SHA512": gosnmp.SHA512,
}

var privProtocols = map[string]gosnmp.SnmpV3PrivProtocol{
	"DES": gosnmp.DES, "AES": gosnmp.AES, "AES128": gosnmp.AES, "AES192": gosnmp.AES192,
	"AES256": gosnmp.AES256, "AES192C": gosnmp.AES192C, "AES256C": gosnmp.AES256C,
}

var levels = map[string]gosnmp.SnmpV3MsgFlags{
	noAuth: gosnmp.NoAuthNoPriv, authOnly: gosnmp.AuthNoPriv, authPriv: gosnmp.AuthPriv,
}

// settled returns the settings with defaults in place of what was left out,
// whole but for the address where that is none.
func (d Destination) settled() (Destination, error) {
	d.Name = or(d.Name, d.Address)
	d.Version = or(d.Version, v2c)
	if !d.Community.IsSet() && d.Version != v3 {
		d.Community = secret.New("public")
	}
	if d.Timeout == 0 {
		d.Timeout = defaultTimeout
	}
	if d.Retries == nil {
		n := defaultRetries
		d.Retries = &n
	}
	if d.MaxSize == 0 {
		d.MaxSize = defaultSize
	}
	d.V3 = d.V3.settled()
	address, err := dial.WithPort(d.Address, defaultPort)
	if err != nil {
		return d, err
	}
	d.Address = address
	return d, nil
}

func (v V3) settled() V3 {
	v.AuthProtocol = protocol(v.AuthProtocol, "SHA256")
	v.PrivProtocol = protocol(v.PrivProtocol, "AES")
	if v.SecurityLevel == "" {
		switch {
		case v.PrivPassword.IsSet():
			v.SecurityLevel = authPriv
		case v.AuthPassword.IsSet():
			v.SecurityLevel = authOnly
		default:
			v.SecurityLevel = noAuth
		}
	}
	return v
}

func or(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}

// protocol takes the names of protocols as people write them, such as sha-256.
func protocol(s, otherwise string) string {
	return strings.ToUpper(strings.ReplaceAll(or(s, otherwise), "-", ""))
}
