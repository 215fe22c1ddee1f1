package discover

import (
	"cmp"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/idp-exporter/idp_exporter/probes"
)

// publicName stands for a provider's public name where nodes are named.
const publicName = "public"

// maxName bounds a node's name, in bytes: it becomes a label value.
const maxName = 100

// tidy checks the nodes that a source names and puts them in an order that does
// not depend on its own. Those named twice count once. Two nodes by one name are
// an error, as are names that do not fit a label, a query or a list.
func tidy(nodes []probes.Node) ([]probes.Node, error) {
	nodes = slices.Clone(nodes)
	for i, n := range nodes {
		if n.Name == "" {
			nodes[i].Name = n.Address
		}
	}
	slices.SortFunc(nodes, func(a, b probes.Node) int {
		return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.Address, b.Address))
	})
	nodes = slices.Compact(nodes)
	if len(nodes) > MaxNodes {
		return nil, fmt.Errorf("it names %d nodes; %d is the most", len(nodes), MaxNodes)
	}
	for i, n := range nodes {
		if err := checkName(n.Name); err != nil {
			return nil, err
		}
		if !validAddress(n.Address) {
			return nil, fmt.Errorf("%q is not an address; it takes HOST, HOST:PORT or [IPV6]:PORT", shorten(n.Address))
		}
		if i > 0 && n.Name == nodes[i-1].Name {
			return nil, fmt.Errorf("%s and %s are both named %q; names must differ", nodes[i-1].Address, n.Address, n.Name)
		}
	}
	return nodes, nil
}

func checkName(name string) error {
	switch {
	case len(name) > maxName:
		return fmt.Errorf("the node name %q is longer than %d bytes; it becomes a label value, keep it short", shorten(name), maxName)
	case name == publicName:
		return fmt.Errorf("the node name %q stands for the provider's public name; choose another", name)
	case strings.ContainsFunc(name, func(r rune) bool { return !strconv.IsPrint(r) || r == ',' || r == '\uFFFD' }):
		return fmt.Errorf("the node name %q has a comma or a character in it that cannot be printed; leave it out", shorten(name))
	case strings.TrimSpace(name) != name:
		return fmt.Errorf("the node name %q begins or ends with a space; leave it out", name)
	}
	return nil
}

// Merge returns the listed nodes, then those of the found ones whose name and
// address are none of the listed: the operator's word comes first.
func Merge(listed, found []probes.Node) []probes.Node {
	all := slices.Clone(listed)
	for _, n := range found {
		if !slices.ContainsFunc(listed, func(l probes.Node) bool { return l.Name == n.Name || l.Address == n.Address }) {
			all = append(all, n)
		}
	}
	return all
}

// validAddress tells whether s is HOST, HOST:PORT, [IPV6]:PORT or a bare IPV6.
func validAddress(s string) bool {
	host, port, err := net.SplitHostPort(s)
	if err != nil {
		return validHost(s)
	}
	n, err := strconv.ParseUint(port, 10, 16)
	return err == nil && n > 0 && validHost(host)
}

func validHost(s string) bool {
	if ip, err := netip.ParseAddr(s); err == nil {
		return reachable(ip)
	}
	return hostname(s)
}

// reachable tells whether an address can be that of a node.
func reachable(ip netip.Addr) bool { return !ip.IsUnspecified() && !ip.IsMulticast() }

// hostname tells whether s is a host name: letters, digits, hyphens and, as they
// are in use, underscores between dots (RFC 1123, 2.1).
func hostname(s string) bool {
	if s == "" || len(s) > 253 {
		return false
	}
	for label := range strings.SplitSeq(s, ".") {
		if label == "" || len(label) > 63 || strings.ContainsFunc(label, func(r rune) bool {
			return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '-' && r != '_'
		}) {
			return false
		}
	}
	return true
}

func shorten(s string) string {
	if len(s) > maxName {
		return strings.ToValidUTF8(s[:maxName], "") + "…"
	}
	return s
}
