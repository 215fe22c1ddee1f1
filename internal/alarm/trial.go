package alarm

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/idp-exporter/idp_exporter/bridges"
	"github.com/idp-exporter/idp_exporter/probes"
)

// ErrNoBridge tells that no bridge of a name is configured.
var ErrNoBridge = errors.New("there is no such bridge")

// Report is what a test of a bridge has shown.
type Report struct {
	// Bridge is its name, ID that of the test alarm.
	Bridge, ID string
	// Destinations are all of the bridge's.
	Destinations []DestinationReport
}

// OK tells whether every destination took the alarm and its clear.
func (r Report) OK() bool {
	for _, d := range r.Destinations {
		if d.Raise != "" || d.Clear != "" {
			return false
		}
	}
	return len(r.Destinations) > 0
}

// DestinationReport is what a test of one destination has shown.
type DestinationReport struct {
	Destination  string
	Acknowledged bool
	// Proof is what the absence of an error proves.
	Proof string
	// Raise and Clear are what went wrong with either, empty if nothing did.
	Raise, Clear string
	// Duration is how long both took.
	Duration time.Duration
}

// Test raises and clears a test alarm on every destination of a configured
// bridge, all at once, without trying anything twice. The error is ErrNoBridge.
func (e *Engine) Test(ctx context.Context, bridge string) (Report, error) {
	e.mu.Lock()
	var consoles []*console
	for _, c := range e.consoles {
		if c.common.Name == bridge {
			consoles = append(consoles, c)
		}
	}
	raise := e.next()
	clearing := e.next()
	e.mu.Unlock()
	if len(consoles) == 0 {
		return Report{}, fmt.Errorf("%w: %q", ErrNoBridge, bridge)
	}
	trial := newTrial(bridge, e.exporter, raise, clearing)
	report := Report{Bridge: bridge, ID: trial.alarm.ID, Destinations: make([]DestinationReport, len(consoles))}
	var wait sync.WaitGroup
	for i, c := range consoles {
		wait.Go(func() { report.Destinations[i] = trial.run(ctx, c.destination, c.deliver) })
	}
	wait.Wait()
	return report, nil
}

// Try is Engine.Test without an Engine: of destinations that were opened for
// nothing else. It does not close them.
func Try(ctx context.Context, bridge, exporter string, destinations []bridges.Destination) Report {
	sequence := uint64(max(time.Now().Unix(), 0))
	trial := newTrial(bridge, exporter, sequence, sequence+1)
	report := Report{Bridge: bridge, ID: trial.alarm.ID, Destinations: make([]DestinationReport, len(destinations))}
	var wait sync.WaitGroup
	for i, d := range destinations {
		wait.Go(func() {
			c := &console{destination: d, slot: make(chan struct{}, 1)}
			report.Destinations[i] = trial.run(ctx, d, c.deliver)
		})
	}
	wait.Wait()
	return report
}

// trial is a test alarm.
type trial struct {
	alarm           bridges.Alarm
	raise, clearing uint64
}

func newTrial(bridge, exporter string, raise, clearing uint64) trial {
	now := time.Now()
	return trial{raise: raise, clearing: clearing, alarm: bridges.Alarm{
		ID: fmt.Sprintf("test-%d", raise), Name: "test", Severity: probes.Warning, Target: exporter,
		Text:   "Somebody tries the bridge " + bridge + ". Nothing is wrong; the alarm is cleared at once.",
		Raised: now, Changed: now,
	}}
}

func (t trial) run(ctx context.Context, d bridges.Destination, deliver func(context.Context, bridges.Event) error) DestinationReport {
	begin := time.Now()
	r := DestinationReport{Destination: d.Name, Acknowledged: d.Acknowledged, Proof: d.Proof}
	r.Raise = failure(deliver(ctx, bridges.Event{Kind: bridges.Raise, Alarm: t.alarm, Sequence: t.raise, Time: begin, Test: true}))
	over := t.alarm
	over.Severity, over.Text, over.Changed = bridges.Cleared, "The test is over.", time.Now()
	// Whatever became of the raise: it may have arrived.
	r.Clear = failure(deliver(ctx, bridges.Event{Kind: bridges.Clear, Alarm: over, Sequence: t.clearing, Time: over.Changed, Test: true}))
	r.Duration = time.Since(begin)
	return r
}

func failure(err error) string {
	if err == nil {
		return ""
	}
	return bridges.Line(err.Error(), maxErrorText)
}
