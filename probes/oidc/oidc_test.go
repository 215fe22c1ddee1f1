package oidc

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/idp-exporter/idp_exporter/probes"
	"github.com/idp-exporter/idp_exporter/probes/internal/dial"
	"github.com/idp-exporter/idp_exporter/probes/internal/probetest"
	"github.com/idp-exporter/idp_exporter/probes/login"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func options(change func(*Options)) *Options {
	o := Kind().NewOptions().(*Options)
	if change != nil {
		change(o)
	}
	return o
}

// provider serves documents; change edits the discovery document.
type provider struct {
	change func(doc map[string]any)
	jwks   string
	code   map[string]int
}

func keys(t testing.TB, ids ...string) string {
	set := jose.JSONWebKeySet{}
	for _, id := range ids {
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		require.NoError(t, err)
		set.Keys = append(set.Keys, jose.JSONWebKey{Key: key.Public(), KeyID: id, Use: "sig", Algorithm: "ES256"})
	}
	b, err := json.Marshal(set)
	require.NoError(t, err)
	return string(b)
}

func (p provider) start(t testing.TB) *httptest.Server {
	var s *httptest.Server
	s = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if code := p.code[r.URL.Path]; code != 0 {
			w.Header().Set("Retry-After", "60")
			w.WriteHeader(code)
			return
		}
		if r.URL.Path == "/keys" {
			_, _ = io.WriteString(w, p.jwks)
			return
		}
		doc := map[string]any{
			"issuer": s.URL, "authorization_endpoint": s.URL + "/authorize", "token_endpoint": s.URL + "/token", "jwks_uri": s.URL + "/keys",
			"id_token_signing_alg_values_supported": []string{"ES256"},
		}
		if p.change != nil {
			p.change(doc)
		}
		_ = json.NewEncoder(w).Encode(doc)
	}))
	t.Cleanup(s.Close)
	return s
}

const wellKnown = "/.well-known/openid-configuration"

func TestDocuments(t *testing.T) {
	t.Parallel()
	good := keys(t, "k1", "k2")
	set := func(key string, value any) func(map[string]any) {
		return func(doc map[string]any) { doc[key] = value }
	}
	expectations := map[string]string{"algorithms": `"ES256" in discovery.id_token_signing_alg_values_supported`, "two": "size(jwks.keys) == 2"}
	for _, c := range []struct {
		name    string
		p       provider
		change  func(*Options)
		outcome probes.Outcome
		reason  probes.Reason
		step    string
	}{
		{"good", provider{jwks: good}, nil, probes.Pass, "", ""},
		{"with expectations", provider{jwks: good}, func(o *Options) { o.Expectations = expectations }, probes.Pass, "", ""},
		{"one does not hold", provider{jwks: keys(t, "k1")}, func(o *Options) { o.Expectations = expectations }, probes.Fail, probes.ReasonJSONMismatch, stepExpectations},
		{"a foreign issuer", provider{jwks: good, change: set("issuer", "https://evil.example")}, nil, probes.Fail, probes.ReasonDiscoveryInvalid, stepDiscovery},
		{"no token endpoint", provider{jwks: good, change: set("token_endpoint", "")}, nil, probes.Fail, probes.ReasonDiscoveryInvalid, stepDiscovery},
		{"no pages", provider{jwks: good, change: set("authorization_endpoint", "")}, nil, probes.Fail, probes.ReasonDiscoveryInvalid, stepDiscovery},
		{"no pages needed", provider{jwks: good, change: set("authorization_endpoint", "")}, func(o *Options) { o.Flow = login.FlowClientCredentials }, probes.Pass, "", ""},
		{"keys elsewhere", provider{jwks: good, change: set("jwks_uri", "http://127.0.0.1:1/keys")}, nil, probes.Fail, probes.ReasonOriginRefused, stepJWKS},
		{"keys elsewhere, allowed", provider{jwks: good, change: set("jwks_uri", "http://127.0.0.1:1/keys")}, func(o *Options) { o.AllowedOrigins = []string{"http://127.0.0.1:1"} }, probes.Fail, probes.ReasonConnect, stepJWKS},
		{"no document", provider{code: map[string]int{wellKnown: 404}}, nil, probes.Fail, probes.ReasonHTTPStatus, stepDiscovery},
		{"a redirect", provider{code: map[string]int{wellKnown: 302}}, nil, probes.Fail, probes.ReasonHTTPStatus, stepDiscovery},
		{"no keys", provider{code: map[string]int{"/keys": 503}}, nil, probes.Fail, probes.ReasonHTTPStatus, stepJWKS},
		{"asked too often", provider{code: map[string]int{"/keys": 429}}, nil, probes.Unknown, probes.ReasonRateLimited, stepJWKS},
		{"keys of another algorithm than the tokens", provider{jwks: good, change: set("id_token_signing_alg_values_supported", []string{"RS256"})}, nil, probes.Fail, probes.ReasonJWKSInvalid, stepJWKS},
		{"and without ID tokens", provider{jwks: good, change: set("id_token_signing_alg_values_supported", []string{"RS256"})}, func(o *Options) { o.Flow = login.FlowClientCredentials }, probes.Pass, "", ""},
		{"an empty set", provider{jwks: `{"keys":[]}`}, nil, probes.Fail, probes.ReasonJWKSInvalid, stepJWKS},
		{"garbage", provider{jwks: `<html>`}, nil, probes.Fail, probes.ReasonJWKSInvalid, stepJWKS},
		{"too few keys", provider{jwks: keys(t, "k1")}, func(o *Options) { o.MinKeys = 2 }, probes.Fail, probes.ReasonJWKSInvalid, stepJWKS},
		{"a key is missing", provider{jwks: good}, func(o *Options) { o.KeyIDs = []string{"k1", "k3"} }, probes.Fail, probes.ReasonJWKSInvalid, stepJWKS},
		{"large", provider{jwks: good, change: set("x", strings.Repeat("x", 2<<20))}, nil, probes.Fail, probes.ReasonTooLarge, stepDiscovery},
		{"by IPv4", provider{jwks: good}, func(o *Options) { o.IPVersion = dial.Only4 }, probes.Pass, "", ""},
		{"by IPv6", provider{jwks: good}, func(o *Options) { o.IPVersion = dial.Only6 }, probes.Fail, probes.ReasonDNS, stepDiscovery},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := c.p.start(t)
			got := probetest.Run(t, options(c.change), probes.Target{Provider: &probes.Provider{Issuer: s.URL}}, probetest.Limit)
			require.Equal(t, c.outcome, got.Outcome, got.Detail)
			require.Equal(t, c.reason, got.Reason, got.Detail)
			require.Equal(t, c.step, got.FailedStep)
			if c.outcome == probes.Pass {
				require.Equal(t, 2, *got.Facts.JWKSKeys)
				require.Equal(t, []string{"k1", "k2"}, got.Facts.KeyIDs)
				require.NotEmpty(t, got.Facts.DiscoveryDigest)
				require.NotNil(t, got.Facts.ClockOffset)
			}
		})
	}
}

