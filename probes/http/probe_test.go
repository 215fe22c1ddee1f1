package httpprobe

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/idp-exporter/idp_exporter/internal/secret"
	"github.com/idp-exporter/idp_exporter/probes"
)

const canary = "cAnArY/9f+8e7d"

// run builds a probe of a URL and runs it once.
func runOnce(t testing.TB, url string, change func(*Options)) probes.Result {
	t.Helper()
	o := NewOptions()
	o.URL = url
	if change != nil {
		change(o)
	}
	return runTarget(t, o, probes.Target{Probe: "p", Every: time.Minute}, 5*time.Second)
}

func runTarget(t testing.TB, o *Options, target probes.Target, limit time.Duration) probes.Result {
	t.Helper()
	p, err := o.New(target)
	require.NoError(t, err)
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	r := p.Run(ctx)
	// Whatever happens, steps are ordered, within the run, and of the kind's.
	known := Kind().Steps
	require.NotEmpty(t, r.Steps, r.Detail)
	for i, s := range r.Steps {
		require.Contains(t, known, s.Name)
		require.GreaterOrEqual(t, s.Duration, time.Duration(0))
		require.LessOrEqual(t, s.Start+s.Duration, r.Duration+time.Millisecond)
		if i > 0 {
			require.NotEqual(t, s.Name, r.Steps[i-1].Name)
		}
	}
	require.NotContains(t, fmt.Sprintf("%+v", r), canary)
	return r
}

func steps(r probes.Result) string {
	var names []string
	for _, s := range r.Steps {
		names = append(names, s.Name)
	}
	return strings.Join(names, " ")
}

func requireFailure(t testing.TB, r probes.Result, outcome probes.Outcome, step string, reason probes.Reason) {
	t.Helper()
	require.Equal(t, outcome, r.Outcome, "%+v", r)
	require.Equal(t, reason, r.Reason, r.Detail)
	require.Equal(t, step, r.FailedStep, r.Detail)
	require.NotEmpty(t, r.Detail)
	require.Equal(t, outcome, r.Steps[len(r.Steps)-1].Outcome, "the last step is the one that is marked")
	for _, s := range r.Steps[:len(r.Steps)-1] {
		require.Equal(t, probes.Pass, s.Outcome)
	}
}

