package access

import (
	"fmt"
	"net/http"
	"net/netip"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/crypto/bcrypt"
)

// clock is a clock that stands until it is moved.
type clock struct{ at atomic.Int64 }

func newClock() *clock {
	c := &clock{}
	c.at.Store(moment("2026-03-04T12:00:00Z").at.UnixNano())
	return c
}

func (c *clock) now() time.Time          { return time.Unix(0, c.at.Load()) }
func (c *clock) advance(d time.Duration) { c.at.Add(int64(d)) }

func identify(t testing.TB, g *Guard, r *http.Request, peer string) Grant {
	t.Helper()
	r.RemoteAddr = peer
	got, err := g.Identify(r)
	require.NoError(t, err)
	return got
}

// house has a token, a user with a bcrypt password and one with a key.
func house(t testing.TB) (*Config, *Guard, *clock) {
	t.Helper()
	hash, err := bcrypt.GenerateFromPassword([]byte("right"), bcrypt.MinCost)
	require.NoError(t, err)
	c := &Config{
		Tokens: []Token{{Name: "lb", Hash: HashToken("token"), Scopes: []string{"testall"}}},
		Users: []User{
			{Name: "old", Hash: string(hash), Scopes: []string{"status"}},
			{Name: "key", Hash: HashToken("key"), Scopes: []string{"status"}},
		},
	}
	clock := newClock()
	g, err := NewGuardAt(c, clock.now)
	require.NoError(t, err)
	return c, g, clock
}

func TestGuessersAreThrottled(t *testing.T) {
	t.Parallel()
	for name, guess := range map[string]func() *http.Request{
		"bearer":       func() *http.Request { return request("Authorization", "Bearer wrong") },
		"API key":      func() *http.Request { return request("X-API-Key", "wrong") },
		"password":     func() *http.Request { return basic("old", "wrong") },
		"unknown user": func() *http.Request { return basic("nobody", "wrong") },
		"with a right token": func() *http.Request {
			r := basic("old", "wrong")
			r.Header.Set("X-Api-Key", "token")
			return r
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, g, clock := house(t)
			const guesser, other = "203.0.113.9:1", "203.0.113.10:1"
			compared := 0
			g.users.compare = func(hash, password []byte) error {
				compared++
				return bcrypt.CompareHashAndPassword(hash, password)
			}
			require.True(t, identify(t, g, basic("old", "right"), guesser).Known)
			for range DefaultGuessLimit {
				require.Equal(t, ReasonWrong, identify(t, g, guess(), guesser).Refused)
			}
			before := compared
			for range 50 {
				got := identify(t, g, guess(), guesser)
				require.Equal(t, ReasonThrottled, got.Refused)
				require.Equal(t, 6*time.Second, got.Wait)
				require.Equal(t, name == "with a right token", got.Known)
			}
			require.Equal(t, before, compared, "a throttled guess costs no bcrypt")

			// What is right goes on being right, from the same address too.
			require.True(t, identify(t, g, request("Authorization", "Bearer token"), guesser).Known)
			require.True(t, identify(t, g, request("X-API-Key", "token"), guesser).Known)
			require.True(t, identify(t, g, basic("anybody", "token"), guesser).Known)
			require.True(t, identify(t, g, basic("key", "key"), guesser).Known)
			require.True(t, identify(t, g, basic("old", "right"), guesser).Known, "verified before")
			require.Equal(t, before, compared)
			require.Equal(t, ReasonWrong, identify(t, g, guess(), other).Refused, "others are not concerned")

			clock.advance(6 * time.Second)
			require.Equal(t, ReasonWrong, identify(t, g, guess(), guesser).Refused)
			require.Equal(t, ReasonThrottled, identify(t, g, guess(), guesser).Refused)
			clock.advance(time.Hour)
			for range DefaultGuessLimit {
				require.Equal(t, ReasonWrong, identify(t, g, guess(), guesser).Refused)
			}
			require.Equal(t, ReasonThrottled, identify(t, g, guess(), guesser).Refused)
		})
	}
}

func TestPasswordNeverSeenWaitsWithTheGuesser(t *testing.T) {
	t.Parallel()
	c, g, clock := house(t)
	const nat = "203.0.113.9:1"
	for range DefaultGuessLimit {
		identify(t, g, basic("old", "wrong"), nat)
	}
	require.Equal(t, ReasonThrottled, identify(t, g, basic("old", "right"), nat).Refused)
	require.True(t, identify(t, g, basic("old", "right"), "198.51.100.1:1").Known, "from elsewhere it is looked at")
	require.True(t, identify(t, g, basic("old", "right"), nat).Known, "and is then known here too")

	// A reload forgets neither the guesser nor the password.
	again, err := g.Renew(c)
	require.NoError(t, err)
	require.Equal(t, ReasonThrottled, identify(t, again, basic("old", "wrong"), nat).Refused)
	require.True(t, identify(t, again, basic("old", "right"), nat).Known)

	// The password of a hash that is gone is a wrong one.
	gone := *c
	gone.Users = []User{{Name: "old", Hash: string(bcryptOf(t, "other")), Scopes: []string{"status"}}, {Name: "new", Hash: c.Users[0].Hash, Scopes: []string{"status"}}}
	third, err := again.Renew(&gone)
	require.NoError(t, err)
	require.Equal(t, ReasonThrottled, identify(t, third, basic("old", "right"), nat).Refused)
	clock.advance(time.Minute)
	require.Equal(t, ReasonWrong, identify(t, third, basic("old", "right"), nat).Refused)
	require.True(t, identify(t, third, basic("old", "other"), nat).Known)
}

