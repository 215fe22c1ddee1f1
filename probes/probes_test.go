package probes

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/idp-exporter/idp_exporter/internal/fetch"
)

func TestRunSteps(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := NewRun(nil)
		took := func(d time.Duration, err error) func() error {
			return func() error { time.Sleep(d); return err }
		}
		require.NoError(t, r.Step("jwks", took(time.Second, nil)))
		require.NoError(t, r.Step("token", took(2*time.Second, nil)))
		require.NoError(t, r.Step("jwks", took(3*time.Second, nil))) // prolongs the first
		refused := Failf(ReasonTokenInvalid, "bad %d", 1)
		require.Same(t, refused, r.Step("verify", took(4*time.Second, refused)))
		require.Equal(t, map[string]time.Duration{"jwks": 4 * time.Second, "token": 2 * time.Second, "verify": 4 * time.Second}, r.Elapsed())
		got := r.Finish(fmt.Errorf("outer: %w", refused))
		require.Equal(t, []Step{
			{Name: "jwks", Duration: 4 * time.Second, Outcome: Pass},
			{Name: "token", Start: time.Second, Duration: 2 * time.Second, Outcome: Pass},
			{Name: "verify", Start: 6 * time.Second, Duration: 4 * time.Second, Outcome: Fail},
		}, got.Steps)
		require.Equal(t, 10*time.Second, got.Duration)
		require.Equal(t, "verify", got.FailedStep)
		require.Equal(t, "outer: bad 1", got.Detail)
		require.Equal(t, ReasonTokenInvalid, got.Reason)
	})
}

func TestFinish(t *testing.T) {
	t.Parallel()
	pause := time.Now().Add(time.Hour)
	for _, c := range []struct {
		name     string
		err      error
		outcome  Outcome
		reason   Reason
		detail   string
		decisive bool
	}{
		{"nil", nil, Pass, "", "", false},
		{"failure", Failf(ReasonTLS, "x"), Fail, ReasonTLS, "x", false},
		{"unknown", fmt.Errorf("a: %w", Unknownf(ReasonRateLimited, "y")), Unknown, ReasonRateLimited, "a: y", false},
		{"back-off", &Failure{Outcome: Fail, Reason: ReasonCredentialsRefused, Err: errors.New("no"), NotBefore: pause, Decisive: true}, Fail, ReasonCredentialsRefused, "no", true},
		{"deadline", fmt.Errorf("b: %w", context.DeadlineExceeded), Fail, ReasonTimeout, "b: context deadline exceeded", false},
		{"called off", context.Canceled, Unknown, ReasonTimeout, "context canceled", false},
		{"anything else", errors.New("oops"), Fail, ReasonInternal, "oops", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			got := NewRun(nil).Finish(c.err)
			require.Equal(t, c.outcome, got.Outcome)
			require.Equal(t, c.reason, got.Reason)
			require.Equal(t, c.detail, got.Detail)
			require.Equal(t, c.decisive, got.Decisive)
			require.Equal(t, c.decisive, !got.NotBefore.IsZero())
		})
	}
}

func TestTextsAreCleanAndRedacted(t *testing.T) {
	t.Parallel()
	r := NewRun(func(s string) string { return strings.ReplaceAll(s, "hunter2", "***") })
	hostile := "a\x1b[31mb\r\nc\u202ed\u2028e\x00\xffhunter2"
	want := "a [31mb  c d e ***"
	r.Unverified("%s", hostile)
	r.Assert("n", false, hostile)
	got := r.Finish(errors.New(hostile))
	require.Equal(t, want, got.Detail)
	require.Equal(t, []string{want}, got.Unverified)
	require.Equal(t, []Assertion{{Name: "n", Detail: want}}, got.Assertions)

	// A secret that the cut would part is removed before.
	long := strings.Repeat("x", maxDetail-3) + "hunter2" + strings.Repeat("é", maxDetail)
	got = r.Finish(errors.New(long))
	require.LessOrEqual(t, len(got.Detail), maxDetail+len("…"))
	require.NotContains(t, got.Detail, "hun")
	require.True(t, utf8.ValidString(got.Detail))
}

