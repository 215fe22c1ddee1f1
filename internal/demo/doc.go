// Package demo is a small but honest OpenID provider with a stand-in CRM. It is
// what "idp_exporter demo" watches, and the fixture of this project's tests.
//
// It owns the provider's side only: discovery, keys, a login page, a consent
// page, the token and userinfo endpoints, users, clients, a rule stage, and the
// switches that break any of these. It knows nothing of probes, configuration or
// the exporter's own web pages. Protocol parsing, validation and token signing
// are those of github.com/zitadel/oidc/v3 (package op); the storage, the pages
// and two things that library lacks are our own: the resource owner password
// grant (RFC 6749 section 4.3, see password.go) and the faults that make hostile
// tokens (see faults.go).
//
// # Rule stage
//
// Every sign-in of a user, by page or by password grant, passes one rule after
// the password was accepted. It turns the suspended user away, and asks the CRM
// over HTTP for the user's customer number, which it writes into the ID token,
// the access token and userinfo. Signing in again is the only way to run it
// again: a refreshed token keeps what the sign-in wrote.
//
// # Cluster
//
// [StartCluster] starts several nodes of one provider, each with faults of its
// own, to stand behind a load balancer. They share their user directory, which
// can be down.
//
// # Not a provider for real users
//
// The user names, passwords and client secrets are constants in public source
// code. They protect nothing; the provider must never listen beyond loopback.
// All state is in memory, bounded, and gone when the process ends. No sign-in is
// remembered: each authorization request asks for the password.
package demo
