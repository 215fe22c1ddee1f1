package web

import (
	"context"
	"net/http"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/crypto/bcrypt"

	"github.com/idp-exporter/idp_exporter/internal/audit"
	"github.com/idp-exporter/idp_exporter/internal/web/access"
)

// still is a clock that stands until it is moved.
type still struct {
	mu sync.Mutex
	at time.Time
}

func newStill() *still { return &still{at: time.Date(2026, 3, 4, 12, 0, 0, 0, time.UTC)} }

func (s *still) now() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.at
}

func (s *still) advance(d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.at = s.at.Add(d)
}

// with has the server go by the clock.
func (s *still) with(t testing.TB, c *access.Config) func(*Server) {
	t.Helper()
	return func(server *Server) {
		guard, err := access.NewGuardAt(c, s.now)
		require.NoError(t, err)
		server.guard.Store(guard)
	}
}

type trail struct {
	mu      sync.Mutex
	records []audit.Record
}

func (l *trail) Access(r audit.Record) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.records = append(l.records, r)
}

func (l *trail) Admin(_ context.Context, r audit.Record) error {
	l.Access(r)
	return nil
}

func (l *trail) last() audit.Record {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.records[len(l.records)-1]
}

func refusals(s *server) map[access.Reason]uint64 {
	m := map[access.Reason]uint64{}
	for _, r := range s.AccessStats().Refused {
		if r.Count > 0 {
			m[r.Reason] = r.Count
		}
	}
	return m
}

func TestRateLimit(t *testing.T) {
	t.Parallel()
	token, e := tokenFor(t, access.All)
	other, o2 := tokenFor(t, "metrics")
	e.PerSecond, e.Burst = new(0.25), new(3)
	clock, log := newStill(), &trail{}
	o := options()
	o.Audit = log
	o.Access = &access.Config{Tokens: []access.Token{e, o2}}
	s := start(t, o, clock.with(t, o.Access))
	bearer := []string{"Authorization", "Bearer " + token}
	for range 3 {
		require.Equal(t, 200, s.get(t, "/metrics", bearer...).code)
	}
	for _, path := range []string{"/metrics", "/", "/api/v1/results", "/nothing"} {
		got := s.get(t, path, bearer...)
		require.Equal(t, http.StatusTooManyRequests, got.code, path)
		require.Equal(t, "4", got.header.Get("Retry-After"), path)
		require.Empty(t, got.header.Get("WWW-Authenticate"))
	}
	require.Equal(t, http.StatusTooManyRequests, s.do(t, "POST", "/-/reload", bearer...).code)
	require.Equal(t, audit.OutcomeRefused, log.last().Outcome)
	require.Equal(t, e.Name, log.last().Actor.Name)

	for range 50 { // what load balancers ask is never limited
		for _, path := range []string{"/test", "/testall", "/testall?verbose", "/testall?node=n1", "/-/healthy", "/-/ready"} {
			require.Equal(t, 200, s.get(t, path, bearer...).code, path)
		}
	}
	require.Equal(t, 200, s.get(t, "/metrics", "Authorization", "Bearer "+other).code, "each credential has its own rate")
	clock.advance(4 * time.Second)
	require.Equal(t, 200, s.get(t, "/metrics", bearer...).code)
	require.Equal(t, http.StatusTooManyRequests, s.get(t, "/metrics", bearer...).code)
	require.NoError(t, s.SetAccess(o.Access))
	require.Equal(t, http.StatusTooManyRequests, s.get(t, "/metrics", bearer...).code, "a reload gives nothing away")
	require.Equal(t, map[access.Reason]uint64{access.ReasonRateLimited: 7}, refusals(s))
}

func TestGuessersDoNotLockOutTheLoadBalancer(t *testing.T) {
	t.Parallel()
	hash, err := bcrypt.GenerateFromPassword([]byte("right"), bcrypt.MinCost)
	require.NoError(t, err)
	token, e := tokenFor(t, "testall", "metrics")
	clock, log := newStill(), &trail{}
	o := options()
	o.Audit = log
	o.HealthAddresses = []string{"127.0.0.1:0"}
	o.Access = &access.Config{
		Tokens: []access.Token{e},
		Users:  []access.User{{Name: "api_keys_health", Hash: string(hash), Scopes: []string{"metrics"}}},
		Open:   []string{access.OpenTestall},
	}
	s := start(t, o, clock.with(t, o.Access))
	right, wrong := []string{"Authorization", basic("api_keys_health", "right")}, []string{"Authorization", basic("api_keys_health", "wrong")}
	require.Equal(t, 200, s.get(t, "/metrics", right...).code)
	for range access.DefaultGuessLimit {
		require.Equal(t, 401, s.get(t, "/metrics", wrong...).code)
	}
	for _, path := range []string{"/metrics", "/test", "/", "/nothing"} {
		for _, header := range [][]string{wrong, {"Authorization", "Bearer wrong"}, {"X-API-Key", "wrong"}} {
			got := s.get(t, path, header...)
			require.Equal(t, http.StatusTooManyRequests, got.code, path)
			require.Equal(t, "6", got.header.Get("Retry-After"))
			require.Equal(t, "too many wrong credentials from this address; wait before the next try\n", got.body)
		}
	}
	require.Equal(t, audit.EventRefusal, log.last().Event)
	for range 20 {
		require.Equal(t, 200, s.get(t, "/metrics", "Authorization", "Bearer "+token).code)
		require.Equal(t, 200, s.get(t, "/metrics", "Authorization", basic("anybody", token)).code)
		require.Equal(t, 200, s.get(t, "/metrics", right...).code, "a password that was right before")
		require.Equal(t, 200, s.get(t, "/test", "X-API-Key", token).code)
		for _, header := range [][]string{nil, wrong, {"Authorization", "Bearer wrong"}, {"X-API-Key", "wrong"}} {
			require.Equal(t, "OK", s.get(t, "/testall", header...).body, "open")
			require.Equal(t, 200, s.get(t, "/-/ready", header...).code)
		}
		require.Equal(t, 401, s.get(t, "/metrics").code, "without a credential there is no guess")
	}
	health := *s
	health.url = "http://" + s.Addresses()[1].String()
	require.Equal(t, "OK", health.get(t, "/testall", wrong...).body)
	require.Equal(t, 401, s.get(t, "/testall?probe=login", wrong...).code, "/testall that is open answers no 429")
	clock.advance(time.Minute)
	require.Equal(t, 401, s.get(t, "/metrics", wrong...).code)
	require.Equal(t, map[access.Reason]uint64{access.ReasonWrong: access.DefaultGuessLimit + 1, access.ReasonThrottled: 12, access.ReasonNone: 20}, refusals(s))
}

