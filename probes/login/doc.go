// Package login is the probe kind that signs in the way a provider's users and
// clients do: by password grant, client credentials, or through the provider's
// own pages with the authorization code flow and PKCE. It then verifies what it
// was given.
//
// The package owns the way through a login and the pause after a refused
// credential. Checks of tokens are in the package token below it. Package rule
// builds on Login and Attempt.
package login

import "time"

// The steps of a login, in the order they happen.
const (
	StepDiscovery   = "discovery"
	StepJWKS        = "jwks"
	StepAuthorize   = "authorize"
	StepLoginPage   = "login_page"
	StepCredentials = "credentials"
	StepConsent     = "consent"
	StepCallback    = "callback"
	StepToken       = "token"
	StepVerify      = "verify"
	StepUserinfo    = "userinfo"
)

// Steps lists the steps of a login, in the order they happen.
func Steps() []string {
	return []string{
		StepDiscovery, StepJWKS, StepAuthorize, StepLoginPage, StepCredentials, StepConsent, StepCallback,
		StepToken, StepVerify, StepUserinfo,
	}
}

// The limits of what a provider may send.
const (
	maxBody    = 512 << 10 // bytes, of pages and documents alike
	maxMarkup  = 20_000    // '<' characters in a page
	maxRetry   = time.Hour // the longest pause a Retry-After can ask for
	retryAfter = time.Minute
)
