package test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/idp-exporter/idp_exporter/internal/demo"
	"github.com/idp-exporter/idp_exporter/probes"
)

// TestTestallOfAnotherExporter asks a real exporter how what it watches is.
func TestTestallOfAnotherExporter(t *testing.T) {
	t.Parallel()
	n := newNode(t, "n1")
	e := serve(t, "probes:\n  - {name: page, kind: http, url: '"+n.URL+"/', every: 1s}\n")
	e.waitTestall("OK", 10*time.Second)
	ask := "kind: testall\nurl: " + e.url + "/testall\n"
	r := runProbe(t, ask+"bearer_token: "+e.token+"\n")
	requireReason(t, r, "", "")
	require.NotContains(t, r.Detail, e.token)

	r = runProbe(t, ask) // the exporter has an access section
	require.Equal(t, probes.Unknown, r.Outcome, r.Detail)
	requireReason(t, r, "response", probes.ReasonClientRefused)

	n.ill.Store(true)
	e.waitTestall("FAIL", 20*time.Second)
	requireReason(t, runProbe(t, ask+"bearer_token: "+e.token+"\n"), "response", probes.ReasonReportedDown)
	_, _ = e.end(15)
	requireReason(t, runProbe(t, ask), "connect", probes.ReasonConnect)
}

// TestOIDCAgainstTheDemoProvider looks at a provider's documents without a login.
func TestOIDCAgainstTheDemoProvider(t *testing.T) {
	t.Parallel()
	p := provider(t, demo.StartOptions{})
	target := probes.Target{Provider: &probes.Provider{Issuer: p.Issuer}}
	r := runProbeAt(t, "kind: oidc\n", target, timeToRun)
	requireReason(t, r, "", "")
	require.Positive(t, *r.Facts.JWKSKeys)
	require.NotEmpty(t, r.Facts.KeyIDs)
	require.NotEmpty(t, r.Facts.DiscoveryDigest)
	requireReason(t, runProbeAt(t, "kind: oidc\nexpectations:\n  pkce: '\"S256\" in discovery.code_challenge_methods_supported'\n  keys: 'size(jwks.keys) > 0'\n", target, timeToRun), "", "")
	requireReason(t, runProbeAt(t, "kind: oidc\nexpectations: {none: 'size(jwks.keys) == 0'}\n", target, timeToRun), "expectations", probes.ReasonJSONMismatch)
	foreign := probes.Target{Provider: &probes.Provider{Issuer: p.Issuer + "/"}}
	requireReason(t, runProbeAt(t, "kind: oidc\ndiscovery_url: "+strings.TrimSuffix(p.Issuer, "/")+"/.well-known/openid-configuration\n", foreign, timeToRun), "discovery", probes.ReasonDiscoveryInvalid)
}

// TestEgressNamesWhatCannotBeReached reaches for several places at once.
func TestEgressNamesWhatCannotBeReached(t *testing.T) {
	t.Parallel()
	n := newNode(t, "mirror")
	closed := "127.0.0.1:" + freePort(t)
	r := runProbe(t, "kind: egress\ntargets: ["+n.address()+", {name: mirror, to: '"+n.URL+"/'}, "+closed+"]\n")
	requireReason(t, r, "connect", probes.ReasonConnect)
	require.Contains(t, r.Detail, "1 of 3: "+closed)
	require.Equal(t, map[string]bool{n.address(): true, "mirror": true, closed: false},
		map[string]bool{r.Assertions[0].Name: r.Assertions[0].Pass, r.Assertions[1].Name: r.Assertions[1].Pass, r.Assertions[2].Name: r.Assertions[2].Pass})
}
