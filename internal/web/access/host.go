package access

import (
	"net"
	"net/netip"
	"strings"
)

// LocalHost tells whether a Host header names this machine by localhost or by
// a loopback address. A page on the Internet can point its own name at
// 127.0.0.1 and have a browser ask there (DNS rebinding), but the browser then
// sends that name.
func LocalHost(host string) bool {
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	host = strings.TrimSuffix(strings.TrimPrefix(host, "["), "]")
	if strings.EqualFold(strings.TrimSuffix(host, "."), "localhost") {
		return true
	}
	addr, err := netip.ParseAddr(host)
	return err == nil && addr.Unmap().IsLoopback()
}