func TestResultJSON(t *testing.T) {
	t.Parallel()
	offset, keys := -1500*time.Millisecond, 3
	full := Result{
		Outcome: Warn, Start: time.Date(2026, 1, 2, 3, 4, 5, 6000, time.UTC), Duration: 300 * time.Millisecond,
		Steps:      []Step{{"dns", 0, 100 * time.Millisecond, Pass}, {"tls", 100 * time.Millisecond, 3 * time.Microsecond, Fail}},
		FailedStep: "tls", Reason: ReasonTLS, Detail: "why", Unverified: []string{"u"}, Assertions: []Assertion{{"a", true, "d"}},
		Facts: Facts{
			CertificateNotAfter: time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC), ClockOffset: &offset,
			TokenLifetimes: map[string]time.Duration{"id_token": time.Hour}, JWKSKeys: &keys, KeyIDs: []string{"k"}, DiscoveryDigest: "0b",
		},
		NotBefore: time.Date(2026, 1, 2, 4, 0, 0, 0, time.UTC), Decisive: true, Skipped: SkipBackoff,
	}
	for name, r := range map[string]Result{"full": full, "empty": {Start: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)}} {
		b, err := json.Marshal(r)
		require.NoError(t, err, name)
		var back Result
		require.NoError(t, json.Unmarshal(b, &back), name)
		require.Equal(t, r, back, name)
	}
	b, err := json.Marshal(Result{})
	require.NoError(t, err)
	require.Contains(t, string(b), `"steps":[]`)
	require.Contains(t, string(b), `"outcome":"unknown"`)
	require.Error(t, new(Result).UnmarshalJSON([]byte(`{"outcome":"good"}`)))
	require.Error(t, new(Result).UnmarshalJSON([]byte(`[`)))
}

func TestReasonsAreListed(t *testing.T) {
	t.Parallel()
	seen := map[Reason]bool{}
	for _, r := range Reasons() {
		require.Regexp(t, `^[a-z_]+$`, string(r))
		require.False(t, seen[r], r)
		seen[r] = true
	}
	for _, p := range []fetch.Part{fetch.PartDNS, fetch.PartConnect, fetch.PartTLS, fetch.PartTimeout, fetch.PartProxy, fetch.PartTooLarge, fetch.PartResponse, fetch.PartOwn} {
		require.Equal(t, string(p), string(networkReason(p)), "reasons are spelled as the parts are")
		require.True(t, seen[networkReason(p)])
	}
	require.True(t, seen[ReasonSlow])
}

func TestNetworkFailure(t *testing.T) {
	t.Parallel()
	f := NetworkFailure(fmt.Errorf("x: %w", &net.DNSError{IsNotFound: true}))
	require.Equal(t, Fail, f.Outcome)
	require.Equal(t, ReasonDNS, f.Reason)
	require.Equal(t, Fail, NetworkFailure(context.DeadlineExceeded).Outcome)
	require.Equal(t, Unknown, NetworkFailure(&net.OpError{Op: "dial", Err: syscall.EPERM}).Outcome, "our own firewall")
	require.Equal(t, Unknown, NetworkFailure(fmt.Errorf("x: %w", context.Canceled)).Outcome)
}

func TestResolve(t *testing.T) {
	t.Parallel()
	slash := &Provider{Issuer: "https://a.example/"}
	path := &Provider{Issuer: "https://a.example/realms/x"}
	for _, c := range []struct {
		p         *Provider
		ref, want string
	}{
		{slash, "/health", "https://a.example/health"},
		{path, "/health", "https://a.example/realms/x/health"},
		{path, "health", "https://a.example/realms/x/health"},
		{slash, "https://b.example/x", "https://b.example/x"},
		{slash, "/go?to=https://b.example/", "https://a.example/go?to=https://b.example/"},
		{slash, "//b.example/x", "https://a.example//b.example/x"},
		{nil, "/health", "/health"},
	} {
		require.Equal(t, c.want, c.p.Resolve(c.ref))
	}
	require.Equal(t, "a.example", slash.IssuerURL().Host)
	require.NotNil(t, (&Provider{Issuer: "://"}).IssuerURL())
}

func TestOutcomeText(t *testing.T) {
	t.Parallel()
	for _, o := range Outcomes() {
		b, err := o.MarshalText()
		require.NoError(t, err)
		var back Outcome
		require.NoError(t, back.UnmarshalText(b))
		require.Equal(t, o, back)
		require.Equal(t, o != Unknown, o.Conclusive())
		require.Equal(t, o == Pass || o == Warn, o.OK())
	}
	require.Error(t, new(Outcome).UnmarshalText([]byte("PASS")))
}

func FuzzClean(f *testing.F) {
	f.Add("a\x1b[31m\u202e")
	f.Add(strings.Repeat("\xf0\x9f", 600))
	f.Fuzz(func(t *testing.T, s string) {
		got := clean(s)
		if len(got) > maxDetail+len("…") || !utf8.ValidString(got) || strings.ContainsAny(got, "\x1b\r\n\u202e\u2028") {
			t.Fatalf("%q", got)
		}
	})
}
