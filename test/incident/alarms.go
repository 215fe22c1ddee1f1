package incident

import (
	"context"
	"errors"
	"fmt"
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

// operate does what people and Alertmanager do.
func (s *site) operate(ctx context.Context) error {
	for _, act := range []struct {
		minute int
		do     func() error
	}{
		{directorySlow + 3, s.alert("firing", "IdPLoginSlow", "major")},
		{directorySlow + 8, s.alert("firing", "IdPSignInFailingFast", "critical")},
		{drainFrom, func() error { return s.book.Drain(ctx, "n2", At(drainTo), "operator") }},
		{windowFrom, func() error {
			_, err := s.book.AddWindow(ctx, maintenance.Window{Name: "new certificate", End: At(windowTo), Probes: []string{"certificate"}, By: "operator"})
			return err
		}},
		{directoryBack + 4, s.alert("resolved", "IdPLoginSlow", "major")},
		{directoryBack + 5, s.alert("resolved", "IdPSignInFailingFast", "critical")},
		{oldRules + 2, s.alert("firing", "IdPRuleNotRun", "major")},
		{newRules + 3, s.alert("resolved", "IdPRuleNotRun", "major")},
	} {
		// A little before the minute, since it is open what comes first in a moment.
		if !sleepUntil(ctx, At(act.minute).Add(-time.Second)) {
			return nil
		}
		if err := act.do(); err != nil {
			return fmt.Errorf("minute %d: %w", act.minute, err)
		}
		s.audited.Add(1)
	}
	<-ctx.Done()
	return nil
}

// alert is a webhook of Alertmanager about one alert.
func (s *site) alert(status, name, severity string) func() error {
	return func() error {
		begin := time.Now().Add(-time.Minute)
		end := time.Time{}
		if status == "resolved" {
			begin, end = At(directorySlow), time.Now().Add(-time.Second)
		}
		body := fmt.Sprintf(`{"version": "4", "groupKey": "g", "status": %[1]q, "receiver": "bridge", "groupLabels": {}, "commonLabels": {},
 "commonAnnotations": {}, "externalURL": "", "truncatedAlerts": 0, "alerts": [{"status": %[1]q, "labels": {"alertname": %[2]q,
 "severity": %[3]q, "provider": %[4]q}, "annotations": {"summary": %[2]q}, "startsAt": %[5]q, "endsAt": %[6]q,
 "generatorURL": "", "fingerprint": "0123456789abcdef"}]}`, status, name, severity, provider, begin.Format(time.RFC3339), end.Format(time.RFC3339))
		_, err := s.alarms.Handle(context.Background(), strings.NewReader(body))
		return err
	}
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
