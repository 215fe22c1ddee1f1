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
	// anyTime is the time of a run that has no deadline.
	anyTime = time.Minute
)

type probe struct {
	*Options
	status, front *endpoint
	node          string // the name it has to give itself; "" is any
	budget        string // whose budget it uses
	who           string // takes turns in it

	// Runs never overlap, so these need no lock.
	keyDigest [sha256.Size]byte
	keySince  time.Time     // when another key was first seen than before; zero for the first
	took      time.Duration // what the last run took
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
	p := &probe{Options: o, who: t.Probe + "\x00" + t.Node.Name}
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
	p.budget = o.budgetOf(t.Provider, t.Node)
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

// budgetOf names the node whose budget a run uses: the host that is asked.
func (o *Options) budgetOf(p *probes.Provider, n probes.Node) string {
	if host := fetch.HostOf(n.Address); host != "" {
		return host
	}
	origin, _ := o.status(p)
	return origin.Hostname()
}

// run is one run of the probe.
type run struct {
	*probe
	*probes.Run
	turn     *turn
	deadline time.Time
	answer   time.Duration // see answerTime
	waited   time.Duration // for the budget, so far
	secrets  []string
	auth     string
	worst    probes.Worst
}

// Run implements probes.Probe. The wait for its turn is no part of the run.
func (p *probe) Run(ctx context.Context) probes.Result {
	r, later := p.begin(ctx)
	if r == nil {
		return skipped(later)
	}
	r.askStatus(ctx)
	r.askFront(ctx)
	return r.end()
}

// begin waits for the run's turn, unless that leaves too little time for what
// follows. There is no run then, and the time to come back is returned.
func (p *probe) begin(ctx context.Context) (*run, time.Time) {
	begin := time.Now()
	deadline, ok := ctx.Deadline()
	if !ok {
		deadline = begin.Add(anyTime)
	}
	left := deadline.Sub(begin)
	r := &run{probe: p, deadline: deadline, answer: answerTime(left)}
	patience := min(left-max(p.blockTime(), p.took)-r.answer, left/patienceShare, patienceMost)
	turn, later := p.budgets.turn(ctx, p.budget, p.who, p.requests(), p.gap(), patience)
	if turn == nil {
		return nil, later
	}
	r.turn, r.waited = turn, time.Since(begin)
	r.Run = probes.NewRun(r.redact)
	return r, time.Time{}
}

// end gives the turn back.
func (r *run) end() probes.Result {
	r.turn.leave()
	result := r.worst.Finish(r.Run)
	r.took = result.Duration
	return result
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
	if f := r.wait(ctx); f != nil {
		return nil, f
	}
	u := *e.origin
	u.Path = e.prefix + path
	req := &http.Request{Method: http.MethodGet, URL: &u, Header: http.Header{}}
	if authorized {
		req.Header.Set("Authorization", r.auth)
	}
	begin := time.Now()
	resp, err := s.Do(ctx, req)
	if err != nil {
		var unreadable *secret.Error
		if errors.As(err, &unreadable) {
			return nil, probes.Unknownf(probes.ReasonSecretUnavailable, "%w", err)
		}
		return nil, r.hurried(probes.NetworkFailure(err), time.Since(begin))
	}
	return resp, nil
}

// wait waits until the next request may be sent.
func (r *run) wait(ctx context.Context) *probes.Failure {
	at, ok := r.turn.request(r.deadline)
	if !ok {
		return probes.Unknownf(probes.ReasonTimeout, "the node's budget leaves no time for this; other probes of the node use it up, or timeout is too short")
	}
	wait := time.Until(at)
	if wait <= 0 {
		return nil
	}
	r.waited += wait
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		f := probes.NetworkFailure(ctx.Err())
		f.Outcome = probes.Unknown // nothing was asked
		return f
	}
}

// hurried takes a request that the end of the run cut off for one of which
// nothing is known, if it had less time than answerTime, and would have had more
// without the waiting for the budget.
func (r *run) hurried(f *probes.Failure, had time.Duration) *probes.Failure {
	if f.Outcome != probes.Fail || f.Reason != probes.ReasonTimeout || had >= r.answer || had+r.waited < r.answer {
		return f
	}
	return probes.Unknownf(f.Reason, "no answer in the %s that waiting for the node's budget left of the run: %w", had.Round(time.Millisecond), f.Err)
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
