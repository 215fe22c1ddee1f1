package web

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/idp-exporter/idp_exporter/internal/maintenance"
)

// nodes and probes list the names of what is configured; the public name is
// not among the nodes.
func (s *Server) known() (nodes, probes []string) {
	n, p := make(map[string]bool), make(map[string]bool)
	for _, e := range s.options.State.Snapshot() {
		n[e.Node], p[e.Probe] = true, true
	}
	delete(n, "")
	return slices.Sorted(maps.Keys(n)), slices.Sorted(maps.Keys(p))
}

// missing says which of the names is not known, and what is; "" if all are.
func missing(what string, names, known []string) string {
	for _, name := range names {
		if slices.Contains(known, name) {
			continue
		}
		if len(known) == 0 {
			return fmt.Sprintf("there is no %s %q; none is configured", what, shorten(name))
		}
		return fmt.Sprintf("there is no %s %q; there are %s", what, shorten(name), listed(known))
	}
	return ""
}

// listed writes names for people, the rest of a long list as a number.
func listed(names []string) string {
	const most = 50
	if len(names) <= most {
		return strings.Join(names, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(names[:most], ", "), len(names)-most)
}

func shorten(s string) string {
	const most = 40
	if len(s) > most {
		return strings.ToValidUTF8(s[:most], "") + "…"
	}
	return s
}

// spelled is how lists and records spell a node: the public name has no name
// of its own.
func spelled(node string) string {
	if node == "" {
		return maintenance.PublicNode
	}
	return node
}

// meant undoes spelled.
func meant(node string) string {
	if node == maintenance.PublicNode {
		return ""
	}
	return node
}
