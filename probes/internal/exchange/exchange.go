// Package exchange has what kinds of probe that ask by HTTP for one thing have
// in common: the steps of an exchange, the IP version, and credentials.
//
// The exchange itself is internal/fetch's.
package exchange

import (
	"context"
	"encoding/base64"
	"errors"
	"net/http"
	"net/url"
	"time"

	"golang.org/x/net/http/httpguts"

	"github.com/idp-exporter/idp_exporter/internal/fetch"
	"github.com/idp-exporter/idp_exporter/internal/secret"
	"github.com/idp-exporter/idp_exporter/probes"
	"github.com/idp-exporter/idp_exporter/probes/internal/dial"
)

// The steps of an exchange, in their order.
const (
	StepDNS      = dial.StepDNS
	StepConnect  = dial.StepConnect
	StepTLS      = dial.StepTLS
	StepRequest  = "request"
	StepResponse = "response"
)

// Steps lists the steps of an exchange.
func Steps() []string { return []string{StepDNS, StepConnect, StepTLS, StepRequest, StepResponse} }

// New prepares a client for a URL, which a node may stand for where its host is
// the provider's. With a choice of the IP version, the addresses of whatever is
// connected to are tried in that order.
func New(o fetch.Options, u *url.URL, version dial.IPVersion, t probes.Target) (*fetch.Client, error) {
	target := fetch.Target{Public: u, Dial: Dial(version)}
	if t.Provider != nil && t.Node.Address != "" && dial.IsProviders(u.Hostname(), t.Provider) {
		target.Node = t.Node.Address
		if issuer := t.Provider.IssuerURL(); fetch.Origin(u) != fetch.Origin(issuer) {
			target.Node = fetch.HostOf(t.Node.Address)
		}
	}
	return fetch.New(o, target)
}

// Dial returns how to connect by the IP version chosen, nil (fetch's own way)
// without a choice.
func Dial(version dial.IPVersion) fetch.Dial {
	if version == dial.Any || version == "" {
		return nil
	}
	return version.Dial
}

// Failure gives an error of a session its reason. That the proxy's password
// cannot be read is our own fault, not the network's.
func Failure(ctx context.Context, err error) error { return dial.Failure(ctx, err) }

// Note records the steps of an exchange; an error belongs to the last of them.
func Note(r *probes.Run, t fetch.Timing, err error) {
	steps := []struct {
		name     string
		from, to time.Time // where it began, and where the next one may have
	}{
		{StepDNS, t.DNSStart, earlier(t.DNSDone, t.ConnectStart)},
		{StepConnect, t.ConnectStart, earlier(t.TLSStart, t.GotConn)},
		{StepTLS, t.TLSStart, earlier(t.TLSDone, t.GotConn)},
		{StepRequest, t.GotConn, t.FirstByte},
		{StepResponse, t.FirstByte, t.End},
	}
	last := -1
	for i, s := range steps {
		if !s.from.IsZero() {
			last = i
		}
	}
	if last < 0 {
		step := StepConnect
		var f *probes.Failure
		if errors.As(err, &f) && f.Reason == probes.ReasonDNS { // an address of the wrong version
			step = StepDNS
		}
		r.AddStep(step, t.Start, t.End.Sub(t.Start), err)
		return
	}
	for i, s := range steps[:last+1] {
		switch {
		case s.from.IsZero():
		case i == last:
			r.AddStep(s.name, s.from, t.End.Sub(s.from), err)
		case s.to.IsZero():
			r.AddStep(s.name, s.from, steps[last].from.Sub(s.from), nil)
		default:
			r.AddStep(s.name, s.from, s.to.Sub(s.from), nil)
		}
	}
}

func earlier(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}

// RateLimited is the failure of a 429: unknown, and paused for as long as the
// server asks.
func RateLimited(resp *fetch.Response, where string) error {
	f := probes.Unknownf(probes.ReasonRateLimited, "%s answered 429: asked too often", where)
	if wait, ok := fetch.RetryAfter(resp.Header, time.Now()); ok && wait > 0 {
		f.NotBefore = time.Now().Add(wait)
	}
	return f
}

// Credentials are the keys of kinds that may show a credential by HTTP.
type Credentials struct {
	// BearerToken is sent as RFC 6750, section 2.1, says, Basic as RFC 7617 does.
	BearerToken secret.Secret `yaml:"bearer_token"`
	Basic       *Basic        `yaml:"basic"`
}

// Basic is a user and password for HTTP's Basic authentication.
type Basic struct {
	Username string        `yaml:"username"`
	Password secret.Secret `yaml:"password"`
}

// Set tells whether there is a credential.
func (o Credentials) Set() bool { return o.BearerToken.IsSet() || o.Basic != nil }

// Check reports what is wrong with the credentials for a URL.
func (o Credentials) Check(c *dial.Checker, u *url.URL) {
	if o.BearerToken.IsSet() && o.Basic != nil {
		c.Wrong("basic", "bearer_token is set as well; keep one")
	}
	if b := o.Basic; b != nil {
		if b.Username == "" {
			c.Wrong("basic.username", "a user name is needed")
		}
		if !b.Password.IsSet() {
			c.Wrong("basic", "the password is missing; set password_file")
		}
	}
	if o.Set() && u != nil && u.Scheme == "http" && !dial.IsLoopback(u.Hostname()) {
		c.Doubtful("url", "the credential travels unencrypted over http; use https")
	}
}

var errHeader = errors.New("the secret has a line break or control character in it; a header cannot carry it")

// Authorize adds the credential to a header and tells the redactor of it.
func (o Credentials) Authorize(h http.Header, redactor *secret.Redactor) error {
	if !o.Set() {
		return nil
	}
	s, name := o.BearerToken, "bearer_token"
	if o.Basic != nil {
		s, name = o.Basic.Password, "basic"
	}
	value, err := s.Value()
	if err == nil && o.Basic == nil && !httpguts.ValidHeaderFieldValue(value) {
		err = errHeader
	}
	if err != nil {
		return probes.Unknownf(probes.ReasonSecretUnavailable, "%s: %w", name, err)
	}
	redactor.Add(value)
	if o.Basic == nil {
		h.Set("Authorization", "Bearer "+value)
		return nil
	}
	pair := base64.StdEncoding.EncodeToString([]byte(o.Basic.Username + ":" + value))
	redactor.Add(pair)
	h.Set("Authorization", "Basic "+pair)
	return nil
}
