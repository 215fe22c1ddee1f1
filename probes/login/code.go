package login

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"net/url"
	"slices"
	"strings"

	"golang.org/x/oauth2"

	"github.com/idp-exporter/idp_exporter/probes"
)

// codeGrant signs in through the provider's pages (RFC 6749, 4.1, with PKCE, RFC
// 7636) and returns the grant that the code makes.
func (a *Attempt) codeGrant(ctx context.Context) (grant, error) {
	o := a.login.options
	redirect, err := url.Parse(o.RedirectURI)
	if err != nil {
		return grant{}, probes.Failf(probes.ReasonInternal, "redirect_uri: %w", err)
	}
	state, verifier := rand.Text(), oauth2.GenerateVerifier()
	a.redactor.Add(state, verifier)
	g := grant{}
	if slices.Contains(o.Scopes, "openid") {
		g.nonce = rand.Text()
		a.redactor.Add(g.nonce)
	}
	if m := a.metadata.ChallengeMethods; len(m) > 0 && !slices.Contains(m, "S256") {
		a.Run.Unverified("PKCE: the provider does not announce S256, it may ignore the challenge")
	}
	start, err := a.authorizeURL(state, g.nonce, verifier)
	if err != nil {
		return grant{}, err
	}
	b := &browser{Attempt: a, redirect: redirect}
	callback, err := b.walk(ctx, start)
	if err != nil {
		return grant{}, err
	}
	if !b.sent {
		a.Run.Unverified("the provider asked for no password")
	}
	if err := a.Run.Step(StepCallback, func() error { g.code, err = a.callback(callback, state); return err }); err != nil {
		return grant{}, err
	}
	g.form = url.Values{
		"grant_type": {"authorization_code"}, "code": {g.code}, "redirect_uri": {o.RedirectURI}, "code_verifier": {verifier},
	}
	return g, nil
}

func (a *Attempt) authorizeURL(state, nonce, verifier string) (*url.URL, error) {
	o := a.login.options
	u, err := url.Parse(a.metadata.AuthorizationEndpoint)
	if err != nil {
		return nil, probes.Failf(probes.ReasonDiscoveryInvalid, "authorization_endpoint is not a URL")
	}
	q := u.Query()
	for k, v := range o.Params {
		q.Set(k, v)
	}
	q.Set("response_type", "code")
	q.Set("client_id", o.ClientID)
	q.Set("redirect_uri", o.RedirectURI)
	q.Set("state", state)
	q.Set("code_challenge", oauth2.S256ChallengeFromVerifier(verifier))
	q.Set("code_challenge_method", "S256")
	if len(o.Scopes) > 0 {
		q.Set("scope", strings.Join(o.Scopes, " "))
	}
	if nonce != "" {
		q.Set("nonce", nonce)
	}
	if o.Audience != "" {
		q.Set("audience", o.Audience)
	}
	u.RawQuery = q.Encode()
	return u, nil
}

// callback checks what came back and returns the code (RFC 6749, 4.1.2; RFC 9207, 2.4).
func (a *Attempt) callback(q url.Values, state string) (string, error) {
	a.redactor.Add(q["code"]...)
	if code := q.Get("error"); code != "" {
		return "", a.failure(Refusal{Code: code, Description: q.Get("error_description")}, true, nil)
	}
	iss, named := q["iss"]
	switch {
	case len(q["state"]) != 1 || subtle.ConstantTimeCompare([]byte(q.Get("state")), []byte(state)) != 1:
		return "", probes.Failf(probes.ReasonCallbackInvalid, "the callback's state is not the one that was sent")
	case named && (len(iss) != 1 || iss[0] != a.login.issuer):
		return "", probes.Failf(probes.ReasonCallbackInvalid, "the callback's iss is \"%s\", want %q (RFC 9207)", foreign(iss[0], 200), a.login.issuer)
	case !named && a.metadata.CallbackNamesIssuer:
		return "", probes.Failf(probes.ReasonCallbackInvalid, "the callback has no iss, though the discovery document promises it (RFC 9207)")
	case len(q["code"]) != 1 || q.Get("code") == "":
		return "", probes.Failf(probes.ReasonCallbackInvalid, "the callback has no code")
	}
	return q.Get("code"), nil
}
