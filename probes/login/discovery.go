package login

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/idp-exporter/idp_exporter/internal/fetch"
	"github.com/idp-exporter/idp_exporter/probes"
	"github.com/idp-exporter/idp_exporter/probes/login/token"
)

// metadata is the part of a discovery document that logins use (OpenID Connect
// Discovery 1.0, 3; RFC 9207, 3).
type metadata struct {
	Issuer                string   `json:"issuer"`
	AuthorizationEndpoint string   `json:"authorization_endpoint"`
	TokenEndpoint         string   `json:"token_endpoint"`
	UserinfoEndpoint      string   `json:"userinfo_endpoint"`
	JWKSURI               string   `json:"jwks_uri"`
	ChallengeMethods      []string `json:"code_challenge_methods_supported"`
	SigningAlgorithms     []string `json:"id_token_signing_alg_values_supported"`
	CallbackNamesIssuer   bool     `json:"authorization_response_iss_parameter_supported"`
}

// parseMetadata reads a discovery document and checks it for the issuer (OpenID
// Connect Discovery 1.0, 4.3) and for what the flow needs.
func parseMetadata(content []byte, issuer, flow string) (*metadata, error) {
	var m metadata
	if err := json.Unmarshal(content, &m); err != nil {
		return nil, fmt.Errorf("the discovery document cannot be read: %w", err)
	}
	if m.Issuer != issuer {
		return nil, fmt.Errorf("the discovery document's issuer is %q, want %q exactly, down to a final slash", shorten(m.Issuer, 200), issuer)
	}
	for _, e := range []struct {
		name, url string
		needed    bool
	}{
		{"token_endpoint", m.TokenEndpoint, true},
		{"jwks_uri", m.JWKSURI, true},
		{"authorization_endpoint", m.AuthorizationEndpoint, flow == FlowCode},
		{"userinfo_endpoint", m.UserinfoEndpoint, false},
	} {
		if e.url == "" {
			if e.needed {
				return nil, fmt.Errorf("the discovery document has no %s", e.name)
			}
			continue
		}
		u, err := url.Parse(e.url)
		if err != nil || (u.Scheme != "https" && u.Scheme != "http") || u.Host == "" {
			return nil, fmt.Errorf("the discovery document's %s, %q, is not an http(s) URL", e.name, shorten(e.url, 200))
		}
	}
	return &m, nil
}

func (a *Attempt) discover(ctx context.Context) error {
	resp, err := a.discoveryDocument(ctx)
	if err != nil {
		return err
	}
	if resp.StatusCode != http.StatusOK {
		return unexpected(resp, "the discovery document", "200")
	}
	a.Run.Facts().DiscoveryDigest = digest(resp.Content)
	a.metadata, err = parseMetadata(resp.Content, a.login.issuer, a.login.options.Flow)
	if err != nil {
		return probes.Failf(probes.ReasonDiscoveryInvalid, "%w", err)
	}
	return nil
}

func (a *Attempt) discoveryDocument(ctx context.Context) (*fetch.Response, error) {
	const what = "the discovery document"
	where := a.login.options.DiscoveryURL
	if where == "" {
		return a.get(ctx, strings.TrimSuffix(a.login.issuer, "/")+"/.well-known/openid-configuration", what)
	}
	// The operator named this URL, so its origin is allowed for this request.
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, where, nil)
	if err != nil {
		return nil, fmt.Errorf("discovery_url: %w", err)
	}
	return a.send(ctx, req, what)
}

// fetchKeys fetches the key set.
func (a *Attempt) fetchKeys(ctx context.Context) error {
	resp, err := a.get(ctx, a.metadata.JWKSURI, "the key set")
	if err != nil {
		return err
	}
	if resp.StatusCode != http.StatusOK {
		return unexpected(resp, "the key set", "200")
	}
	keys, err := token.ParseKeySet(resp.Content)
	if err != nil {
		return probes.Failf(probes.ReasonJWKSInvalid, "%w", err)
	}
	a.keys = keys
	n := keys.Len()
	a.Run.Facts().JWKSKeys, a.Run.Facts().KeyIDs = &n, keys.IDs()
	return nil
}
