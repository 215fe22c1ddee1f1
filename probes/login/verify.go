package login

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/idp-exporter/idp_exporter/probes"
	"github.com/idp-exporter/idp_exporter/probes/login/token"
)

// verify checks the tokens. A second fetch of the key set counts as step jwks.
func (a *Attempt) verify(ctx context.Context, tokens tokenResponse, g grant) error {
	a.rawAccess = tokens.AccessToken
	var refetched time.Duration
	v := &token.Verifier{
		Issuer: a.login.issuer, ClientID: a.login.options.ClientID, Algorithms: a.login.options.SigningAlgs,
		Skew: a.login.options.MaxSkew, Keys: a.keys,
		Refetch: func(ctx context.Context) (*token.KeySet, error) {
			begin := time.Now()
			err := a.fetchKeys(ctx)
			refetched = time.Since(begin)
			a.Run.AddStep(StepJWKS, begin, refetched, err)
			return a.keys, err
		},
	}
	begin := time.Now()
	err := a.verifyID(ctx, v, tokens, g)
	if err == nil {
		err = a.verifyAccess(ctx, v, tokens)
	}
	if err == nil && a.IDToken != nil {
		err = a.login.options.accounts.siblings.check(a.login.issuer, a.login.node, a.IDToken.KeyID, a.keys.IDs(), time.Now())
	}
	a.Run.AddStep(StepVerify, begin, time.Since(begin)-refetched, err)
	for _, note := range a.keys.Notes() {
		a.Run.Unverified("%s", note)
	}
	return err
}

func (a *Attempt) verifyID(ctx context.Context, v *token.Verifier, tokens tokenResponse, g grant) error {
	o := a.login.options
	if tokens.IDToken == "" {
		if o.OfUser() && slices.Contains(o.Scopes, "openid") {
			return probes.Failf(probes.ReasonTokenInvalid, "there is no id_token, though the scope openid was asked for")
		}
		if o.OfUser() {
			a.Run.Unverified("no ID token: the scope openid was not asked for")
		}
		return nil
	}
	id, err := v.ID(ctx, tokens.IDToken, token.ID{
		Nonce: g.nonce, Code: g.code, AccessToken: tokens.AccessToken,
		RequireAZP: a.requires(RequireAZP), RequireATHash: a.requires(RequireATHash),
	})
	a.noteLifetime("id_token", id, 0)
	if err != nil {
		return a.invalid("id_token", err)
	}
	a.IDToken = id
	if id.ATHash == "" {
		a.Run.Unverified("at_hash absent: nothing ties the access token to the ID token")
	}
	return nil
}

func (a *Attempt) verifyAccess(ctx context.Context, v *token.Verifier, tokens tokenResponse) error {
	o := a.login.options
	lifetime := time.Duration(tokens.ExpiresIn)
	access, err := (*token.Token)(nil), token.ErrOpaque
	if o.AccessToken != AccessTokenOpaque {
		access, err = v.Access(ctx, tokens.AccessToken, o.Audience)
	}
	a.noteLifetime("access_token", access, lifetime)
	switch {
	case errors.Is(err, token.ErrOpaque) && o.AccessToken == AccessTokenJWT:
		return probes.Failf(probes.ReasonTokenInvalid, "access_token: opaque, though a JWT is required")
	case errors.Is(err, token.ErrOpaque):
		a.opaque = true
		if o.Audience != "" {
			a.Run.Unverified("access token is opaque: audience not checked")
		}
		if !o.OfUser() {
			a.Run.Unverified("access token is opaque: nothing in it was checked")
		}
		return nil
	case err != nil:
		return a.invalid("access_token", err)
	}
	a.AccessToken = access
	if o.Audience == "" {
		a.Run.Unverified("audience of the access token not checked: none is configured")
	}
	return nil
}

// noteLifetime records a token's lifetime, its own or else that of the answer it came in.
func (a *Attempt) noteLifetime(name string, t *token.Token, otherwise time.Duration) {
	lifetime := otherwise
	if t != nil && t.Lifetime() > 0 {
		lifetime = t.Lifetime()
	}
	if lifetime <= 0 {
		return
	}
	facts := a.Run.Facts()
	if facts.TokenLifetimes == nil {
		facts.TokenLifetimes = make(map[string]time.Duration, 2)
	}
	facts.TokenLifetimes[name] = lifetime
}

