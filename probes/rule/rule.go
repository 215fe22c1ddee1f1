// Package rule is the probe kind that proves a provider's rules: it signs in
// like package login, then looks at what a rule, an Action, a protocol mapper or
// a hook wrote into the tokens, or sees to it that a rule turns a user away.
//
// It owns the expectations only. The login is package login's, the expressions
// are package expect's.
package rule

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"strings"
	"time"

	"github.com/idp-exporter/idp_exporter/internal/expect"
	"github.com/idp-exporter/idp_exporter/probes"
	"github.com/idp-exporter/idp_exporter/probes/login"
)

// StepExpectations is the step that follows those of the login.
const StepExpectations = "expectations"

// Kind returns the probe kind `rule`. It shares the registry of accounts with
// the kind `login`.
func Kind(accounts *login.Accounts) probes.Kind {
	return probes.Kind{
		Name:    "rule",
		Summary: "Signs in, then checks what a rule wrote into the tokens, or that it turns a user away.",
		Steps:   append(login.Steps(), StepExpectations),
		NewOptions: func() probes.Options {
			return &Options{Options: login.Defaults(accounts), Expect: Granted}
		},
	}
}

type probe struct {
	login   *login.Login
	set     *expect.Set
	refused *refusal
}

// refusal is the "no" that is expected.
type refusal struct {
	code        string
	description *regexp.Regexp
}

// New builds the probe for one target.
func (o *Options) New(t probes.Target) (probes.Probe, error) {
	p := &probe{}
	settings := o.Options
	if o.Expect == Refused {
		d, err := regexp.Compile(o.Description)
		if err != nil {
			return nil, fmt.Errorf("rule probe %s: description: %w", t.Probe, err)
		}
		p.refused = &refusal{code: o.Error, description: d}
	} else {
		set, problems := expect.Compile(variables(), o.Expectations)
		if len(problems) > 0 {
			return nil, fmt.Errorf("rule probe %s: expectation %s: %s", t.Probe, problems[0].Name, problems[0])
		}
		if p.set = set; set.Uses("userinfo") {
			settings.Userinfo = login.UserinfoAlways
		}
	}
	var err error
	if p.login, err = login.New(settings, t); err != nil {
		return nil, fmt.Errorf("rule probe %s: %w", t.Probe, err)
	}
	return p, nil
}

// SelfPaced implements probes.SelfPaced, as the login does.
func (p *probe) SelfPaced() {}

// Run signs in once and checks the expectations.
func (p *probe) Run(ctx context.Context) probes.Result {
	if p.refused != nil {
		return p.login.RunThen(ctx, p.refused.judge)
	}
	return p.login.RunThen(ctx, p.judge)
}

// variables are what expressions can speak of.
func variables() map[string]expect.VarType {
	return map[string]expect.VarType{
		"id_token": expect.Object, "access_token": expect.Object, "userinfo": expect.Object,
		"response": expect.Object, "durations": expect.Seconds,
	}
}

func (p *probe) judge(ctx context.Context, a *login.Attempt, err error) error {
	if err != nil {
		return err
	}
	return a.Run.Step(StepExpectations, func() error {
		vars, err := values(a)
		if err != nil {
			return err
		}
		outcomes := p.set.Eval(ctx, vars)
		if err := ctx.Err(); err != nil {
			return fmt.Errorf("evaluating expectations: %w", err)
		}
		var failed []string
		for _, o := range outcomes {
			a.Run.Assert(o.Name, o.Pass, o.Detail)
			if !o.Pass {
				failed = append(failed, o.Name+": "+o.Detail)
			}
		}
		if len(failed) > 0 {
			return probes.Failf(probes.ReasonClaimMismatch, "%d of %d expectations failed: %s", len(failed), len(outcomes), strings.Join(failed, "; "))
		}
		return nil
	})
}

// values are the variables after a login.
func values(a *login.Attempt) (map[string]any, error) {
	durations := map[string]float64{}
	for step, d := range a.Run.Elapsed() {
		durations[step] = d.Seconds()
	}
	vars := map[string]any{"durations": durations}
	sources := map[string][]byte{"response": a.Response, "userinfo": a.Userinfo}
	if a.IDToken != nil {
		sources["id_token"] = a.IDToken.Payload
	}
	if a.AccessToken != nil {
		sources["access_token"] = a.AccessToken.Payload
	}
	for _, name := range []string{"id_token", "access_token", "userinfo", "response"} {
		object := map[string]any{}
		if b := sources[name]; b != nil {
			var err error
			if object, err = expect.JSONObject(b); err != nil {
				return nil, probes.Failf(probes.ReasonBadResponse, "%s: %w", name, err)
			}
		}
		vars[name] = object
	}
	// Expressions may speak of what came with the tokens, not of the tokens.
	if response, ok := vars["response"].(map[string]any); ok {
		maps.DeleteFunc(response, func(k string, _ any) bool { return strings.HasSuffix(k, "_token") })
	}
	return vars, nil
}

// judge takes the expected refusal for a pass.
func (r *refusal) judge(_ context.Context, a *login.Attempt, err error) error {
	if err == nil {
		return a.Run.Step(StepExpectations, func() error {
			return probes.Failf(probes.ReasonNotRefused, "the login went through; expected was %s", r)
		})
	}
	var f *probes.Failure
	if !errors.As(err, &f) || f.Outcome != probes.Fail {
		return err
	}
	if a.Refusal == nil || !r.matches(*a.Refusal) {
		return fmt.Errorf("%w; expected was %s", err, r)
	}
	a.Run.Excuse()
	a.Run.AddStep(StepExpectations, time.Now(), 0, nil)
	return nil
}

func (r *refusal) matches(got login.Refusal) bool {
	return (r.code == "" || r.code == got.Code) && r.description.MatchString(got.Description)
}

func (r *refusal) String() string {
	s := "a refusal"
	if r.code != "" {
		s += fmt.Sprintf(" with error %q", r.code)
	}
	if d := r.description.String(); d != "" {
		s += fmt.Sprintf(" with a description that matches %q", d)
	}
	return s
}
