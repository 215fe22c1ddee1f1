package oidc

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/idp-exporter/idp_exporter/internal/expect"
	"github.com/idp-exporter/idp_exporter/internal/fetch"
	"github.com/idp-exporter/idp_exporter/probes"
	"github.com/idp-exporter/idp_exporter/probes/internal/dial"
	"github.com/idp-exporter/idp_exporter/probes/internal/exchange"
	"github.com/idp-exporter/idp_exporter/probes/login"
	"github.com/idp-exporter/idp_exporter/probes/login/token"
)

type probe struct {
	*plan
	client *fetch.Client
}

// New implements probes.Options.
func (o *Options) New(t probes.Target) (probes.Probe, error) {
	pl, c := o.compile(probes.Setting{Provider: t.Provider, Every: t.Every})
	if err := c.Err(t.Probe); err != nil {
		return nil, err
	}
	client, err := exchange.New(pl.dial, t.Provider.IssuerURL(), o.IPVersion, t)
	if err != nil {
		return nil, fmt.Errorf("probe %s: %w", t.Probe, err)
	}
	return &probe{pl, client}, nil
}

// run is one run of the probe.
type run struct {
	*probe
	*probes.Run
	session         *fetch.Session
	document        login.Document
	discovery, jwks []byte
}

// Run implements probes.Probe.
func (p *probe) Run(ctx context.Context) probes.Result {
	r := &run{probe: p, Run: probes.NewRun(nil), session: p.client.Session()}
	defer r.session.Close()
	err := r.all(ctx)
	r.Facts().NoteSeen(r.session.Seen)
	return dial.Finish(r.Run, err, p.WarnSlowerThan)
}

func (r *run) all(ctx context.Context) error {
	if err := r.Step(stepDiscovery, func() error { return r.discover(ctx) }); err != nil {
		return err
	}
	if err := r.Step(stepJWKS, func() error { return r.keys(ctx) }); err != nil {
		return err
	}
	if r.expectations.Len() == 0 {
		return nil
	}
	return r.Step(stepExpectations, func() error { return r.expect(ctx) })
}

// get fetches a document. Redirects are not followed, as they are not by clients.
func (r *run) get(ctx context.Context, u *url.URL, what string) ([]byte, error) {
	resp, err := r.session.Do(ctx, &http.Request{Method: http.MethodGet, URL: u, Header: http.Header{"Accept": {"application/json"}}})
	switch {
	case err != nil:
		return nil, exchange.Failure(ctx, err)
	case resp.StatusCode == http.StatusTooManyRequests:
		return nil, exchange.RateLimited(resp, what)
	case resp.StatusCode != http.StatusOK:
		return nil, probes.Failf(probes.ReasonHTTPStatus, "%s answered %d, want 200", what, resp.StatusCode)
	}
	return resp.Content, nil
}

func (r *run) discover(ctx context.Context) error {
	var err error
	if r.discovery, err = r.get(ctx, r.url, "the discovery document"); err != nil {
		return err
	}
	r.document, err = login.ReadDocument(r.discovery, r.issuer, r.Flow)
	r.Facts().DiscoveryDigest = r.document.Digest
	if err != nil {
		return probes.Failf(probes.ReasonDiscoveryInvalid, "%w", err)
	}
	return nil
}

func (r *run) keys(ctx context.Context) error {
	u, ok := parse(r.document.JWKSURI)
	if !ok {
		return probes.Failf(probes.ReasonDiscoveryInvalid, "jwks_uri is not an http(s) URL")
	}
	if origin := fetch.Origin(u); !slices.Contains(r.allowed, origin) {
		return probes.Failf(probes.ReasonOriginRefused, "jwks_uri leads to %.200s, which is neither the issuer's origin nor an allowed one; nothing was sent there. If it belongs to the provider, add it to allowed_origins", origin)
	}
	var err error
	if r.jwks, err = r.get(ctx, u, "the key set"); err != nil {
		return err
	}
	keys, err := token.ParseKeySet(r.jwks)
	if err != nil {
		return probes.Failf(probes.ReasonJWKSInvalid, "%w", err)
	}
	n := keys.Len()
	r.Facts().JWKSKeys, r.Facts().KeyIDs = &n, keys.IDs()
	for _, note := range keys.Notes() {
		r.Unverified("%s", note)
	}
	if r.Flow != login.FlowClientCredentials && !keys.Serves(r.document.SigningAlgorithms) {
		return probes.Failf(probes.ReasonJWKSInvalid, "ID tokens are signed by %.200s, as the discovery document says, and none of the %d keys can verify that",
			strings.Join(r.document.SigningAlgorithms, ", "), n)
	}
	if n < r.MinKeys {
		return probes.Failf(probes.ReasonJWKSInvalid, "the key set has %d usable keys, want %d or more", n, r.MinKeys)
	}
	var missing []string
	for _, id := range r.KeyIDs {
		if !slices.Contains(keys.IDs(), id) {
			missing = append(missing, id)
		}
	}
	if len(missing) > 0 {
		return probes.Failf(probes.ReasonJWKSInvalid, "the key set lacks %s", strings.Join(missing, ", "))
	}
	return nil
}

func (r *run) expect(ctx context.Context) error {
	discovery, err := expect.JSONObject(r.discovery)
	if err != nil {
		return probes.Failf(probes.ReasonDiscoveryInvalid, "the discovery document: %w", err)
	}
	jwks, err := expect.JSONObject(r.jwks)
	if err != nil {
		return probes.Failf(probes.ReasonJWKSInvalid, "the key set: %w", err)
	}
	var failed error
	for _, e := range r.expectations.Eval(ctx, map[string]any{"discovery": discovery, "jwks": jwks}) {
		r.Assert(e.Name, e.Pass, e.Detail)
		if !e.Pass && failed == nil {
			failed = probes.Failf(probes.ReasonJSONMismatch, "%s: %s", e.Name, e.Detail)
		}
	}
	if failed != nil && ctx.Err() != nil {
		return exchange.Failure(ctx, ctx.Err())
	}
	return failed
}
