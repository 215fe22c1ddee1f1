package access

import (
	"crypto/tls"
	"crypto/x509"
	"net"
	"net/url"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestKeysHaveTheirTime(t *testing.T) {
	t.Parallel()
	c := &Config{
		Tokens: []Token{{
			Name: "a", Hash: HashToken("plain"), Scopes: []string{"metrics"},
			Hashes: []Hash{{Hash: HashToken("ends"), NotAfter: moment("2026-03-04T13:00:00Z")}, {Hash: HashToken("begins"), NotBefore: moment("2026-03-04T12:30:00Z")}},
			Bounds: Bounds{NotAfter: moment("2099-01-01")},
		}},
		Users: []User{
			{Name: "b", Hashes: []Hash{{Hash: string(bcryptOf(t, "ends")), NotAfter: moment("2026-03-04T13:00:00Z")},
				{Hash: HashToken("starts"), NotBefore: moment("2026-03-04T12:30:00Z")}}, Scopes: []string{"metrics"}},
			// One password under two hashes counts while either does.
			{Name: "c", Hashes: []Hash{{Hash: string(bcryptOf(t, "same")), NotAfter: moment("2026-03-04T12:10:00Z")},
				{Hash: string(bcryptOf(t, "same")), NotBefore: moment("2026-03-04T12:30:00Z")}}, Scopes: []string{"metrics"}},
		},
	}
	clock := newClock()
	g, err := NewGuardAt(c, clock.now)
	require.NoError(t, err)
	check := func(at string, want map[string]Reason) {
		t.Helper()
		for name, reason := range want {
			r := request("Authorization", "Bearer "+name)
			switch name {
			case "b ends", "b starts", "c same":
				r = basic(name[:1], name[2:])
			}
			got := identify(t, g, r, "203.0.113.9:1")
			require.Equal(t, reason == 0, got.Known, "%s at %s", name, at)
			if reason != 0 {
				require.Equal(t, reason, got.Refused, "%s at %s", name, at)
				require.NotEmpty(t, got.Whose)
			}
		}
	}
	check("12:00", map[string]Reason{"plain": 0, "ends": 0, "begins": ReasonNotYet, "b ends": 0, "b starts": ReasonNotYet, "c same": 0})
	clock.advance(20 * time.Minute)
	check("12:20", map[string]Reason{"plain": 0, "begins": ReasonNotYet, "b starts": ReasonNotYet, "c same": ReasonExpired})
	clock.advance(20 * time.Minute)
	check("12:40", map[string]Reason{"plain": 0, "ends": 0, "begins": 0, "b ends": 0, "b starts": 0, "c same": 0})
	clock.advance(time.Hour)
	check("13:40", map[string]Reason{"plain": 0, "ends": ReasonExpired, "begins": 0, "b ends": ReasonExpired, "b starts": 0})
	require.Empty(t, g.memory.guesses.by, "who has an old key is no guesser")
}

func TestKeysHaveTheirNetworks(t *testing.T) {
	t.Parallel()
	c, _, clock := house(t)
	c.TrustedProxies = []string{"10.0.0.1/32"}
	for _, b := range []*Bounds{&c.Tokens[0].Bounds, &c.Users[0].Bounds, &c.Users[1].Bounds} {
		b.Networks = []string{"198.51.100.0/24", "2001:db8::/32"}
	}
	g, err := NewGuardAt(c, clock.now)
	require.NoError(t, err)
	for peer, known := range map[string]bool{
		"198.51.100.7:1": true, "[2001:db8::7]:1": true, "203.0.113.9:1": false, "[::ffff:198.51.100.7]:1": true, "10.0.0.1:1": false, "@": false,
	} {
		want := Reason(0)
		if !known {
			want = ReasonNetwork
		}
		require.Equal(t, want, identify(t, g, request("Authorization", "Bearer token"), peer).Refused, peer)
		require.Equal(t, want, identify(t, g, basic("x", "token"), peer).Refused, peer)
		require.Equal(t, want, identify(t, g, basic("old", "right"), peer).Refused, peer)
		got := identify(t, g, basic("key", "key"), peer)
		require.Equal(t, want, got.Refused, peer)
		require.Equal(t, known, got.Known)
		if !known {
			require.Equal(t, "user key", got.Whose)
		}
	}
	require.True(t, identify(t, g, request("X-API-Key", "token", "X-Forwarded-For", "203.0.113.1, 198.51.100.7"), "10.0.0.1:1").Known)
	require.False(t, identify(t, g, request("X-API-Key", "token", "X-Forwarded-For", "198.51.100.7, 203.0.113.1"), "10.0.0.1:1").Known)
}

func TestLimit(t *testing.T) {
	t.Parallel()
	c, _, clock := house(t)
	c.RateLimit = RateLimit{PerSecond: new(2.0), Burst: new(4)}
	c.Users[0].Burst = new(1)
	c.Users[1].PerSecond = new(0.0)
	g, err := NewGuardAt(c, clock.now)
	require.NoError(t, err)
	token := identify(t, g, request("X-API-Key", "token"), "203.0.113.9:1")
	for range 4 {
		require.Zero(t, g.Limit(token))
	}
	require.Equal(t, 500*time.Millisecond, g.Limit(token))
	require.Equal(t, 1, RetryAfter(g.Limit(token)))
	clock.advance(500 * time.Millisecond)
	require.Zero(t, g.Limit(token))
	require.Positive(t, g.Limit(token))

	old := identify(t, g, basic("old", "right"), "203.0.113.9:1")
	require.Zero(t, g.Limit(old), "another credential has a rate of its own")
	require.Positive(t, g.Limit(old))
	free := identify(t, g, basic("key", "key"), "203.0.113.9:1")
	for range 1000 {
		require.Zero(t, g.Limit(free))
	}
	require.Zero(t, g.Limit(Grant{}))

	// A reload that leaves the limit gives nothing away; another limit starts anew.
	same, err := g.Renew(c)
	require.NoError(t, err)
	require.Positive(t, same.Limit(identify(t, same, request("X-API-Key", "token"), "203.0.113.9:1")))
	c.Tokens[0].Burst = new(5)
	other, err := g.Renew(c)
	require.NoError(t, err)
	require.Zero(t, other.Limit(identify(t, other, request("X-API-Key", "token"), "203.0.113.9:1")))
	require.Equal(t, 3, RetryAfter(2001*time.Millisecond))
	require.Equal(t, limits{50, 100}, (&Config{}).limits(RateLimit{}))
}

func TestStats(t *testing.T) {
	t.Parallel()
	c, _, clock := house(t)
	c.Clients = []Client{{Name: "lb", SAN: "lb.example.com", Scopes: []string{"testall"}, Bounds: Bounds{NotAfter: moment("2040-01-01")}}}
	c.Users[0].Hashes = []Hash{{Hash: HashToken("x"), NotAfter: moment("2030-01-01")}}
	c.Users[1].Hash, c.Users[1].Hashes = "", []Hash{{Hash: HashToken("key"), NotAfter: moment("2031-01-01")}, {Hash: HashToken("y"), NotAfter: moment("2030-01-01")}}
	g, err := NewGuardAt(c, clock.now)
	require.NoError(t, err)
	require.Equal(t, []Use{
		{Kind: "client", Name: "lb", NotAfter: moment("2040-01-01").end()},
		{Kind: "token", Name: "lb"},
		{Kind: "user", Name: "key", NotAfter: moment("2031-01-01").end()},
		{Kind: "user", Name: "old"}, // one of its two never ends
	}, g.Stats().Keys)

	identify(t, g, request("X-API-Key", "token"), "203.0.113.9:1")
	first := clock.now()
	clock.advance(time.Minute)
	identify(t, g, request("X-API-Key", "wrong"), "203.0.113.9:1")
	require.True(t, g.Stats().Keys[1].LastUsed.Equal(first))
	g.Refused(ReasonScope)
	g.Refused(0)
	g.Refused(reasons)

	c.Tokens = append(c.Tokens, Token{Name: "new", Hash: HashToken("new"), Scopes: []string{"all"}})
	g, err = g.Renew(c)
	require.NoError(t, err)
	s := g.Stats()
	require.Len(t, s.Keys, 5)
	require.True(t, s.Keys[1].LastUsed.Equal(first), "survives a reload")
	require.Equal(t, "new", s.Keys[2].Name)
	require.Zero(t, s.Keys[2].LastUsed)
	var names []string
	for _, r := range s.Refused {
		names = append(names, r.Reason.String())
		require.Equal(t, r.Reason == ReasonScope, r.Count == 1)
	}
	require.ElementsMatch(t, []string{"none", "wrong", "expired", "not_yet", "scope", "network", "throttled", "rate_limited"}, names)

	none, err := g.Renew(nil)
	require.NoError(t, err)
	require.Empty(t, none.Stats().Keys)
	require.True(t, none.Local())
	require.EqualValues(t, 1, none.Stats().Refused[ReasonScope-1].Count)
}

func TestNamesOfCertificates(t *testing.T) {
	t.Parallel()
	uri := func(s string) *url.URL {
		u, err := url.Parse(s)
		require.NoError(t, err)
		return u
	}
	for _, c := range []struct {
		san  string
		cert x509.Certificate
		want bool
	}{
		{"lb.example.com", x509.Certificate{DNSNames: []string{"x.example.com", "LB.Example.com"}}, true},
		{"lb.example.com", x509.Certificate{DNSNames: []string{"*.example.com"}}, false},
		{"lb.example.com", x509.Certificate{EmailAddresses: []string{"lb.example.com"}}, false},
		{"ops@example.com", x509.Certificate{EmailAddresses: []string{"ops@EXAMPLE.com"}}, true},
		{"ops@example.com", x509.Certificate{EmailAddresses: []string{"Ops@example.com"}}, false},
		{"ops@example.com", x509.Certificate{DNSNames: []string{"ops@example.com"}}, false},
		{"ops@example.com", x509.Certificate{EmailAddresses: []string{"ops"}}, false},
		{"spiffe://example.com/p", x509.Certificate{URIs: []*url.URL{uri("SPIFFE://Example.com/p")}}, true},
		{"spiffe://example.com/p", x509.Certificate{URIs: []*url.URL{uri("spiffe://example.com/P")}}, false},
		{"spiffe://example.com/p", x509.Certificate{DNSNames: []string{"spiffe://example.com/p"}}, false},
		{"urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6", x509.Certificate{URIs: []*url.URL{uri("urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6")}}, true},
		{"192.0.2.7", x509.Certificate{IPAddresses: []net.IP{net.IPv4(192, 0, 2, 7)}}, true},
		{"::ffff:192.0.2.7", x509.Certificate{IPAddresses: []net.IP{net.IPv4(192, 0, 2, 7).To4()}}, true},
		{"2001:db8::1", x509.Certificate{IPAddresses: []net.IP{net.ParseIP("2001:db8::1")}}, true},
		{"192.0.2.7", x509.Certificate{DNSNames: []string{"192.0.2.7"}}, false},
	} {
		s, err := parseSAN(c.san)
		require.NoError(t, err)
		require.Equal(t, c.want, s.in(&c.cert), "%s in %+v", c.san, c.cert)
	}
}

func TestClientCertificateBounds(t *testing.T) {
	t.Parallel()
	clock := newClock()
	g, err := NewGuardAt(&Config{Clients: []Client{
		{Name: "a", SAN: "a.example", Scopes: []string{"metrics"}, Bounds: Bounds{Networks: []string{"198.51.100.0/24"}}},
		{Name: "b", SAN: "b.example", Scopes: []string{"page"}, Bounds: Bounds{NotBefore: moment("2026-03-05")}},
	}}, clock.now)
	require.NoError(t, err)
	ask := func(peer string, names ...string) Grant {
		leaf := &x509.Certificate{DNSNames: names, NotAfter: clock.now().Add(time.Hour)}
		r := request()
		r.TLS = &tls.ConnectionState{PeerCertificates: []*x509.Certificate{leaf}, VerifiedChains: [][]*x509.Certificate{{leaf}}}
		if names[0] == "late" {
			leaf.NotAfter, leaf.DNSNames = clock.now().Add(-time.Second), names[1:]
		}
		return identify(t, g, r, peer)
	}
	got := ask("198.51.100.7:1", "a.example", "b.example")
	require.Equal(t, Grant{Scopes: NewSet(Public, Metrics), Known: true, Shown: true, Kind: KindClient, Name: "a", Refused: ReasonNotYet, Whose: "client b"}, plain(got))
	require.Equal(t, ReasonNetwork, ask("203.0.113.9:1", "a.example").Refused)
	require.Equal(t, ReasonWrong, ask("198.51.100.7:1", "c.example").Refused)
	require.Equal(t, ReasonExpired, ask("198.51.100.7:1", "late", "a.example").Refused, "a connection may outlive the certificate")
	clock.advance(24 * time.Hour)
	require.Equal(t, NewSet(Public, Metrics, Page), ask("198.51.100.7:1", "a.example", "b.example").Scopes)
	require.Empty(t, g.memory.guesses.by)
}