func bcryptOf(t testing.TB, password string) []byte {
	t.Helper()
	hash, err := bcrypt.GenerateFromPassword([]byte(password), bcrypt.MinCost)
	require.NoError(t, err)
	return hash
}

func TestGuessersBehindAProxy(t *testing.T) {
	t.Parallel()
	c, _, clock := house(t)
	c.TrustedProxies = []string{"10.0.0.0/8"}
	g, err := NewGuardAt(c, clock.now)
	require.NoError(t, err)
	guess := func(forwarded string) Reason {
		return identify(t, g, request("Authorization", "Bearer wrong", "X-Forwarded-For", forwarded), "10.0.0.1:1").Refused
	}
	for i := range DefaultGuessLimit {
		require.Equal(t, ReasonWrong, guess(fmt.Sprintf("198.51.100.%d, 203.0.113.9", i)))
	}
	require.Equal(t, ReasonThrottled, guess("198.51.100.200, 203.0.113.9"), "a forged address does not help")
	require.Equal(t, ReasonWrong, guess("203.0.113.10"))
}

func TestGuessLimitCanBeTurnedOff(t *testing.T) {
	t.Parallel()
	c, _, clock := house(t)
	c.GuessLimit = new(0)
	g, err := NewGuardAt(c, clock.now)
	require.NoError(t, err)
	for range 100 {
		require.Equal(t, ReasonWrong, identify(t, g, request("X-API-Key", "wrong"), "203.0.113.9:1").Refused)
	}
	require.Empty(t, g.memory.guesses.by)
}

func TestGuessTableIsBounded(t *testing.T) {
	t.Parallel()
	now := newClock().now()
	table := newGuesses(3)
	n := func(i int) netip.Prefix { return networkOf(netip.AddrFrom4([4]byte{203, 0, 113, byte(i)})) }
	for i := range 3 {
		for range 2 {
			table.count(n(i), now, 2)
		}
	}
	require.Positive(t, table.count(n(0), now, 2), "makes it the youngest")
	require.Zero(t, table.count(n(3), now, 2), "takes the place of the oldest")
	require.Len(t, table.by, 3)
	require.Equal(t, 3, table.order.Len())
	require.Zero(t, table.wait(n(1), now, 2), "forgotten")
	require.Positive(t, table.wait(n(0), now, 2))
	require.Positive(t, table.wait(n(2), now, 2))
	require.Zero(t, table.wait(n(2), now, 3), "another limit starts anew")
	for i := range 100_000 {
		table.count(networkOf(netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)})), now, 2)
	}
	require.Len(t, table.by, 3)
	require.Equal(t, 3, table.order.Len())
}

func TestNetworkOf(t *testing.T) {
	t.Parallel()
	for addr, want := range map[string]string{
		"203.0.113.9": "203.0.113.9/32", "2001:db8:1:2:3:4:5:6": "2001:db8:1:2::/64", "2001:db8:1:2::": "2001:db8:1:2::/64",
	} {
		require.Equal(t, want, networkOf(netip.MustParseAddr(addr)).String())
	}
	require.Equal(t, netip.Prefix{}, networkOf(netip.Addr{}))
}

// Guessers, and whoever is right, at once: nobody who is right is refused, and
// the guessers get no more guesses than they may have.
func TestGuessersAndOthersAtOnce(t *testing.T) {
	t.Parallel()
	_, g, _ := house(t)
	const nat = "203.0.113.9:1"
	require.True(t, identify(t, g, basic("old", "right"), nat).Known)
	var wrong, throttled atomic.Int64
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			for range 50 {
				r := basic("old", "wrong")
				if i%2 == 0 {
					r = request("Authorization", "Bearer wrong")
				}
				r.RemoteAddr = nat
				switch got, err := g.Identify(r); {
				case err != nil:
					t.Error(err)
				case got.Refused == ReasonThrottled:
					throttled.Add(1)
				default:
					wrong.Add(1)
				}
				for _, r := range []*http.Request{request("X-API-Key", "token"), basic("old", "right"), basic("key", "key")} {
					r.RemoteAddr = nat
					if got, err := g.Identify(r); err != nil || !got.Known {
						t.Errorf("refused: %v, %v", got.Refused, err)
					}
				}
			}
		})
	}
	wg.Wait()
	require.EqualValues(t, DefaultGuessLimit, wrong.Load())
	require.EqualValues(t, 400-DefaultGuessLimit, throttled.Load())
}
