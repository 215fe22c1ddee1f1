package access

import (
	"context"
	"encoding/base64"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
	"golang.org/x/crypto/bcrypt"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestCheck(t *testing.T) {
	t.Parallel()
	good, another, key := HashToken("t"), HashToken("another"), HashToken("key")
	hash, err := bcrypt.GenerateFromPassword([]byte("p"), bcrypt.MinCost)
	require.NoError(t, err)
	costly := strings.Replace(string(hash), "$04$", "$15$", 1)
	for _, c := range []struct {
		name    string
		config  Config
		path    string
		message string
	}{
		{"good", Config{
			Tokens:  []Token{{Name: "a", Hash: good, Scopes: []string{"metrics"}}, {Name: "b", Hash: another, Hashes: []Hash{{Hash: another}}, Scopes: []string{"all"}}},
			Users:   []User{{Name: "a", Hash: string(hash), Scopes: []string{"status"}}, {Name: "b", Hash: key, Scopes: []string{"page"}}, {Name: "c", Hash: key, Scopes: []string{"page"}}},
			Clients: []Client{{Name: "a", SAN: "a.example", Scopes: []string{"testall"}}},
			Open:    []string{"test", "testall"}, OpenTo: []string{"10.0.0.0/8", "fd00::/8"},
			TrustedProxies: []string{"10.1.0.0/16"}, ForwardedHeader: HeaderForwarded,
			RateLimit: RateLimit{PerSecond: new(0.5), Burst: new(1)}, GuessLimit: new(0),
		}, "", ""},
		{"no name", Config{Tokens: []Token{{Hash: good, Scopes: []string{"all"}}}}, "tokens[0].name", "missing"},
		{"twice", Config{Tokens: []Token{{Name: "a", Hash: good, Scopes: []string{"all"}}, {Name: "a", Hash: good, Scopes: []string{"all"}}}}, "tokens[1].name", "hashes"},
		{"two names", Config{Tokens: []Token{{Name: "a", Hash: good, Scopes: []string{"all"}}, {Name: "b", Hashes: []Hash{{Hash: another}, {Hash: hashPrefix + strings.ToUpper(good[len(hashPrefix):])}}, Scopes: []string{"all"}}}},
			"tokens[1].hashes[1]", `of the token "a"`},
		{"token and user", Config{Tokens: []Token{{Name: "a", Hash: good, Scopes: []string{"all"}}}, Users: []User{{Name: "a", Hash: good, Scopes: []string{"all"}}}}, "users[0].hash", `of the token "a"`},
		{"no hash", Config{Tokens: []Token{{Name: "a", Scopes: []string{"all"}}}}, "tokens[0].hash", "token create"},
		{"plain token", Config{Tokens: []Token{{Name: "a", Hash: "idp_canary", Scopes: []string{"all"}}}}, "tokens[0].hash", "is no hash"},
		{"short hash", Config{Tokens: []Token{{Name: "a", Hashes: []Hash{{Hash: good}, {Hash: good[:70]}}, Scopes: []string{"all"}}}}, "tokens[0].hashes[1]", "64 hexadecimal"},
		{"bcrypt token", Config{Tokens: []Token{{Name: "a", Hash: string(hash), Scopes: []string{"all"}}}}, "tokens[0].hash", "users"},
		{"no scope", Config{Tokens: []Token{{Name: "a", Hash: good}}}, "tokens[0].scopes", "[metrics]"},
		{"wrong scope", Config{Tokens: []Token{{Name: "a", Hash: good, Scopes: []string{"all", "metric"}}}}, "tokens[0].scopes[1]", "metrics"},
		{"public is no scope", Config{Tokens: []Token{{Name: "a", Hash: good, Scopes: []string{"public"}}}}, "tokens[0].scopes[0]", "no scope"},
		{"colon", Config{Users: []User{{Name: "a:b", Hash: good, Scopes: []string{"all"}}}}, "users[0].name", "colon"},
		{"cut bcrypt", Config{Users: []User{{Name: "a", Hash: string(hash[:50]), Scopes: []string{"all"}}}}, "users[0].hash", "htpasswd"},
		{"costly bcrypt", Config{Users: []User{{Name: "a", Hash: costly, Scopes: []string{"all"}}}}, "users[0].hash", "cost 15"},
		{"plain password", Config{Users: []User{{Name: "a", Hash: "canary", Scopes: []string{"all"}}}}, "users[0].hash", "htpasswd"},
		{"no SAN", Config{Clients: []Client{{Name: "a", Scopes: []string{"all"}}}}, "clients[0].san", "missing"},
		{"open metrics", Config{Tokens: []Token{{Name: "a", Hash: good, Scopes: []string{"all"}}}, Open: []string{"metrics"}}, "open[0]", "only test and testall"},
		{"no end", Config{Tokens: []Token{{Name: "a", Hash: good, Scopes: []string{"all"}, Bounds: Bounds{NotBefore: moment("2040-01-02"), NotAfter: moment("2040-01-01")}}}},
			"tokens[0].not_after", "never count"},
		{"hash without end", Config{Users: []User{{Name: "a", Hashes: []Hash{{Hash: good}, {Hash: good, NotBefore: moment("2040-01-02"), NotAfter: moment("2040-01-02T00:00:00Z")}},
			Scopes: []string{"all"}}}}, "users[0].hashes[1].not_after", "is not after not_before"},
		{"hash outside", Config{Users: []User{{Name: "a", Hashes: []Hash{{Hash: good, NotBefore: moment("2050-01-01")}}, Scopes: []string{"all"},
			Bounds: Bounds{NotAfter: moment("2040-01-01")}}}}, "users[0].hashes[0].not_after", "outside"},
		{"credential network", Config{Clients: []Client{{Name: "a", SAN: "a", Scopes: []string{"all"}, Bounds: Bounds{Networks: []string{"10.0.0.0/8", "nowhere"}}}}},
			"clients[0].networks[1]", "10.0.0.0/8"},
		{"mapped network", Config{Tokens: []Token{{Name: "a", Hash: good, Scopes: []string{"all"}}}, TrustedProxies: []string{"::ffff:10.0.0.0/104"}}, "trusted_proxies[0]", "no network"},
		{"negative rate", Config{Tokens: []Token{{Name: "a", Hash: good, Scopes: []string{"all"}, Bounds: Bounds{RateLimit: RateLimit{PerSecond: new(-1.0)}}}}},
			"tokens[0].per_second", "negative"},
		{"no burst", Config{Tokens: []Token{{Name: "a", Hash: good, Scopes: []string{"all"}}}, RateLimit: RateLimit{Burst: new(0)}}, "rate_limit.burst", "1 or more"},
		{"negative guesses", Config{Tokens: []Token{{Name: "a", Hash: good, Scopes: []string{"all"}}}, GuessLimit: new(-1)}, "guess_limit", "negative"},
		{"header without proxies", Config{Tokens: []Token{{Name: "a", Hash: good, Scopes: []string{"all"}}}, ForwardedHeader: HeaderForwarded}, "forwarded_header", "trusted_proxies"},
		{"wrong header", Config{Tokens: []Token{{Name: "a", Hash: good, Scopes: []string{"all"}}}, ForwardedHeader: "X-Real-IP", TrustedProxies: []string{"10.0.0.0/8"}},
			"forwarded_header", "x-forwarded-for"},
		{"subject for a SAN", Config{Clients: []Client{{Name: "a", SAN: "CN=lb.example.com", Scopes: []string{"all"}}}}, "clients[0].san", "common name"},
		{"half a mail address", Config{Clients: []Client{{Name: "a", SAN: "ops@", Scopes: []string{"all"}}}}, "clients[0].san", "no subject alternative name"},
		{"no URI", Config{Clients: []Client{{Name: "a", SAN: "://x", Scopes: []string{"all"}}}}, "clients[0].san", "no URI"},
		{"no network", Config{Tokens: []Token{{Name: "a", Hash: good, Scopes: []string{"all"}}}, Open: []string{"test"}, OpenTo: []string{"10.0.0.1"}}, "open_to[0]", "10.0.0.0/8"},
		{"open to nobody", Config{Tokens: []Token{{Name: "a", Hash: good, Scopes: []string{"all"}}}, OpenTo: []string{"10.0.0.0/8"}}, "open_to", "opens nothing"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			problems := c.config.Check()
			_, err := NewGuard(&c.config)
			if c.path == "" {
				require.Empty(t, problems)
				require.NoError(t, err)
				return
			}
			require.Len(t, problems, 1)
			require.Equal(t, c.path, problems[0].Path)
			require.Contains(t, problems[0].Message, c.message)
			require.NotContains(t, problems[0].Message, "canary")
			require.ErrorContains(t, err, "access."+c.path)
		})
	}
	problems := (&Config{}).Check()
	require.True(t, len(problems) == 1 && problems[0].Warning, "an empty section works, but lets nobody in")
	_, err = NewGuard(&Config{})
	require.NoError(t, err)
}

