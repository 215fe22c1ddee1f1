package oneway

import (
	"crypto/tls"
	"net"

	"golang.org/x/sys/unix"
)

// unacknowledged returns how many bytes the peer's TCP has not acknowledged
// (SIOCOUTQ, tcp(7)), and whether that is known.
func unacknowledged(c net.Conn) (int, bool) {
	if t, ok := c.(*tls.Conn); ok {
		c = t.NetConn()
	}
	t, ok := c.(*net.TCPConn)
	if !ok {
		return 0, false
	}
	raw, err := t.SyscallConn()
	if err != nil {
		return 0, false
	}
	waiting, known := 0, false
	err = raw.Control(func(fd uintptr) {
		n, err := unix.IoctlGetInt(int(fd), unix.SIOCOUTQ)
		waiting, known = n, err == nil
	})
	return waiting, known && err == nil
}
