package access

import (
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

// fingerprints sums up each holder's hashes and scopes.
func (c *Config) fingerprints() map[string]string {
	m := map[string]string{}
	if c == nil {
		return m
	}
	sum := func(parts ...[]string) string {
		var all []string
		for _, p := range parts {
			all = append(all, strings.Join(p, " "))
		}
		return strings.Join(all, "\n")
	}
	for _, t := range c.Tokens {
		m["token "+t.Name] = sum([]string{t.Hash}, t.Hashes, t.Scopes)
	}
	for _, u := range c.Users {
		m["user "+u.Name] = sum([]string{u.Hash}, u.Hashes, u.Scopes)
	}
	for _, k := range c.Clients {
		m["client "+k.Name] = sum([]string{k.SAN}, k.Scopes)
	}
	m["open routes"] = sum(c.Open, c.OpenTo)
	return m
}
