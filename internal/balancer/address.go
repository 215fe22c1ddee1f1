package balancer

import (
	"fmt"
	"net"
	"strings"
)

// SplitNode reads the address of a listener: HOST:PORT, or NODE@HOST:PORT for
// one that speaks of a single node. Without a node, node is empty: the whole.
// The last @ divides, since a host holds none and a node's name may.
func SplitNode(address string) (node, hostport string, err error) {
	hostport = address
	if i := strings.LastIndex(address, "@"); i >= 0 {
		node, hostport = address[:i], address[i+1:]
		if node == "" {
			return "", "", fmt.Errorf("address %q: no node stands before the @; write NODE@HOST:PORT or HOST:PORT", address)
		}
	}
	if _, _, err := net.SplitHostPort(hostport); err != nil {
		return "", "", fmt.Errorf("address %q: write HOST:PORT or NODE@HOST:PORT: %w", address, err)
	}
	return node, hostport, nil
}