func TestExpectations(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Add("X-Two", "one")
		w.Header().Add("X-Two", "two")
		w.Header().Set("Content-Type", "application/json")
		code := 200
		_, _ = fmt.Sscanf(r.URL.Path, "/%d", &code)
		w.WriteHeader(code)
		if code != 204 {
			_, _ = io.WriteString(w, "{\"status\":\"ok\",\"id\":9007199254740993,\"note\":\"sekret-token\"}\n")
		}
	}))
	t.Cleanup(server.Close)
	for _, c := range []struct {
		name, path string
		change     func(*Options)
		reason     probes.Reason // empty: passes
	}{
		{"plain", "/", nil, ""},
		{"500", "/500", nil, probes.ReasonHTTPStatus},
		{"204", "/204", nil, ""},
		{"only 200", "/204", func(o *Options) { o.Status = []Status{"200"} }, probes.ReasonHTTPStatus},
		{"404 wanted", "/404", func(o *Options) { o.Status = []Status{"5xx", "404"} }, ""},
		{"401 without credential", "/401", nil, probes.ReasonHTTPStatus},
		{"matches", "/", func(o *Options) { o.BodyMatches = []string{`"ok"`, `(?i)STATUS`} }, ""},
		{"one does not match", "/", func(o *Options) { o.BodyMatches = []string{`"ok"`, `down`} }, probes.ReasonBodyMismatch},
		{"must not match", "/", func(o *Options) { o.BodyNotMatches = []string{`down`} }, ""},
		{"matches and must not", "/", func(o *Options) { o.BodyNotMatches = []string{`down`, `ok`} }, probes.ReasonBodyMismatch},
		{"equal", "/", func(o *Options) { o.BodyEquals = `{"status":"ok","id":9007199254740993,"note":"sekret-token"}` }, ""},
		{"not equal", "/", func(o *Options) { o.BodyEquals = "OK" }, probes.ReasonBodyMismatch},
		{"header", "/", func(o *Options) {
			o.HeaderMatches = map[string]string{"content-type": "^application/json", "x-two": "^two$"}
		}, ""},
		{"other header", "/", func(o *Options) { o.HeaderMatches = map[string]string{"X-Two": "three"} }, probes.ReasonHeaderMismatch},
		{"no header", "/", func(o *Options) { o.HeaderMatches = map[string]string{"X-None": ""} }, probes.ReasonHeaderMismatch},
		{"json", "/", func(o *Options) {
			o.JSON = map[string]string{"a": `json.status == "ok"`, "b": `json.id == 9007199254740993 && status == 200`, "c": `headers["x-two"] == "one, two" && body.contains("ok")`}
		}, ""},
		{"other json", "/", func(o *Options) { o.JSON = map[string]string{"a": `json.status == "ok"`, "b": `json.status == "down"`} }, probes.ReasonJSONMismatch},
		{"missing in json", "/", func(o *Options) { o.JSON = map[string]string{"a": `json.none == 1`} }, probes.ReasonJSONMismatch},
		{"no json", "/204", func(o *Options) { o.JSON = map[string]string{"a": `json.status == "ok"`} }, probes.ReasonJSONMismatch},
		{"not of json", "/204", func(o *Options) { o.JSON = map[string]string{"a": `status == 204`} }, ""},
		{"small limit", "/", func(o *Options) { o.MaxBody = 10 }, probes.ReasonTooLarge},
		{"HEAD", "/", func(o *Options) { o.Method = "HEAD"; o.MaxBody = 10 }, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			r := runOnce(t, server.URL+c.path, c.change)
			require.Equal(t, "connect request response", steps(r))
			require.NotContains(t, r.Detail, "sekret", "an answer is never quoted")
			require.NotNil(t, r.Facts.ClockOffset)
			if c.reason == "" {
				require.Equal(t, probes.Pass, r.Outcome, r.Detail)
				require.Empty(t, r.Detail)
				require.Empty(t, r.FailedStep)
				return
			}
			requireFailure(t, r, probes.Fail, "response", c.reason)
		})
	}
}

func TestAssertions(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, `{"v":1}`) }))
	t.Cleanup(server.Close)
	r := runOnce(t, server.URL, func(o *Options) {
		o.JSON = map[string]string{"one": "json.v == 1", "two": "json.v == 2", "three": "json.v < 3"}
	})
	require.Equal(t, []string{"one true", "three true", "two false"}, func() (all []string) {
		for _, a := range r.Assertions {
			all = append(all, fmt.Sprint(a.Name, " ", a.Pass))
		}
		return all
	}())
	require.Contains(t, r.Detail, "two: json.v == 2")
}

func TestSlowIsAWarning(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { time.Sleep(50 * time.Millisecond) }))
	t.Cleanup(server.Close)
	r := runOnce(t, server.URL, func(o *Options) { o.WarnSlowerThan = 40 * time.Millisecond })
	require.Equal(t, probes.Warn, r.Outcome)
	require.Equal(t, probes.ReasonSlow, r.Reason)
	require.Equal(t, "request", r.FailedStep)
	require.Contains(t, r.Detail, "more than 40ms")
	r = runOnce(t, server.URL, func(o *Options) { o.WarnSlowerThan = time.Minute })
	require.Equal(t, probes.Pass, r.Outcome)
}

