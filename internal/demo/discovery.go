package demo

import (
	"net/http"

	"github.com/zitadel/oidc/v3/pkg/oidc"
	"github.com/zitadel/oidc/v3/pkg/op"
)

// discoveryDocument is the library's with a member it does not know.
type discoveryDocument struct {
	*oidc.DiscoveryConfiguration
	// IssuerInResponse is of RFC 9207 section 3.
	IssuerInResponse bool `json:"authorization_response_iss_parameter_supported"`
}

// discovery serves the provider's metadata (OpenID Connect Discovery section 4):
// the library's, cut down to what the demo does and completed by what it adds.
func (p *Provider) discovery(w http.ResponseWriter, r *http.Request) {
	d := op.CreateDiscoveryConfig(r.Context(), p.op, p.storage)
	d.IntrospectionEndpoint, d.RevocationEndpoint = "", ""
	d.EndSessionEndpoint, d.DeviceAuthorizationEndpoint = "", ""
	d.IntrospectionEndpointAuthMethodsSupported, d.IntrospectionEndpointAuthSigningAlgValuesSupported = nil, nil
	d.RevocationEndpointAuthMethodsSupported, d.RevocationEndpointAuthSigningAlgValuesSupported = nil, nil
	d.ResponseTypesSupported = []string{string(oidc.ResponseTypeCode)}
	d.ResponseModesSupported = []string{string(oidc.ResponseModeQuery)}
	d.GrantTypesSupported = []oidc.GrantType{
		oidc.GrantTypeCode, oidc.GrantTypeRefreshToken, oidc.GrantTypeClientCredentials,
		GrantTypePassword, GrantTypePasswordRealm,
	}
	d.ClaimsSupported = []string{
		"iss", "sub", "aud", "exp", "iat", "auth_time", "nonce", "amr", "azp", "at_hash",
		"name", "preferred_username", "email", "email_verified", ClaimCRMID, ClaimRule,
	}
	writeJSON(w, http.StatusOK, discoveryDocument{DiscoveryConfiguration: d, IssuerInResponse: true})
}

// jwks serves the key set (RFC 7517 section 5).
func (p *Provider) jwks(w http.ResponseWriter, r *http.Request) {
	op.Keys(w, r, p.storage)
}
