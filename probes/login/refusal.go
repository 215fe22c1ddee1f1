package login

import (
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/idp-exporter/idp_exporter/internal/fetch"
	"github.com/idp-exporter/idp_exporter/probes"
)

// Refusal is a provider's "no": an OAuth error (RFC 6749, 4.1.2.1 and 5.2), or
// the words of a page, which has no Code.
type Refusal struct {
	Code        string `json:"error"`
	Description string `json:"error_description"`
}

const maxDescription = 400 // bytes

func (r Refusal) String() string {
	d := foreign(r.Description, maxDescription)
	switch {
	case r.Code == "":
		return d
	case d == "":
		return fmt.Sprintf("error \"%s\"", foreign(r.Code, 80))
	default:
		return fmt.Sprintf("error \"%s\": %s", foreign(r.Code, 80), d)
	}
}

// foreign is what a provider wrote, to be shown on one line and cut.
func foreign(s string, most int) string {
	if s = oneLine(s); s == "" {
		return ""
	}
	return probes.Foreign(s, most)
}

func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }

// shorten is for texts that are looked at and not shown.
func shorten(s string, most int) string {
	if s = oneLine(s); len(s) > most {
		return strings.ToValidUTF8(s[:most], "") + "…"
	}
	return s
}

var (
	// lockedWords tell that an account or address is blocked. Entra ID's codes
	// stand in descriptions.
	lockedWords = regexp.MustCompile(`(?i)\b(locked|locked out|blocked|too[ _]many[ _](failed[ _])?(log ?in[ _]|sign-?in[ _])?attempts|temporarily disabled|account (is |has been )?disabled|AADSTS50053|AADSTS50057)\b`)
	mfaWords    = regexp.MustCompile(`(?i)\b(mfa|multi-?factor|two-?factor|second factor|AADSTS50074|AADSTS50076|AADSTS50079|AADSTS50158)\b`)
)

// reason maps a refusal to a reason. ofUser tells that it answers a password.
func (r Refusal) reason(ofUser bool) probes.Reason {
	locked := lockedWords.MatchString(r.Description)
	switch code := strings.ToLower(r.Code); code {
	case "password_leaked":
		return probes.ReasonCredentialsRefused
	case "invalid_grant", "invalid_user_password", "invalid_credentials":
		switch {
		case !ofUser:
			return probes.ReasonOAuthError
		case locked:
			return probes.ReasonLockedOut
		case mfaWords.MatchString(r.Description):
			return probes.ReasonMFARequired
		}
		return probes.ReasonCredentialsRefused
	case "invalid_client", "unauthorized_client", "unsupported_grant_type":
		return probes.ReasonClientRefused
	case "too_many_attempts", "account_locked", "user_blocked", "blocked":
		return probes.ReasonLockedOut
	case "access_denied", "unauthorized":
		if locked {
			return probes.ReasonLockedOut
		}
		return probes.ReasonAccessDenied
	case "consent_required":
		return probes.ReasonConsentRefused
	case "interaction_required", "login_required", "account_selection_required":
		if mfaWords.MatchString(r.Description) {
			return probes.ReasonMFARequired
		}
		return probes.ReasonInteractionRequired
	case "too_many_requests", "slow_down":
		return probes.ReasonRateLimited
	default:
		if strings.HasPrefix(code, "mfa_") {
			return probes.ReasonMFARequired
		}
		return probes.ReasonOAuthError
	}
}

// failure turns a refusal into the end of a run.
func (a *Attempt) failure(r Refusal, ofUser bool, h http.Header) *probes.Failure {
	a.Refusal = &r
	reason := r.reason(ofUser)
	if reason == probes.ReasonRateLimited {
		return rateLimited(h, r.String())
	}
	return probes.Failf(reason, "%s", r.String())
}

// parseRefusal reads an OAuth error from a JSON answer.
func parseRefusal(resp *fetch.Response) (Refusal, bool) {
	var r struct {
		Refusal
		// Code and Description are Auth0's older spelling.
		Code        string `json:"code"`
		Description string `json:"description"`
	}
	if json.Unmarshal(resp.Content, &r) != nil {
		return Refusal{}, false
	}
	if r.Refusal.Code == "" {
		r.Refusal.Code = r.Code
	}
	if r.Refusal.Description == "" {
		r.Refusal.Description = r.Description
	}
	return r.Refusal, r.Refusal.Code != ""
}

// rateLimited ends a run without a conclusion (RFC 6585, 4).
func rateLimited(h http.Header, what string) *probes.Failure {
	until := retryTime(h, time.Now())
	f := probes.Unknownf(probes.ReasonRateLimited, "rate limited (%s); next try not before %s", what, until.Format(time.TimeOnly))
	f.NotBefore = until
	return f
}

// retryTime reads when to come back: Retry-After in seconds or as a date (RFC
// 9110, 10.2.3), or Auth0's x-ratelimit-reset in seconds since 1970. It is one
// minute from now without a header and at most an hour.
func retryTime(h http.Header, now time.Time) time.Time {
	wait := retryAfter
	after := strings.TrimSpace(h.Get("Retry-After"))
	if s, err := strconv.ParseInt(after, 10, 64); err == nil && s >= 0 {
		wait = time.Duration(min(s, int64(maxRetry/time.Second))) * time.Second
	} else if date, err := http.ParseTime(after); err == nil {
		wait = date.Sub(now)
	} else if s, err := strconv.ParseInt(strings.TrimSpace(h.Get("X-Ratelimit-Reset")), 10, 64); err == nil && s > 1e9 && s < 1e11 {
		wait = time.Unix(s, 0).Sub(now)
	}
	return now.Add(max(time.Second, min(wait, maxRetry)))
}

// unexpected says that an answer has the wrong status.
func unexpected(resp *fetch.Response, what, want string) *probes.Failure {
	text := ""
	if to := resp.Header.Get("Location"); to != "" && resp.StatusCode/100 == 3 {
		text = ", a redirect, which is not followed here"
	}
	return probes.Failf(probes.ReasonHTTPStatus, "%s answered %d%s; want %s", what, resp.StatusCode, text, want)
}
