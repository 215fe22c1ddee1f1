package access

import (
	"net/http"
	"net/netip"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func proxied(t testing.TB, header string) *Guard {
	t.Helper()
	g, err := NewGuard(&Config{TrustedProxies: []string{"10.0.0.0/8", "fd00::/8", "192.0.2.1/32"}, ForwardedHeader: header})
	require.NoError(t, err)
	return g
}

func from(peer, name string, lines ...string) *http.Request {
	r := request()
	r.RemoteAddr = peer
	if lines != nil {
		r.Header[name] = lines
	}
	return r
}

func TestClientAddr(t *testing.T) {
	t.Parallel()
	g := proxied(t, "")
	const lb = "10.0.0.1:4000"
	for _, c := range []struct {
		name  string
		peer  string
		lines []string
		want  string
	}{
		{"no proxy", "203.0.113.9:1", []string{"198.51.100.1"}, "203.0.113.9"},
		{"mapped peer", "[::ffff:203.0.113.9]:1", nil, "203.0.113.9"},
		{"mapped proxy", "[::ffff:10.0.0.1]:1", []string{"203.0.113.9"}, "203.0.113.9"},
		{"peer with zone", "[fe80::1%eth0]:1", nil, "fe80::1"},
		{"no header", lb, nil, "10.0.0.1"},
		{"one", lb, []string{"203.0.113.9"}, "203.0.113.9"},
		{"forged before it", lb, []string{"198.51.100.1, 10.9.9.9,203.0.113.9"}, "203.0.113.9"},
		{"past proxies", lb, []string{"198.51.100.1, 203.0.113.9, 10.0.0.3,\tfd00::7"}, "203.0.113.9"},
		{"proxies alone", lb, []string{"10.0.0.3, 10.0.0.2"}, "10.0.0.3"},
		{"several lines", lb, []string{"198.51.100.1", "203.0.113.9, 10.0.0.3", "10.0.0.2"}, "203.0.113.9"},
		{"IPv6", lb, []string{"2001:db8::1"}, "2001:db8::1"},
		{"IPv6 in brackets", lb, []string{"[2001:db8::1]"}, "2001:db8::1"},
		{"IPv6 and port", lb, []string{"[2001:db8::1]:443"}, "2001:db8::1"},
		{"IPv4 and port", lb, []string{"203.0.113.9:50000"}, "203.0.113.9"},
		{"mapped", lb, []string{"::ffff:203.0.113.9"}, "203.0.113.9"},
		{"mapped proxy in the list", lb, []string{"203.0.113.9, ::ffff:10.0.0.2"}, "203.0.113.9"},
		{"empty line", lb, []string{""}, "10.0.0.1"},
		{"empty entry", lb, []string{"203.0.113.9, , 10.0.0.2"}, "10.0.0.2"},
		{"final comma", lb, []string{"203.0.113.9,"}, "10.0.0.1"},
		{"unknown", lb, []string{"203.0.113.9, unknown"}, "10.0.0.1"},
		{"a name", lb, []string{"203.0.113.9, lb.example.com, 10.0.0.2"}, "10.0.0.2"},
		{"a zone", lb, []string{"fe80::1%eth0"}, "10.0.0.1"},
		{"a network", lb, []string{"203.0.113.0/24"}, "10.0.0.1"},
		{"quoted", lb, []string{`"203.0.113.9"`}, "10.0.0.1"},
		{"brackets left open", lb, []string{"[2001:db8::1"}, "10.0.0.1"},
		{"IPv4 in brackets", lb, []string{"[203.0.113.9]"}, "10.0.0.1"},
		{"after the brackets", lb, []string{"[2001:db8::1]x"}, "10.0.0.1"},
		{"no port", lb, []string{"203.0.113.9:"}, "10.0.0.1"},
		{"made-up port", lb, []string{"203.0.113.9:_x y"}, "10.0.0.1"},
		{"octal", lb, []string{"0203.0.113.9"}, "10.0.0.1"},
		{"short", lb, []string{"127.1"}, "10.0.0.1"},
		{"other spaces", lb, []string{"203.0.113.9\u00a0"}, "10.0.0.1"},
		{"too many hops", lb, []string{"203.0.113.9" + strings.Repeat(", 10.0.0.2", maxHops)}, "10.0.0.2"},
		{"as many hops as may be", lb, []string{"203.0.113.9" + strings.Repeat(", 10.0.0.2", maxHops-1)}, "203.0.113.9"},
		{"too many lines", lb, append([]string{"203.0.113.9"}, strings.Split(strings.Repeat("10.0.0.2,", maxHops-1)+"10.0.0.2", ",")...), "10.0.0.2"},
		{"long", lb, []string{strings.Repeat("1", 10_000)}, "10.0.0.1"},
		{"Unix socket", "@", []string{"203.0.113.9"}, "invalid IP"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			r := from(c.peer, "X-Forwarded-For", c.lines...)
			r.Header.Set("Forwarded", "for=198.51.100.77")
			r.Header.Set("X-Real-Ip", "198.51.100.78")
			require.Equal(t, c.want, g.ClientAddr(r).String())
		})
	}
	local, err := NewGuard(nil)
	require.NoError(t, err)
	require.Equal(t, "127.0.0.1", local.ClientAddr(from("127.0.0.1:1", "X-Forwarded-For", "203.0.113.9")).String())
}