func TestExpiredKeysAreRefusedLikeUnknownOnes(t *testing.T) {
	t.Parallel()
	at := func(text string) access.Time {
		var at access.Time
		require.NoError(t, at.UnmarshalText([]byte(text)))
		return at
	}
	token := func(name string, b access.Bounds) (string, access.Token) {
		token, e := tokenFor(t, "metrics")
		e.Name, e.Bounds = name, b
		return token, e
	}
	clock, log := newStill(), &trail{}
	o := options()
	o.Audit = log
	expired, e1 := token("old", access.Bounds{NotAfter: at("2026-03-03")})
	early, e2 := token("young", access.Bounds{NotBefore: at("2026-03-05")})
	elsewhere, e3 := token("far", access.Bounds{Networks: []string{"198.51.100.0/24"}})
	weak, e4 := token("weak", access.Bounds{})
	o.Access = &access.Config{Tokens: []access.Token{e1, e2, e3, e4}, TrustedProxies: []string{"127.0.0.0/8"}}
	s := start(t, o, clock.with(t, o.Access))
	unknown := s.get(t, "/metrics", "Authorization", "Bearer x")
	require.Equal(t, "a valid credential is needed", log.last().Detail)
	for token, detail := range map[string]string{
		expired: "token old: expired", early: "token young: not yet valid", elsewhere: "token far: not from this network",
	} {
		got := s.get(t, "/metrics", "Authorization", "Bearer "+token, "X-Forwarded-For", "203.0.113.9")
		require.Equal(t, http.StatusUnauthorized, got.code)
		require.Equal(t, unknown.body, got.body)
		require.Equal(t, unknown.header.Values("WWW-Authenticate"), got.header.Values("WWW-Authenticate"))
		require.Equal(t, "a valid credential is needed ("+detail+")", log.last().Detail)
		require.Equal(t, "203.0.113.9", log.last().From.String())
		require.NotContains(t, log.last().Detail, token)
	}
	require.Equal(t, 200, s.get(t, "/metrics", "Authorization", "Bearer "+elsewhere, "X-Forwarded-For", "198.51.100.3").code)
	require.Equal(t, "198.51.100.3", log.last().From.String())
	require.Equal(t, 403, s.get(t, "/", "Authorization", "Bearer "+weak).code)
	require.Equal(t, map[access.Reason]uint64{access.ReasonWrong: 1, access.ReasonExpired: 1, access.ReasonNotYet: 1,
		access.ReasonNetwork: 1, access.ReasonScope: 1}, refusals(s))
	clock.advance(24 * time.Hour)
	require.Equal(t, 200, s.get(t, "/metrics", "Authorization", "Bearer "+early).code)
	for _, k := range s.AccessStats().Keys {
		require.Equal(t, k.Name == "young" || k.Name == "far" || k.Name == "weak", !k.LastUsed.IsZero(), k.Name)
	}
}

// Whoever guesses from many forged addresses is one address: that of the connection.
func TestForgedAddresses(t *testing.T) {
	t.Parallel()
	clock := newStill()
	_, e := tokenFor(t, "metrics")
	o := options()
	o.Access = &access.Config{Tokens: []access.Token{e}, Open: []string{access.OpenTestall}, OpenTo: []string{"198.51.100.0/24"}}
	s := start(t, o, clock.with(t, o.Access))
	for i := range 3 * access.DefaultGuessLimit {
		got := s.get(t, "/metrics", "Authorization", "Bearer x", "X-Forwarded-For", "198.51.100."+strconv.Itoa(i), "Forwarded", "for=198.51.100."+strconv.Itoa(i))
		want := http.StatusUnauthorized
		if i >= access.DefaultGuessLimit {
			want = http.StatusTooManyRequests
		}
		require.Equal(t, want, got.code)
	}
	require.Equal(t, 401, s.get(t, "/testall", "X-Forwarded-For", "198.51.100.1").code)
}
