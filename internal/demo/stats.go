package demo

import (
	"maps"
	"net"
	"net/http"
	"sync"
)

// Stats counts what a provider has seen since it was made.
type Stats struct {
	// Connections is the number of connections accepted. Only servers whose
	// http.Server.ConnState is the provider's count, see [Provider.ConnState].
	Connections uint64
	// TLSHandshakes is the number of TLS handshakes, resumed ones and ones whose
	// certificate the client then refused included; counted by [Start] only.
	TLSHandshakes uint64
	// Requests is the number of requests by route, such as "POST /login/{id}";
	// requests that no route serves are under "other".
	Requests map[string]uint64
	// RefusedPasswords is the number of wrong passwords by user name; those of
	// users that do not exist are under "".
	RefusedPasswords map[string]uint64
	// SignIns is the number of sign-ins that password and rule accepted.
	SignIns uint64
}

// counters are the Stats in the making. Their keys are routes and users, so they do not grow.
type counters struct {
	mu    sync.Mutex
	stats Stats
}

// Stats returns a copy of the counters.
func (p *Provider) Stats() Stats {
	p.counters.mu.Lock()
	defer p.counters.mu.Unlock()
	s := p.counters.stats
	s.Requests = maps.Clone(s.Requests)
	s.RefusedPasswords = maps.Clone(s.RefusedPasswords)
	return s
}

// ConnState counts connections; it is meant for http.Server.ConnState of the
// server that serves the provider.
func (p *Provider) ConnState(_ net.Conn, state http.ConnState) {
	if state == http.StateNew {
		p.counters.add(func(s *Stats) { s.Connections++ })
	}
}

func newStats() Stats {
	return Stats{Requests: map[string]uint64{}, RefusedPasswords: map[string]uint64{}}
}

func (c *counters) add(count func(*Stats)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	count(&c.stats)
}
