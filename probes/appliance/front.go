package appliance

import (
	"bytes"
	"context"
	"encoding/json"
	"mime"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/idp-exporter/idp_exporter/internal/fetch"
	"github.com/idp-exporter/idp_exporter/probes"
	"github.com/idp-exporter/idp_exporter/probes/internal/exchange"
)

// maxTrip is the longest round trip from which the clock is judged.
const maxTrip = 2 * time.Second

// askFront asks what needs no key.
func (r *run) askFront(ctx context.Context) {
	if !r.Test && !r.Testall {
		return
	}
	s := r.front.client.Session()
	defer s.Close()
	s.MaxBody = maxBody
	defer func() {
		if t := s.Seen.CertificateNotAfter; !t.IsZero() {
			r.Facts().CertificateNotAfter = t // what users see
		}
	}()
	if r.Test {
		begin := time.Now()
		f := r.askTest(ctx, s)
		r.note(stepTest, begin, f)
		if f != nil && f.Reason != probes.ReasonClockOffset && s.Last.FirstByte.IsZero() {
			return // it cannot be reached
		}
	}
	if r.Testall {
		begin := time.Now()
		r.note(stepTestall, begin, r.askTestall(ctx, s))
	}
}

// askTest measures the node's clock, {"clock": milliseconds since 1970}.
func (r *run) askTest(ctx context.Context, s *fetch.Session) *probes.Failure {
	resp, f := r.ask(ctx, s, r.front, "/test", false)
	if f != nil {
		return f
	}
	sent, trip := s.Last.GotConn, s.Last.FirstByte.Sub(s.Last.GotConn)
	if resp.StatusCode != http.StatusOK {
		return codeFailure("/test", resp)
	}
	clock, ok := parseClock(resp.Content)
	if !ok {
		return probes.Failf(probes.ReasonBadResponse, "/test did not answer {\"clock\": milliseconds}")
	}
	if sent.IsZero() || trip > maxTrip || trip < 0 {
		r.Unverified("the clock: /test took %s, too long to tell", trip.Round(time.Millisecond))
		return nil
	}
	offset := clock.Sub(sent.Add(trip / 2))
	r.Facts().ClockOffset = &offset
	way := "ahead of"
	if offset < 0 {
		way = "behind"
	}
	f = probes.Failf(probes.ReasonClockOffset, "the node's clock is %s %s ours", offset.Abs().Round(time.Millisecond), way)
	switch limit := r.ClockOffset; {
	case limit.Fail > 0 && offset.Abs() > limit.Fail:
		return f
	case limit.Warn > 0 && offset.Abs() > limit.Warn:
		f.Outcome = probes.Warn
		return f
	}
	return nil
}

// parseClock reads the body of /test. Times beyond the year 9999 are none.
func parseClock(body []byte) (time.Time, bool) {
	var v struct {
		Clock *int64 `json:"clock"`
	}
	if json.Unmarshal(body, &v) != nil || v.Clock == nil {
		return time.Time{}, false
	}
	t := time.UnixMilli(*v.Clock)
	return t, t.Year() >= 1970 && t.Year() <= 9999
}

// askTestall compares code and body: older versions answered 200 with other
// texts, and 500 or 520 with the components that are down.
func (r *run) askTestall(ctx context.Context, s *fetch.Session) *probes.Failure {
	resp, f := r.ask(ctx, s, r.front, "/testall", false)
	if f != nil {
		return f
	}
	code, down := resp.StatusCode, exchange.ComponentsDown(resp.Content)
	if code == http.StatusTooManyRequests || code == http.StatusUnauthorized || code == http.StatusForbidden {
		return codeFailure("/testall", resp)
	}
	kind, _, _ := mime.ParseMediaType(resp.Header.Get("Content-Type"))
	switch reason := exchange.TestallReason(code, bytes.Equal(resp.Content, []byte("OK")), down); {
	case len(down) > 0:
		r.assertComponents(down)
		return probes.Failf(reason, "/testall answered %d; down: %s", code, strings.Join(down, ", "))
	case reason == "" && kind != "text/plain":
		return probes.Failf(probes.ReasonHeaderMismatch, "/testall answered 200 as \"%s\", want text/plain", probes.Foreign(kind, 60))
	case reason == "":
		r.assertComponents(nil)
		return nil
	case code == http.StatusOK:
		return probes.Failf(reason, "/testall answered 200 with %d bytes other than OK", len(resp.Content))
	case reason == probes.ReasonDisagreement:
		return probes.Failf(reason, "/testall answered %d, but its body is OK", code)
	default:
		return probes.Failf(reason, "/testall answered %d, want 200", code)
	}
}

func (r *run) assertComponents(down []string) {
	for _, c := range components {
		r.Assert("component "+c, !slices.Contains(down, c), "")
	}
}

// codeFailure tells of a status other than 200. On an appliance the path is open;
// whoever wants a credential for it says nothing of the node.
func codeFailure(path string, resp *fetch.Response) *probes.Failure {
	if c := resp.StatusCode; c == http.StatusUnauthorized || c == http.StatusForbidden {
		return probes.Unknownf(probes.ReasonClientRefused, "%s answered %d: it wants a credential, and this probe sends none there; open it, or set test: false and testall: false", path, c)
	}
	if resp.StatusCode != http.StatusTooManyRequests {
		return probes.Failf(probes.ReasonHTTPStatus, "%s answered %d, want 200", path, resp.StatusCode)
	}
	f := probes.Unknownf(probes.ReasonRateLimited, "%s answered 429: asked too often", path)
	if wait, ok := fetch.RetryAfter(resp.Header, time.Now()); ok && wait > 0 {
		f.NotBefore = time.Now().Add(wait)
	}
	return f
}

// components are those that /testall is known to look at; only they become
// assertions, whose names are labels.
var components = []string{"manage", "docs", "users", "api2"}
