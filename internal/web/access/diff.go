package access

import (
	"fmt"
	"slices"
	"strings"
)

// Changes names, for the audit trail, whose credentials differ between two
// sections; "" if none do. Either may be nil.
func Changes(before, after *Config) string {
	old, now := before.fingerprints(), after.fingerprints()
	var texts []string
	for name, f := range now {
		switch was, known := old[name]; {
		case !known:
			texts = append(texts, name+" added")
		case was != f:
			texts = append(texts, name+" changed")
		}
	}
	for name := range old {
		if _, stays := now[name]; !stays {
			texts = append(texts, name+" removed")
		}
	}
	slices.Sort(texts)
	return strings.Join(texts, ", ")
}

// fingerprints sums up what is configured for each holder, and for all.
func (c *Config) fingerprints() map[string]string {
	m := map[string]string{}
	if c == nil {
		return m
	}
	for _, t := range c.Tokens {
		m["token "+t.Name] = sum(all(t.Hash, t.Hashes), t.Scopes, t.sum())
	}
	for _, u := range c.Users {
		m["user "+u.Name] = sum(all(u.Hash, u.Hashes), u.Scopes, u.sum())
	}
	for _, k := range c.Clients {
		m["client "+k.Name] = sum(k.SAN, k.Scopes, k.sum())
	}
	m["open routes"] = sum(c.Open, c.OpenTo)
	if len(c.TrustedProxies) > 0 {
		m["trusted proxies"] = sum(c.TrustedProxies, c.ForwardedHeader)
	}
	if l := c.limits(RateLimit{}); l != (&Config{}).limits(RateLimit{}) {
		m["rate limit"] = fmt.Sprint(l)
	}
	if n := c.guessLimit(); n != DefaultGuessLimit {
		m["guess limit"] = fmt.Sprint(n)
	}
	return m
}

func sum(parts ...any) string { return fmt.Sprintf("%q", parts) }

func (b Bounds) sum() string {
	text := sum(b.NotBefore, b.NotAfter, b.Networks)
	if b.PerSecond != nil {
		text += fmt.Sprint(" per second ", *b.PerSecond)
	}
	if b.Burst != nil {
		text += fmt.Sprint(" burst ", *b.Burst)
	}
	return text
}
