package probes

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// Worst keeps the gravest failure of a run that goes on after one, since each of
// its steps tells something of its own. What is known to be bad is graver than
// what is not known, and that than a warning; of equals the first counts. The
// others are told behind it, so that an old failure hides no new one.
type Worst struct {
	step    string
	failure *Failure
	all     []*Failure
}

// Add takes in how a step ended; nil is a pass. The longest pause that any step
// asked for holds.
func (w *Worst) Add(step string, err error) {
	if err == nil {
		return
	}
	f := *failureOf(err)
	w.all = append(w.all, &f)
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
	f := *w.failure
	f.Err = w.text()
	result := r.Finish(&f)
	result.FailedStep = w.step
	return result
}

// text tells the gravest failure, then all others, the graver ones first.
func (w *Worst) text() error {
	slices.SortStableFunc(w.all, func(a, b *Failure) int { return gravity(b.Outcome) - gravity(a.Outcome) })
	var others []string
	for _, f := range w.all {
		if text := f.Error(); f != w.failure && text != w.failure.Error() && !slices.Contains(others, text) {
			others = append(others, text)
		}
	}
	if len(others) == 0 {
		return w.failure.Err
	}
	return fmt.Errorf("%w; also: %s", w.failure.Err, strings.Join(others, "; "))
}

func gravity(o Outcome) int { return slices.Index([]Outcome{Pass, Warn, Unknown, Fail}, o) }

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}
