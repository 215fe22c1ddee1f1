package access

import "sync/atomic"

type token struct {
	key
	digest digest
}

// compiler makes a guard of a section that Check has found to be right. Before
// is the guard that it takes the place of, or nil.
type compiler struct {
	*Guard
	config *Config
	before *Guard
}

func (c *Config) compile(before *Guard, m *memory) (*Guard, error) {
	g := compiler{&Guard{
		users: newPasswords(m.vault), holders: make(map[holderID]*holder), open: make(map[string]bool),
		forwarded: c.ForwardedHeader == HeaderForwarded, guessing: c.guessLimit(), memory: m,
	}, c, before}
	for _, t := range c.Tokens {
		if err := g.addToken(t); err != nil {
			return nil, err
		}
	}
	for _, u := range c.Users {
		hashes := all(u.Hash, u.Hashes)
		keys, err := g.keys(KindUser, u.Name, u.Scopes, u.Bounds, hashes)
		if err != nil {
			return nil, err
		}
		if err := g.users.add(u.Name, hashes, keys); err != nil {
			return nil, err
		}
	}
	for _, cl := range c.Clients {
		keys, err := g.keys(KindClient, cl.Name, cl.Scopes, cl.Bounds, []Hash{{}})
		if err != nil {
			return nil, err
		}
		name, err := parseSAN(cl.SAN)
		if err != nil {
			return nil, err
		}
		g.clients = append(g.clients, client{keys[0], name})
	}
	for _, word := range c.Open {
		g.open[word] = true
	}
	var err error
	if g.networks, err = parseNetworks(c.OpenTo); err != nil {
		return nil, err
	}
	g.proxies, err = parseNetworks(c.TrustedProxies)
	return g.Guard, err
}

func (g compiler) addToken(t Token) error {
	hashes := all(t.Hash, t.Hashes)
	keys, err := g.keys(KindToken, t.Name, t.Scopes, t.Bounds, hashes)
	if err != nil {
		return err
	}
	for i, k := range keys {
		d, err := parseDigest(hashes[i].Hash)
		if err != nil {
			return err
		}
		g.tokens = append(g.tokens, token{k, d})
	}
	return nil
}

// keys makes the keys of a holder, one for each hash.
func (g compiler) keys(kind, name string, scopes []string, b Bounds, hashes []Hash) ([]key, error) {
	set, err := parseScopes(scopes)
	if err != nil {
		return nil, err
	}
	networks, err := parseNetworks(b.Networks)
	if err != nil {
		return nil, err
	}
	whole := newWindow(b.NotBefore, b.NotAfter)
	windows := make([]window, len(hashes))
	for i, h := range hashes {
		windows[i] = whole.within(newWindow(h.NotBefore, h.NotAfter))
	}
	h := g.holder(kind, name, g.config.limits(b.RateLimit), windows)
	keys := make([]key, len(hashes))
	for i := range hashes {
		keys[i] = key{holder: h, scopes: set, networks: networks, window: windows[i]}
	}
	return keys, nil
}

// holder makes the entry of a holder whose keys have the windows. From the
// guard before it takes what is to outlive a reload.
func (g compiler) holder(kind, name string, l limits, windows []window) *holder {
	h := &holder{kind: kind, name: name, lastUsed: new(atomic.Int64), until: lastEnd(windows), limiter: l.limiter()}
	id := holderID{kind, name}
	if g.before != nil {
		if was, ok := g.before.holders[id]; ok {
			h.lastUsed = was.lastUsed
			if l.fits(was.limiter) {
				h.limiter = was.limiter
			}
		}
	}
	g.holders[id] = h
	return h
}
