package login

import (
	"fmt"
	"maps"
	"net"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/idp-exporter/idp_exporter/internal/fetch"
	"github.com/idp-exporter/idp_exporter/probes"
	"github.com/idp-exporter/idp_exporter/probes/login/token"
)

// checker collects problems.
type checker struct{ problems []probes.Problem }

func (c *checker) wrong(path, format string, args ...any) {
	c.problems = append(c.problems, probes.Problem{Path: path, Message: fmt.Sprintf(format, args...)})
}

func (c *checker) doubtful(path, format string, args ...any) {
	c.problems = append(c.problems, probes.Problem{Path: path, Message: fmt.Sprintf(format, args...), Warning: true})
}

func (c *checker) oneOf(path, value string, choices ...string) bool {
	if !slices.Contains(choices, value) {
		c.wrong(path, "%q is not known; choose one of %s", value, strings.Join(choices, ", "))
		return false
	}
	return true
}

// Check reports everything that is wrong with the settings.
func (o *Options) Check(s probes.Setting) []probes.Problem {
	c := &checker{}
	known := c.oneOf("flow", o.Flow, FlowCode, FlowPassword, FlowPasswordRealm, FlowClientCredentials)
	if known {
		o.checkFlow(c)
	}
	o.checkClient(c)
	o.checkLimits(c)
	o.checkURLs(c, s.Provider)
	o.checkParams(c)
	c.oneOf("userinfo", o.Userinfo, UserinfoAuto, UserinfoAlways, UserinfoNever)
	c.oneOf("access_token", o.AccessToken, AccessTokenAuto, AccessTokenJWT, AccessTokenOpaque)
	if o.AccessToken == AccessTokenOpaque && o.Audience != "" {
		c.doubtful("access_token", "opaque tokens are not looked into, so the audience is sent but not checked")
	}
	for i, a := range o.SigningAlgs {
		c.oneOf(fmt.Sprintf("signing_algs[%d]", i), a, token.Algorithms()...)
	}
	for i, r := range o.Require {
		path := fmt.Sprintf("require[%d]", i)
		if !c.oneOf(path, r, RequireAZP, RequireATHash, RequireNonce, RequireUserinfo) {
			continue
		}
		if r == RequireNonce && o.Flow != FlowCode {
			c.wrong(path, "flow %s sends no nonce; drop it, or use flow %s", o.Flow, FlowCode)
		}
		if r == RequireUserinfo && o.Userinfo == UserinfoNever {
			c.wrong(path, "userinfo: never contradicts it; drop one of them")
		}
	}
	return c.problems
}

func (o *Options) checkFlow(c *checker) {
	if o.OfUser() {
		if o.Username == "" {
			c.wrong("username", "flow %s signs in a user; name the account for monitoring", o.Flow)
		}
		if !o.Password.IsSet() {
			c.wrong("password", "flow %s needs the account's password; set password_file", o.Flow)
		}
	} else {
		if o.Username != "" {
			c.wrong("username", "flow client_credentials signs in no user; drop it, or choose another flow")
		}
		if o.Password.IsSet() {
			c.wrong("password", "flow client_credentials signs in no user; drop it, or choose another flow")
		}
		if slices.Contains(o.Require, RequireUserinfo) || o.Userinfo == UserinfoAlways {
			c.wrong("userinfo", "flow client_credentials has no user to ask about; drop it")
		}
		if o.ClientAuth == AuthNone || !o.ClientSecret.IsSet() {
			c.wrong("client_secret", "flow client_credentials needs the client's secret; set client_secret_file")
		}
	}
	if o.Flow == FlowPasswordRealm && o.Realm == "" {
		c.wrong("realm", "flow password_realm needs the name of the user store (Auth0: the connection)")
	}
	if o.Flow != FlowPasswordRealm && o.Realm != "" {
		c.wrong("realm", "only flow password_realm sends it; drop it, or choose that flow")
	}
}

func (o *Options) checkClient(c *checker) {
	if o.ClientID == "" {
		c.wrong("client_id", "missing; give the id of the client registered for monitoring")
	}
	if o.ClientAuth == "" {
		return
	}
	if !c.oneOf("client_auth", o.ClientAuth, AuthBasic, AuthPost, AuthNone) {
		return
	}
	if o.ClientAuth != AuthNone && !o.ClientSecret.IsSet() && o.OfUser() {
		c.wrong("client_secret", "client_auth %s needs it; set client_secret_file, or client_auth: none for a public client", o.ClientAuth)
	}
	if o.ClientAuth == AuthNone && o.ClientSecret.IsSet() && o.OfUser() {
		c.wrong("client_auth", "none sends no secret, yet client_secret is set; choose basic or post, or drop the secret")
	}
}