func TestCredentials(t *testing.T) {
	t.Parallel()
	var hits atomic.Int64
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		hits.Add(1)
		user, password, _ := r.BasicAuth()
		switch {
		case r.Header.Get("Authorization") == "Bearer "+canary, r.Header.Get("X-Api-Key") == canary, user == "monitor" && password == canary:
		case r.URL.Path == "/403":
			w.WriteHeader(http.StatusForbidden)
		default:
			w.WriteHeader(http.StatusUnauthorized)
		}
	}))
	t.Cleanup(server.Close)
	path := filepath.Join(t.TempDir(), "key")
	require.NoError(t, os.WriteFile(path, []byte(canary+"\n"), 0o600))
	good, wrong := secret.FromFile(path), secret.New("wrong-"+canary)
	bearer := func(s secret.Secret) func(*Options) { return func(o *Options) { o.BearerToken = s } }
	basic := func(s secret.Secret) func(*Options) { return func(o *Options) { o.Basic = &Basic{"monitor", s} } }
	header := func(s secret.Secret) func(*Options) {
		return func(o *Options) { o.SecretHeaders = map[string]secret.Secret{"x-api-key": s} }
	}
	for _, f := range []func(secret.Secret) func(*Options){bearer, basic, header} {
		require.Equal(t, probes.Pass, runOnce(t, server.URL, f(good)).Outcome)
		requireFailure(t, runOnce(t, server.URL, f(wrong)), probes.Unknown, "response", probes.ReasonClientRefused)
		requireFailure(t, runOnce(t, server.URL+"/403", f(wrong)), probes.Unknown, "response", probes.ReasonClientRefused)
	}
	require.True(t, runOnce(t, server.URL, bearer(wrong)).NotBefore.IsZero())
	r := runOnce(t, server.URL, basic(wrong))
	require.InDelta(t, 10*time.Minute, time.Until(r.NotBefore), float64(time.Minute), "a password is not tried again and again")
	r = runOnce(t, server.URL, func(o *Options) { bearer(wrong)(o); o.Status = []Status{"401"} })
	require.Equal(t, probes.Pass, r.Outcome, "the refusal is what is wanted")

	before := hits.Load()
	for _, unusable := range []secret.Secret{secret.FromFile(path + ".none"), secret.New("two\r\nlines: " + canary)} {
		requireFailure(t, runOnce(t, server.URL, bearer(unusable)), probes.Unknown, "request", probes.ReasonSecretUnavailable)
	}
	require.Equal(t, before, hits.Load(), "nothing is sent")
}

func TestRateLimited(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/wait" {
			w.Header().Set("Retry-After", "120")
		}
		w.WriteHeader(http.StatusTooManyRequests)
	}))
	t.Cleanup(server.Close)
	r := runOnce(t, server.URL+"/wait", func(o *Options) { o.BearerToken = secret.New("k") })
	requireFailure(t, r, probes.Unknown, "response", probes.ReasonRateLimited)
	require.InDelta(t, 2*time.Minute, time.Until(r.NotBefore), float64(30*time.Second))
	r = runOnce(t, server.URL, nil)
	requireFailure(t, r, probes.Unknown, "response", probes.ReasonRateLimited)
	require.True(t, r.NotBefore.IsZero())
	require.Equal(t, probes.Pass, runOnce(t, server.URL, func(o *Options) { o.Status = []Status{"429"} }).Outcome)
}

func TestRequest(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		_, _ = fmt.Fprintf(w, "%s %s %s %s %s %d %s", r.Method, r.URL.RequestURI(), r.Host, r.Header.Get("X-A"), r.UserAgent(), r.ContentLength, b)
	}))
	t.Cleanup(server.Close)
	r := runOnce(t, server.URL+"/p?q=1#f", func(o *Options) {
		o.Method, o.Body = "POST", "hello"
		o.Headers = map[string]string{"x-a": "b", "host": "other.example", "User-Agent": "me"}
		o.BodyEquals = "POST /p?q=1 other.example b me 5 hello"
	})
	require.Equal(t, probes.Pass, r.Outcome, r.Detail)
	r = runOnce(t, server.URL, func(o *Options) { o.BodyMatches = []string{"^GET / 127.0.0.1:[0-9]+  idp_exporter 0 $"} })
	require.Equal(t, probes.Pass, r.Outcome, r.Detail)
}

func TestCalledOffIsUnknown(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }))
	t.Cleanup(server.Close)
	o := NewOptions()
	o.URL = server.URL
	p, err := o.New(probes.Target{})
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(50*time.Millisecond, cancel)
	requireFailure(t, p.Run(ctx), probes.Unknown, "request", probes.ReasonTimeout)
	// Nothing is done where there is no time left.
	require.Equal(t, probes.Unknown, p.Run(ctx).Outcome)
}
