package appliance

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/idp-exporter/idp_exporter/internal/demo"
	"github.com/idp-exporter/idp_exporter/probes"
)

func TestClock(t *testing.T) {
	t.Parallel()
	n := newNode(t, demo.ApplianceOptions{})
	p := built(t, options(t, "{resources: [], testall: false, clock_offset: {warn: 20s, fail: 40s}, url: '"+n.url+"'}"), probes.Target{})
	for _, c := range []struct {
		offset  time.Duration
		outcome probes.Outcome
	}{{0, probes.Pass}, {30 * time.Second, probes.Warn}, {-30 * time.Second, probes.Warn}, {time.Minute, probes.Fail}, {-time.Hour, probes.Fail}} {
		n.SetClock(c.offset)
		r := ran(t, p)
		if len(r.Unverified) > 0 {
			t.Skip("too slow a machine to measure a clock on")
		}
		require.Equal(t, c.outcome, r.Outcome, c.offset)
		require.InDelta(t, c.offset.Seconds(), r.Facts.ClockOffset.Seconds(), 3)
		if c.outcome != probes.Pass {
			require.Equal(t, probes.ReasonClockOffset, r.Reason)
			require.Equal(t, "test", r.FailedStep)
			require.Regexp(t, map[bool]string{true: `clock is [0-9.hms]+ behind ours$`, false: `clock is [0-9.hms]+ ahead of ours$`}[c.offset < 0], r.Detail)
		}
	}
}

func TestComponents(t *testing.T) {
	t.Parallel()
	n := newNode(t, demo.ApplianceOptions{})
	p := built(t, options(t, "{resources: [], test: false, url: '"+n.url+"'}"), probes.Target{})
	require.NoError(t, n.SetComponentDown("docs", true))
	require.NoError(t, n.SetComponentDown("api2", true))
	r := ran(t, p)
	require.Equal(t, probes.Fail, r.Outcome)
	require.Equal(t, probes.ReasonReportedDown, r.Reason)
	require.Equal(t, "testall", r.FailedStep)
	require.Contains(t, r.Detail, "answered 500; down: docs, api2")
	require.NotContains(t, r.Detail, "socket", "the reasons are the appliance's own affair")
	require.Equal(t, []probes.Assertion{
		{Name: "component manage", Pass: true}, {Name: "component docs"}, {Name: "component users", Pass: true}, {Name: "component api2"},
	}, r.Assertions)
}

func TestFrontAnswers(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		path, kind, body string
		code             int
		outcome          probes.Outcome
		reason           probes.Reason
	}{
		"OK":                     {"/testall", "text/plain; charset=utf-8", "OK", 200, probes.Pass, ""},
		"OK and a line break":    {"/testall", "text/plain", "OK\n", 200, probes.Fail, probes.ReasonDisagreement},
		"a page":                 {"/testall", "text/html", "OK", 200, probes.Fail, probes.ReasonHeaderMismatch},
		"FAIL with 200":          {"/testall", "text/plain", "FAIL", 200, probes.Fail, probes.ReasonDisagreement},
		"500":                    {"/testall", "text/plain", "oops", 500, probes.Fail, probes.ReasonReportedDown},
		"520":                    {"/testall", "text/plain", "Server Down", 520, probes.Fail, probes.ReasonReportedDown},
		"503, but OK":            {"/testall", "text/plain", "OK", 503, probes.Fail, probes.ReasonDisagreement},
		"404":                    {"/testall", "text/plain", "", 404, probes.Fail, probes.ReasonHTTPStatus},
		"520 with components":    {"/testall", "text/html", "users seems down. Reason: x", 520, probes.Fail, probes.ReasonReportedDown},
		"components, but 200":    {"/testall", "text/plain", "users seems down. Reason: x", 200, probes.Fail, probes.ReasonReportedDown},
		"429":                    {"/testall", "text/plain", "", 429, probes.Unknown, probes.ReasonRateLimited},
		"401":                    {"/testall", "text/plain", "", 401, probes.Unknown, probes.ReasonClientRefused},
		"no test without a key":  {"/test", "text/plain", "", 403, probes.Unknown, probes.ReasonClientRefused},
		"a clock":                {"/test", "application/json", `{"clock":1417220191640}`, 200, probes.Fail, probes.ReasonClockOffset},
		"no clock":               {"/test", "application/json", `{}`, 200, probes.Fail, probes.ReasonBadResponse},
		"a clock that is a word": {"/test", "application/json", `{"clock":"now"}`, 200, probes.Fail, probes.ReasonBadResponse},
		"a clock beyond time":    {"/test", "application/json", `{"clock":9223372036854775807}`, 200, probes.Fail, probes.ReasonBadResponse},
		"no test":                {"/test", "text/html", ``, 502, probes.Fail, probes.ReasonHTTPStatus},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			origin := scripted(t, func(w http.ResponseWriter, r *http.Request) {
				if r.Header.Get("Authorization") != "" {
					t.Error("the key was shown where none is asked for")
				}
				w.Header().Set("Content-Type", c.kind)
				w.WriteHeader(c.code)
				_, _ = io.WriteString(w, c.body)
			})
			o := options(t, "{resources: [], url: '"+origin+"'}")
			o.Test, o.Testall = c.path == "/test", c.path == "/testall"
			r := ran(t, built(t, o, probes.Target{}))
			require.Equal(t, c.outcome, r.Outcome, r.Detail)
			require.Equal(t, c.reason, r.Reason)
			told := name == "OK" || strings.Contains(name, "components")
			require.Equal(t, told, len(r.Assertions) > 0, "what does not tell of components is no witness for them")
		})
	}
}

// What foreign servers name never becomes a label.
func TestForeignComponents(t *testing.T) {
	t.Parallel()
	origin := scripted(t, func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusInternalServerError)
		_, _ = io.WriteString(w, "evil-"+strings.Repeat("x", 10)+" seems down. Reason: y\n\x1b[31mred seems down\n"+strings.Repeat("a", 100)+" seems down\n")
	})
	r := ran(t, built(t, options(t, "{resources: [], test: false, url: '"+origin+"'}"), probes.Target{}))
	require.Contains(t, r.Detail, "down: evil-xxxxxxxxxx")
	require.Len(t, r.Assertions, 4)
	for _, a := range r.Assertions {
		require.True(t, a.Pass, a.Name)
	}
}

func FuzzFront(f *testing.F) {
	f.Add([]byte(`{"clock":1417220191640}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		if clock, ok := parseClock(body); ok && (clock.Year() < 1970 || clock.Year() > 9999) {
			t.Fatal(clock)
		}
	})
}
