// Package access decides who may ask for what: the access section of the
// configuration, the credentials a request shows, and the scopes they carry.
//
// It owns credentials and scopes. It knows no routes and writes no answers
// (internal/web).
package access

import (
	"fmt"
	"slices"
	"strings"
)

// Scope is what a route asks for and a credential carries. The zero Scope is
// carried by nobody, so a route that forgot its scope is closed.
type Scope uint8

// The scopes. Public is carried by every request.
const (
	Public  Scope = iota + 1
	Metrics       // /metrics
	Testall       // /test, and the details of /testall
	Status        // /status/*
	Probe         // /probe: runs something
	Bridge        // webhooks that raise alarms
	Page          // the status page and its JSON API
	Admin         // reload, drain, the demo's switches
	end
)

// All is the word that stands for every scope in the configuration.
const All = "all"

// String returns the scope as the configuration spells it.
func (s Scope) String() string {
	switch s {
	case Public:
		return "public"
	case Metrics:
		return "metrics"
	case Testall:
		return "testall"
	case Status:
		return "status"
	case Probe:
		return "probe"
	case Bridge:
		return "bridge"
	case Page:
		return "page"
	case Admin:
		return "admin"
	default:
		return "none"
	}
}

// Scopes lists the scopes that a credential may be given.
func Scopes() []Scope { return []Scope{Metrics, Testall, Status, Probe, Bridge, Page, Admin} }

// Set is a set of scopes.
type Set uint16

// NewSet makes a set.
func NewSet(scopes ...Scope) Set {
	var s Set
	for _, scope := range scopes {
		s |= 1 << scope
	}
	return s
}

// Has tells whether the set holds the scope. No set holds the zero Scope.
func (s Set) Has(scope Scope) bool { return scope != 0 && scope < end && s&(1<<scope) != 0 }

// parseScopes reads the names of scopes, "all" among them.
func parseScopes(names []string) (Set, error) {
	var set Set
	for _, name := range names {
		one, err := parseScope(name)
		if err != nil {
			return 0, err
		}
		set |= one
	}
	return set, nil
}

func parseScope(name string) (Set, error) {
	if name == All {
		return NewSet(Scopes()...), nil
	}
	known := make([]string, 0, len(Scopes())+1)
	for _, s := range Scopes() {
		if s.String() == name {
			return NewSet(s), nil
		}
		known = append(known, s.String())
	}
	slices.Sort(known)
	return 0, fmt.Errorf("%q is no scope; use %s or %s", name, strings.Join(known, ", "), All)
}
