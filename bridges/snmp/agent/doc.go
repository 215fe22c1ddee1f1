// Package agent is a small SNMP agent for v1 and v2c (RFC 1157, RFC 3416) that
// is read-only and has a port of its own, for hosts without an snmpd. It answers
// who knows the community and asks from a network that may, and nobody else.
//
// The decoder is its own: what it takes is a fraction of BER, each length is
// checked against what is there, and it keeps no state.
package agent
