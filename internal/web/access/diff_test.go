package access

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestChanges(t *testing.T) {
	t.Parallel()
	base := func() *Config {
		return &Config{
			Tokens:  []Token{{Name: "a", Hash: HashToken("a"), Hashes: []Hash{{Hash: HashToken("b")}}, Scopes: []string{"metrics"}}},
			Users:   []User{{Name: "a", Hash: HashToken("c"), Scopes: []string{"status"}}},
			Clients: []Client{{Name: "a", SAN: "a.example", Scopes: []string{"page"}}},
		}
	}
	require.Empty(t, Changes(base(), base()))
	require.Empty(t, Changes(nil, nil))
	require.Equal(t, "client a added, open routes added, token a added, user a added", Changes(nil, base()))
	require.Equal(t, "client a removed, open routes removed, token a removed, user a removed", Changes(base(), nil))
	for want, change := range map[string][]func(*Config){
		"token a changed": {
			func(c *Config) { c.Tokens[0].Hash = HashToken("x") },
			func(c *Config) { c.Tokens[0].Hashes[0].NotAfter = moment("2030-01-01") },
			func(c *Config) { c.Tokens[0].Hashes[0].NotBefore = moment("2030-01-01T00:00:00Z") },
			func(c *Config) { c.Tokens[0].Hashes = nil },
			func(c *Config) { c.Tokens[0].Networks = []string{"10.0.0.0/8"} },
			func(c *Config) { c.Tokens[0].PerSecond = new(5.0) },
			func(c *Config) { c.Tokens[0].Scopes = []string{"all"} },
		},
		"user a changed": {
			func(c *Config) { c.Users[0].NotAfter = moment("2030-01-01") },
			func(c *Config) { c.Users[0].Burst = new(7) },
			func(c *Config) { c.Users[0].Scopes = []string{"status", "page"} },
		},
		"client a changed": {
			func(c *Config) { c.Clients[0].SAN = "b.example" },
			func(c *Config) { c.Clients[0].NotBefore = moment("2030-01-01") },
		},
		"open routes changed":   {func(c *Config) { c.Open = []string{"test"} }},
		"trusted proxies added": {func(c *Config) { c.TrustedProxies = []string{"10.0.0.0/8"} }},
		"rate limit added":      {func(c *Config) { c.RateLimit.Burst = new(7) }},
		"guess limit added":     {func(c *Config) { c.GuessLimit = new(0) }},
	} {
		for i, f := range change {
			after := base()
			f(after)
			require.Equal(t, want, Changes(base(), after), "%s %d", want, i)
			require.NotEmpty(t, Changes(after, base()))
		}
	}
	before, after := base(), base()
	before.TrustedProxies, after.TrustedProxies, after.ForwardedHeader = []string{"10.0.0.0/8"}, []string{"10.0.0.0/8"}, HeaderForwarded
	require.Equal(t, "trusted proxies changed", Changes(before, after))
	before, after = base(), base()
	before.GuessLimit, after.GuessLimit = new(2_000_000), new(3_000_000)
	require.Equal(t, "guess limit changed", Changes(before, after))
}
