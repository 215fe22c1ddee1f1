package login

import (
	"context"
	"net/http"
	"slices"
	"time"

	"github.com/idp-exporter/idp_exporter/internal/fetch"
	"github.com/idp-exporter/idp_exporter/internal/secret"
	"github.com/idp-exporter/idp_exporter/probes"
	"github.com/idp-exporter/idp_exporter/probes/login/token"
)

// Attempt is one login on its way, and what it brought.
type Attempt struct {
	// Run records the steps and facts.
	Run *probes.Run
	// IDToken and AccessToken are verified; nil where there is none, or where the
	// access token is opaque.
	IDToken, AccessToken *token.Token
	// Userinfo is the JSON that the userinfo endpoint answered, nil if not asked.
	Userinfo []byte
	// Response is the JSON that the token endpoint answered. It carries tokens.
	Response []byte
	// Refusal is what the provider said where it refused, nil if it did not.
	Refusal *Refusal

	login                  *Login
	session                *fetch.Session
	redactor               *secret.Redactor
	password, clientSecret string
	account                accountKey
	leave                  func()    // gives back the account's slot
	began, sent            time.Time // the run, the credential
	metadata               *metadata
	keys                   *token.KeySet
	rawAccess              string
	opaque                 bool
}

// signIn goes through the steps of the flow.
func (a *Attempt) signIn(ctx context.Context) error {
	if err := a.Run.Step(StepDiscovery, func() error { return a.discover(ctx) }); err != nil {
		return err
	}
	if err := a.Run.Step(StepJWKS, func() error { return a.fetchKeys(ctx) }); err != nil {
		return err
	}
	var g grant
	var err error
	if a.login.options.Flow == FlowCode {
		g, err = a.codeGrant(ctx)
	} else {
		g, err = a.directGrant(ctx)
	}
	if err != nil {
		return err
	}
	var tokens tokenResponse
	if err := a.Run.Step(StepToken, func() error { tokens, err = a.exchange(ctx, g); return err }); err != nil {
		return err
	}
	a.leave()
	if err := a.verify(ctx, tokens, g); err != nil {
		return err
	}
	return a.userinfo(ctx)
}

// enter takes one of the account's slots before a credential is sent.
func (a *Attempt) enter(ctx context.Context) error {
	leave, err := a.login.options.accounts.enter(ctx, a.account)
	if err != nil {
		return err
	}
	a.leave, a.sent = leave, time.Now()
	return nil
}

// minCookie is the length from which a cookie's value is taken for a secret;
// shorter ones are flags and words.
const minCookie = 8

// do sends one request, to an allowed origin only. What names the request.
func (a *Attempt) do(ctx context.Context, req *http.Request, what string) (*fetch.Response, error) {
	if err := a.guard(req.URL, what); err != nil {
		return nil, err
	}
	return a.send(ctx, req, what)
}

func (a *Attempt) send(ctx context.Context, req *http.Request, what string) (*fetch.Response, error) {
	req.URL.User = nil
	resp, err := a.session.Do(ctx, req)
	if err != nil {
		return nil, probes.NetworkFailure(err)
	}
	for _, c := range resp.Cookies() {
		if len(c.Value) >= minCookie {
			a.redactor.Add(c.Value)
		}
	}
	if resp.StatusCode == http.StatusTooManyRequests {
		if r, ok := parseRefusal(resp); ok && r.reason(true) == probes.ReasonLockedOut {
			return nil, a.failure(r, true, resp.Header)
		}
		return nil, rateLimited(resp.Header, what+" answered 429")
	}
	return resp, nil
}

func (a *Attempt) get(ctx context.Context, url, what string) (*fetch.Response, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, probes.Failf(probes.ReasonDiscoveryInvalid, "%s: not a URL", what)
	}
	req.Header.Set("Accept", "application/json")
	return a.do(ctx, req, what)
}

func (a *Attempt) requires(what string) bool { return slices.Contains(a.login.options.Require, what) }
