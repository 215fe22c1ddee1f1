package dial

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/idp-exporter/idp_exporter/probes"
)

// Part is what a run found of one of several servers.
type Part struct {
	// Name is the server as configured.
	Name   string
	Result probes.Result
	Err    error
}

// Fail marks a part as wrong by what the others say.
func (p *Part) Fail(step string, f *probes.Failure) {
	p.Err = f
	p.Result.Outcome, p.Result.Reason, p.Result.FailedStep = f.Outcome, f.Reason, step
}

// Each asks several servers, all at the same time, and returns what was found of
// each, in the order of the names. Every part has a run of its own. The time of
// the run is that of each part: one that is silent takes nothing from others. How
// many there may be is bounded by each kind.
func Each(ctx context.Context, names []string, redact func(string) string, f func(ctx context.Context, i int, r *probes.Run) error) []Part {
	parts := make([]Part, len(names))
	var wg sync.WaitGroup
	for i, name := range names {
		wg.Go(func() {
			r := probes.NewRun(redact)
			var err error
			if ctx.Err() != nil { // on a machine that is too busy
				err = probes.Unknownf(probes.ReasonTimeout, "not tried: the time of the run was used up")
			} else {
				err = f(ctx, i, r)
			}
			parts[i] = Part{name, r.Finish(err), err}
		})
	}
	wg.Wait()
	return parts
}

// Lay puts the steps of several parts into the run: each step once, as long as
// it took where it took longest. The error that ends the run, if any, belongs to
// the step at which the part that decided failed.
func Lay(r *probes.Run, steps []string, parts []Part, end error, decided *Part) {
	for _, name := range steps {
		var begin time.Time
		var took time.Duration
		for _, p := range parts {
			for _, s := range p.Result.Steps {
				if at := p.Result.Start.Add(s.Start); s.Name == name {
					took = max(took, s.Duration)
					if begin.IsZero() || at.Before(begin) {
						begin = at
					}
				}
			}
		}
		if begin.IsZero() {
			continue
		}
		var err error
		if end != nil && decided != nil && decided.Result.FailedStep == name {
			err = end
		}
		r.AddStep(name, begin, took, err)
	}
}

// Quorum judges parts of which so many must be right; 0 means all of them. Where
// enough are right and others are not, the run ends with a warning. It returns
// the part that decided, and how the run ends.
func Quorum(parts []Part, quorum int) (*Part, error) {
	var wrong, doubtful []*Part
	for i := range parts {
		switch p := &parts[i]; {
		case p.Err == nil:
		case p.Result.Outcome == probes.Warn:
			doubtful = append(doubtful, p)
		default:
			wrong = append(wrong, p)
		}
	}
	if quorum <= 0 {
		quorum = len(parts)
	}
	switch right := len(parts) - len(wrong); {
	case len(wrong) == 0 && len(doubtful) == 0:
		return nil, nil
	case len(wrong) == 0:
		return doubtful[0], together(doubtful, len(parts), probes.Warn)
	case right >= quorum:
		return wrong[0], together(wrong, len(parts), probes.Warn)
	}
	for i, p := range wrong { // one that failed says more than one of which nothing is known
		if p.Result.Outcome == probes.Fail {
			wrong[0], wrong[i] = wrong[i], wrong[0]
			return wrong[0], together(wrong, len(parts), probes.Fail)
		}
	}
	return wrong[0], together(wrong, len(parts), probes.Unknown)
}

// NoWorseThanWarn tells whether enough of the parts were right, so that what
// they say can be compared.
func NoWorseThanWarn(end error) bool {
	var f *probes.Failure
	return end == nil || errors.As(end, &f) && f.Outcome == probes.Warn
}

// together makes one failure of several; the first gives the reason.
func together(parts []*Part, of int, outcome probes.Outcome) error {
	first := parts[0].Result
	f := probes.Failure{Outcome: outcome, Reason: first.Reason, NotBefore: first.NotBefore, Decisive: first.Decisive}
	if of == 1 {
		f.Err = parts[0].Err
		return &f
	}
	texts := make([]string, len(parts))
	for i, p := range parts {
		texts[i] = p.Name + ": " + p.Err.Error()
	}
	f.Err = fmt.Errorf("%d of %d: %s", len(parts), of, strings.Join(texts, "; "))
	return &f
}
