// Package agentx serves the exporter's tree under a host's own snmpd, as a
// read-only subagent (RFC 2741). The snmpd brings v3, views and the port.
//
// It speaks no more of the protocol than that takes: a session, one registered
// region, Get, GetNext, GetBulk and refusals of Set.
package agentx
