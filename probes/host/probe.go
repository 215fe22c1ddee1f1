package hostprobe

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/idp-exporter/idp_exporter/internal/host"
	"github.com/idp-exporter/idp_exporter/probes"
)

// minLease is how long services are looked after at least.
const minLease = 10 * time.Minute

type probe struct {
	*Options
	every            time.Duration
	units            []string
	include, exclude []*regexp.Regexp
}

// Run implements probes.Probe.
func (p *probe) Run(ctx context.Context) probes.Result {
	r := &run{probe: p, Run: probes.NewRun(nil)}
	r.host = p.figures.Sample(ctx, max(3*p.every, minLease), p.units...)
	if err := ctx.Err(); err != nil {
		return r.Finish(err)
	}
	for _, s := range []struct {
		name  string
		asked bool
		judge func() error
	}{
		{stepCPU, p.CPUFree.set() || p.LoadPerCPU.set(), r.cpu},
		{stepMemory, p.MemoryAvailable.set(), r.memory},
		{stepSwap, p.SwapUsed.set(), r.swap},
		{stepDisk, p.FilesystemUsed.set() || p.InodesUsed.set(), r.disk},
		{stepServices, len(p.units) > 0, r.services},
		{stepClock, p.Clock != ClockOff, r.clock},
	} {
		if s.asked {
			r.worst.Add(s.name, r.Step(s.name, s.judge))
		}
	}
	return r.worst.Finish(r.Run)
}

// run is one run of the probe.
type run struct {
	*probe
	*probes.Run
	host  host.Snapshot
	worst probes.Worst
}

// findings are what one step found, gathered so that people read of all of it.
type findings struct {
	outcome probes.Outcome
	texts   []string
}

// low adds a part that should be large, high one that should be small; both in per cent.
func (f *findings) low(l Levels, value float64, text string) {
	switch {
	case l.Fail > 0 && value <= l.Fail:
		f.add(probes.Fail, fmt.Sprintf("%s; it has to be more than %g %%", text, l.Fail))
	case l.Warn > 0 && value <= l.Warn:
		f.add(probes.Warn, fmt.Sprintf("%s; it should be more than %g %%", text, l.Warn))
	}
}

func (f *findings) high(l Levels, value float64, text string) {
	switch {
	case l.Fail > 0 && value > l.Fail:
		f.add(probes.Fail, fmt.Sprintf("%s; it may be %g %% at most", text, l.Fail))
	case l.Warn > 0 && value > l.Warn:
		f.add(probes.Warn, fmt.Sprintf("%s; it should be %g %% at most", text, l.Warn))
	}
}

func (f *findings) add(o probes.Outcome, text string) {
	if o == probes.Fail || f.outcome == probes.Unknown {
		if f.outcome == probes.Warn { // what fails is told first
			f.texts = append([]string{text}, f.texts...)
			f.outcome = o
			return
		}
		f.outcome = o
	}
	f.texts = append(f.texts, text)
}

func (f *findings) err(reason probes.Reason) error {
	if len(f.texts) == 0 {
		return nil
	}
	return &probes.Failure{Outcome: f.outcome, Reason: reason, Err: errors.New(strings.Join(f.texts, "; "))}
}

// or returns what was found if that is a failure, and otherwise what is not
// known, which is graver than a warning.
func (f *findings) or(reason probes.Reason, unknown error) error {
	if f.outcome == probes.Fail {
		return f.err(reason)
	}
	return unknown
}

// unavailable says that a figure is not known.
func (r *run) unavailable(collector string) error {
	return probes.Unknownf(probes.ReasonUnavailable, "the figure %s is not known: %w", collector, reasonOf(r.host.Health(collector)))
}

func reasonOf(h host.Health) error {
	if h.Err != nil {
		return h.Err
	}
	return errors.New("the last one is too old")
}
