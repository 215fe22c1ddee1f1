package login

import (
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/idp-exporter/idp_exporter/probes"
)

// siblings remembers, of each node of a provider, the keys that it published
// last and the one that it signs with. A node that missed a rotation of keys
// agrees with itself, and so passes on its own; but applications fetch the key
// set from whatever node their load balancer chooses, and refuse its tokens.
type siblings struct {
	mu    sync.Mutex
	nodes map[string]map[string]*sibling // by issuer and name of the node
}

// sibling is what is known of one node.
type sibling struct {
	published []string
	fetched   time.Time
	signs     string
	since     time.Time // when a token of that key was seen first
}

// The bounds of what is remembered.
const (
	maxSiblings = 10_000    // nodes, of all issuers
	siblingAge  = time.Hour // of a node that was not asked since
)

func (s *siblings) of(issuer, node string) *sibling {
	if s.nodes == nil {
		s.nodes = map[string]map[string]*sibling{}
	}
	if s.nodes[issuer] == nil {
		s.nodes[issuer] = map[string]*sibling{}
	}
	if s.nodes[issuer][node] == nil {
		s.nodes[issuer][node] = &sibling{}
	}
	return s.nodes[issuer][node]
}

// check notes what a node published and signed with, and fails where more than
// half of all nodes have published key sets without that key since. While a
// rotation makes its way through the nodes nothing fails: key sets that were
// fetched before the node began to sign with the key do not count.
func (s *siblings) check(issuer, node, signs string, published []string, now time.Time) error {
	if node == "" || signs == "" {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	own := s.of(issuer, node)
	own.published, own.fetched = slices.Clone(published), now
	if own.signs != signs {
		own.signs, own.since = signs, now
	}
	s.forget(issuer, now)
	var others int
	var without []string
	for name, other := range s.nodes[issuer] {
		if name == node || !other.fetched.After(own.since) {
			continue
		}
		others++
		if !slices.Contains(other.published, signs) {
			without = append(without, name)
		}
	}
	if 2*len(without) <= others+1 {
		return nil
	}
	slices.Sort(without)
	return probes.Failf(probes.ReasonTokenInvalid,
		"id_token: signed with key %q, which is not in the key set of %s: applications that fetch the key set there refuse it; has this node missed a rotation?",
		shorten(signs, 64), shorten(strings.Join(without, ", "), 200))
}

// forget drops the nodes of an issuer that have not been asked for long, and
// everything where there is too much.
func (s *siblings) forget(issuer string, now time.Time) {
	total := 0
	for _, nodes := range s.nodes {
		total += len(nodes)
	}
	if total > maxSiblings {
		s.nodes = map[string]map[string]*sibling{issuer: s.nodes[issuer]}
	}
	for name, n := range s.nodes[issuer] {
		if now.Sub(n.fetched) > siblingAge {
			delete(s.nodes[issuer], name)
		}
	}
}