func TestANodeKeepsTheIssuer(t *testing.T) {
	t.Parallel()
	s := provider{jwks: keys(t, "k1"), change: func(doc map[string]any) {
		for k, v := range doc {
			if text, ok := v.(string); ok {
				doc[k] = "http://login.example.invalid" + strings.TrimPrefix(text, text[:strings.LastIndex(text, ":")+6])
			}
		}
		doc["issuer"], doc["jwks_uri"] = "http://login.example.invalid", "http://login.example.invalid/keys"
	}}.start(t)
	target := probes.Target{Provider: &probes.Provider{Issuer: "http://login.example.invalid"}, Node: probes.Node{Name: "n1", Address: s.Listener.Addr().String()}}
	for _, v := range []dial.IPVersion{dial.Any, dial.Only4} {
		got := probetest.Run(t, options(func(o *Options) { o.IPVersion = v }), target, probetest.Limit)
		require.Equal(t, probes.Pass, got.Outcome, got.Detail)
	}
}

func TestSilence(t *testing.T) {
	t.Parallel()
	got := probetest.Run(t, options(nil), probes.Target{Provider: &probes.Provider{Issuer: "http://" + probetest.Silent(t)}}, 2*time.Second)
	require.Equal(t, probes.ReasonTimeout, got.Reason)
	require.Equal(t, stepDiscovery, got.FailedStep)
}

func TestCheck(t *testing.T) {
	t.Parallel()
	p := &probes.Provider{Issuer: "https://login.example.com"}
	require.Empty(t, probetest.Problems(options(nil), p))
	require.Equal(t, []string{"provider"}, probetest.Problems(options(nil), nil))
	for path, o := range map[string]*Options{
		"flow":               options(func(o *Options) { o.Flow = "implicit" }),
		"min_keys":           options(func(o *Options) { o.MinKeys = 0 }),
		"discovery_url":      options(func(o *Options) { o.DiscoveryURL = "/x" }),
		"allowed_origins[0]": options(func(o *Options) { o.AllowedOrigins = []string{"https://a/b"} }),
		"expectations.x":     options(func(o *Options) { o.Expectations = map[string]string{"x": "nothing("} }),
	} {
		require.Equal(t, path, probetest.Problems(o, p)[0])
	}
}
