package probes

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode"
)

// Failure is an error that says how a run ends. Steps return one, made by Failf
// or Unknownf, to name the reason; any other error counts as ReasonInternal, or
// ReasonTimeout where the context ended.
type Failure struct { //nolint:errname // it says how a run ends, which is not always an error of ours
	// Outcome is Fail, Warn or Unknown.
	Outcome Outcome
	Reason  Reason
	// Err carries the text for people and, where there is one, the cause.
	Err error
	// NotBefore and Decisive are passed on to the Result.
	NotBefore time.Time
	Decisive  bool
}

// Failf makes a Failure that fails the run.
func Failf(reason Reason, format string, args ...any) *Failure {
	return &Failure{Outcome: Fail, Reason: reason, Err: fmt.Errorf(format, args...)}
}

// Unknownf makes a Failure that leaves the run without a conclusion.
func Unknownf(reason Reason, format string, args ...any) *Failure {
	return &Failure{Outcome: Unknown, Reason: reason, Err: fmt.Errorf(format, args...)}
}

func (f *Failure) Error() string { return f.Err.Error() }

// Unwrap returns the cause.
func (f *Failure) Unwrap() error { return f.Err }

// Run collects what one run finds. It is used by one goroutine.
type Run struct {
	result Result
	redact func(string) string
}

// NewRun starts the clock of a run. Every text for people passes through
// redact, which removes secrets; nil leaves texts as they are.
func NewRun(redact func(string) string) *Run {
	if redact == nil {
		redact = func(s string) string { return s }
	}
	return &Run{result: Result{Start: time.Now(), Steps: make([]Step, 0, 8)}, redact: redact}
}

// Facts gives access to the facts of the run, to be filled in on the way.
func (r *Run) Facts() *Facts { return &r.result.Facts }

// Unverified notes something that the run could not check.
func (r *Run) Unverified(format string, args ...any) {
	note := format
	if len(args) > 0 { // a text of our own holds nothing to remove
		note = clean(r.redact(fmt.Sprintf(format, args...)))
	}
	r.result.Unverified = append(r.result.Unverified, note)
}

// Assert notes a named expectation.
func (r *Run) Assert(name string, pass bool, detail string) {
	r.result.Assertions = append(r.result.Assertions, Assertion{Name: name, Pass: pass, Detail: clean(r.redact(detail))})
}

// Step times f as the named step. Its error, if any, is returned as it is and
// marks the step; the caller hands it to Finish.
func (r *Run) Step(name string, f func() error) error {
	begin := time.Now()
	err := f()
	r.AddStep(name, begin, time.Since(begin), err)
	return err
}

// AddStep records a step that was timed elsewhere. A step of that name that is
// already there is prolonged, as when an unknown key id fetches the key set twice.
func (r *Run) AddStep(name string, begin time.Time, took time.Duration, err error) {
	outcome := Pass
	if err != nil {
		outcome = failureOf(err).Outcome
		if r.result.FailedStep == "" {
			r.result.FailedStep = name
		}
	}
	for i := range r.result.Steps {
		if s := &r.result.Steps[i]; s.Name == name {
			s.Duration += took
			if err != nil {
				s.Outcome = outcome
			}
			return
		}
	}
	r.result.Steps = append(r.result.Steps, Step{Name: name, Start: begin.Sub(r.result.Start), Duration: took, Outcome: outcome})
}

// Excuse takes the failed steps for passed: the failure is what the probe is
// there to see, such as a user who must be turned away.
func (r *Run) Excuse() {
	for i := range r.result.Steps {
		r.result.Steps[i].Outcome = Pass
	}
	r.result.FailedStep = ""
}

// Elapsed returns the duration of each step so far.
func (r *Run) Elapsed() map[string]time.Duration {
	m := make(map[string]time.Duration, len(r.result.Steps))
	for _, s := range r.result.Steps {
		m[s.Name] = s.Duration
	}
	return m
}

// Finish ends the run: nil is a pass, anything else tells how it failed.
func (r *Run) Finish(err error) Result {
	r.result.Duration = time.Since(r.result.Start)
	if err == nil {
		r.result.Outcome = Pass
		r.result.FailedStep = ""
		return r.result
	}
	f := failureOf(err)
	r.result.Outcome = f.Outcome
	r.result.Reason = f.Reason
	r.result.Detail = clean(r.redact(err.Error()))
	r.result.NotBefore = f.NotBefore
	r.result.Decisive = f.Decisive
	return r.result
}

func failureOf(err error) *Failure {
	var f *Failure
	switch {
	case errors.As(err, &f):
		return f
	case errors.Is(err, context.DeadlineExceeded):
		return &Failure{Outcome: Fail, Reason: ReasonTimeout, Err: err}
	case calledOff(err):
		return &Failure{Outcome: Unknown, Reason: ReasonTimeout, Err: err}
	default:
		return &Failure{Outcome: Fail, Reason: ReasonInternal, Err: err}
	}
}

// maxDetail bounds a text for people, in bytes: foreign servers write parts of it.
const maxDetail = 1000

// clean makes text that foreign servers had a hand in safe to print: short,
// valid UTF-8, on one line, without terminal escapes and invisible characters
// such as those that turn the direction of writing.
func clean(s string) string {
	s = cutForeign(s)
	cut := len(s) > maxDetail
	if cut {
		s = s[:maxDetail]
	}
	s = strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return ' '
	}, strings.ToValidUTF8(s, ""))
	if cut {
		s += "…"
	}
	return s
}
