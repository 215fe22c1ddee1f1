package probes

import (
	"slices"
	"time"
)

// Worst keeps the gravest failure of a run that goes on after one, since each of
// its steps tells something of its own. What is known to be bad is graver than
// what is not known, and that than a warning; of equals the first counts.
type Worst struct {
	step    string
	failure *Failure
}

// Add takes in how a step ended; nil is a pass. The longest pause that any step
// asked for holds.
func (w *Worst) Add(step string, err error) {
	if err == nil {
		return
	}
	f := *failureOf(err)
	switch {
	case w.failure == nil:
		w.step, w.failure = step, &f
	case gravity(f.Outcome) > gravity(w.failure.Outcome):
		f.NotBefore = later(f.NotBefore, w.failure.NotBefore)
		w.step, w.failure = step, &f
	default:
		w.failure.NotBefore = later(f.NotBefore, w.failure.NotBefore)
	}
}

// Finish ends the run with the gravest failure, or as a pass.
func (w *Worst) Finish(r *Run) Result {
	if w.failure == nil {
		return r.Finish(nil)
	}
	result := r.Finish(w.failure)
	result.FailedStep = w.step
	return result
}

func gravity(o Outcome) int { return slices.Index([]Outcome{Pass, Warn, Unknown, Fail}, o) }

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}
