package demo

import (
	"crypto/sha256"
	"crypto/subtle"
)

// The demo's registered clients. Their secrets are public by nature.
const (
	// ClientID is the confidential web client: client_secret_basic, JWT access
	// tokens, grants authorization_code, refresh_token, password, password-realm.
	ClientID     = "demo-web"
	ClientSecret = "demo-web-secret" //nolint:gosec // a public demo constant

	// MachineClientID is a service without users: client_secret_basic,
	// client_credentials, JWT access tokens.
	MachineClientID     = "demo-machine"
	MachineClientSecret = "demo-machine-secret" //nolint:gosec // a public demo constant

	// OpaqueClientID is as ClientID, but authenticates with client_secret_post
	// and receives opaque access tokens, good for userinfo only.
	OpaqueClientID     = "demo-opaque"
	OpaqueClientSecret = "demo-opaque-secret" //nolint:gosec // a public demo constant

	// PublicClientID is a native app without secret (authentication "none"), with
	// authorization_code and refresh_token. Its redirect port is free (RFC 8252
	// section 7.3).
	PublicClientID = "demo-public"

	// RedirectURI is registered for every client with a code flow. Nothing
	// listens there.
	RedirectURI = "http://127.0.0.1/callback"
)

// The demo's users, both in Realm. Their passwords are public by nature.
const (
	// Username is the monitoring user, known to the CRM as CRMID.
	Username = "monitor@demo.example"
	Password = "correct-horse-battery" //nolint:gosec // a public demo constant

	// BlockedUsername has a good password but is turned away by the rule.
	BlockedUsername = "suspended@demo.example"
	BlockedPassword = "suspended-horse-battery" //nolint:gosec // a public demo constant

	// Subject is the sub claim of Username.
	Subject = "demo-user-1"
	// BlockedSubject is the sub claim of BlockedUsername, seen only while the rule is removed.
	BlockedSubject = "demo-user-2"

	// Realm is the one realm of the grant GrantTypePasswordRealm.
	Realm = "demo-users"
)

// What tokens carry.
const (
	// Audience is the aud claim of JWT access tokens.
	Audience = "https://api.demo.example"
	// CRMID is the customer number that the CRM knows Username by.
	CRMID = "42"
	// ClaimCRMID is the claim in which the rule writes the customer number.
	ClaimCRMID = "https://demo.example/crm_id"
	// ClaimRule is the claim in which the rule writes its own name, RuleName.
	ClaimRule = "https://demo.example/rule"
	// RuleName is the name of the rule.
	RuleName = "crm-lookup"
	// ScopeStatus is the one scope of MachineClientID.
	ScopeStatus = "status:read"
	// OtherClientID is the audience of ID tokens while SwitchWrongAudience is on.
	OtherClientID = "another-client"
)

// user is one person who can sign in.
type user struct {
	subject   string
	username  string
	name      string
	password  string
	suspended bool
}

func demoUsers() map[string]*user {
	return map[string]*user{
		Username:        {subject: Subject, username: Username, name: "Monika Monitor", password: Password},
		BlockedUsername: {subject: BlockedSubject, username: BlockedUsername, name: "Sam Suspended", password: BlockedPassword, suspended: true},
	}
}

// equalSecret compares in constant time, the lengths included.
func equalSecret(a, b string) bool {
	ha, hb := sha256.Sum256([]byte(a)), sha256.Sum256([]byte(b))
	return subtle.ConstantTimeCompare(ha[:], hb[:]) == 1
}
