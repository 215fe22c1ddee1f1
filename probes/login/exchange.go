package login

import (
	"context"
	"encoding/json"
	"math"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/idp-exporter/idp_exporter/internal/fetch"
	"github.com/idp-exporter/idp_exporter/probes"
)

// grant is what is handed in for tokens.
type grant struct {
	form        url.Values
	nonce, code string
}

// realmGrant is Auth0's extension grant (RFC 6749, 4.5).
const realmGrant = "http://auth0.com/oauth/grant-type/password-realm"

// directGrant is the grant of the flows without pages.
func (a *Attempt) directGrant(ctx context.Context) (grant, error) {
	o := a.login.options
	form := url.Values{}
	for k, v := range o.Params {
		form.Set(k, v)
	}
	switch o.Flow {
	case FlowClientCredentials:
		form.Set("grant_type", "client_credentials")
	case FlowPasswordRealm:
		form.Set("grant_type", realmGrant)
		form.Set("realm", o.Realm)
	default:
		form.Set("grant_type", "password")
	}
	if o.OfUser() {
		form.Set("username", o.Username)
		form.Set("password", a.password)
	}
	if len(o.Scopes) > 0 {
		form.Set("scope", strings.Join(o.Scopes, " "))
	}
	if o.Audience != "" {
		form.Set("audience", o.Audience)
	}
	return grant{form: form}, a.enter(ctx)
}

// tokenResponse is a successful answer of the token endpoint (RFC 6749, 5.1).
type tokenResponse struct {
	AccessToken  string  `json:"access_token"`
	IDToken      string  `json:"id_token"`
	RefreshToken string  `json:"refresh_token"`
	ExpiresIn    seconds `json:"expires_in"`
}

// seconds is a number of seconds, which some providers write as a string.
type seconds time.Duration

func (s *seconds) UnmarshalJSON(b []byte) error {
	f, err := strconv.ParseFloat(strings.Trim(string(b), `"`), 64)
	if err == nil && f > 0 && f < math.MaxInt64/1e9 {
		*s = seconds(f * float64(time.Second))
	}
	return nil // an odd lifetime is no reason to refuse a token
}

// exchange hands in a grant at the token endpoint.
func (a *Attempt) exchange(ctx context.Context, g grant) (tokenResponse, error) {
	var tokens tokenResponse
	req, err := a.tokenRequest(ctx, g.form)
	if err != nil {
		return tokens, err
	}
	resp, err := a.do(ctx, req, "the token endpoint")
	if err != nil {
		return tokens, err
	}
	if resp.StatusCode != http.StatusOK {
		return tokens, a.tokenError(resp)
	}
	if err := json.Unmarshal(resp.Content, &tokens); err != nil {
		return tokens, probes.Failf(probes.ReasonBadResponse, "the token endpoint's answer is not the JSON that RFC 6749, 5.1 asks for")
	}
	a.redactor.Add(tokens.AccessToken, tokens.IDToken, tokens.RefreshToken)
	if tokens.AccessToken == "" {
		if r, ok := parseRefusal(resp); ok { // an error with status 200
			return tokens, a.failure(r, a.byPassword(), resp.Header)
		}
		return tokens, probes.Failf(probes.ReasonBadResponse, "the token endpoint's answer has no access_token")
	}
	a.Response = resp.Content
	return tokens, nil
}

// tokenRequest builds the request, in the one style that is configured (RFC 6749, 2.3.1).
func (a *Attempt) tokenRequest(ctx context.Context, form url.Values) (*http.Request, error) {
	o := a.login.options
	switch o.ClientAuth {
	case AuthPost:
		form.Set("client_id", o.ClientID)
		form.Set("client_secret", a.clientSecret)
	case AuthNone:
		form.Set("client_id", o.ClientID)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, a.metadata.TokenEndpoint, strings.NewReader(form.Encode()))
	if err != nil {
		return nil, probes.Failf(probes.ReasonDiscoveryInvalid, "token_endpoint is not a URL")
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("Accept", "application/json")
	if o.ClientAuth == AuthBasic {
		req.SetBasicAuth(url.QueryEscape(o.ClientID), url.QueryEscape(a.clientSecret))
		a.redactor.Add(strings.TrimPrefix(req.Header.Get("Authorization"), "Basic "))
	}
	return req, nil
}

// byPassword tells whether the token request itself carries the user's password.
func (a *Attempt) byPassword() bool {
	return a.login.options.Flow == FlowPassword || a.login.options.Flow == FlowPasswordRealm
}

func (a *Attempt) tokenError(resp *fetch.Response) error {
	if resp.StatusCode >= 500 || resp.StatusCode/100 == 3 {
		return unexpected(resp, "the token endpoint", "200")
	}
	if r, ok := parseRefusal(resp); ok {
		return a.failure(r, a.byPassword(), resp.Header)
	}
	if resp.StatusCode == http.StatusUnauthorized || resp.StatusCode == http.StatusForbidden {
		r := Refusal{Description: "the token endpoint answered " + strconv.Itoa(resp.StatusCode) + " without naming an OAuth error"}
		a.Refusal = &r
		if a.byPassword() {
			return probes.Failf(probes.ReasonCredentialsRefused, "%s", r)
		}
		return probes.Failf(probes.ReasonClientRefused, "%s", r)
	}
	return unexpected(resp, "the token endpoint", "200")
}
