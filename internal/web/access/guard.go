package access

import (
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"slices"
	"strings"
)

// Grant is what a request may do.
type Grant struct {
	// Scopes are all the scopes its credentials carry.
	Scopes Set
	// Known tells whether it showed a valid credential; Shown, whether it
	// showed one at all.
	Known, Shown bool
	// Name says whose credential it was, for logs.
	Name string
}

func (g *Grant) add(name string, scopes Set) {
	g.Scopes |= scopes
	g.Known = true
	if g.Name == "" {
		g.Name = name
	}
}

// Guard judges requests by one configuration. It never changes and may be used
// by many goroutines.
type Guard struct {
	local    bool
	tokens   []token
	users    *passwords
	clients  []client
	open     map[string]bool
	networks []netip.Prefix
}

type token struct {
	digest digest
	scopes Set
	name   string
}

type client struct {
	san    string
	scopes Set
	name   string
}

// NewGuard compiles the access section. Without one (nil) the guard is local:
// see [Guard.Local]. An error lists what Config.Check finds.
func NewGuard(c *Config) (*Guard, error) {
	if c == nil {
		return &Guard{local: true}, nil
	}
	var errs []error
	for _, p := range c.Check() {
		if !p.Warning {
			errs = append(errs, fmt.Errorf("access.%s: %s", p.Path, p.Message))
		}
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	return c.compile()
}

func (c *Config) compile() (*Guard, error) {
	g := &Guard{users: newPasswords(), open: make(map[string]bool)}
	for _, t := range c.Tokens {
		scopes, err := parseScopes(t.Scopes)
		if err != nil {
			return nil, err
		}
		for _, h := range all(t.Hash, t.Hashes) {
			d, err := parseDigest(h)
			if err != nil {
				return nil, err
			}
			g.tokens = append(g.tokens, token{d, scopes, t.Name})
		}
	}
	for _, u := range c.Users {
		scopes, err := parseScopes(u.Scopes)
		if err != nil {
			return nil, err
		}
		if err := g.users.add(u.Name, all(u.Hash, u.Hashes), scopes); err != nil {
			return nil, err
		}
	}
	for _, cl := range c.Clients {
		scopes, err := parseScopes(cl.Scopes)
		if err != nil {
			return nil, err
		}
		g.clients = append(g.clients, client{cl.SAN, scopes, cl.Name})
	}
	for _, word := range c.Open {
		g.open[word] = true
	}
	for _, n := range c.OpenTo {
		p, err := netip.ParsePrefix(n)
		if err != nil {
			return nil, err
		}
		g.networks = append(g.networks, p.Masked())
	}
	return g, nil
}

func all(one string, more []string) []string {
	if one == "" {
		return more
	}
	return append([]string{one}, more...)
}

// Local tells that there is no access section: the guard then knows no
// credentials, and the exporter serves its own machine only.
func (g *Guard) Local() bool { return g.local }

// LocalScopes are the scopes that a request has where there is no access section.
func LocalScopes() Set { return NewSet(Public, Metrics, Testall, Page) }

// Open tells whether the word of Config.Open is answered to this request
// without a credential.
func (g *Guard) Open(word string, r *http.Request) bool {
	if !g.open[word] {
		return false
	}
	if len(g.networks) == 0 {
		return true
	}
	peer, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return false
	}
	addr := peer.Addr().Unmap().WithZone("")
	return slices.ContainsFunc(g.networks, func(p netip.Prefix) bool { return p.Contains(addr) })
}

// ErrBusy tells that too many passwords are being checked at once.
var ErrBusy = errors.New("too many sign-ins at once; try again in a second")

// Identify adds up what the request's credentials are good for. The error is
// ErrBusy, or that of the request's context.
func (g *Guard) Identify(r *http.Request) (Grant, error) {
	grant := Grant{Scopes: NewSet(Public)}
	if r.TLS != nil {
		g.certificate(r.TLS, &grant)
	}
	if key := r.Header.Get("X-Api-Key"); key != "" {
		grant.Shown = true
		g.token(key, &grant)
	}
	scheme, value, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	switch {
	case scheme == "":
	case strings.EqualFold(scheme, "Bearer"):
		grant.Shown = true
		g.token(strings.TrimSpace(value), &grant)
	case strings.EqualFold(scheme, "Basic"):
		grant.Shown = true
		user, password, ok := r.BasicAuth()
		if !ok || g.token(password, &grant) {
			break
		}
		if err := g.users.check(r.Context(), user, password, &grant); err != nil {
			return Grant{Scopes: NewSet(Public), Shown: true}, err
		}
	default:
		grant.Shown = true
	}
	return grant, nil
}

// token looks the token up among all, in a time that does not depend on which
// one it is or how much of it fits.
func (g *Guard) token(value string, grant *Grant) bool {
	sum := sha256.Sum256([]byte(value))
	found := -1
	for i := range g.tokens {
		hit := subtle.ConstantTimeCompare(sum[:], g.tokens[i].digest[:])
		found = subtle.ConstantTimeSelect(hit, i, found)
	}
	if found < 0 {
		return false
	}
	grant.add(g.tokens[found].name, g.tokens[found].scopes)
	return true
}
