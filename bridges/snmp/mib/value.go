package mib

import (
	"encoding/binary"
	"time"

	"github.com/idp-exporter/idp_exporter/bridges"
	"github.com/idp-exporter/idp_exporter/probes"
)

// Kind is the type of a Value. The numbers are the BER tags of RFC 3416,
// section 3, which AgentX uses too (RFC 2741, section 5.4).
type Kind byte

// The kinds of values.
const (
	Integer          Kind = 0x02
	OctetString      Kind = 0x04
	ObjectIdentifier Kind = 0x06
	Gauge32          Kind = 0x42 // also Unsigned32
	TimeTicks        Kind = 0x43
)

// Value is the value of one variable. Number serves Integer, Gauge32 and
// TimeTicks, Octets serves OctetString and OID serves ObjectIdentifier.
type Value struct {
	Kind   Kind
	Number uint32 // an Integer here is never negative
	Octets string
	OID    OID
}

func integer(n uint32) Value { return Value{Kind: Integer, Number: n} }

// Gauge returns a Gauge32, which stops at its maximum (RFC 2578, section 7.1.7).
func Gauge(n int) Value {
	return Value{Kind: Gauge32, Number: uint32(min(max(n, 0), 1<<32-1))} //nolint:gosec // bounded
}

// Int returns an INTEGER of 0 to 2147483647; what is beyond becomes the nearest.
func Int(n int) Value {
	return integer(uint32(min(max(n, 0), 1<<31-1))) //nolint:gosec // bounded
}

// Octets returns an OCTET STRING.
func Octets(s string) Value { return Value{Kind: OctetString, Octets: s} }

// Identifier returns an OBJECT IDENTIFIER.
func Identifier(o OID) Value { return Value{Kind: ObjectIdentifier, OID: o} }

// Ticks returns a TimeTicks: hundredths of a second, which begin anew after 497 days.
func Ticks(d time.Duration) Value { return Value{Kind: TimeTicks, Number: UpTime(d)} }

// UpTime converts a duration to hundredths of a second modulo 2^32, as
// sysUpTime counts (RFC 3418).
func UpTime(d time.Duration) uint32 {
	return uint32(max(d, 0) / (10 * time.Millisecond)) //nolint:gosec // modulo is meant
}

// date returns a DateAndTime (RFC 2579) in UTC, or its all-zero form for a time
// that is not known.
func date(t time.Time) Value {
	var b [11]byte
	if t.IsZero() {
		return Octets(string(b[:8]))
	}
	t = t.UTC()
	binary.BigEndian.PutUint16(b[:], uint16(t.Year())) //nolint:gosec // a year
	b[2], b[3], b[4] = byte(t.Month()), byte(t.Day()), byte(t.Hour())
	b[5], b[6], b[7] = byte(t.Minute()), byte(t.Second()), byte(t.Nanosecond()/int(100*time.Millisecond))
	b[8] = '+'
	return Octets(string(b[:]))
}

// severity returns the number of a perceived severity in ITU-ALARM-TC-MIB
// (RFC 3877).
func severity(s probes.Severity) Value { return Int(bridges.ConsoleOf(s).ITU) }

func verdict(o probes.Outcome) Value {
	switch o {
	case probes.Pass:
		return integer(1)
	case probes.Warn:
		return integer(2)
	case probes.Fail:
		return integer(3)
	default:
		return integer(4)
	}
}

// truth returns a TruthValue (RFC 2579).
func truth(b bool) Value {
	if b {
		return integer(1)
	}
	return integer(2)
}

// Text returns a DisplayString or SnmpAdminString: one line of at most 255 octets.
func Text(s string) Value { return Octets(line(s, shortLimit)) }