func (o *Options) checkLimits(c *checker) {
	if o.MaxSkew < 0 || o.MaxSkew > 10*time.Minute {
		c.wrong("max_skew", "%s is out of range; give 0s to 10m", o.MaxSkew)
	}
	if o.MaxRedirects < 1 || o.MaxRedirects > 50 {
		c.wrong("max_redirects", "%d is out of range; give 1 to 50", o.MaxRedirects)
	}
	if o.MaxPages < 1 || o.MaxPages > 50 {
		c.wrong("max_pages", "%d is out of range; give 1 to 50", o.MaxPages)
	}
	if o.Budget.PerMinute < 0 || o.Budget.PerMinute > maxPerMinute {
		c.wrong("budget.per_minute", "%d is out of range; give 1 to %d logins a minute, or 0 for no limit", o.Budget.PerMinute, maxPerMinute)
	}
	if o.RefusedBackoff.Initial < time.Second {
		c.wrong("refused_backoff.initial", "%s is too short to keep an account from being locked; give 1s or more", o.RefusedBackoff.Initial)
	}
	if o.RefusedBackoff.Max < o.RefusedBackoff.Initial {
		c.wrong("refused_backoff.max", "%s is shorter than initial, %s", o.RefusedBackoff.Max, o.RefusedBackoff.Initial)
	}
}

func (o *Options) checkURLs(c *checker, p *probes.Provider) {
	if p == nil || p.Issuer == "" {
		c.wrong("provider", "a login needs the issuer of a provider; name one")
	} else if u := p.IssuerURL(); u.Scheme == "http" && !loopback(u.Hostname()) && (o.Password.IsSet() || o.ClientSecret.IsSet()) {
		c.doubtful("provider", "the issuer is http, so the password travels unprotected; use https")
	}
	if u, err := url.Parse(o.RedirectURI); o.Flow == FlowCode && (err != nil || !u.IsAbs() || u.Fragment != "") {
		c.wrong("redirect_uri", "%q is not an absolute URI without a fragment (RFC 6749, 3.1.2)", o.RedirectURI)
	}
	for i, s := range o.AllowedOrigins {
		u, err := url.Parse(s)
		if err != nil || (u.Scheme != "https" && u.Scheme != "http") || u.Host == "" {
			c.wrong(fmt.Sprintf("allowed_origins[%d]", i), "%q is not an origin; write https://HOST or https://HOST:PORT", s)
		} else if u.Path != "" && u.Path != "/" || u.RawQuery != "" || u.Fragment != "" || u.User != nil {
			c.wrong(fmt.Sprintf("allowed_origins[%d]", i), "%q is more than an origin; write %s", s, fetch.Origin(u))
		} else if u.Scheme == "http" && !loopback(u.Hostname()) {
			c.doubtful(fmt.Sprintf("allowed_origins[%d]", i), "passwords sent to %s travel unprotected; use https", s)
		}
	}
	if o.DiscoveryURL != "" {
		if u, err := url.Parse(o.DiscoveryURL); err != nil || (u.Scheme != "https" && u.Scheme != "http") || u.Host == "" {
			c.wrong("discovery_url", "%q is not an http(s) URL", o.DiscoveryURL)
		}
	}
}

// reserved are the parameters that the probe sets itself.
func reserved() []string {
	return []string{
		"client_id", "client_secret", "redirect_uri", "response_type", "scope", "state", "nonce", "code", "code_challenge",
		"code_challenge_method", "code_verifier", "grant_type", "username", "password", "realm", "audience", "request", "request_uri",
	}
}

func (o *Options) checkParams(c *checker) {
	for _, k := range slices.Sorted(maps.Keys(o.Params)) {
		if slices.Contains(reserved(), k) {
			c.wrong("params."+k, "the probe sets this parameter itself; use the setting made for it, if there is one")
		}
		if k == "response_mode" && !slices.Contains([]string{"query", "form_post"}, o.Params[k]) {
			c.wrong("params."+k, "%q cannot be read; choose query or form_post", o.Params[k])
		}
	}
	for i, s := range o.Scopes {
		if s == "" || strings.ContainsAny(s, " \t\n\"\\") {
			c.wrong(fmt.Sprintf("scopes[%d]", i), "%q is not one scope; write a list, one entry each", s)
		}
	}
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}