func TestClientAddrByForwarded(t *testing.T) {
	t.Parallel()
	g := proxied(t, HeaderForwarded)
	for _, c := range []struct {
		name  string
		lines []string
		want  string
	}{
		{"one", []string{"for=203.0.113.9"}, "203.0.113.9"},
		{"any case, more pairs", []string{`by=10.0.0.1; FOR="203.0.113.9:47011" ;proto=https;host="a,b;c"`}, "203.0.113.9"},
		{"IPv6", []string{`for="[2001:db8:cafe::17]:4711"`}, "2001:db8:cafe::17"},
		{"made-up port", []string{`for="[2001:db8::1]:_gazonk"`}, "2001:db8::1"},
		{"forged before it", []string{"for=10.9.9.9, for=203.0.113.9, for=10.0.0.2"}, "203.0.113.9"},
		{"forged with an open quote", []string{`for=", for=203.0.113.9, for=10.0.0.2`}, "203.0.113.9"},
		{"forged with an escape", []string{`for="\", for=203.0.113.9`}, "203.0.113.9"},
		{"several lines", []string{`for="`, "for=203.0.113.9", "for=10.0.0.2"}, "203.0.113.9"},
		{"unknown", []string{"for=203.0.113.9, for=unknown, for=10.0.0.2"}, "10.0.0.2"},
		{"hidden", []string{"for=_hidden"}, "10.0.0.1"},
		{"empty", []string{""}, "10.0.0.1"},
		{"nothing", []string{"for="}, "10.0.0.1"},
		{"no for", []string{"for=203.0.113.9, proto=https"}, "10.0.0.1"},
		{"twice", []string{"for=203.0.113.9;for=203.0.113.8"}, "10.0.0.1"},
		{"no pair", []string{"203.0.113.9"}, "10.0.0.1"},
		{"space in a pair", []string{"for =203.0.113.9"}, "10.0.0.1"},
		{"colon without quotes", []string{"for=203.0.113.9:80"}, "10.0.0.1"},
		{"escape at the end", []string{`for=203.0.113.9;host="a\"b"`}, "10.0.0.1"},
		{"quote left open", []string{`for="203.0.113.9`}, "10.0.0.1"},
		{"after the quote", []string{`for="203.0.113.9"x`}, "10.0.0.1"},
		{"broken neighbor", []string{"for=203.0.113.9;proto"}, "10.0.0.1"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			r := from("10.0.0.1:1", "Forwarded", c.lines...)
			r.Header.Set("X-Forwarded-For", "198.51.100.77")
			require.Equal(t, c.want, g.ClientAddr(r).String())
		})
	}
}

func TestOpenToClientsBehindProxies(t *testing.T) {
	t.Parallel()
	g, err := NewGuard(&Config{Open: []string{"testall"}, OpenTo: []string{"198.51.100.0/24"}, TrustedProxies: []string{"10.0.0.0/8"}})
	require.NoError(t, err)
	require.True(t, g.Open("testall", from("10.0.0.1:1", "X-Forwarded-For", "203.0.113.9, 198.51.100.3")))
	require.False(t, g.Open("testall", from("10.0.0.1:1", "X-Forwarded-For", "198.51.100.3, 203.0.113.9")))
	require.False(t, g.Open("testall", from("203.0.113.9:1", "X-Forwarded-For", "198.51.100.3")), "not a proxy of ours")
	require.False(t, g.Open("testall", from("10.0.0.1:1", "X-Forwarded-For")))
	require.False(t, g.Open("test", from("198.51.100.3:1", "X-Forwarded-For")))
}

// Whatever a client sends, the address that the trusted proxy adds is the one that counts.
func FuzzClientAddr(f *testing.F) {
	x, rfc := proxied(f, ""), proxied(f, HeaderForwarded)
	for _, s := range []string{"", "10.0.0.1", "for=\"", `for="\`, "unknown,", "198.51.100.1, 10.0.0.2", "[::1]:80", "for=10.0.0.2;by=\"a,b\""} {
		f.Add(s, true)
		f.Add(s, false)
	}
	client, trusted := netip.MustParseAddr("203.0.113.9"), netip.MustParsePrefix("10.0.0.0/8")
	f.Fuzz(func(t *testing.T, forged string, sameLine bool) {
		lines := func(added string) []string {
			if sameLine {
				return []string{forged + ", " + added}
			}
			return []string{forged, added}
		}
		require.Equal(t, client, x.ClientAddr(from("10.0.0.1:1", "X-Forwarded-For", lines("203.0.113.9")...)))
		require.Equal(t, client, rfc.ClientAddr(from("10.0.0.1:1", "Forwarded", lines(`for="203.0.113.9:80";proto=https`)...)))
		// Without a word of the proxy nothing worse can happen than an address that was claimed or that is the proxy's.
		for header, g := range map[string]*Guard{"X-Forwarded-For": x, "Forwarded": rfc} {
			addr := g.ClientAddr(from("10.0.0.1:1", header, forged))
			require.True(t, addr.IsValid() && addr.Zone() == "")
			require.True(t, trusted.Contains(addr) || strings.ContainsAny(forged, "0123456789abcdefABCDEF:"))
		}
		require.Equal(t, client, x.ClientAddr(from("203.0.113.9:1", "X-Forwarded-For", forged)), "no proxy of ours")
	})
}
