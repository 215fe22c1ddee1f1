package probes

// Reason says why a run did not pass. The list is closed, so a reason may be a
// label value; what a person wants to know beyond it goes into Result.Detail.
type Reason string

// The reasons.
const (
	// Reaching the server.

	ReasonDNS     Reason = "dns"     // the name did not resolve
	ReasonConnect Reason = "connect" // refused, reset, unreachable, or closed too early
	ReasonTLS     Reason = "tls"     // handshake failed or certificate refused
	ReasonTimeout Reason = "timeout" // the run's time was used up
	ReasonProxy   Reason = "proxy"   // the configured proxy refused or failed

	// Reading its answer.

	ReasonHTTPStatus       Reason = "http_status"        // an unexpected status code
	ReasonRateLimited      Reason = "rate_limited"       // 429: unknown, not down
	ReasonTooLarge         Reason = "too_large"          // headers, body or page beyond their limit
	ReasonTooManyRedirects Reason = "too_many_redirects" // a loop, or too long a chain
	ReasonBadResponse      Reason = "bad_response"       // not what the protocol promises
	ReasonBodyMismatch     Reason = "body_mismatch"
	ReasonHeaderMismatch   Reason = "header_mismatch"
	ReasonJSONMismatch     Reason = "json_mismatch"
	ReasonSlow             Reason = "slow" // right, but slower than asked for: a warning

	// What sign-in depends on.

	ReasonCertificateExpired   Reason = "certificate_expired"   // past its last day, or before its first
	ReasonCertificateExpiring  Reason = "certificate_expiring"  // near its last day: a warning, or a failure where it is too near
	ReasonCertificateName      Reason = "certificate_name"      // made out to other names
	ReasonCertificateUntrusted Reason = "certificate_untrusted" // no chain to a trusted authority
	ReasonCertificateMismatch  Reason = "certificate_mismatch"  // not from the expected issuer, or not the pinned key
	ReasonTLSVersion           Reason = "tls_version"           // an older protocol than asked for
	ReasonRcode                Reason = "rcode"                 // a DNS server answered, with another code than expected
	ReasonNotAuthenticated     Reason = "not_authenticated"     // a DNS answer without DNSSEC's authentication
	ReasonUnexpectedReply      Reason = "unexpected_reply"      // a server said no in its protocol: a reply or result code
	ReasonAnswerMismatch       Reason = "answer_mismatch"       // records, entries or lines other than expected
	ReasonDisagreement         Reason = "disagreement"          // servers contradict each other, or a server itself
	ReasonClockOffset          Reason = "clock_offset"          // clocks are further apart than allowed
	ReasonUnsynchronized       Reason = "unsynchronized"        // a time server without a good time of its own
	ReasonPacketLoss           Reason = "packet_loss"           // more packets were lost than allowed
	ReasonReportedDown         Reason = "reported_down"         // a service that reports on itself says it is down
	ReasonResourceLow          Reason = "resource_low"          // too little processor, memory, swap or disk is left
	ReasonServiceInactive      Reason = "service_inactive"      // a system service does not run
	ReasonNodeMismatch         Reason = "node_mismatch"         // another node answered than the one addressed

	// Signing in.

	ReasonDiscoveryInvalid    Reason = "discovery_invalid"    // the discovery document is wrong, such as a foreign issuer
	ReasonJWKSInvalid         Reason = "jwks_invalid"         // the key set cannot be used
	ReasonOriginRefused       Reason = "origin_refused"       // a form or redirect leads to an origin that is not allowed
	ReasonLoginFormMissing    Reason = "login_form_missing"   // no form that takes user and password
	ReasonConsentRefused      Reason = "consent_refused"      // the consent page could not be passed
	ReasonCredentialsRefused  Reason = "credentials_refused"  // the user's password was refused
	ReasonClientRefused       Reason = "client_refused"       // the client's id, secret or grant was refused
	ReasonLockedOut           Reason = "locked_out"           // the account or address is blocked
	ReasonAccessDenied        Reason = "access_denied"        // a rule or policy turned the user away
	ReasonMFARequired         Reason = "mfa_required"         // a second factor is asked for
	ReasonInteractionRequired Reason = "interaction_required" // a page that the probe cannot pass
	ReasonOAuthError          Reason = "oauth_error"          // any other error the provider named
	ReasonCallbackInvalid     Reason = "callback_invalid"     // state, code or issuer of the callback is wrong
	ReasonTokenInvalid        Reason = "token_invalid"        // a token failed a check
	ReasonUserinfoMismatch    Reason = "userinfo_mismatch"    // userinfo speaks of somebody else
	ReasonClaimMismatch       Reason = "claim_mismatch"       // an expectation about claims did not hold
	ReasonNotRefused          Reason = "not_refused"          // a login that had to be refused went through

	// Ourselves.

	ReasonSecretUnavailable Reason = "secret_unavailable" // a secret file cannot be read
	ReasonNotPermitted      Reason = "not_permitted"      // our operating system, or its firewall, does not let us
	ReasonUnavailable       Reason = "unavailable"        // a figure of the own machine could not be taken
	ReasonInternal          Reason = "internal"           // a defect of the exporter
)

// Reasons lists every reason.
func Reasons() []Reason {
	return []Reason{
		ReasonDNS, ReasonConnect, ReasonTLS, ReasonTimeout, ReasonProxy,
		ReasonHTTPStatus, ReasonRateLimited, ReasonTooLarge, ReasonTooManyRedirects, ReasonBadResponse,
		ReasonBodyMismatch, ReasonHeaderMismatch, ReasonJSONMismatch, ReasonSlow,
		ReasonCertificateExpired, ReasonCertificateExpiring, ReasonCertificateName, ReasonCertificateUntrusted,
		ReasonCertificateMismatch, ReasonTLSVersion, ReasonRcode, ReasonNotAuthenticated, ReasonUnexpectedReply,
		ReasonAnswerMismatch, ReasonDisagreement, ReasonClockOffset, ReasonUnsynchronized, ReasonPacketLoss, ReasonReportedDown,
		ReasonResourceLow, ReasonServiceInactive, ReasonNodeMismatch,
		ReasonDiscoveryInvalid, ReasonJWKSInvalid, ReasonOriginRefused, ReasonLoginFormMissing, ReasonConsentRefused,
		ReasonCredentialsRefused, ReasonClientRefused, ReasonLockedOut, ReasonAccessDenied, ReasonMFARequired,
		ReasonInteractionRequired, ReasonOAuthError, ReasonCallbackInvalid, ReasonTokenInvalid, ReasonUserinfoMismatch,
		ReasonClaimMismatch, ReasonNotRefused, ReasonSecretUnavailable,
		ReasonNotPermitted, ReasonUnavailable, ReasonInternal,
	}
}
