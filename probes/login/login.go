package login

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"time"

	"github.com/idp-exporter/idp_exporter/internal/fetch"
	"github.com/idp-exporter/idp_exporter/internal/secret"
	"github.com/idp-exporter/idp_exporter/probes"
)

// Login signs in to one target. It implements probes.Probe.
type Login struct {
	options Options
	issuer  string
	client  *fetch.Client
	allowed []string // origins
	user    string   // who stands in line: a probe on a node
	node    string   // its name, empty for the public name
}

// New prepares logins to a target. It does not touch the network.
func New(o Options, t probes.Target) (*Login, error) {
	if t.Provider == nil {
		return nil, errors.New("no provider is given")
	}
	public := t.Provider.IssuerURL()
	client, err := fetch.New(t.Provider.Dial, fetch.Target{Public: public, Node: t.Node.Address})
	if err != nil {
		return nil, err
	}
	if o.accounts == nil {
		o.accounts = NewAccounts()
	}
	l := &Login{options: o.withDefaults(), issuer: t.Provider.Issuer, client: client, allowed: []string{fetch.Origin(public)}}
	l.user, l.node = t.Probe+"\x00"+t.Node.Name, t.Node.Name
	for _, s := range o.AllowedOrigins {
		u, err := url.Parse(s)
		if err != nil {
			return nil, fmt.Errorf("allowed_origins: %w", err)
		}
		l.allowed = append(l.allowed, fetch.Origin(u))
	}
	return l, nil
}

// Run signs in once.
func (l *Login) Run(ctx context.Context) probes.Result { return l.RunThen(ctx, nil) }

// SelfPaced implements probes.SelfPaced: the pause belongs to an account and
// its password, which may have changed since.
func (l *Login) SelfPaced() {}

// Judge looks at how an attempt went and says how the run ends: with the error
// it was given, with another, or with none. It may add steps and assertions to
// the attempt's run.
type Judge func(ctx context.Context, a *Attempt, err error) error

// RunThen signs in once and leaves the end of the run to a judge, if there is
// one. A refusal that the judge takes for good does not pause the account.
func (l *Login) RunThen(ctx context.Context, judge Judge) probes.Result {
	redactor := &secret.Redactor{}
	a := &Attempt{login: l, redactor: redactor, leave: func() {}}
	a.start()
	if err := a.secrets(); err != nil {
		return a.Run.Finish(err)
	}
	o := l.options
	credential := a.password
	if !o.OfUser() {
		credential = a.clientSecret
	}
	a.account = o.accounts.key(l.issuer, o.ClientID, o.Username, credential)
	if p := o.accounts.paused(a.account); p != nil && !forced(ctx) {
		return p.result(a.began)
	}
	if err := l.turn(ctx); err != nil {
		return err.result(a.began)
	}
	a.start()
	a.session = l.client.Session()
	defer a.session.Close()
	a.session.MaxBody = maxBody
	defer func() { a.leave() }()

	err := a.signIn(ctx)
	var paused *pausedError
	if errors.As(err, &paused) {
		return paused.result(a.began)
	}
	a.Run.Facts().NoteSeen(a.session.Seen)
	end := err
	if judge != nil {
		end = judge(ctx, a, err)
	}
	return a.Run.Finish(a.settle(err, end))
}

// start starts the clock of the run, without the time it waited for its turn.
func (a *Attempt) start() {
	a.Run, a.began, a.sent = probes.NewRun(a.redactor.String), time.Now(), time.Now()
}

func (a *Attempt) secrets() error {
	o := a.login.options
	var err error
	if a.password, err = o.Password.Value(); err != nil {
		return probes.Failf(probes.ReasonSecretUnavailable, "password: %w", err)
	}
	if a.clientSecret, err = o.ClientSecret.Value(); err != nil {
		return probes.Failf(probes.ReasonSecretUnavailable, "client_secret: %w", err)
	}
	a.redactor.Add(a.password, a.clientSecret)
	return nil
}

// settle tells the registry of accounts how the login went, and adds to a
// refusal when the next try will be.
func (a *Attempt) settle(err, end error) error {
	accounts := a.login.options.accounts
	if err == nil {
		accounts.passed(a.account)
		return end
	}
	var f *probes.Failure
	if end == nil || !errors.As(end, &f) {
		return end
	}
	switch f.Reason {
	case probes.ReasonRateLimited:
		accounts.limited(a.account, f.NotBefore)
	case probes.ReasonCredentialsRefused, probes.ReasonLockedOut:
		n, until := accounts.refused(a.account, a.sent, a.login.options.RefusedBackoff)
		return &probes.Failure{
			Outcome: f.Outcome, Reason: f.Reason, NotBefore: until, Decisive: n > 1,
			Err: fmt.Errorf("%w; refusal %d in a row, next try not before %s so that the account is not locked", end, n, until.Format(time.TimeOnly)),
		}
	}
	return end
}

// guard refuses origins that are not allowed. Nothing is sent to one that is not.
func (a *Attempt) guard(u *url.URL, what string) error {
	origin := fetch.Origin(u)
	if (u.Scheme == "https" || u.Scheme == "http") && slices.Contains(a.login.allowed, origin) {
		return nil
	}
	return probes.Failf(probes.ReasonOriginRefused,
		"%s leads to %s, which is neither the issuer's origin nor an allowed one; nothing was sent there. If it belongs to the provider, add it to allowed_origins",
		what, foreign(origin, 200))
}
