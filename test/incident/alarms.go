package incident

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/idp-exporter/idp_exporter/bridges"
	"github.com/idp-exporter/idp_exporter/internal/alarm"
	"github.com/idp-exporter/idp_exporter/internal/app"
	"github.com/idp-exporter/idp_exporter/internal/maintenance"
)

// console takes events, save while it is away.
type console struct{ from, to float64 }

// Deliver implements bridges.Deliverer.
func (c console) Deliver(context.Context, bridges.Event) error {
	time.Sleep(20 * time.Millisecond)
	if between(c.from, c.to) {
		return errors.New("connection refused")
	}
	return nil
}

// Close implements bridges.Deliverer.
func (console) Close() error { return nil }

func (s *site) openAlarms(ctx context.Context) error {
	s.alarms = alarm.New(ctx, alarm.Options{Store: noAlarms{}, Exporter: "exporter-a", Suppressed: func(probe, node string, at time.Time) string {
		cause, _, _, _ := s.book.Suppressed(probe, node, at)
		return string(cause)
	}})
	c := alarm.NewConfig()
	c.Heartbeat, c.Resend = time.Minute, 5*time.Minute
	bridge := func(name, kind string, acknowledged bool, to console) alarm.Bridge {
		common := c.NewCommon()
		common.Name, common.Kind = name, kind
		return alarm.Bridge{Common: common, Fingerprint: name, New: func() ([]bridges.Destination, error) {
			return []bridges.Destination{{Name: name, Acknowledged: acknowledged, Deliverer: to}}, nil
		}}
	}
	return s.alarms.Configure(c, []alarm.Bridge{
		bridge("netcool", "eif", true, console{consoleAway, consoleBack}), bridge("traps", "snmp", false, console{}),
	})
}

// feed brings the alarms in line with the verdicts, as the exporter does.
func (s *site) feed(ctx context.Context) error {
	return every(ctx, 2*time.Second, func() {
		var list []alarm.VerdictInput
		for e := range s.state.All() {
			list = append(list, app.VerdictInput(e))
		}
		s.alarms.Verdicts(list)
	})
}

// operate does what people do, and brings what Alertmanager sends.
func (s *site) operate(ctx context.Context, webhooks []Webhook) error {
	type act struct {
		at time.Time
		do func() error
	}
	// A little before the minute, since it is open what comes first in a moment.
	acts := []act{
		{At(drainFrom).Add(-time.Second), func() error { return s.book.Drain(ctx, "n2", At(drainTo), "operator") }},
		{At(windowFrom).Add(-time.Second), func() error {
			_, err := s.book.AddWindow(ctx, maintenance.Window{Name: "new certificate", End: At(windowTo), Probes: []string{"certificate"}, By: "operator"})
			return err
		}},
	}
	for _, w := range webhooks {
		acts = append(acts, act{w.At.Add(time.Second), func() error { // on its way for a second
			_, err := s.alarms.Handle(ctx, strings.NewReader(w.Body))
			return err
		}})
	}
	slices.SortStableFunc(acts, func(a, b act) int { return a.at.Compare(b.at) })
	for _, act := range acts {
		if !sleepUntil(ctx, act.at) {
			return nil
		}
		if err := act.do(); err != nil {
			return fmt.Errorf("at %s: %w", act.at.Format(time.TimeOnly), err)
		}
		s.audited.Add(1)
	}
	<-ctx.Done()
	return nil
}

// noDrains and noAlarms keep nothing: the hour has no restart.
type noDrains struct{}

func (noDrains) Drains(context.Context) ([]maintenance.Drain, error)   { return nil, nil }
func (noDrains) PutDrain(context.Context, maintenance.Drain) error     { return nil }
func (noDrains) DeleteDrain(context.Context, ...string) error          { return nil }
func (noDrains) Windows(context.Context) ([]maintenance.Window, error) { return nil, nil }
func (noDrains) PutWindow(context.Context, maintenance.Window) error   { return nil }
func (noDrains) DeleteWindow(context.Context, ...string) error         { return nil }

type noAlarms struct{}

func (noAlarms) LoadAlarms(context.Context) (alarm.Saved, error) { return alarm.Saved{}, nil }
func (noAlarms) SaveAlarms(context.Context, alarm.Changes) error { return nil }
