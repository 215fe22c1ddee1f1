package peers

import (
	"bytes"
	"context"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"time"

	"github.com/idp-exporter/idp_exporter/internal/fetch"
)

// The problems: why a member's last question brought no answer, a closed list.
const (
	ProblemPending     = "pending"      // it has not been asked yet
	ProblemDNS         = "dns"          // its name was not found
	ProblemConnect     = "connect"      // nobody accepts connections there, or they break
	ProblemTLS         = "tls"          // the handshake failed
	ProblemTimeout     = "timeout"      // it took longer than Config.Timeout
	ProblemProxy       = "proxy"        // the proxy did not let the question through
	ProblemCredentials = "credentials"  // the token was refused, or its file cannot be read
	ProblemRateLimited = "rate_limited" // it answered 429
	ProblemRedirect    = "redirect"     // it pointed elsewhere; nobody follows
	ProblemStatus      = "http_status"  // any other status code that is no verdict
	ProblemBody        = "body"         // the body says something else than the code
	ProblemResponse    = "bad_response" // what came is not HTTP
	ProblemStale       = "stale"        // the last answer is too old
)

const (
	// maxBody bounds a body, in bytes; a verdict has four at most.
	maxBody = 1 << 10
	// fresh is the number of intervals for which an answer counts.
	fresh = 3
	// misses is how many questions in a row without an answer make a member unknown.
	misses = 2
)

// member is another exporter and what it said last.
type member struct {
	MemberConfig
	url    string
	client *fetch.Client
	log    *slog.Logger

	answer answer // guarded by Peers.mu
}

// answer is the last conclusive one, and how things went since.
type answer struct {
	ok      bool
	at      time.Time // zero before the first
	missed  int       // questions in a row since that brought none
	problem string    // of the last question; empty if it was answered
}

// same tells whether an answer of old is one of m.
func (m *member) same(old *member) bool {
	return m.Name == old.Name && m.url == old.url && m.TLS == old.TLS && m.Proxy == old.Proxy
}

// ask is the goroutine of a member.
func (p *Peers) ask(ctx context.Context, m *member) {
	every, timeout := p.config.Every, p.config.Timeout
	timer := time.NewTimer(rand.N(min(every/10, time.Second))) //nolint:gosec // not for secrecy
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		}
		began := time.Now()
		ok, problem := m.poll(ctx, timeout)
		if ctx.Err() != nil {
			return // it was called off, which says nothing
		}
		// A first miss is looked into soon, so that a member that is gone is known
		// to be so within two intervals and one lost packet changes nothing.
		next := every
		if p.note(m, ok, problem) {
			next = every / 2
		}
		next += rand.N(every/10) - every/20 //nolint:gosec // not for secrecy
		timer.Reset(time.Until(began.Add(next)))
	}
}

// note keeps an answer, or that there was none, and tells whether that is the
// first miss in a row.
func (p *Peers) note(m *member, ok bool, problem string) (first bool) {
	now := time.Now()
	p.mu.Lock()
	before := m.view(now, p.config.Every)
	a := &m.answer
	if a.problem = problem; problem == "" {
		a.ok, a.at, a.missed = ok, now, 0
	} else {
		a.missed++
	}
	first = a.missed == 1
	after := m.view(now, p.config.Every)
	p.mu.Unlock()
	if before.State() != after.State() || !after.Known && before.Problem != after.Problem {
		level := slog.LevelInfo
		if !after.OK {
			level = slog.LevelWarn
		}
		m.log.Log(context.Background(), level, "peer changed", "peer", m.Name, "from", before.State(), "to", after.State(), "problem", after.Problem)
	}
	return first
}

// poll asks once. Each question has a connection of its own: that a new one is
// accepted is part of the answer.
func (m *member) poll(ctx context.Context, timeout time.Duration) (ok bool, problem string) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, m.url, nil)
	if err != nil {
		return false, ProblemConnect
	}
	if m.Token.IsSet() {
		token, err := m.Token.Value()
		if err != nil || !bearer(token) {
			return false, ProblemCredentials
		}
		req.Header.Set("Authorization", "Bearer "+token)
	}
	session := m.client.Session()
	defer session.Close()
	session.MaxBody = maxBody
	resp, err := session.Do(ctx, req)
	if err != nil {
		return false, problemOf(fetch.Classify(err))
	}
	return judge(resp.StatusCode, resp.Content)
}

func problemOf(part fetch.Part) string {
	switch part {
	case fetch.PartDNS:
		return ProblemDNS
	case fetch.PartConnect, fetch.PartOwn:
		return ProblemConnect
	case fetch.PartTLS:
		return ProblemTLS
	case fetch.PartTimeout:
		return ProblemTimeout
	case fetch.PartProxy:
		return ProblemProxy
	case fetch.PartTooLarge:
		return ProblemBody
	default:
		return ProblemResponse
	}
}

// judge takes an answer only where code and body agree: a proxy's own page, or
// a server that says OK to everything, is no verdict.
func judge(code int, body []byte) (ok bool, problem string) {
	switch code {
	case http.StatusOK:
		if string(bytes.TrimSpace(body)) == "OK" {
			return true, ""
		}
		return false, ProblemBody
	case http.StatusServiceUnavailable, http.StatusInternalServerError, 520: // verdict.failing_code
		if string(bytes.TrimSpace(body)) == "FAIL" {
			return false, ""
		}
		return false, ProblemBody
	case http.StatusUnauthorized, http.StatusForbidden:
		return false, ProblemCredentials
	case http.StatusTooManyRequests:
		return false, ProblemRateLimited
	}
	if code >= 300 && code < 400 {
		return false, ProblemRedirect
	}
	return false, ProblemStatus
}
