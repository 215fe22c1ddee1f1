package test

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/idp-exporter/idp_exporter/internal/demo"
)

const maxGrowth = 64 << 20

// TestAbuseFailsFittinglyWhileOthersKeepTheirRhythm points probes of both kinds
// at every way of misbehaving at once, beside a healthy probe.
func TestAbuseFailsFittinglyWhileOthersKeepTheirRhythm(t *testing.T) {
	t.Parallel()
	p := provider(t, demo.StartOptions{})
	bad := hostile(t)
	pages := map[string]http.HandlerFunc{
		"forms": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/html")
			_, _ = io.WriteString(w, strings.Repeat(`<form><input name="q"></form>`, 10_000))
		},
		"endlesspage": func(w http.ResponseWriter, _ *http.Request) {
			for {
				if _, err := io.WriteString(w, strings.Repeat("<div>", 1000)); err != nil {
					return
				}
			}
		},
		"pageloop": func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "/authorize/"+r.URL.Path, http.StatusFound)
		},
		"elsewhere": func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "http://127.0.0.2:9/login", http.StatusFound)
		},
		"phish": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/html")
			_, _ = io.WriteString(w, `<form action="http://127.0.0.2:9/steal" method="post"><input name="username"><input type="password" name="password"><button>Go</button></form>`)
		},
		"bombpage": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Encoding", "gzip")
			_, _ = w.Write(gzipped(50 << 20))
		},
	}
	var config strings.Builder
	fmt.Fprintf(&config, "providers:\n  - {name: good, issuer: %q}\n", p.Issuer)
	for name, page := range pages {
		fmt.Fprintf(&config, "  - {name: %s, issuer: %q}\n", name, hostileProvider(t, page))
	}
	config.WriteString("probes:\n")
	fmt.Fprintf(&config, "  - {name: healthy, provider: good, kind: http, every: 1s, timeout: 1s}\n")
	for _, way := range []string{"endless", "headers", "loop", "bomb", "hang", "garbage"} {
		fmt.Fprintf(&config, "  - {name: %s, provider: good, kind: http, url: '%s/%s/', every: 3s, timeout: 2s, gates: false}\n", way, bad, way)
	}
	fmt.Fprintf(&config, "  - {name: silent, provider: good, kind: http, url: 'http://%s/', every: 3s, timeout: 2s, gates: false}\n", silent(t))
	for name := range pages {
		fmt.Fprintf(&config, "  - {name: %s, provider: %s, kind: login, every: 3s, budget: {per_minute: 0}, timeout: 2s, gates: false, client_id: web, username: monitor, password: a-password}\n", name, name)
	}
	e := serve(t, config.String())
	e.waitTestall("OK", 10*time.Second)
	before := e.rss()

	for _, want := range []struct{ probe, step, reason string }{
		{"endless", "response", "too_large"},
		{"headers", "response", "too_large"},
		{"loop", "response", "too_many_redirects"},
		{"bomb", "response", "too_large"},
		{"hang", "request", "timeout"},
		{"garbage", "response", "bad_response"},
		{"silent", "request", "timeout"},
		{"forms", "login_page", "too_large"},
		{"endlesspage", "authorize", "too_large"},
		{"pageloop", "login_page", "too_many_redirects"},
		{"elsewhere", "authorize", "origin_refused"},
		{"phish", "login_page", "origin_refused"},
		{"bombpage", "authorize", "too_large"},
	} {
		r := e.waitResult(want.probe, "fail", want.step, want.reason, 10*time.Second)
		require.Less(t, r.Last.Duration, 2500*time.Millisecond, want.probe)
	}
	rounds, most := 12*time.Second, int64(0)
	if soak() {
		rounds = 10 * time.Minute
	}
	ran := e.results()["healthy"].Runs["pass"]
	begin := time.Now()
	for time.Since(begin) < rounds {
		most = max(most, e.rss())
		time.Sleep(100 * time.Millisecond)
	}
	passed := e.results()["healthy"].Runs["pass"] - ran
	t.Logf("resident memory grew from %d MB to at most %d MB; the healthy probe ran %d times in %s", before>>20, most>>20, passed, time.Since(begin).Round(time.Second))
	require.Less(t, most-before, int64(maxGrowth))
	require.InDelta(t, rounds.Seconds(), float64(passed), 2, "the healthy probe keeps its rhythm of one run a second")
	require.Zero(t, e.results()["healthy"].Runs["fail"])
}

// TestAProviderThatIsKilledOrFrozen drives the real oidc-provider.
func TestAProviderThatIsKilledOrFrozen(t *testing.T) {
	t.Parallel()
	demoProcess := startDemo(t) // another process whose provider can be frozen and killed
	issuer := strings.Fields(demoProcess.output()[strings.Index(demoProcess.output(), "provider at ")+len("provider at "):])[0]
	p := provider(t, demo.StartOptions{})
	e := serve(t, fmt.Sprintf(`providers: [{name: doomed, issuer: %q}, {name: good, issuer: %q}]
probes:
  - {name: login, provider: doomed, kind: login, flow: password, every: 2s, budget: {per_minute: 0}, timeout: 1s, client_id: %s, client_secret: %s, username: %s, password: %s}
  - {name: page, provider: doomed, kind: http, every: 2s, timeout: 1s}
  - {name: healthy, provider: good, kind: http, every: 1s, timeout: 1s}
`, issuer, p.Issuer, demo.ClientID, demo.ClientSecret, demo.Username, demo.Password))
	e.waitTestall("OK", 10*time.Second)
	before := e.rss()

	demoProcess.signal(syscall.SIGSTOP)
	e.waitResult("login", "fail", "discovery", "timeout", 10*time.Second)
	e.waitTestall("FAIL", 10*time.Second)
	demoProcess.signal(syscall.SIGCONT)
	e.waitTestall("OK", 10*time.Second)

	_, _ = demoProcess.end(syscall.SIGKILL)
	e.waitResult("login", "fail", "discovery", "connect", 10*time.Second)
	e.waitResult("page", "fail", "connect", "connect", 10*time.Second)
	e.waitTestall("FAIL", 10*time.Second)
	require.Zero(t, e.results()["healthy"].Runs["fail"])
	require.Less(t, e.rss()-before, int64(maxGrowth))
}