func TestCreateToken(t *testing.T) {
	t.Parallel()
	token, entry, err := CreateToken("prometheus", []string{"metrics"})
	require.NoError(t, err)
	require.Regexp(t, `^idp_[A-Za-z0-9_-]{43}$`, token)
	require.Equal(t, Token{Name: "prometheus", Hash: HashToken(token), Scopes: []string{"metrics"}}, entry)
	again, _, err := CreateToken("prometheus", []string{"metrics"})
	require.NoError(t, err)
	require.NotEqual(t, token, again)
	_, _, err = CreateToken("prometheus", []string{"metric"})
	require.ErrorContains(t, err, `"metric" is no scope`)
}

func TestSet(t *testing.T) {
	t.Parallel()
	every := NewSet(Scopes()...)
	require.False(t, every.Has(0))
	require.False(t, every.Has(end))
	require.False(t, every.Has(Public))
	require.False(t, NewSet(0).Has(0), "the zero scope opens nothing")
	for _, s := range Scopes() {
		require.True(t, every.Has(s))
		set, err := parseScopes([]string{s.String()})
		require.NoError(t, err)
		require.Equal(t, NewSet(s), set)
	}
}

func request(header ...string) *http.Request {
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	return r
}

func basic(user, password string) *http.Request {
	return request("Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte(user+":"+password)))
}

func TestCredentialsAddUp(t *testing.T) {
	t.Parallel()
	g, err := NewGuard(&Config{Tokens: []Token{
		{Name: "a", Hashes: []Hash{{Hash: HashToken("one")}, {Hash: HashToken("two")}}, Scopes: []string{"metrics"}},
		{Name: "b", Hash: HashToken("three"), Scopes: []string{"page"}},
	}})
	require.NoError(t, err)
	got, err := g.Identify(request("Authorization", "Bearer two", "X-API-Key", "three"))
	require.NoError(t, err)
	require.Equal(t, Grant{Scopes: NewSet(Public, Metrics, Page), Known: true, Shown: true, Kind: KindToken, Name: "b"}, plain(got))
	got, err = g.Identify(request("Authorization", "Bearer wrong", "X-API-Key", "one"))
	require.NoError(t, err)
	require.Equal(t, Grant{Scopes: NewSet(Public, Metrics), Known: true, Shown: true, Kind: KindToken, Name: "a", Refused: ReasonWrong}, plain(got))
	got, err = g.Identify(request("Authorization", "Bearer wrong"))
	require.NoError(t, err)
	require.Equal(t, Grant{Scopes: NewSet(Public), Shown: true, Refused: ReasonWrong}, got)
	got, err = g.Identify(request())
	require.NoError(t, err)
	require.Equal(t, Grant{Scopes: NewSet(Public)}, got)
}

// plain is the grant as callers see it.
func plain(g Grant) Grant {
	g.holder = nil
	return g
}

// bcryptGuard has one user with two passwords, one with one, and one with a key.
func bcryptGuard(t *testing.T) *Guard {
	t.Helper()
	hash := func(password string, cost int) string {
		h, err := bcrypt.GenerateFromPassword([]byte(password), cost)
		require.NoError(t, err)
		return string(h)
	}
	g, err := NewGuard(&Config{Users: []User{
		{Name: "two", Hashes: []Hash{{Hash: hash("right", 5)}, {Hash: hash("also right", 4)}}, Scopes: []string{"metrics"}},
		{Name: "one", Hash: hash("right", 4), Scopes: []string{"metrics"}},
		{Name: "key", Hash: HashToken("key"), Scopes: []string{"page"}},
	}})
	require.NoError(t, err)
	return g
}

func TestPasswordsCostTheSame(t *testing.T) {
	t.Parallel()
	g := bcryptGuard(t)
	var costs []int
	g.users.compare = func(hash, password []byte) error {
		cost, err := bcrypt.Cost(hash)
		require.NoError(t, err)
		costs = append(costs, cost)
		return bcrypt.CompareHashAndPassword(hash, password)
	}
	for _, c := range []struct {
		user, password string
		known          bool
		costs          []int
	}{
		{"two", "wrong", false, []int{5, 4}},
		{"one", "wrong", false, []int{4, 5}},
		{"nobody", "wrong", false, []int{5, 5}},
		{"nobody", "right", false, []int{5, 5}},
		{"key", "wrong", false, []int{5, 5}},
		{"", "", false, []int{5, 5}},
		{"key", "key", true, nil},
		{"two", "also right", true, []int{5, 4}},
		{"two", "also right", true, nil}, // remembered
		{"one", "also right", false, []int{4, 5}},
		{"two", "wrong", false, []int{5, 4}}, // not remembered
	} {
		costs = nil
		got, err := g.Identify(basic(c.user, c.password))
		require.NoError(t, err)
		require.Equal(t, c.known, got.Known, c)
		require.Equal(t, c.costs, costs, c)
	}
	require.Len(t, g.users.verified, 1)
}

func TestPasswordsAreBounded(t *testing.T) {
	t.Parallel()
	g := bcryptGuard(t)
	g.guessing = 0
	g.users.turns <- struct{}{} // somebody else's turn, for good
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	_, err := g.Identify(basic("one", "wrong").WithContext(ctx))
	require.ErrorIs(t, err, context.DeadlineExceeded)
	got, err := g.Identify(basic("key", "key"))
	require.NoError(t, err)
	require.True(t, got.Known, "a key needs no turn")
	<-g.users.turns

	var wg sync.WaitGroup
	for i := range 20 {
		wg.Go(func() {
			right := i%2 == 0
			got, err := g.Identify(basic("one", map[bool]string{true: "right", false: "wrong"}[right]))
			if err != nil || got.Known != right {
				t.Errorf("right %v: known %v, %v", right, got.Known, err)
			}
		})
	}
	wg.Wait()
}

func FuzzIdentify(f *testing.F) {
	g, err := NewGuard(&Config{
		Tokens: []Token{{Name: "a", Hash: HashToken("the token"), Scopes: []string{"all"}}},
		Users:  []User{{Name: "u", Hash: HashToken("the key"), Scopes: []string{"all"}}},
	})
	require.NoError(f, err)
	f.Add("Bearer x", "")
	f.Add("Basic dTpr", "key")
	f.Add("", "\x00")
	f.Fuzz(func(t *testing.T, authorization, key string) {
		r := request()
		r.Header["Authorization"], r.Header["X-Api-Key"] = []string{authorization}, []string{key}
		got, err := g.Identify(r)
		require.NoError(t, err)
		_, password, _ := r.BasicAuth()
		if got.Known && key != "the token" && password != "the token" && password != "the key" {
			require.Contains(t, authorization, "the token")
		}
	})
}

func FuzzLocalHost(f *testing.F) {
	for _, s := range []string{"localhost:1", "[::1]:1", "127.0.0.1", "evil.example", "[", "::1"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, host string) {
		if LocalHost(host) {
			require.Regexp(t, `(?i)(localhost|127\.\d+\.\d+\.\d+|::1|:0*1|:7f)`, host)
		}
	})
}
