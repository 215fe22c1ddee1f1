package appliance

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/idp-exporter/idp_exporter/internal/fetch"
	"github.com/idp-exporter/idp_exporter/internal/secret"
	"github.com/idp-exporter/idp_exporter/probes"
)

const (
	// maxBody bounds what is read of an answer, in bytes.
	maxBody = 64 << 10
	// restartTime is how long the health service may be away after its key was
	// changed: it is restarted then.
	restartTime = 2 * time.Minute
	// patienceShare is the part of its time that a run may wait for its turn.
	patienceShare = 2
)

type probe struct {
	*Options
	status, front *endpoint
	node          string // the name it has to give itself; "" is any
	budget        string // whose budget it uses

	// Runs never overlap, so these need no lock.
	keyDigest [sha256.Size]byte
	keySince  time.Time // when another key was first seen than before; zero for the first
}

// endpoint is an origin, at a node, and a prefix of paths.
type endpoint struct {
	origin *url.URL
	prefix string
	client *fetch.Client
}

// New implements probes.Options.
func (o *Options) New(t probes.Target) (probes.Probe, error) {
	for _, p := range o.Check(probes.Setting{Provider: t.Provider}) {
		if !p.Warning {
			return nil, fmt.Errorf("probe %s: %s: %s", t.Probe, p.Path, p.Message)
		}
	}
	if o.budgets == nil {
		return nil, errors.New("kind appliance was made without budgets")
	}
	p := &probe{Options: o}
	dial := o.dial(t.Provider)
	origin, prefix := o.status(t.Provider)
	address := t.Node.Address
	if o.Via == ViaPort {
		address = fetch.HostOf(address) // the health service has a port of its own
	}
	var err error
	if p.status, err = newEndpoint(dial, origin, prefix, address); err != nil {
		return nil, fmt.Errorf("probe %s: %w", t.Probe, err)
	}
	front := o.front(t.Provider)
	address = t.Node.Address
	if t.Provider != nil && front.Scheme != t.Provider.IssuerURL().Scheme {
		address = fetch.HostOf(address) // the address's port is the issuer's
	}
	if p.front, err = newEndpoint(dial, front, "", address); err != nil {
		return nil, fmt.Errorf("probe %s: %w", t.Probe, err)
	}
	if p.budget = fetch.HostOf(t.Node.Address); p.budget == "" {
		p.budget = origin.Hostname()
	}
	if o.CheckHost && o.Via != ViaManage {
		if p.node = o.Hosts[t.Node.Name]; p.node == "" {
			p.node = t.Node.Name
		}
	}
	return p, nil
}

func newEndpoint(dial fetch.Options, origin *url.URL, prefix, address string) (*endpoint, error) {
	client, err := fetch.New(dial, fetch.Target{Public: origin, Node: address})
	return &endpoint{origin, prefix, client}, err
}

// run is one run of the probe.
type run struct {
	*probe
	*probes.Run
	turn    *turn
	secrets []string
	auth    string
	worst   probes.Worst
}

// Run implements probes.Probe.
func (p *probe) Run(ctx context.Context) probes.Result {
	r := &run{probe: p}
	r.Run = probes.NewRun(r.redact)
	patience := 10 * time.Second
	if deadline, ok := ctx.Deadline(); ok {
		patience = max(0, min(time.Until(deadline)-p.blockTime(), time.Until(deadline)/patienceShare))
	}
	var later time.Time
	if r.turn, later = p.budgets.take(p.budget, p.requests(), p.gap(), patience); r.turn == nil {
		return probes.Result{
			Start: time.Now(), Skipped: probes.SkipBudget, NotBefore: later,
			Detail: fmt.Sprintf("not tried: other probes of this node come first; within its budget it is this one's turn at %s", later.Format(time.TimeOnly)),
		}
	}
	defer r.turn.leave()
	r.askStatus(ctx)
	r.askFront(ctx)
	return r.worst.Finish(r.Run)
}

// redact removes the key from texts.
func (r *run) redact(s string) string {
	var redactor secret.Redactor
	redactor.Add(r.secrets...)
	return redactor.String(s)
}

// revealKey prepares the Authorization header (RFC 7617, 2).
func (r *run) revealKey() *probes.Failure {
	key, err := r.Key.Value()
	if err != nil {
		return probes.Unknownf(probes.ReasonSecretUnavailable, "key: %w", err)
	}
	pair := base64.StdEncoding.EncodeToString([]byte(r.Username + ":" + key))
	r.secrets, r.auth = []string{key, pair}, "Basic "+pair
	if digest := sha256.Sum256([]byte(key)); digest != r.keyDigest {
		if r.keyDigest != ([sha256.Size]byte{}) {
			r.keySince = time.Now()
		}
		r.keyDigest = digest
	}
	return nil
}

// ask sends one request when its time has come.
func (r *run) ask(ctx context.Context, s *fetch.Session, e *endpoint, path string, authorized bool) (*fetch.Response, *probes.Failure) {
	timer := time.NewTimer(time.Until(r.turn.request()))
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
		return nil, probes.NetworkFailure(ctx.Err())
	}
	u := *e.origin
	u.Path = e.prefix + path
	req := &http.Request{Method: http.MethodGet, URL: &u, Header: http.Header{}}
	if authorized {
		req.Header.Set("Authorization", r.auth)
	}
	resp, err := s.Do(ctx, req)
	if err != nil {
		var unreadable *secret.Error
		if errors.As(err, &unreadable) {
			return nil, probes.Unknownf(probes.ReasonSecretUnavailable, "%w", err)
		}
		return nil, probes.NetworkFailure(err)
	}
	return resp, nil
}

// note records a step.
func (r *run) note(step string, begin time.Time, f *probes.Failure) {
	var err error
	if f != nil {
		err = f
	}
	r.AddStep(step, begin, time.Since(begin), err)
	r.worst.Add(step, err)
}
