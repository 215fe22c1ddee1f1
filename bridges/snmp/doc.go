// Package snmp tells consoles of alarms by SNMP notifications: v1, v2c and v3
// (RFC 3416, RFC 3414, RFC 3584), as traps or, acknowledged, as informs.
//
// What the notifications say is decided in bridges/snmp/mib. The folders agent
// and agentx answer consoles that ask.
package snmp
