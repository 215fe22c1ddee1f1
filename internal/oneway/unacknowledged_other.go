//go:build !linux

package oneway

import "net"

// unacknowledged is not known here.
func unacknowledged(net.Conn) (int, bool) { return 0, false }