// oddClock is the clock offset from which it is worth a mention.
const oddClock = 10 * time.Second

// invalid says which token is wrong, and mentions a clock that is off. A failure
// on the way, such as fetching the key set again, keeps its own reason.
func (a *Attempt) invalid(name string, err error) error {
	var f *probes.Failure
	if errors.As(err, &f) {
		return err
	}
	if o := a.session.Seen.ClockOffset; o != nil && o.Abs() > oddClock {
		return probes.Failf(probes.ReasonTokenInvalid, "%s: %w; the provider's clock is off ours by %s", name, err, o.Round(time.Second))
	}
	return probes.Failf(probes.ReasonTokenInvalid, "%s: %w", name, err)
}

// userinfo asks the userinfo endpoint where that is wanted (OpenID Connect Core
// 1.0, 5.3).
func (a *Attempt) userinfo(ctx context.Context) error {
	o := a.login.options
	if !o.OfUser() {
		return nil
	}
	must := o.Userinfo == UserinfoAlways || a.requires(RequireUserinfo)
	wanted := must || o.Userinfo == UserinfoAuto && a.opaque
	switch {
	case !wanted:
		if a.opaque {
			a.Run.Unverified("access token is opaque and userinfo is not asked: not checked at all")
		}
		return nil
	case !must && a.IDToken == nil:
		a.Run.Unverified("access token is opaque: userinfo not asked, for want of an ID token to compare with")
		return nil
	case a.metadata.UserinfoEndpoint == "" && !must:
		a.Run.Unverified("access token is opaque and the provider has no userinfo endpoint: not checked at all")
		return nil
	}
	return a.Run.Step(StepUserinfo, func() error { return a.askUserinfo(ctx) })
}

func (a *Attempt) askUserinfo(ctx context.Context) error {
	if a.metadata.UserinfoEndpoint == "" {
		return probes.Failf(probes.ReasonDiscoveryInvalid, "the discovery document has no userinfo_endpoint, though userinfo is required")
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, a.metadata.UserinfoEndpoint, nil)
	if err != nil {
		return probes.Failf(probes.ReasonDiscoveryInvalid, "userinfo_endpoint is not a URL")
	}
	req.Header.Set("Authorization", "Bearer "+a.rawAccess)
	req.Header.Set("Accept", "application/json")
	resp, err := a.do(ctx, req, "the userinfo endpoint")
	if err != nil {
		return err
	}
	switch {
	case resp.StatusCode == http.StatusUnauthorized:
		return probes.Failf(probes.ReasonTokenInvalid, "access_token: the userinfo endpoint refuses it (401)")
	case resp.StatusCode != http.StatusOK:
		return unexpected(resp, "the userinfo endpoint", "200")
	}
	content := resp.Content
	if strings.HasPrefix(resp.Header.Get("Content-Type"), "application/jwt") {
		if content, err = a.signedUserinfo(ctx, string(content)); err != nil {
			return err
		}
	}
	var who struct {
		Subject string `json:"sub"`
	}
	if err := json.Unmarshal(content, &who); err != nil {
		return probes.Failf(probes.ReasonBadResponse, "the userinfo endpoint's answer is not a JSON object")
	}
	switch {
	case who.Subject == "":
		return probes.Failf(probes.ReasonUserinfoMismatch, "userinfo has no sub (OpenID Connect Core 1.0, 5.3.2)")
	case a.IDToken == nil:
		a.Run.Unverified("sub of userinfo not compared: there is no ID token")
	case who.Subject != a.IDToken.Subject:
		return probes.Failf(probes.ReasonUserinfoMismatch, "userinfo speaks of another sub than the ID token")
	}
	a.Userinfo = content
	return nil
}

// signedUserinfo verifies userinfo that comes as a JWT (OpenID Connect Core 1.0, 5.3.2).
func (a *Attempt) signedUserinfo(ctx context.Context, raw string) ([]byte, error) {
	t, err := token.Parse(strings.TrimSpace(raw))
	if err == nil {
		v := &token.Verifier{Issuer: a.login.issuer, ClientID: a.login.options.ClientID, Keys: a.keys, Algorithms: a.login.options.SigningAlgs}
		err = v.Signature(ctx, t)
	}
	if err != nil {
		return nil, a.invalid("userinfo", err)
	}
	return t.Payload, nil
}
